//! Judges frames as a decoder would: starts at a keyframe, needs every frame's predecessor, and notices what cannot be right.

use std::time::{Duration, Instant};

use super::encoder;
use super::pattern::{self, Stamp};
use super::reassembly::{Frame, PictureId, Reassembly};
use super::record::SlotRecord;

/// Time between two requests for a keyframe while one is needed; browsers use the same.
const KEYFRAME_RETRY: Duration = Duration::from_millis(200);

/// One VP8 decoder.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pub(super) frames: Reassembly,
    last: Option<Last>,
    asked: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    stamp: Stamp,
    last_seq: u64,
    timestamp: u32,
    picture_id: Option<PictureId>,
}

impl Decoder {
    /// Decodes all that is ready. Gives the timestamp and stamp of the newest picture.
    pub(super) fn advance(&mut self, now: Instant, record: &mut SlotRecord) -> Option<(u32, Stamp)> {
        let mut newest = None;
        while let Some(frame) = self.frames.poll(now) {
            match self.decode(&frame, record) {
                Some(stamp) => {
                    record.note_decoded(now, stamp.author);
                    self.asked = None;
                    newest = Some((frame.timestamp, stamp));
                }
                None => self.frames.restart(),
            }
        }
        newest
    }

    /// Whether a keyframe should be asked for now; true at most once per retry interval.
    pub(super) fn needs_keyframe(&mut self, now: Instant) -> bool {
        let wanted = self.frames.late(now);
        let due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= KEYFRAME_RETRY);
        if wanted && due {
            self.asked = Some(now);
        }
        wanted && due
    }

    /// When [`needs_keyframe`](Self::needs_keyframe) may become true.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let late = self.frames.deadline()?;
        Some(self.asked.map_or(late, |asked| late.max(asked + KEYFRAME_RETRY)))
    }

    fn decode(&mut self, frame: &Frame, record: &mut SlotRecord) -> Option<Stamp> {
        let Some(header) = encoder::read_frame_header(&frame.bytes) else {
            record.complain(|| format!("packet {} starts no frame", frame.first_seq));
            return None;
        };
        let Some(stamp) = pattern::verify(&frame.bytes[header.len..]) else {
            // Whoever is in the slot changed in the middle of a picture; decoders drop the torso and go on with the keyframe.
            if frame.broken_off {
                record.broken_off += 1;
                return None;
            }
            record.complain(|| format!("packets {}..={} hold a damaged frame", frame.first_seq, frame.last_seq));
            return None;
        };
        let skipped = self.last.is_some_and(|last| last.last_seq + 1 != frame.first_seq);
        record.skips += u64::from(skipped);
        self.check_numbers(frame, skipped, record);
        if let Some(size) = header.keyframe {
            record.keyframes += 1;
            record.size = Some(size);
        } else if !self.last.is_some_and(|last| is_successor(&last.stamp, &stamp)) {
            let last = self.last.map(|last| last.stamp);
            record.complain(|| format!("frame {stamp:?} refers to a frame that was not decoded; last was {last:?}"));
            return None;
        }
        let (last_seq, timestamp, picture_id) = (frame.last_seq, frame.timestamp, frame.picture_id);
        self.last = Some(Last { stamp, last_seq, timestamp, picture_id });
        Some(stamp)
    }

    /// One slot is one stream: time goes forward, and picture ids count on wherever no packet is missing.
    fn check_numbers(&self, frame: &Frame, skipped: bool, record: &mut SlotRecord) {
        let Some(last) = self.last else { return };
        if frame.timestamp.wrapping_sub(last.timestamp).cast_signed() <= 0 {
            record.complain(|| format!("timestamp goes back from {} to {}", last.timestamp, frame.timestamp));
        }
        let (Some(before), Some(id)) = (last.picture_id, frame.picture_id) else { return };
        if !skipped && id.since(before) != 1 {
            record.complain(|| format!("picture id goes from {before:?} to {id:?} without a missing packet"));
        }
    }
}

