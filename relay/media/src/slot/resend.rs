//! What a viewer misses: which packet it is, whether it may be sent again, and how.

use std::time::{Duration, Instant};

use wire::ext::{Ext, ExtMap};
use wire::rtp::RtpFields;
use wire::seq::distance;

use super::Slot;
use crate::rewrite::{Stamps, translate, write_head, write_payload};
use crate::runs::{Placing, Run};
use crate::segment::Pictures;
use crate::{MediaKind, Origin, Packet, Stored, Ticket};

/// A jitter buffer for speech has played what is older.
const AUDIO_PATIENCE: Duration = Duration::from_millis(200);

/// A picture that is older, or older than three round trips, is given up for a keyframe by then.
const VIDEO_PATIENCE: Duration = Duration::from_millis(500);

impl Slot {
    /// Which stored packet a sequence number of this slot stands for. `None` for what was before the last switch, because who shows a
    /// newer keyframe needs nothing from before; and for what was never offered to this slot: the store may hold what the viewer
    /// must not have.
    #[must_use]
    pub fn resolve(&self, out_seq: u16) -> Option<Origin> {
        self.again(out_seq).map(|(ticket, _)| ticket.origin)
    }

    /// Whether a retransmission is allowed now: at most one per `rtt` and sixteen in all per packet, and of pictures at most 20 % of what was
    /// sent. Counts a refusal.
    #[must_use]
    pub fn may_resend(&mut self, now: Instant, out_seq: u16, rtt: Duration) -> bool {
        let allowed = self.limit.allows(now, out_seq, rtt);
        self.counters.refused += u64::from(!allowed);
        allowed
    }

    /// What can be saved up for retransmissions of pictures is what the line carries in a second, `bytes`.
    pub fn fit_resends(&mut self, bytes: u64) {
        if self.config.kind == MediaKind::Video {
            self.limit.fit(bytes);
        }
    }

    /// Whether the budget has something for a packet that was found in the store. Counts a refusal.
    #[must_use]
    pub fn affords(&mut self, stored: &Stored<'_>) -> bool {
        let affords = self.limit.affords(stored.frame.temporal);
        self.counters.refused += u64::from(!affords);
        affords
    }

    /// Whether what was sent at `sent` under this number was the last try: it was not sent again since.
    #[must_use]
    pub fn is_latest(&self, now: Instant, out_seq: u16, sent: Instant) -> bool {
        self.limit.is_latest(now, out_seq, sent)
    }

    /// How often [`Slot::resend`] is to be called for a packet that may be sent again, at a distance: more than once for what was lost again.
    #[must_use]
    pub fn copies(&self, now: Instant, out_seq: u16) -> u32 {
        self.limit.copies(now, out_seq)
    }

    /// Whether [`Slot::resend`] can be called twice for a packet that is sent again for the first time, over a line that loses.
    #[must_use]
    pub fn has_to_spare(&self, stored: &Stored<'_>) -> bool {
        self.config.kind == MediaKind::Video && self.limit.has_to_spare(stored.frame.temporal)
    }

    /// Whether what was sent under this number carried nothing: it only fills a place in the numbering.
    #[must_use]
    pub fn was_empty(&self, out_seq: u16) -> bool {
        self.extend(out_seq).is_some_and(|full| self.went_empty(full))
    }

    #[inline]
    fn went_empty(&self, full: u64) -> bool {
        self.filled.as_ref().is_some_and(|filled| filled.contains(full))
    }

    /// Counts that a packet is sent again now, in however many copies.
    pub fn tried(&mut self, now: Instant, out_seq: u16) {
        self.limit.tried(now, out_seq);
    }

