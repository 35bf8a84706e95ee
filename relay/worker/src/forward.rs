//! The fan-out: one packet in, one rewritten and sealed packet out for each route; and retransmissions.

use std::time::{Duration, Instant};

use media::Inbound;
use wire::ids::Ssrc;

use crate::keys::PeerKey;
use crate::outbox::Outbox;
use crate::peer::Link;
use crate::worker::Worker;

/// Assumed towards a viewer whose reports have not told yet: a good line, so that a first loss is repaired early.
const DEFAULT_RTT: Duration = Duration::from_millis(30);

impl Worker {
    /// Sends one packet to everyone its source is routed to. Touches the routes, the viewers' slots and the outbox, nothing else;
    /// allocates nothing once the outbox has grown.
    pub(crate) fn forward(&mut self, now: Instant, publisher: PeerKey, source: usize, inbound: &Inbound<'_>) {
        // The table is lent out for the loop, because the publisher and the viewers live in the same slot map.
        let Some(routes) = self.routes(publisher, source).map(std::mem::take) else { return };
        for target in &routes {
            let Some(link) = self.peers.get_mut(target.peer).and_then(|peer| peer.link.as_mut()) else { continue };
            if forward_to(now, link, target.slot, inbound, &mut self.outbox) {
                self.counters.rtp_forwarded += 1;
            }
        }
        if let Some(lent) = self.routes(publisher, source) {
            *lent = routes;
        }
    }

    /// A viewer misses a packet of one of its slots.
    pub(crate) fn resend(&mut self, now: Instant, viewer: PeerKey, media: Ssrc, sequence: u16) {
        self.counters.nacks_received += 1;
        match self.try_resend(now, viewer, media, sequence) {
            Some(()) => self.counters.rtp_resent += 1,
            None => self.counters.nacks_refused += 1,
        }
    }

    fn try_resend(&mut self, now: Instant, viewer: PeerKey, media: Ssrc, sequence: u16) -> Option<()> {
        let link = self.peers.get(viewer)?.link.as_ref()?;
        let index = link.slots.iter().position(|slot| slot.line.ssrc == media)?;
        let occupant = link.slots[index].occupant?;
        let [publisher, viewer] = self.peers.get_disjoint_mut([occupant.publisher, viewer])?;
        let (from, to) = (publisher.link.as_ref()?, viewer.link.as_mut()?);
        // A rule that forbids a source forbids its past as well.
        if !from.flows[occupant.wish.1 as usize] {
            return None;
        }
        let path = to.path(now)?;
        let Link { slots, transport, session, twcc, .. } = to;
        let slot = &mut slots[index].media;
        let origin = slot.resolve(sequence)?;
        let rtt = slot.rtt().unwrap_or(DEFAULT_RTT);
        if !slot.may_resend(now, sequence, rtt) {
            return None;
        }
        let stored = from.publication(occupant.wish.1)?.1.stored(origin.layer, origin.ext_seq)?;
        let copies = slot.copies(now, sequence);
        let sent = (0..copies).take_while(|_| {
            self.outbox.push(path, |buf| {
                let len = slot.resend(now, sequence, &stored, &session.extensions, twcc, buf)?;
                transport.seal_rtp(buf, len).ok()
            })
        });
        (sent.count() > 0).then_some(())
    }

    fn routes(&mut self, publisher: PeerKey, source: usize) -> Option<&mut Vec<crate::peer::Target>> {
        self.peers.get_mut(publisher)?.link.as_mut()?.routes.get_mut(source)
    }
}

/// One leg: rewrite into the outbox, seal in place.
fn forward_to(now: Instant, link: &mut Link, slot: usize, inbound: &Inbound<'_>, outbox: &mut Outbox) -> bool {
    let Some(path) = link.path(now) else { return false };
    let Link { slots, transport, session, twcc, .. } = link;
    let Some(slot) = slots.get_mut(slot) else { return false };
    outbox.push(path, |buf| {
        let len = slot.media.forward(now, inbound, &session.extensions, twcc, buf)?;
        transport.seal_rtp(buf, len).ok()
    })
}
