//! Sound: passed on at once, repaired out of its own copies, and with copies of its own towards viewers whose line loses.

use std::time::Instant;

use media::audio::speaks;
use media::pacer::Class;
use media::{Inbound, Packet, Receiver};

use crate::downlink::Waiting;
use crate::exit::{OVERHEAD, exit};
use crate::keys::PeerKey;
use crate::outbox::Outbox;
use crate::peer::Link;
use crate::worker::Worker;

impl Worker {
    /// A packet of sound was let in: what it brings of lost ones goes first, then itself.
    pub(crate) fn handle_sound(&mut self, now: Instant, publisher: PeerKey, source: usize, inbound: &Inbound<'_>) {
        while let Some(lost) = self.link_mut(publisher).and_then(|link| link.receiver.recover(now, inbound)) {
            self.counters.rtp_rebuilt += 1;
            self.forward_sound(now, publisher, source, &lost);
        }
        if room::Source::ALL[source] == room::Source::Microphone && !inbound.late && speaks(inbound.audio_level, inbound.payload) {
            self.speaks(now, publisher, inbound);
        }
        self.forward_sound(now, publisher, source, inbound);
    }

    fn forward_sound(&mut self, now: Instant, publisher: PeerKey, source: usize, inbound: &Inbound<'_>) {
        // The table is lent out for the loop, as in `forward`.
        let Some(routes) = self.routes(publisher, source).map(std::mem::take) else { return };
        for target in &routes {
            let Some([from, to]) = self.peers.get_disjoint_mut([publisher, target.peer]) else { continue };
            let (Some(from), Some(to)) = (from.link.as_deref(), to.link.as_deref_mut()) else { continue };
            if let Some(copies) = send_sound(now, &from.receiver, to, target.slot, inbound, &mut self.outbox) {
                self.counters.rtp_forwarded += 1;
                self.counters.rtp_redundant += u64::from(copies);
            }
        }
        if let Some(lent) = self.routes(publisher, source) {
            *lent = routes;
        }
    }

    /// Looks at what a viewer's line does to sound. Of what has no transport-wide numbers the viewer tells by reports on what he hears.
    pub(crate) fn protect(&mut self, now: Instant, viewer: PeerKey) {
        let Some(link) = self.link_mut(viewer) else { return };
        let heard = link.slots.iter().filter(|slot| slot.occupant.is_some_and(|occupant| occupant.wish.1.is_audio()));
        let reports = heard.filter(|slot| !slot.line.is_numbered());
        let reported = reports.filter_map(|slot| slot.media.reported()).map(|block| block.fraction_lost).max();
        let loss = link.downlink.estimator.loss().max(f32::from(reported.unwrap_or(0)) / 256.0);
        link.downlink.protection.update(now, loss);
    }
}

/// One leg, at once: sound never waits. Gives whether copies went along; `None` if nothing was sent.
pub(crate) fn send_sound(
    now: Instant,
    from: &Receiver,
    to: &mut Link,
    slot: usize,
    inbound: &Inbound<'_>,
    outbox: &mut Outbox,
) -> Option<bool> {
    let path = to.path(now)?;
    let publication = from.publication(inbound.publication)?;
    let (slots, downlink, mut exit) = exit(to, path);
    let index = slot;
    let slot = slots.get_mut(slot)?;
    let packet = Packet::from(inbound);
    let ticket = slot.media.admit(now, inbound, &packet)?;
    // The pacer is told, so that pictures leave room; it never holds sound back.
    let waiting = Waiting::First { stream: slot.line.ssrc, ticket };
    let _ = downlink.pacer.offer(now, Class::Audio, usize::from(ticket.bytes) + OVERHEAD, waiting);
    let (number, plan, purpose) = (exit.number(), downlink.protection.plan(), downlink.pacer.purpose(Class::Audio));
    let before = slot.media.counters().redundant;
    let sent = exit.push(now, (Some(purpose), None), downlink, outbox, |twcc, buf| {
        slot.media.write_sound(now, &ticket, &packet, publication, plan, &slot.line.extensions, twcc, buf)
    });
    if !sent {
        slot.media.forgo(&ticket);
        return None;
    }
    if slot.line.is_numbered() {
        downlink.protection.sent(number, u8::try_from(index).unwrap_or(u8::MAX));
    }
    Some(slot.media.counters().redundant > before)
}