    /// Writes the retransmission of the packet that [`Slot::resolve`] named: on the RTX SSRC (RFC 4588), else byte for byte the same packet
    /// again. `None` if `stored` is another packet, if it is of no use any more, if it cannot be the same again, or if it does not fit.
    pub fn resend(
        &mut self,
        now: Instant,
        out_seq: u16,
        stored: &Stored<'_>,
        exts: &ExtMap,
        twcc: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        let (mut ticket, run) = self.again(out_seq)?;
        let attached = self.attached.as_ref()?;
        if ticket.origin.ext_seq != stored.ext_seq || stored.unread {
            return None;
        }
        if !self.is_useful(now, ticket.out_seq, stored.arrival) {
            self.counters.refused += 1;
            return None;
        }
        // What came while the slot waited for the first packet of its keyframe, or what had to be given up, is sent for the first time.
        let first = self.sent.is_fresh(ticket.out_seq);
        if first && stored.arrival < attached.since {
            return None;
        }
        ticket.marked = attached.segment?.marks(self.config.kind, stored.ext_seq, &run, &stored.frame);
        ticket.fills |= match first {
            true => !self.thinning.passes(run, stored.timestamp, &stored.frame),
            false => self.went_empty(ticket.out_seq),
        };
        let packet = if ticket.fills { Packet::from(stored).emptied() } else { Packet::from(stored) };
        let (codec, payload) = translate(&attached.route, &packet)?;
        let mut fields = self.config.fields(&ticket, codec, &packet);
        let rtx = self.config.rtx.zip(codec.rtx).filter(|_| !first);
        let transport = match (rtx, &self.same_again) {
            _ if first => *twcc,
            (Some((ssrc, pt)), _) => {
                fields = RtpFields { payload_type: pt, ssrc, sequence: self.rtx_seq, ..fields };
                *twcc
            }
            (None, Some(same_again)) => same_again.transport(exts, ticket.out_seq, self.sent.highest()?)?,
            (None, None) => return None,
        };
        let sent = self.config.send_time(now, exts, codec.rtx);
        let head = write_head(&fields, &packet, &ticket.shift, &Stamps { exts, mid: self.config.mid, transport, sent }, out)?;
        let original = if rtx.is_some() { 2 } else { 0 };
        // "OSN (Original Sequence Number)" stands before the payload (RFC 4588 section 4).
        out.get_mut(head..head + original)?.copy_from_slice(&out_seq.to_be_bytes()[..original]);
        let body = write_payload(&packet, payload, &ticket.shift, &mut out[head + original..])?;
        let len = head + original + body;
        if first {
            self.newest.wrote(&ticket.shift, if ticket.fills { Pictures::default() } else { packet.pictures() });
            self.count_first(&ticket, body, 0);
            self.remember(codec, exts, ticket.out_seq, twcc);
        } else if rtx.is_some() {
            self.rtx_seq = self.rtx_seq.wrapping_add(1);
            *twcc = twcc.wrapping_add(u16::from(exts.id(Ext::TransportCc).is_some()));
        }
        self.limit.spend(len);
        self.counters.resent += 1;
        Some(len)
    }

    /// Whether the viewer can still make use of a packet: it is not too old, and no newer keyframe is on its way.
    pub(super) fn is_useful(&self, now: Instant, out_seq: u64, arrival: Instant) -> bool {
        let rtt = self.reports.rtt().unwrap_or_default();
        let patience = match self.config.kind {
            MediaKind::Audio => AUDIO_PATIENCE,
            MediaKind::Video => VIDEO_PATIENCE.max(3 * rtt),
        };
        // Counted from when the packet could be sent.
        out_seq >= self.keyframe && now.saturating_duration_since(arrival) <= patience + self.waited
    }

    /// The ticket of a number that was sent or may now be sent for the first time.
    pub(super) fn again(&self, out_seq: u16) -> Option<(Ticket, Run)> {
        let segment = self.attached.as_ref()?.segment?;
        let full = self.extend(out_seq)?;
        let Placing { ext_seq, run, added } = segment.placing(full, self.thinning.runs())?;
        let forgone = || self.forgone.as_ref().is_some_and(|forgone| forgone.contains(full));
        if self.sent.is_fresh(full) && !segment.passed_before(ext_seq) && !forgone() {
            return None;
        }
        let ticket = Ticket {
            origin: Origin { layer: segment.layer, ext_seq },
            bytes: 0,
            out_seq: full,
            shift: segment.shift(&run),
            attach: self.attach,
            starts: false,
            keyframe: false,
            marked: false,
            fills: added,
        };
        Some((ticket, run))
    }

    /// The extended form of a number that was sent or jumped over.
    fn extend(&self, out_seq: u16) -> Option<u64> {
        let highest = self.sent.highest()?;
        let step = distance(out_seq, highest as u16);
        (step <= 0).then(|| highest - u64::from(step.unsigned_abs()))
    }
}