fn is_successor(last: &Stamp, stamp: &Stamp) -> bool {
    last.author == stamp.author && last.frame.wrapping_add(1) == stamp.frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::light::encoder::PictureEncoder;
    use crate::light::pattern::Author;
    use crate::light::reassembly::PATIENCE;
    use crate::light::setup::Layer;
    use signal::message::Source;

    /// A decoder and what it is fed: one sequence of packets, whoever they come from.
    struct Bench {
        now: Instant,
        seq: u64,
        timestamp: u32,
        decoder: Decoder,
        record: SlotRecord,
    }

    impl Bench {
        fn new() -> Self {
            let (decoder, record) = (Decoder::default(), SlotRecord::default());
            Self { now: Instant::now(), seq: 65_536, timestamp: 90_000, decoder, record }
        }

        /// Feeds the encoder's next frame; `keep` says which of its packets arrive.
        fn feed(&mut self, encoder: &mut PictureEncoder, keep: impl Fn(usize) -> bool) {
            self.now += Duration::from_millis(40);
            self.timestamp += 3_600;
            let packets = encoder.encode(Duration::ZERO);
            for (index, packet) in packets.iter().enumerate() {
                if keep(index) {
                    self.decoder.frames.insert(self.now, self.seq, self.timestamp, index + 1 == packets.len(), packet);
                    self.decoder.advance(self.now, &mut self.record);
                }
                self.seq += 1;
            }
        }
    }

    fn camera(publisher: u32) -> PictureEncoder {
        PictureEncoder::new(Author { publisher, source: Source::Camera, layer: 0 }, Layer::single(), 25)
    }

    #[test]
    fn whole_frames_in_order_are_decoded_without_complaint() {
        let (mut bench, mut camera) = (Bench::new(), camera(1));
        (0..50).for_each(|_| bench.feed(&mut camera, |_| true));
        assert_eq!((bench.record.decoded_total(), bench.record.keyframes, bench.record.error_count), (50, 1, 0));
        assert_eq!(bench.record.longest_freeze, Duration::from_millis(40));
    }

    #[test]
    fn a_lost_packet_stops_the_picture_until_patience_is_over_and_a_keyframe_came() {
        let (mut bench, mut camera) = (Bench::new(), camera(1));
        bench.feed(&mut camera, |_| true);
        bench.feed(&mut camera, |index| index != 0);
        (0..3).for_each(|_| bench.feed(&mut camera, |_| true));
        assert_eq!(bench.record.decoded_total(), 1);
        assert!(!bench.decoder.needs_keyframe(bench.now), "a retransmission may still come");
        bench.now += PATIENCE;
        assert!(bench.decoder.needs_keyframe(bench.now));
        assert!(!bench.decoder.needs_keyframe(bench.now), "once per interval");
        camera.want_keyframe();
        bench.feed(&mut camera, |_| true);
        assert_eq!((bench.record.decoded_total(), bench.record.skips, bench.record.error_count), (2, 1, 0));
    }

    #[test]
    fn another_person_without_a_keyframe_is_an_error() {
        let (mut bench, mut first, mut second) = (Bench::new(), camera(1), camera(2));
        bench.feed(&mut first, |_| true);
        second.encode(Duration::ZERO);
        bench.feed(&mut second, |_| true);
        assert_eq!(bench.record.error_count, 1, "{:?}", bench.record.errors);
        assert!(bench.record.errors[0].contains("not decoded"));
    }

    #[test]
    fn a_frame_that_is_left_out_without_a_gap_in_the_numbers_is_an_error() {
        let (mut bench, mut camera) = (Bench::new(), camera(1));
        bench.feed(&mut camera, |_| true);
        camera.encode(Duration::ZERO);
        bench.feed(&mut camera, |_| true);
        assert!(bench.record.error_count >= 1, "the picture id or the reference must give it away");
    }

    #[test]
    fn a_frame_broken_off_by_anothers_keyframe_is_no_error_and_by_anything_else_it_is() {
        for (keyframe, errors) in [(true, 0), (false, 1)] {
            let (mut bench, mut first, mut second) = (Bench::new(), camera(1), camera(2));
            bench.feed(&mut first, |_| true);
            if !keyframe {
                second.encode(Duration::ZERO);
            }
            // A keyframe has several packets; the sender stops after the first, and numbers go on without a gap.
            first.want_keyframe();
            let packets = first.encode(Duration::ZERO);
            bench.timestamp += 3_600;
            bench.decoder.frames.insert(bench.now, bench.seq, bench.timestamp, false, &packets[0]);
            bench.seq += 1;
            bench.feed(&mut second, |_| true);
            assert_eq!((bench.record.broken_off, bench.record.error_count), (u64::from(keyframe), errors), "{:?}", bench.record.errors);
        }
    }

    #[test]
    fn time_that_goes_back_is_an_error() {
        let (mut bench, mut camera) = (Bench::new(), camera(1));
        bench.feed(&mut camera, |_| true);
        bench.timestamp -= 7_200;
        bench.feed(&mut camera, |_| true);
        assert!(bench.record.errors[0].contains("goes back"), "{:?}", bench.record.errors);
    }
}
