//! One person while they are there: a light client, its sockets, its line, and what the server told them.

use std::time::{Duration, Instant};

use signal::message::{ByeReason, ClientMessage, Command, ParticipantId, Scene, ServerMessage, Slot, Source};
use url::Url;
use wire::ids::Rid;

use super::line::Way;
use super::udp::{Run, Udp};
use crate::light::{Client, Counters};
use crate::measure::{JoinTimes, Tally};
use crate::target::{End, Signalling, Visit};

/// Places in [`JoinTimes`], in the order of [`crate::summary::JOIN_TIMES`].
const ANSWER: usize = 0;
const SECURE: usize = 1;
const PACKET: usize = 2;
const FRAME: usize = 3;

/// Where somebody is on the way in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum WayIn {
    /// The server has not answered yet.
    Outside,
    /// Media may flow.
    In,
    /// It will never.
    Failed(String),
}

/// What a message changed that others have to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// Nothing.
    None,
    /// They wait to be let in.
    Waits,
    /// They have just become part of the meeting.
    Present,
}

/// A person's bad line.
pub(super) struct Line {
    pub(super) up: Way,
    pub(super) down: Way,
}

/// How somebody came into a server that is not ours, and how they go.
pub(super) enum Door {
    /// By the relay's own protocol, or by none of their own.
    Plain,
    /// A session over HTTP: what is deleted at the end, and with what token.
    Http { resource: Option<Url>, token: Option<String> },
    /// A visit to Janus.
    Janus(Box<Visit>),
}

/// Somebody who is there; or another connection of theirs.
pub(super) struct Attendee {
    pub(super) client: Client,
    pub(super) udp: Udp,
    pub(super) signalling: Signalling,
    pub(super) door: Door,
    pub(super) line: Option<Line>,
    pub(super) way_in: WayIn,
    /// When the client wants to be called, as the heap knows it.
    pub(super) wake: Option<Instant>,
    /// Own id in the room.
    pub(super) id: Option<ParticipantId>,
    /// Whether they wait to be let in.
    pub(super) waits: bool,
    /// Size at which each of others' pictures is shown, pixels.
    pub(super) tile: [u16; 2],
    /// Whether somebody else was there, sending, when they offered: only then is there a first packet to wait for.
    pub(super) company: bool,
    pub(super) asked: Option<Instant>,
    times: JoinTimes,
    settled: bool,
    slots: Vec<Slot>,
    offers: u32,
    commands: u32,
    /// Counters at the end of the last second, and at the beginning of the measured time.
    second: (Counters, u64),
    window: Counters,
    /// Server's complaints.
    pub(super) complaints: Vec<String>,
}

impl Attendee {
    pub(super) fn new(client: Client, udp: Udp, line: Option<Line>, tile: [u16; 2]) -> Self {
        Self {
            client,
            udp,
            signalling: Signalling::silent(),
            door: Door::Plain,
            line,
            way_in: WayIn::Outside,
            wake: None,
            id: None,
            waits: false,
            tile,
            company: false,
            asked: None,
            times: JoinTimes::default(),
            settled: false,
            slots: Vec::new(),
            offers: 0,
            commands: 0,
            second: (Counters::default(), 0),
            window: Counters::default(),
            complaints: Vec::new(),
        }
    }

    /// Another connection of somebody whose join is measured by the first.
    pub(super) fn beside(mut self) -> Self {
        self.settled = true;
        self
    }

    /// Asks something of the room.
    pub(super) fn order(&mut self, command: Command) {
        self.commands += 1;
        self.signalling.say(&ClientMessage::Command { id: self.commands, command });
    }

    /// Reads everything the server said.
    pub(super) fn hear(&mut self, now: Instant) -> News {
        let mut news = News::None;
        loop {
            match self.signalling.hear() {
                Ok(Some(message)) => match self.take(now, message) {
                    News::None => {}
                    told => news = told,
                },
                Ok(None) => return news,
                Err(End::Closed(why)) => {
                    self.fail(&format!("the connection ended: {why}"));
                    return news;
                }
                Err(End::Unreadable(what)) => self.complaints.push(what),
            }
        }
    }

    fn take(&mut self, now: Instant, message: ServerMessage) -> News {
        match message {
            ServerMessage::Welcome { participant, roster, scene, .. } => {
                self.id = Some(ParticipantId(participant));
                self.company = roster.iter().any(|entry| entry.id.0 != participant && !entry.sources.is_empty());
                self.offer(now);
                return self.enter(&scene);
            }
            ServerMessage::Scene { scene } => return self.enter(&scene),
            ServerMessage::Answer { sdp, .. } => self.answered(now, &sdp),
            ServerMessage::Slots { slots } => self.told_slots(slots),
            ServerMessage::Send { sources } => {
                for needed in sources {
                    let layers: Vec<(Option<Rid>, bool)> = needed.layers.iter().map(|layer| (Rid::new(&layer.rid), layer.active)).collect();
                    self.client.obey(needed.source, &layers, needed.max_bitrate);
                }
            }
            ServerMessage::Refused { code, message, .. } => self.complaints.push(format!("{code:?}: {message}")),
            ServerMessage::Error { code, message, .. } => {
                let what = format!("{code:?}: {message}");
                if self.way_in == WayIn::Outside {
                    self.fail(&what);
                }
                self.complaints.push(what);
            }
            ServerMessage::Bye { reason } if reason != ByeReason::Left => self.fail(&format!("the server said goodbye: {reason:?}")),
            _ => {}
        }
        News::None
    }

