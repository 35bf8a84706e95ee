//! What a viewer misses: found in the publication's store and sent again, as far as rules, budget and line allow.

use std::time::{Duration, Instant};

use media::allocator::Reason;
use media::pacer::{Class, Verdict};
use media::{Flight, MediaKind, Publication, Stored};
use slotmap::SlotMap;
use wire::ids::Ssrc;

use crate::downlink::Waiting;
use crate::encore::Encore;
use crate::exit::{OVERHEAD, exit};
use crate::keys::PeerKey;
use crate::outbox::Outbox;
use crate::peer::{Link, OutSlot, Peer};
use crate::worker::Worker;

/// Assumed towards a viewer whose reports have not told yet: a good line, so that a first loss is repaired early.
const DEFAULT_RTT: Duration = Duration::from_millis(30);

/// Time between the copies of a packet: longer than most rows of losses and fades, which would take both.
const APART: Duration = Duration::from_millis(15);

/// Feedback takes longer than the round trip by so much: it waits for the viewer's timer's tick, for other packets, for the way back.
const FEEDBACK_WAITS: Duration = Duration::from_millis(25);

/// What a viewer misses, found.
struct Missed<'s> {
    /// Index of the slot, and its SSRC.
    slot: usize,
    stream: Ssrc,
    /// Where it is from: sound goes again with what went along.
    publication: &'s Publication,
    stored: Stored<'s>,
    /// It only fills a place in the numbering.
    empty: bool,
}

impl Link {
    /// What was sent by this moment and is not spoken of in a feedback that comes now did not arrive; `None` where that cannot be said.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Instant> {
        let rtt = self.slots.iter().filter_map(|slot| slot.media.rtt()).max().filter(|_| self.downlink.is_lossy(now))?;
        now.checked_sub(rtt + FEEDBACK_WAITS)
    }
}

impl Worker {
    /// A viewer misses packets of one of its slots; gives how many.
    pub(crate) fn resend(&mut self, now: Instant, viewer: PeerKey, stream: Ssrc, missing: impl Iterator<Item = u16>) -> usize {
        let Self { peers, outbox, counters, .. } = self;
        let mut found = pair(peers, viewer, stream);
        let mut count = 0;
        for sequence in missing {
            count += 1;
            let offered = found.as_mut().and_then(|(from, to, slot)| offer_again(now, from, to, *slot, sequence, outbox));
            counters.rtp_resent += u64::from(offered == Some(true));
            counters.nacks_refused += u64::from(offered.is_none());
        }
        counters.nacks_received += count;
        count as usize
    }

    /// A viewer's feedback says that a packet did not arrive: it is sent again before he asks, unless it was already.
    pub(crate) fn repair(&mut self, now: Instant, viewer: PeerKey, flight: &Flight) {
        let Some((from, to, slot)) = pair(&mut self.peers, viewer, flight.stream) else { return };
        if to.slots[slot].media.is_latest(now, flight.sequence, flight.sent)
            && offer_again(now, from, to, slot, flight.sequence, &mut self.outbox) == Some(true)
        {
            self.counters.rtp_resent += 1;
        }
    }

    /// The time has come for something that a viewer missed. Everything is looked at anew: rules may have changed while it waited.
    pub(crate) fn resend_waiting(&mut self, now: Instant, viewer: PeerKey, stream: Ssrc, sequence: u16) {
        let Some((from, to, slot)) = pair(&mut self.peers, viewer, stream) else { return };
        to.downlink.again.retain(|waiting| *waiting != (stream, sequence));
        let Some(missed) = find_missed(now, from, to, slot, sequence) else { return };
        if send_again(now, to, sequence, &missed, &mut self.outbox) {
            self.counters.rtp_resent += 1;
        }
    }

    /// Further copies that are due. Those that would have to wait come too late to be of use.
    pub(crate) fn repeat(&mut self, now: Instant, viewer: PeerKey) {
        while let Some(Encore { stream, sequence, .. }) = self.link_mut(viewer).and_then(|link| link.downlink.encores.take_due(now)) {
            self.repeat_once(now, viewer, stream, sequence);
        }
    }

    fn repeat_once(&mut self, now: Instant, viewer: PeerKey, stream: Ssrc, sequence: u16) {
        let Some((from, to, slot)) = pair(&mut self.peers, viewer, stream).filter(|(_, to, _)| !to.downlink.is_jammed()) else { return };
        if let Some(missed) = find(from, to, slot, sequence) {
            write_again(now, to, sequence, &missed, None, &mut self.outbox);
        }
    }
}

/// Whoever is in a viewer's slot, the viewer, and the index of the slot.
fn pair(peers: &mut SlotMap<PeerKey, Peer>, viewer: PeerKey, stream: Ssrc) -> Option<(&Link, &mut Link, usize)> {
    let link = peers.get(viewer)?.link.as_deref()?;
    let index = link.slots.iter().position(|slot| slot.line.ssrc == stream)?;
    let occupant = link.slots[index].occupant?;
    let [publisher, viewer] = peers.get_disjoint_mut([occupant.publisher, viewer])?;
    Some((publisher.link.as_deref()?, viewer.link.as_deref_mut()?, index))
}

