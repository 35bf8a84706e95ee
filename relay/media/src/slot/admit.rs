//! Which packets a slot takes, and the numbers they get. Both are decided when a packet arrives and never again.

use std::time::Instant;

use wire::codec::Codec;

use super::{Attached, Slot};
use crate::rewrite::translate;
use crate::segment::{Pictures, Segment};
use crate::thinning::Placed;
use crate::{CodecOut, Inbound, MediaKind, Origin, Packet, Ticket};

/// A recovered first packet of a keyframe is only good as a start if the viewer can still ask for the packets that followed it.
pub(crate) const MAX_BEHIND: u64 = 50;

/// What becomes of a packet.
enum Admission {
    Flows(Segment),
    Starts,
    Refused,
}

impl Slot {
    /// Gives a packet its place in this slot's stream; `None` if it is not for this viewer. To be called as packets arrive, each once;
    /// `packet` is made of `inbound`, once for all viewers. What has a ticket is to be handed to [`Slot::write`] or to [`Slot::forgo`].
    #[inline]
    pub fn admit(&mut self, now: Instant, inbound: &Inbound<'_>, packet: &Packet<'_>) -> Option<Ticket> {
        let (codec, _) = self.read(packet)?;
        self.admit_packet(now, inbound, packet, codec)
    }

    /// Whether [`Slot::follow`] is of use behind this packet: it is the newest and ends a picture, and pictures say which others they need.
    /// Browsers decode nothing of H.264 behind a number that is missing, and one that was not needed would only be one more to lose.
    #[must_use]
    pub fn may_follow(&self, inbound: &Inbound<'_>, ticket: &Ticket) -> bool {
        let ends = (inbound.marker || ticket.marked) && self.newest.is(ticket.out_seq);
        ends && inbound.codec != Codec::H264 && (inbound.picture_id.is_some() || inbound.dependency.is_some())
    }

    /// A ticket for an empty packet behind `last`, with a number of its own: a viewer who misses the last packets of a picture sees it by
    /// that, and need not wait for the next picture. To be written at once. `None` if something newer has got a number.
    pub fn follow(&mut self, last: &Ticket) -> Option<Ticket> {
        let segment = self.attached.as_ref()?.segment?;
        let newest = self.attach == last.attach && segment.layer == last.origin.layer && self.newest.is(last.out_seq);
        if !newest || !self.thinning.add_place(last.origin.ext_seq) {
            return None;
        }
        Some(Ticket { bytes: 0, out_seq: self.newest.add_number(), starts: false, keyframe: false, fills: true, ..*last })
    }

    /// The viewer's codec for a packet, and what of it goes on; remembers whether there is one.
    #[inline]
    pub(super) fn read<'p>(&mut self, packet: &Packet<'p>) -> Option<(CodecOut, &'p [u8])> {
        let attached = self.attached.as_mut()?;
        let translated = translate(&attached.route, packet);
        attached.unreadable = translated.is_none();
        if attached.unreadable {
            // However long it lasts: what can be read again begins anew.
            attached.segment = None;
        }
        translated
    }

    #[inline]
    pub(super) fn admit_packet(&mut self, now: Instant, inbound: &Inbound<'_>, packet: &Packet<'_>, codec: CodecOut) -> Option<Ticket> {
        let (attached, kind) = (self.attached.as_mut()?, self.config.kind);
        let pictures = packet.pictures();
        let (segment, starts) = match attached.admit(inbound, kind) {
            Admission::Flows(segment) => (segment, false),
            Admission::Starts => (self.newest.begin(now, inbound, kind, codec.clock_rate, pictures), true),
            Admission::Refused => return None,
        };
        let goal = attached.selector.limits(inbound.layer);
        if starts {
            attached.segment = Some(segment);
            self.thinning.begin(inbound, goal);
        }
        let (run, fills) = match self.thinning.place(inbound, goal) {
            Placed::On(run) => (run, false),
            Placed::Fills(run) => (run, true),
            Placed::Out => return None,
        };
        let marked = segment.marks(kind, inbound.ext_seq, &run, &inbound.frame);
        let ticket = Ticket {
            origin: Origin { layer: inbound.layer, ext_seq: inbound.ext_seq },
            bytes: if fills { 0 } else { u16::try_from(inbound.payload.len()).unwrap_or(u16::MAX) },
            out_seq: segment.out_seq(inbound.ext_seq, &run)?,
            shift: segment.shift(&run),
            attach: self.attach,
            starts,
            keyframe: inbound.keyframe,
            marked,
            fills,
        };
        let pictures = if fills { Pictures::default() } else { pictures };
        self.newest.advance(now, &segment, &ticket, inbound, codec.clock_rate, pictures);
        if inbound.unread {
            // Whoever misses it gets it when it could be read after all, if it is his; a decoder waits for the same packet.
            self.forgo(&ticket);
            return None;
        }
        Some(ticket)
    }
}

impl Attached {
    #[inline]
    fn admit(&mut self, inbound: &Inbound<'_>, kind: MediaKind) -> Admission {
        if let Some(segment) = self.segment
            && segment.layer == inbound.layer
        {
            let older = inbound.ext_seq < segment.first_in;
            if older || (segment.generation == inbound.generation && (kind == MediaKind::Audio || segment.in_pt == inbound.in_pt)) {
                return if older { Admission::Refused } else { Admission::Flows(segment) };
            }
            // The source began anew or changed its codec: this slot shows nothing until the next start.
            self.segment = None;
        }
        let may_start = match kind {
            MediaKind::Audio => !inbound.late && self.segment.is_none(),
            MediaKind::Video => {
                let current = self.segment.map(|segment| segment.layer);
                inbound.keyframe && inbound.behind <= MAX_BEHIND && self.selector.may_start(current, inbound.layer)
            }
        };
        if may_start { Admission::Starts } else { Admission::Refused }
    }
}
