//! One client: its place in a room, and its media link once an offer was answered.

use std::collections::VecDeque;
use std::time::Instant;

use media::allocator::{Grant, Held};
use media::{KeyframeCause, Publication, Receiver, Slot, SlotConfig};
use room::{ParticipantId, Place, Source};
use signal::session::{PublishLine, Session, SlotLine};
use transport::{Path, State, Transport};

use crate::assign::Wish;
use crate::command::{ClientId, ClientKind};
use crate::downlink::Downlink;
use crate::floor::Floor;
use crate::keys::{HallKey, PeerKey};
use crate::layers;
use crate::starts::Starts;
use crate::tile::Tile;
use crate::told::Told;
use crate::translate;
use crate::uplink::Uplink;

/// One client.
pub(crate) struct Peer {
    pub(crate) client: ClientId,
    pub(crate) kind: ClientKind,
    pub(crate) hall: HallKey,
    pub(crate) participant: ParticipantId,
    /// Where the person's voice is counted.
    pub(crate) place: Place,
    /// Secret that `Welcome` tells.
    pub(crate) resume: String,
    /// Since when nobody listens on a WebSocket; `None` while one is attached.
    pub(crate) detached: Option<Instant>,
    /// What the client knows of its room.
    pub(crate) told: Told,
    /// The last `slots_wanted` since the last offer, so that it is not repeated at every change in the room.
    pub(crate) told_wanted: Option<(usize, usize)>,
    /// `None` until the first offer was answered. Ten thousand bytes, so kept elsewhere: the table of peers is moved when it grows.
    pub(crate) link: Option<Box<Link>>,
    /// The earliest entry of the timer heap that is meant for this peer.
    pub(crate) scheduled: Option<Instant>,
}

impl Peer {
    /// Whether media reach the client, and come from it.
    pub(crate) fn is_reached(&self, now: Instant) -> bool {
        self.link.as_deref().is_some_and(|link| link.path(now).is_some())
    }
}

/// The media side of a peer.
pub(crate) struct Link {
    pub(crate) transport: Transport,
    pub(crate) session: Session,
    /// Keys are in place; set once.
    pub(crate) secure: bool,
    /// What this peer sends.
    pub(crate) receiver: Receiver,
    /// Per source: whether the room lets it flow. Tested for every packet that arrives.
    pub(crate) flows: [bool; 4],
    /// Per source: who gets it. Compiled from the slots by `Worker::refresh`.
    pub(crate) routes: [Vec<Target>; 4],
    /// What is needed of the pictures this peer sends.
    pub(crate) uplink: Uplink,
    /// Whose voices are heard, where not all can be.
    pub(crate) floor: Floor,
    /// What this peer receives, in the order of `session.slots`.
    pub(crate) slots: Vec<OutSlot>,
    /// What began there lately.
    pub(crate) starts: Starts,
    /// The line over which it receives that, and the way that this took when the line was last shared.
    pub(crate) downlink: Downlink,
    way: Option<Path>,
    /// Slots whose m-line is inactive at present. If it comes back, so does its SSRC, and its numbering must go on.
    parked: Vec<OutSlot>,
    /// Transport-wide sequence number of the next packet (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    pub(crate) twcc: u16,
    /// Our ufrags under which this peer is known, oldest first; bounded.
    pub(crate) ufrags: VecDeque<String>,
    /// When the next sender reports are due.
    pub(crate) report_at: Instant,
    /// When the peer's report about its tiles was last acted upon at once.
    pub(crate) reported_at: Option<Instant>,
    /// When the peer was last told that its pictures are others, nobody else being in its slots.
    pub(crate) layers_told: Option<Instant>,
}

/// One leg of a fan-out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) peer: PeerKey,
    /// Index into [`Link::slots`].
    pub(crate) slot: usize,
}

/// A receiving m-line with what is in it.
pub(crate) struct OutSlot {
    pub(crate) line: SlotLine,
    /// Kept elsewhere: whoever asks only who is in which slot reads a few hundred bytes of it, not thousands.
    pub(crate) media: Box<Slot>,
    pub(crate) occupant: Option<Occupant>,
    /// The room lets its source flow now. Nothing that waits for the slot leaves when it does not.
    pub(crate) open: bool,
    pub(crate) tile: Tile,
    /// What the last sharing of the line gave it; nothing before the first.
    pub(crate) grant: Option<Grant>,
    pub(crate) held: Held,
    /// The beginning of what is said here is still to be sent: what was said since then. Sound only.
    pub(crate) missed: Option<Instant>,
    /// As what its wish for a keyframe to begin with counts; `None` before there is one, and while it flows.
    pub(crate) begins: Option<KeyframeCause>,
    /// What the client knows of it.
    pub(crate) told: layers::Told,
}

/// Whose media a slot carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Occupant {
    pub(crate) wish: Wish,
    pub(crate) publisher: PeerKey,
}

