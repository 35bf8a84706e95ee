//! What a viewer misses: which packet it is, whether it may be sent again, and how.

use std::time::{Duration, Instant};

use wire::ext::{Ext, ExtMap};
use wire::rtp::RtpFields;
use wire::seq::distance;

use super::Slot;
use crate::rewrite::{Stamps, translate, write_head, write_payload};
use crate::{Origin, Packet, Stored, Ticket};

impl Slot {
    /// Which stored packet a sequence number of this slot stands for. `None` for what was before the last switch, because who shows a
    /// newer keyframe needs nothing from before; and for what was never offered to this slot: the store may hold what the viewer
    /// must not have.
    #[must_use]
    pub fn resolve(&self, out_seq: u16) -> Option<Origin> {
        self.again(out_seq).map(|ticket| ticket.origin)
    }

    /// Whether a retransmission is allowed now: at most one per `rtt` and three in all per packet, and at most 20 % of what was sent.
    /// Counts a refusal.
    #[must_use]
    pub fn may_resend(&mut self, now: Instant, out_seq: u16, rtt: Duration) -> bool {
        let allowed = self.limit.allows(now, out_seq, rtt);
        self.counters.refused += u64::from(!allowed);
        allowed
    }

    /// Writes the retransmission of the packet that [`Slot::resolve`] named: on the RTX SSRC (RFC 4588), else byte for byte the same packet
    /// again. `None` if `stored` is another packet, if it cannot be the same again, or if it does not fit.
    pub fn resend(
        &mut self,
        now: Instant,
        out_seq: u16,
        stored: &Stored<'_>,
        exts: &ExtMap,
        twcc: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        let ticket = self.again(out_seq)?;
        let attached = self.attached.as_ref()?;
        if ticket.origin.ext_seq != stored.ext_seq {
            return None;
        }
        let packet = Packet::from(stored);
        let (codec, payload) = translate(&attached.route, &packet)?;
        let mut fields = self.config.fields(&ticket, codec, &packet);
        // What came while the slot waited for the first packet of its keyframe, or what had to be given up, is sent for the first time.
        let first = self.sent.is_fresh(ticket.out_seq);
        if first && packet.arrival < attached.since {
            return None;
        }
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
        let head = write_head(&fields, &packet, &ticket.shift, &Stamps { exts, mid: self.config.mid, transport }, out)?;
        let original = if rtx.is_some() { 2 } else { 0 };
        // "OSN (Original Sequence Number)" stands before the payload (RFC 4588 section 4).
        out.get_mut(head..head + original)?.copy_from_slice(&out_seq.to_be_bytes()[..original]);
        let body = write_payload(&attached.route, &packet, payload, &ticket.shift, &mut out[head + original..])?;
        let len = head + original + body;
        if first {
            self.count_first(ticket.out_seq, body, 0);
            self.remember(codec, exts, ticket.out_seq, twcc);
        } else if rtx.is_some() {
            self.rtx_seq = self.rtx_seq.wrapping_add(1);
            *twcc = twcc.wrapping_add(u16::from(exts.id(Ext::TransportCc).is_some()));
        }
        self.limit.spend(now, out_seq, len);
        self.counters.resent += 1;
        Some(len)
    }

    /// The ticket of a number that was sent or may now be sent for the first time.
    fn again(&self, out_seq: u16) -> Option<Ticket> {
        let segment = self.attached.as_ref()?.segment?;
        let full = self.extend(out_seq)?;
        let ext_seq = segment.ext_seq(full)?;
        let forgone = || self.forgone.as_ref().is_some_and(|forgone| forgone.contains(full));
        if self.sent.is_fresh(full) && !segment.passed_before(ext_seq) && !forgone() {
            return None;
        }
        Some(Ticket {
            origin: Origin { layer: segment.layer, ext_seq },
            bytes: 0,
            ends_frame: false,
            out_seq: full,
            shift: segment.shift,
            attach: self.attach,
            starts: false,
            marked: segment.marks(self.config.kind, ext_seq),
        })
    }

    /// The extended form of a number that was sent or jumped over.
    fn extend(&self, out_seq: u16) -> Option<u64> {
        let highest = self.sent.highest()?;
        let step = distance(out_seq, highest as u16);
        (step <= 0).then(|| highest - u64::from(step.unsigned_abs()))
    }
}