    /// The server's answer to the offer.
    pub(super) fn answered(&mut self, now: Instant, sdp: &str) {
        let first = self.asked.filter(|_| self.times.0[ANSWER].is_none());
        self.times.0[ANSWER] = self.times.0[ANSWER].or(first.map(|asked| now.saturating_duration_since(asked)));
        match self.client.handle_answer(now, sdp) {
            Ok(()) => self.say_sizes(),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// Who is in which slot from now on.
    pub(super) fn told_slots(&mut self, slots: Vec<Slot>) {
        self.client.slots_told(&self.slots, &slots);
        self.slots = slots;
    }

    fn enter(&mut self, scene: &Scene) -> News {
        let waits = matches!(scene, Scene::Waiting(_));
        let waited = std::mem::replace(&mut self.waits, waits);
        match (waited, waits) {
            (_, true) => News::Waits,
            (true, false) => News::Present,
            (false, false) => News::None,
        }
    }

    fn offer(&mut self, now: Instant) {
        self.offers += 1;
        let (sdp, sources) = (self.client.offer(), self.client.sources());
        self.asked.get_or_insert(now);
        self.signalling.say(&ClientMessage::Offer { id: self.offers, sdp, sources });
    }

    /// How large each picture is shown: layers follow.
    fn say_sizes(&mut self) {
        let pictures = self.client.slots().filter(|slot| !slot.audio);
        let tiles = pictures.map(|slot| (slot.mid.to_owned(), self.tile)).collect();
        self.signalling.say(&ClientMessage::Tiles { tiles });
    }

    pub(super) fn fail(&mut self, why: &str) {
        if self.way_in == WayIn::Outside {
            self.way_in = WayIn::Failed(why.to_owned());
        }
    }

    /// Looks how far the join is; true at the moment at which media may flow.
    pub(super) fn progress(&mut self, now: Instant) -> bool {
        if let Some(why) = self.client.failure().map(str::to_owned) {
            self.fail(&why);
        }
        let (true, Some(asked)) = (self.way_in == WayIn::Outside && self.client.is_secure(), self.asked) else { return false };
        self.way_in = WayIn::In;
        self.times.0[SECURE] = Some(now.saturating_duration_since(asked));
        true
    }

    /// A packet came; the first one of a join counts.
    pub(super) fn note_packet(&mut self, now: Instant) {
        if self.times.0[PACKET].is_none()
            && let Some(asked) = self.asked.filter(|_| self.company && !self.waits)
        {
            self.times.0[PACKET] = Some(now.saturating_duration_since(asked));
        }
    }

    /// Whether the join's times are still to be taken.
    pub(super) fn is_unsettled(&self) -> bool {
        !self.settled && self.way_in == WayIn::In
    }

    /// When the first picture was whole.
    pub(super) fn first_frame(&self) -> Option<Instant> {
        self.client.slots().filter(|slot| !slot.audio).filter_map(|slot| slot.record.first_decoded).min()
    }

    /// The join's times, once: when there is nothing more to wait for, or at the end. `first` is the first picture of all connections.
    pub(super) fn take_times(&mut self, at_the_end: bool, first: Option<Instant>) -> Option<JoinTimes> {
        if !self.is_unsettled() {
            return None;
        }
        if let (None, Some(asked)) = (self.times.0[FRAME], self.asked.filter(|_| self.times.0[PACKET].is_some())) {
            self.times.0[FRAME] = first.map(|first| first.saturating_duration_since(asked));
        }
        self.settled = at_the_end || !self.company || self.times.0[FRAME].is_some();
        self.settled.then_some(self.times)
    }

    /// Whoever waited has another history than a join: from being let in on.
    pub(super) fn forget_company(&mut self) {
        self.company = false;
    }

    /// Sends what the client made; how many datagrams.
    pub(super) fn drain(&mut self, run: &mut Run, mut delayed: impl FnMut(Instant, std::net::SocketAddr, &[u8]), now: Instant) {
        let Self { client, udp, line, .. } = self;
        match line {
            None => {
                client.drain(|to, datagram| run.push(udp, to, datagram));
                run.flush(udp);
            }
            Some(line) => client.drain(|to, datagram| {
                if let Some(at) = line.up.pass(now, datagram.len()) {
                    delayed(at, to, datagram);
                }
            }),
        }
    }

    /// Packets sent and received, bytes received and packets lost since the last call.
    pub(super) fn take_second(&mut self) -> (u64, u64, u64, u64) {
        let missing: u64 = self.client.slots().map(|slot| slot.record.missing).sum();
        let now = (*self.client.counters(), missing);
        let before = std::mem::replace(&mut self.second, now);
        let since = |now: u64, before: u64| now.saturating_sub(before);
        (
            since(now.0.packets_sent, before.0.packets_sent),
            since(now.0.packets_received, before.0.packets_received),
            since(now.0.bytes_received, before.0.bytes_received),
            since(now.1, before.1),
        )
    }

    /// What is counted from now on belongs to the measured time.
    pub(super) fn begin_window(&mut self) {
        self.window = *self.client.counters();
        self.client.begin_window();
        self.second.1 = 0;
    }

    /// Adds what the window holds.
    pub(super) fn end_window(&mut self, tally: &mut Tally, height: impl Fn(Source, u8) -> Option<u16> + Copy) {
        let counters = self.client.counters();
        tally.sent += counters.packets_sent - self.window.packets_sent;
        tally.received += counters.packets_received - self.window.packets_received;
        for slot in self.client.slots() {
            tally.slot(slot.record, slot.audio, slot.record.expected, height);
        }
    }
}

/// How long a join may take before it counts as failed: longer than anybody waits in front of a grey page.
pub(super) const JOIN_PATIENCE: Duration = Duration::from_secs(10);