impl OutSlot {
    fn new(now: Instant, line: &SlotLine, epoch: Instant, entropy: u64) -> Self {
        let (media, tile) = (Box::new(Slot::new(slot_config(line, epoch, entropy))), Tile::new(now));
        let (held, told) = (Held::new(now, tile.height(now)), layers::Told::default());
        Self { line: line.clone(), media, occupant: None, open: false, tile, grant: None, held, missed: None, begins: None, told }
    }

    /// Somebody else comes in, or nobody: what was known of the picture is over.
    pub(crate) fn turn_over(&mut self, now: Instant, occupant: Option<Occupant>) {
        (self.occupant, self.open, self.grant, self.missed, self.begins) = (occupant, false, None, None, None);
        self.held = Held::new(now, self.tile.height(now));
    }
}

impl Link {
    /// A link without slots; `twcc` is the first transport-wide sequence number.
    pub(crate) fn new(now: Instant, transport: Transport, receiver: Receiver, session: Session, twcc: u16) -> Self {
        Self {
            transport,
            ufrags: [session.local_ice.ufrag.clone()].into(),
            session,
            secure: false,
            receiver,
            flows: [false; 4],
            routes: Default::default(),
            uplink: Uplink::default(),
            floor: Floor::default(),
            slots: Vec::new(),
            starts: Starts::default(),
            downlink: Downlink::new(now),
            way: None,
            parked: Vec::new(),
            twcc,
            report_at: now,
            reported_at: None,
            layers_told: None,
        }
    }

    /// Where to send media now: only over an authenticated path with fresh consent (RFC 7675) and with keys.
    pub(crate) fn path(&self, now: Instant) -> Option<Path> {
        if self.secure { self.transport.send_path(now) } else { None }
    }

    /// Looks whether media go another way than before, as from a phone that has left its Wi-Fi.
    pub(crate) fn follow_way(&mut self, now: Instant) {
        if let Some(path) = self.path(now)
            && self.way.replace(path).is_some_and(|before| before != path)
        {
            self.downlink.line_changed(now);
        }
    }

    pub(crate) fn became_secure(&mut self) -> bool {
        let now_secure = !self.secure && self.transport.state() == State::Secure;
        self.secure |= now_secure;
        now_secure
    }

    /// The m-line on which this peer publishes a source.
    pub(crate) fn line(&self, source: Source) -> Option<&PublishLine> {
        self.session.publishing.iter().find(|line| line.source == source)
    }

    /// What this peer publishes as a source, with its index in the receiver.
    pub(crate) fn publication(&self, source: Source) -> Option<(usize, &Publication)> {
        let found = self.receiver.publications().iter().enumerate();
        found.into_iter().find(|(_, publication)| publication.label() == source as u32)
    }

    /// Takes over the slot lines of a new session: slots keep their stream by mid, also those that were away for a while.
    pub(crate) fn take_slots(&mut self, now: Instant, lines: &[SlotLine], mut entropy: impl FnMut() -> u64) {
        let mut old = std::mem::take(&mut self.slots);
        old.append(&mut self.parked);
        for line in lines {
            let kept = old.iter().position(|slot| slot.line.mid == line.mid && slot.line.ssrc == line.ssrc);
            let slot = match kept {
                Some(index) => OutSlot { line: line.clone(), ..old.swap_remove(index) },
                None => OutSlot::new(now, line, self.downlink.began, entropy()),
            };
            self.slots.push(slot);
        }
        // Bounded by the answerer: a session has at most 80 m-lines, and a mid keeps its SSRC.
        for slot in &mut old {
            slot.turn_over(now, None);
            slot.media.detach();
            self.downlink.forget(slot.line.ssrc);
        }
        self.parked = old;
    }

    /// Nothing that waits for a slot whose source may not flow is ever sent.
    pub(crate) fn purge(&mut self) {
        let Self { slots, downlink, .. } = self;
        downlink.retain(|waiting| slots.iter().any(|slot| slot.open && slot.line.ssrc == waiting.stream()));
    }

    /// The earliest moment at which this link wants `Worker::peer_timeout`.
    pub(crate) fn deadline(&self, now: Instant) -> Instant {
        self.downlink.deadline(now).into_iter().fold(self.upkeep(now), Instant::min)
    }

    /// The same for all but what is sent to the peer.
    pub(crate) fn upkeep(&self, now: Instant) -> Instant {
        [self.transport.poll_timeout(now), self.feedback_due(now)].into_iter().flatten().fold(self.report_at, Instant::min)
    }

    /// When the peer is to hear next of what it sends. Without a path feedback cannot go anywhere; the check that brings the path back
    /// schedules anew.
    pub(crate) fn feedback_due(&self, now: Instant) -> Option<Instant> {
        self.path(now).and_then(|_| self.receiver.poll_timeout())
    }
}

fn slot_config(line: &SlotLine, epoch: Instant, entropy: u64) -> SlotConfig {
    SlotConfig { mid: line.mid, kind: translate::kind(line.kind), ssrc: line.ssrc, rtx: line.rtx, epoch, entropy }
}
