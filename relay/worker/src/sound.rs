//! Sound: passed on at once, repaired out of its own copies, and with copies of its own towards viewers whose line loses.

use std::time::Instant;

use media::audio::MISSED;
use media::pacer::Class;
use media::{Inbound, Packet, Receiver};

use crate::downlink::Waiting;
use crate::exit::{OVERHEAD, exit};
use crate::floor::preroll;
use crate::forward::break_off;
use crate::keys::PeerKey;
use crate::outbox::Outbox;
use crate::peer::Link;
use crate::worker::Worker;

/// Kept for a voice that may be heard at any time and has not been measured, bit/s: Opus as browsers send it.
const VOICE: u64 = 32_000;
/// What headers add to a voice, as a divisor: a quarter. Its copies have hardly any.
const VOICE_EXTRA: u64 = 4;

/// Bit/s of sound to one viewer: all of it without copies, and what each copy adds.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Voices {
    pub(crate) plain: u64,
    pub(crate) copied: u64,
}

impl Worker {
    /// A packet of sound was let in: what it brings of lost ones goes first, then itself. `stands_out`: of what is always heard from there.
    pub(crate) fn handle_sound(&mut self, now: Instant, publisher: PeerKey, source: usize, inbound: &Inbound<'_>, stands_out: bool) {
        while let Some(lost) = self.link_mut(publisher).and_then(|link| link.receiver.recover(now, inbound)) {
            self.counters.rtp_rebuilt += 1;
            self.forward_sound(now, publisher, source, &lost);
        }
        let spoken = room::Source::ALL[source] == room::Source::Microphone && !inbound.late && stands_out;
        if spoken && self.is_speech(publisher, inbound) {
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
            if let Some(since) = to.slots.get_mut(target.slot).and_then(|slot| slot.missed.take()) {
                let sent = preroll(now, &from.receiver, to, target.slot, inbound, (since, MISSED), &mut self.outbox);
                self.counters.preroll(sent);
            }
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

    /// What one viewer is sent of sound.
    pub(crate) fn voices(&self, now: Instant, viewer: PeerKey) -> Voices {
        let mut voices = Voices::default();
        let Some(link) = self.link(viewer) else { return voices };
        for (slot, occupant) in link.slots.iter().filter(|slot| slot.open).filter_map(|slot| Some((slot, slot.occupant?))) {
            if !occupant.wish.1.is_audio() {
                continue;
            }
            let publication = self.link(occupant.publisher).and_then(|link| link.publication(occupant.wish.1));
            let rate = match publication.and_then(|(_, publication)| publication.layer(0)).map_or(0, |layer| layer.bitrate(now)) {
                0 => VOICE,
                measured => measured,
            };
            voices.plain += rate + rate / VOICE_EXTRA;
            voices.copied += if slot.media.takes_copies() { rate } else { 0 };
        }
        voices
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
    let Some(path) = to.path(now) else {
        break_off(to, slot);
        return None;
    };
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
