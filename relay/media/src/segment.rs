//! One uninterrupted run of one source in a slot, and how the next run continues its numbers.
//!
//! Within a run of a segment every number is the source's plus a constant, so a late or repeated packet gets the number it would have got
//! in time. Between runs and between segments nothing is left out and nothing is used twice.

use std::time::{Duration, Instant};

use wire::codec::FrameInfo;
use wire::ids::Ssrc;
use wire::ntp::Ntp;
use wire::seq::newer;

use crate::clock::{SourceClock, ticks};
use crate::runs::{Placing, Run, Runs};
use crate::ticket::{PICTURE_ID_MASK, Shift, Ticket};
use crate::{Inbound, MediaKind};

/// The constants of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) layer: usize,
    pub(crate) generation: u32,
    /// The publisher's payload type at the start.
    pub(crate) in_pt: u8,
    /// First number of the run on the publisher's leg.
    pub(crate) first_in: u64,
    /// And on the viewer's.
    first_out: u64,
    /// Newest number on the publisher's leg when the run began: more than `first_in` if it began late.
    begun_at: u64,
    pub(crate) shift: Shift,
}

impl Segment {
    /// The viewer's number of a publisher's in a run of this segment; `None` for what lies before.
    #[inline]
    pub(crate) fn out_seq(&self, ext_seq: u64, run: &Run) -> Option<u64> {
        Some(ext_seq.checked_sub(self.first_in + run.skipped)? + run.added + self.first_out)
    }

    /// What has a number; `None` for what was sent before the segment, or was forgotten.
    pub(crate) fn placing(&self, out_seq: u64, runs: &Runs) -> Option<Placing> {
        runs.at(out_seq.checked_sub(self.first_out)? + self.first_in)
    }

    /// What is added to the numbers of a packet in a run. Of VP8, pictures that were left out are not counted, because browsers wait for
    /// a picture whose id was skipped; in VP9 and with dependency descriptors frames name each other by difference, and gaps are legal.
    #[inline]
    pub(crate) fn shift(&self, run: &Run) -> Shift {
        Shift { picture_id: self.shift.picture_id.wrapping_sub(run.pictures), ..self.shift }
    }

    /// Whether the marker is set whatever the publisher says. For audio it means the start of a talk spurt: here a jump in the sound is no
    /// error (RFC 3551 section 4.1). For video it ends a picture, of which the upper spatial layers may have been left out.
    #[inline]
    pub(crate) fn marks(&self, kind: MediaKind, ext_seq: u64, run: &Run, frame: &FrameInfo) -> bool {
        match kind {
            MediaKind::Audio => ext_seq == self.first_in,
            MediaKind::Video => frame.end && frame.spatial == run.spatial,
        }
    }

    /// Whether a packet passed by while the run waited for its first packet. All later ones were offered to the slot, or withheld.
    pub(crate) fn passed_before(&self, ext_seq: u64) -> bool {
        ext_seq <= self.begun_at
    }
}

/// Picture numbers of a packet, where its codec or extensions carry them.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Pictures {
    /// Picture id of VP8 and VP9, 15 bits.
    pub(crate) picture_id: Option<u16>,
    /// Their TL0PICIDX.
    pub(crate) tl0: Option<u8>,
    /// Frame number of the dependency descriptor.
    pub(crate) frame: Option<u16>,
}

/// Picture numbers as the viewer has them.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    picture_id: u16,
    tl0: u8,
    frame: u16,
}

impl Numbers {
    /// Goes on to those of a packet where they are newer; `pictures` are its numbers on the publisher's leg.
    #[inline]
    fn advance(&mut self, shift: &Shift, pictures: Pictures) {
        if let Some(id) = pictures.picture_id.map(|id| shift.picture_id(id))
            // Order of 15-bit numbers, on the circle of 16 bits.
            && newer(id << 1, self.picture_id << 1)
        {
            self.picture_id = id;
        }
        if let Some(tl0) = pictures.tl0.map(|tl0| tl0.wrapping_add(shift.tl0))
            && tl0.wrapping_sub(self.tl0).cast_signed() > 0
        {
            self.tl0 = tl0;
        }
        if let Some(frame) = pictures.frame.map(|frame| frame.wrapping_add(shift.frame))
            && newer(frame, self.frame)
        {
            self.frame = frame;
        }
    }
}

/// The newest numbers a slot has given away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    out_seq: u64,
    timestamp: u32,
    numbers: Numbers,
    /// Of the packets that were written.
    written: Numbers,
    /// Before the first packet there is none.
    sent: Option<Instant>,
    /// The slot's time line: capture time on the relay's clock to the viewer's timestamps, across all who were in the slot.
    line: SourceClock,
}

/// Sequence numbers begin in the lower half of the circle, so that a receiver that misses the first ones still guesses the rollover
/// counter right (RFC 3711 section 3.3.1); extended numbers begin one cycle up, so that there is always one before.
fn first_seq(entropy: u64) -> u64 {
    1 << 16 | entropy & 0x7fff
}

/// How far capture times may be wrong before arrival times are believed instead.
const TOLERANCE: Duration = Duration::from_millis(500);