/// True if it was sent, false if it waits for its time, `None` if it is not sent.
fn offer_again(now: Instant, from: &Link, to: &mut Link, slot: usize, sequence: u16, outbox: &mut Outbox) -> Option<bool> {
    let stream = to.slots[slot].line.ssrc;
    if to.downlink.again.contains(&(stream, sequence)) {
        return Some(false);
    }
    let missed = find_missed(now, from, to, slot, sequence)?;
    let bytes = if missed.empty { OVERHEAD } else { missed.stored.payload.len() + OVERHEAD };
    // Sound is small, and of no use after a few moments.
    let class = if missed.publication.kind() == MediaKind::Audio { Class::Audio } else { Class::Resend };
    match to.downlink.pacer.offer(now, class, bytes, Waiting::Again { stream, sequence }) {
        Verdict::Now(_) => send_again(now, to, sequence, &missed, outbox).then_some(true),
        Verdict::Waits => {
            to.downlink.again.push((stream, sequence));
            Some(false)
        }
        Verdict::Full(_) => None,
    }
}

/// Finds what is missed if it may be sent again now. The limits come first: asking costs the viewer nothing, and finding costs us.
fn find_missed<'s>(now: Instant, from: &'s Link, to: &mut Link, index: usize, sequence: u16) -> Option<Missed<'s>> {
    let slot = &mut to.slots[index].media;
    let rtt = slot.rtt().unwrap_or(DEFAULT_RTT);
    if !slot.may_resend(now, sequence, rtt) {
        return None;
    }
    let missed = find(from, to, index, sequence)?;
    to.slots[index].media.affords(&missed.stored).then_some(missed)
}

/// Finds the packet that a number stands for, if it is still there and still permitted.
fn find<'s>(from: &'s Link, to: &Link, index: usize, sequence: u16) -> Option<Missed<'s>> {
    let slot = &to.slots[index];
    let source = slot.occupant?.wish.1;
    // A rule that forbids a source forbids its past as well; and a line that is too narrow is not filled with what it was too narrow for. One
    // that is not carries the larger picture until the keyframe of the smaller one is there.
    let narrows = slot.grant.is_some_and(|grant| matches!(grant.reason, Reason::Bandwidth | Reason::NoRoom));
    let too_narrow = slot.media.goes_down() && (narrows || to.downlink.is_jammed());
    let given_up = too_narrow || (!source.is_audio() && slot.media.current_layer().is_none());
    if !from.flows[source as usize] || given_up {
        return None;
    }
    let origin = slot.media.resolve(sequence)?;
    let publication = from.publication(source)?.1;
    let stored = publication.stored(origin.layer, origin.ext_seq)?;
    let empty = slot.media.was_empty(sequence);
    Some(Missed { slot: index, stream: slot.line.ssrc, publication, stored, empty })
}

/// Sends a packet again, and sees to it that further copies follow where the first is not enough. What only fills a place costs next to
/// nothing, and as long as it is missed what comes behind it waits.
fn send_again(now: Instant, to: &mut Link, sequence: u16, missed: &Missed<'_>, outbox: &mut Outbox) -> bool {
    let repairable = (missed.publication.kind() == MediaKind::Video).then_some((missed.stream, sequence));
    let slot = &to.slots[missed.slot].media;
    // While it is found out what sending less would do, it must be less.
    let is_tried = to.downlink.is_tried();
    let most = if is_tried { 2 } else { 3 };
    let spares = to.downlink.is_lossy(now) && (slot.has_to_spare(&missed.stored) || (missed.empty && !is_tried));
    let copies = slot.copies(now, sequence).min(most).max(1 + u32::from(spares));
    let sent = write_again(now, to, sequence, missed, repairable, outbox);
    if sent {
        to.slots[missed.slot].media.tried(now, sequence);
        for copy in 1..copies {
            to.downlink.encores.add(now + APART * copy, missed.stream, sequence);
        }
    }
    sent
}

/// One copy of a packet. `repairable`: what is to be sent again if this one is lost.
fn write_again(
    now: Instant,
    to: &mut Link,
    sequence: u16,
    missed: &Missed<'_>,
    repairable: Option<(Ssrc, u16)>,
    outbox: &mut Outbox,
) -> bool {
    let Some(path) = to.path(now) else { return false };
    let (slots, downlink, mut exit) = exit(to, path);
    let OutSlot { line, media: slot, .. } = &mut slots[missed.slot];
    let exts = &line.extensions;
    let purpose = downlink.pacer.purpose(Class::Resend);
    exit.push(now, (Some(purpose), repairable), downlink, outbox, |twcc, buf| match missed.publication.kind() {
        MediaKind::Audio => slot.resend_sound(now, sequence, missed.publication, exts, twcc, buf),
        MediaKind::Video => slot.resend(now, sequence, &missed.stored, exts, twcc, buf),
    })
}
