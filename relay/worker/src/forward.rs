//! The fan-out: one packet in, one rewritten and sealed packet out for each route, now or when its time has come.

use std::time::Instant;

use media::pacer::{Class, Verdict};
use media::{Inbound, Packet};
use signal::session::MediaKind;

use crate::downlink::Waiting;
use crate::exit::{OVERHEAD, exit};
use crate::keys::PeerKey;
use crate::outbox::Outbox;
use crate::peer::{Link, Target};
use crate::worker::Worker;

/// What became of a packet on one leg.
enum Leg {
    /// Something follows then at the earliest.
    Sent(Option<Instant>),
    /// Until then at the earliest.
    Waits(Option<Instant>),
    /// The viewer's queue is full.
    Lost,
    /// It is not for this viewer, or he cannot be reached.
    NotHis,
}

impl Worker {
    /// Sends one packet to everyone its source is routed to. Touches the routes, the viewers' slots and lines and the outbox, nothing
    /// else; allocates nothing once these have grown.
    pub(crate) fn forward(&mut self, now: Instant, publisher: PeerKey, source: usize, inbound: &Inbound<'_>) {
        // The table is lent out for the loop, because the publisher and the viewers live in the same slot map.
        let Some(routes) = self.routes(publisher, source).map(std::mem::take) else { return };
        let packet = Packet::from(inbound);
        for target in &routes {
            let Some(peer) = self.peers.get_mut(target.peer) else { continue };
            let Some(link) = peer.link.as_deref_mut() else { continue };
            match forward_to(now, link, target.slot, (inbound, &packet), &mut self.outbox) {
                Leg::Sent(follows) => {
                    self.counters.rtp_forwarded += 1;
                    if let Some(at) = follows {
                        self.schedule_at(at, target.peer);
                    }
                }
                Leg::Waits(until) => {
                    self.counters.paced += 1;
                    self.schedule_at(until.unwrap_or(now), target.peer);
                }
                Leg::Lost => self.counters.pacer_full += 1,
                Leg::NotHis => {}
            }
        }
        if let Some(lent) = self.routes(publisher, source) {
            *lent = routes;
        }
    }

    pub(crate) fn routes(&mut self, publisher: PeerKey, source: usize) -> Option<&mut Vec<Target>> {
        self.peers.get_mut(publisher)?.link.as_deref_mut()?.routes.get_mut(source)
    }
}

/// Nothing goes to a slot's peer, who may come back: behind a gap of any length what is shown there begins anew.
#[cold]
pub(crate) fn break_off(link: &mut Link, slot: usize) {
    if let Some(slot) = link.slots.get_mut(slot).filter(|slot| slot.media.current_layer().is_some()) {
        slot.media.break_off();
    }
}

/// One leg: the packet gets its numbers, and is written into the outbox unless it has to wait.
#[inline]
fn forward_to(now: Instant, link: &mut Link, slot: usize, (inbound, packet): (&Inbound<'_>, &Packet<'_>), outbox: &mut Outbox) -> Leg {
    let Some(path) = link.path(now) else {
        break_off(link, slot);
        return Leg::NotHis;
    };
    let (slots, downlink, mut exit) = exit(link, path);
    let Some(slot) = slots.get_mut(slot) else { return Leg::NotHis };
    let Some(ticket) = slot.media.admit(now, inbound, packet) else { return Leg::NotHis };
    let class = if slot.line.kind == MediaKind::Audio { Class::Audio } else { Class::Video };
    let waiting = Waiting::First { stream: slot.line.ssrc, ticket };
    let verdict = downlink.pacer.offer(now, class, usize::from(ticket.bytes) + OVERHEAD, waiting);
    let is_followed = downlink.is_lossy(now) && slot.media.may_follow(inbound, &ticket);
    let follows = is_followed.then(|| downlink.followers.begin(now + downlink.pacer.delay(), slot.line.ssrc, ticket));
    match verdict {
        Verdict::Now(_) => {}
        Verdict::Waits => return Leg::Waits(downlink.pacer.poll_timeout()),
        Verdict::Full(_) => {
            slot.media.forgo(&ticket);
            return Leg::Lost;
        }
    }
    let purpose = downlink.pacer.purpose(class);
    let repairable = (class == Class::Video).then_some((slot.line.ssrc, ticket.sequence()));
    let sent = exit.push(now, (Some(purpose), repairable), downlink, outbox, |twcc, buf| {
        slot.media.write(now, &ticket, packet, &slot.line.extensions, twcc, buf)
    });
    if sent {
        Leg::Sent(follows)
    } else {
        slot.media.forgo(&ticket);
        Leg::NotHis
    }
}
