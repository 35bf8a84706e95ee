//! What waits for a viewer leaves when its time has come; questions to the line are asked, with padding where media do not suffice.

use std::time::Instant;

use media::bandwidth::Purpose;
use media::pacer::Class;
use media::{Packet, Ticket};
use wire::ids::Ssrc;

use crate::downlink::Waiting;
use crate::exit::exit;
use crate::keys::PeerKey;
use crate::peer::{Link, OutSlot};
use crate::worker::Worker;

/// Most packets that leave one queue at one time, so that one viewer's backlog does not hold up the others; what is left follows at once.
const MAX_AT_ONCE: usize = 64;
/// Most packets of padding to one viewer at one time: a probe of 10 Mbit/s for 5 ms.
const MAX_PADDING_AT_ONCE: usize = 32;

impl Worker {
    /// Looks after a viewer's line: the estimator's timers, what waits, padding.
    pub(crate) fn pace(&mut self, now: Instant, viewer: PeerKey) {
        let Some(link) = self.link_mut(viewer) else { return };
        if link.downlink.deadline(now).is_none() {
            return;
        }
        self.attend(now, viewer);
        for _ in 0..MAX_AT_ONCE {
            let Some(link) = self.link_mut(viewer) else { return };
            let Some((class, waiting)) = link.downlink.pacer.poll(now) else { break };
            match waiting {
                Waiting::First { stream, ticket } => {
                    self.counters.rtp_forwarded += u64::from(self.send_waiting(now, viewer, class, stream, &ticket));
                }
                Waiting::Again { stream, sequence } => self.resend_waiting(now, viewer, stream, sequence),
            }
        }
        self.repeat(now, viewer);
        self.follow(now, viewer);
        self.pad(now, viewer);
    }

    /// The line has spoken or time has passed: rates and questions follow, and what is shared out if much has changed.
    pub(crate) fn attend(&mut self, now: Instant, viewer: PeerKey) {
        let Some(link) = self.link_mut(viewer) else { return };
        let probes = link.downlink.attend(now);
        let moved = link.downlink.moved();
        self.counters.probes += probes;
        if moved {
            self.share(now, viewer);
            self.want_keyframes(now, viewer);
        }
    }

    /// The time of a packet with a ticket has come. False if it is given up.
    pub(crate) fn send_waiting(&mut self, now: Instant, viewer: PeerKey, class: Class, stream: Ssrc, ticket: &Ticket) -> bool {
        let sent = self.try_send_waiting(now, viewer, class, stream, ticket) == Some(true);
        if !sent {
            let slot = self.link_mut(viewer).and_then(|link| link.slots.iter_mut().find(|slot| slot.line.ssrc == stream));
            if let Some(slot) = slot {
                slot.media.forgo(ticket);
            }
            self.counters.waited_in_vain += 1;
        }
        sent
    }

    /// The packet is written out of the store, if it is still there and still permitted.
    fn try_send_waiting(&mut self, now: Instant, viewer: PeerKey, class: Class, stream: Ssrc, ticket: &Ticket) -> Option<bool> {
        let link = self.peers.get(viewer)?.link.as_deref()?;
        let index = link.slots.iter().position(|slot| slot.line.ssrc == stream)?;
        let occupant = link.slots[index].occupant?;
        let path = link.path(now)?;
        let [from, to] = self.peers.get_disjoint_mut([occupant.publisher, viewer])?;
        let from = from.link.as_deref()?;
        // What waits is purged when a rule changes; this is the last look.
        if !from.flows[occupant.wish.1 as usize] {
            return None;
        }
        let stored = from.publication(occupant.wish.1)?.1.stored(ticket.origin.layer, ticket.origin.ext_seq)?;
        let packet = Packet::from(&stored);
        let (slots, downlink, mut exit) = exit(to.link.as_deref_mut()?, path);
        let OutSlot { line, media: slot, .. } = &mut slots[index];
        // An empty packet says nothing of what becomes of full ones: a policer that counts bytes lets it through.
        let told = !ticket.is_empty();
        let purpose = told.then(|| downlink.pacer.purpose(class));
        let repairable = (told && class == Class::Video).then_some((stream, ticket.sequence()));
        let sent = exit.push(now, (purpose, repairable), downlink, &mut self.outbox, |twcc, buf| {
            slot.write(now, ticket, &packet, &line.extensions, twcc, buf)
        });
        Some(sent)
    }

    /// Padding for the question that is being asked.
    fn pad(&mut self, now: Instant, viewer: PeerKey) {
        let Self { peers, outbox, counters, .. } = self;
        let Some(link) = peers.get_mut(viewer).and_then(|peer| peer.link.as_deref_mut()) else { return };
        let path = link.path(now);
        let mut left = MAX_PADDING_AT_ONCE;
        while left > 0
            && let Some((bytes, purpose)) = link.downlink.pacer.poll_padding(now)
        {
            left -= 1;
            let Some(path) = path else { continue };
            let mut wanted = bytes;
            while wanted > 0
                && left > 0
                && let Some(sent) = pad_once(now, link, path, purpose, wanted, outbox)
            {
                left -= 1;
                wanted = wanted.saturating_sub(sent);
                counters.padding_sent += 1;
            }
        }
    }

    pub(crate) fn link_mut(&mut self, key: PeerKey) -> Option<&mut Link> {
        self.peers.get_mut(key)?.link.as_deref_mut()
    }

    pub(crate) fn link(&self, key: PeerKey) -> Option<&Link> {
        self.peers.get(key)?.link.as_deref()
    }
}

/// One packet of padding on the first stream that takes it; gives its size. `None` without such a stream.
fn pad_once(
    now: Instant,
    link: &mut Link,
    path: transport::Path,
    purpose: Purpose,
    wanted: usize,
    outbox: &mut crate::outbox::Outbox,
) -> Option<usize> {
    let (slots, downlink, mut exit) = exit(link, path);
    let filled = slots.iter_mut().filter(|slot: &&mut OutSlot| slot.open && slot.occupant.is_some());
    for slot in filled {
        let mut len = None;
        let sent = exit.push(now, (Some(purpose), None), downlink, outbox, |twcc, buf| {
            len = slot.media.write_padding(now, wanted, &slot.line.extensions, twcc, buf);
            len
        });
        if sent {
            return len;
        }
    }
    None
}