impl Newest {
    pub(crate) fn new(entropy: u64, ssrc: Ssrc) -> Self {
        // The parts overlap in nothing that a receiver could compare.
        let numbers = Numbers { picture_id: (entropy >> 16) as u16 & PICTURE_ID_MASK, tl0: ssrc.0 as u8, frame: (entropy >> 24) as u16 };
        Self {
            out_seq: first_seq(entropy) - 1,
            timestamp: (entropy >> 32) as u32,
            numbers,
            written: numbers,
            sent: None,
            line: SourceClock::UNKNOWN,
        }
    }

    /// The segment that begins with `inbound`, whose clock is `rate` Hz. Nothing changes until [`Newest::advance`].
    pub(crate) fn begin(&self, now: Instant, inbound: &Inbound<'_>, kind: MediaKind, rate: u32, pictures: Pictures) -> Segment {
        let timestamp = self.next_timestamp(now, inbound.captured, kind, rate);
        Segment {
            layer: inbound.layer,
            generation: inbound.generation,
            in_pt: inbound.in_pt,
            first_in: inbound.ext_seq,
            first_out: self.out_seq + 1,
            begun_at: inbound.ext_seq + inbound.behind,
            shift: Shift {
                timestamp: timestamp.wrapping_sub(inbound.timestamp),
                picture_id: (self.numbers.picture_id + 1).wrapping_sub(pictures.picture_id.unwrap_or(0)) & PICTURE_ID_MASK,
                tl0: self.numbers.tl0.wrapping_add(1).wrapping_sub(pictures.tl0.unwrap_or(0)),
                frame: self.numbers.frame.wrapping_add(1).wrapping_sub(pictures.frame.unwrap_or(0)),
            },
        }
    }

    /// A packet of `segment` has got its number; `pictures` are its numbers on the publisher's leg.
    #[inline]
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        segment: &Segment,
        ticket: &Ticket,
        inbound: &Inbound<'_>,
        rate: u32,
        pictures: Pictures,
    ) {
        let (shift, out_seq) = (&ticket.shift, ticket.out_seq);
        self.numbers.advance(shift, pictures);
        if out_seq <= self.out_seq {
            return;
        }
        self.out_seq = out_seq;
        self.timestamp = shift.timestamp(inbound.timestamp);
        if inbound.ext_seq == segment.first_in {
            self.settle(now, inbound.captured, rate);
        }
        self.sent = Some(now);
    }

    /// Whether this is the newest number.
    pub(crate) fn is(&self, out_seq: u64) -> bool {
        out_seq == self.out_seq
    }

    /// One number more is given away, behind the newest.
    pub(crate) fn add_number(&mut self) -> u64 {
        self.out_seq += 1;
        self.out_seq
    }

    /// A packet is written.
    #[inline]
    pub(crate) fn wrote(&mut self, shift: &Shift, pictures: Pictures) {
        self.written.advance(shift, pictures);
    }

    /// Nothing of what was not written by now ever will be. `sent` is the highest number that was; `None`: none at all.
    pub(crate) fn take_back(&mut self, sent: Option<u64>, entropy: u64) {
        self.out_seq = sent.unwrap_or(first_seq(entropy) - 1);
        self.numbers = self.written;
    }

    /// The newest timestamp.
    pub(crate) fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The timestamp with which a new segment begins. By capture time, so that whoever comes into the slot keeps its time line and the
    /// reports of before stay true; by arrival if capture times cannot be right.
    fn next_timestamp(&self, now: Instant, captured: Ntp, kind: MediaKind, rate: u32) -> u32 {
        let Some(sent) = self.sent else { return self.timestamp };
        let elapsed = to_ticks(now.saturating_duration_since(sent), rate);
        let tolerance = to_ticks(TOLERANCE, rate);
        let step = i64::from(self.line.rtp_at(captured).wrapping_sub(self.timestamp).cast_signed());
        let plausible = self.line.rate() == rate && (-tolerance..=elapsed + tolerance).contains(&step);
        let step = if plausible { step } else { elapsed };
        self.timestamp.wrapping_add(step.max(min_step(kind, rate)) as u32)
    }

    /// After the start of a segment: the time line stays unless the segment could not be put on it.
    fn settle(&mut self, now: Instant, captured: Ntp, rate: u32) {
        let off = i64::from(self.timestamp.wrapping_sub(self.line.rtp_at(captured)).cast_signed());
        if self.sent.is_none() || self.line.rate() != rate || off.abs() > to_ticks(TOLERANCE, rate) {
            self.line = SourceClock::new(rate, self.timestamp, captured);
        }
        self.sent = Some(now);
    }
}

/// Two frames must differ in time, and a packet of speech must not cover the one before, which lasts 20 ms.
fn min_step(kind: MediaKind, rate: u32) -> i64 {
    match kind {
        MediaKind::Audio => i64::from(rate / 50).max(1),
        MediaKind::Video => i64::from(rate / 1000).max(1),
    }
}

fn to_ticks(span: Duration, rate: u32) -> i64 {
    ticks(Ntp(0).plus(span.min(LONGEST)).0.cast_signed(), rate)
}

/// Longest span in which ticks can be compared: below half a circle at 90 kHz.
const LONGEST: Duration = Duration::from_secs(20_000);
