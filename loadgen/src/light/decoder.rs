//! Judges pictures as a decoder would: starts at a keyframe, needs what each frame refers to, and notices what cannot be right.
//!
//! Which frames another needs is found twice: from the descriptors, as a browser finds it, which decides what is decoded and when; and
//! from the pattern in the payload, which is the truth. Where the first allows what the second forbids, a real decoder would show garbage.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use signal::message::Source;
use wire::codec::vp8::PictureId;

use super::encoder;
use super::pattern::{self, Author, Stamp};
use super::reassembly::{Packet, Picture, Reassembly};
use super::record::SlotRecord;
use super::references::{Finder, References};
use super::vp9_references;

/// Time between two requests for a keyframe while one is needed; browsers use the same.
const KEYFRAME_RETRY: Duration = Duration::from_millis(200);
/// How long a picture may stand still although packets come before a keyframe is asked for.
pub(super) const PATIENCE: Duration = Duration::from_millis(400);
/// How long a frame that could be decoded waits for those before it: what a browser's jitter buffer holds when packets get lost.
const SKIP_AFTER: Duration = Duration::from_millis(100);
/// Pictures that wait, whole, for others; beyond it the oldest go.
const MAX_PICTURES: usize = 128;
/// Decoded frames remembered as references.
const MAX_DECODED: usize = 64;

/// Stands for a picture that is not of the pattern.
const FOREIGN: Stamp = Stamp::alone(Author { publisher: u32::MAX, source: Source::Camera, layer: 0 }, 0, Duration::ZERO);

/// One decoder, of VP8 and VP9.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pub(super) frames: Reassembly,
    finder: Finder,
    finder_vp9: vp9_references::Finder,
    /// Sizes of VP9's spatial layers, lowest first.
    sizes: Vec<(u16, u16)>,
    /// Whole pictures that are not decoded yet, by their last packet.
    waiting: BTreeMap<u64, Whole>,
    /// Names, and truths, of the frames that were decoded, oldest first.
    decoded: VecDeque<(u64, Author, u32)>,
    last: Option<Last>,
    /// Only a keyframe helps.
    broken: bool,
    /// Since when nothing was decoded although something is here.
    stuck_since: Option<Instant>,
    /// When the first decodable frame has waited long enough for those before it.
    skip_at: Option<Instant>,
    asked: Option<Instant>,
}

/// A whole picture.
#[derive(Debug)]
struct Whole {
    picture: Picture,
    since: Instant,
    keyframe: bool,
    /// Where the picture itself tells it.
    size: Option<(u16, u16)>,
    /// Of each frame the truth, and what descriptors call it, lowest layer first.
    frames: Vec<(Stamp, u64)>,
    /// By its descriptor; `None` for a stream without temporal layers, where each frame needs the one before.
    references: Option<References>,
}

impl Whole {
    /// Of the highest layer.
    fn shown(&self) -> &Stamp {
        self.frames.last().map_or(&FOREIGN, |(stamp, _)| stamp)
    }

    fn find(&mut self, vp8: &mut Finder, vp9: &mut vp9_references::Finder) {
        let names: Vec<u64> = self.frames.iter().map(|(_, name)| *name).collect();
        let of_vp9 = self.picture.head().spatial.is_some();
        self.references = if of_vp9 { vp9.find(&self.picture, &names) } else { vp8.find(&self.picture, self.keyframe) };
    }
}

#[derive(Debug, Clone, Copy)]
struct Last {
    last_seq: u64,
    timestamp: u32,
    picture_id: Option<u16>,
}

impl Decoder {
    /// Takes a packet with content.
    pub(super) fn insert(&mut self, now: Instant, packet: &Packet<'_>, record: &mut SlotRecord) {
        let Some(outcome) = self.frames.insert(packet) else {
            record.complain(|| format!("packet {} is no {:?}", packet.seq, packet.codec));
            return;
        };
        if let Some(torso) = outcome.torso {
            // Whoever is in the slot changed in the middle of a picture; decoders drop the torso and go on with the keyframe.
            if torso.harmless {
                record.broken_off += 1;
            } else {
                record.complain(|| format!("packet {} ends in the middle of a frame", torso.seq));
            }
        }
        self.stuck_since.get_or_insert(now);
        if let Some(picture) = outcome.picture {
            self.keep(now, picture, record);
        }
    }

    /// Decodes all that is ready. Gives the timestamp and stamp of the newest picture.
    pub(super) fn advance(&mut self, now: Instant, record: &mut SlotRecord) -> Option<(u32, Stamp)> {
        let mut newest = None;
        while let Some(seq) = self.next_decodable(now) {
            let Some(whole) = self.waiting.remove(&seq) else { break };
            if self.decode(&whole, record) {
                let (stamp, size) = (*whole.shown(), self.size_of(&whole));
                record.note_decoded(now, &stamp, size);
                (self.asked, self.broken) = (None, false);
                newest = Some((whole.picture.timestamp, stamp));
                self.forget_before(seq + 1);
                self.stuck_since = (!self.waiting.is_empty() || self.frames.waits()).then_some(now);
            } else {
                self.broken = true;
            }
        }
        newest
    }

    /// Whether a keyframe should be asked for now; true at most once per retry interval.
    pub(super) fn needs_keyframe(&mut self, now: Instant) -> bool {
        let wanted = self.is_late(now);
        let due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= KEYFRAME_RETRY);
        if wanted && due {
            self.asked = Some(now);
        }
        wanted && due
    }

    /// The picture stands still for longer than a retransmission takes.
    fn is_late(&self, now: Instant) -> bool {
        self.stuck_since.is_some_and(|since| now.saturating_duration_since(since) >= PATIENCE)
    }

    /// When [`advance`](Self::advance) or [`needs_keyframe`](Self::needs_keyframe) may have something.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let late = self.stuck_since.map(|since| since + PATIENCE);
        let keyframe = late.map(|late| self.asked.map_or(late, |asked| late.max(asked + KEYFRAME_RETRY)));
        keyframe.into_iter().chain(self.skip_at).min()
    }

    /// Below this sequence number nothing is waited for any more.
    pub(super) fn next_seq(&self) -> Option<u64> {
        self.last.map(|last| last.last_seq + 1)
    }

    /// Verifies a whole picture and finds what it refers to.
    fn keep(&mut self, now: Instant, picture: Picture, record: &mut SlotRecord) {
        let Some((keyframe, size, skip)) = read_header(&picture) else {
            record.complain(|| format!("packet {} starts no frame", picture.first_seq));
            return;
        };
        let mut stamps = Vec::new();
        for layer in &picture.layers {
            let content = &layer.bytes[skip..];
            // Of others' pictures only the descriptors are known; they name nothing that they need.
            let foreign = || record.is_foreign(content).then_some(FOREIGN);
            let Some(stamp) = pattern::verify(content).or_else(foreign) else {
                record.complain(|| format!("packets {}..={} hold a damaged frame", picture.first_seq, picture.last_seq));
                return;
            };
            stamps.push(stamp);
        }
        let of_vp9 = picture.head().spatial.as_ref().and_then(|_| self.finder_vp9.names(&picture));
        let names = of_vp9.unwrap_or_else(|| vec![picture.last_seq; stamps.len()]);
        let frames = stamps.into_iter().zip(names).collect();
        let mut whole = Whole { since: now, keyframe, size, frames, references: None, picture };
        whole.find(&mut self.finder, &mut self.finder_vp9);
        if whole.references == Some(References::TooLate) {
            return;
        }
        self.waiting.insert(whole.picture.last_seq, whole);
        if self.waiting.len() > MAX_PICTURES {
            self.waiting.pop_first();
        }
        self.find_again();
    }

    /// What one picture brought may be what others waited for.
    fn find_again(&mut self) {
        let Self { waiting, finder, finder_vp9, .. } = self;
        let mut found = true;
        while found {
            found = false;
            for whole in waiting.values_mut().filter(|whole| whole.references == Some(References::Unknown)) {
                whole.find(finder, finder_vp9);
                found |= whole.references != Some(References::Unknown);
            }
        }
        waiting.retain(|_, whole| whole.references != Some(References::TooLate));
    }

    /// The first picture that can be decoded, when none before it is missing or it has waited for that long enough.
    fn next_decodable(&mut self, now: Instant) -> Option<u64> {
        let (seq, whole) = self.waiting.iter().find(|(_, whole)| self.is_usable(whole))?;
        let next = self.last.is_none_or(|last| self.frames.adjoin(last.last_seq, whole.picture.first_seq));
        let skip_at = whole.since + SKIP_AFTER;
        let seq = *seq;
        let waits = !next && !self.broken && now < skip_at && !self.is_late(now);
        self.skip_at = waits.then_some(skip_at);
        self.skip_at.is_none().then_some(seq)
    }

    fn is_usable(&self, whole: &Whole) -> bool {
        if whole.keyframe {
            return !matches!(&whole.references, Some(References::Known(needed)) if !needed.is_empty());
        }
        let Some(last) = self.last.filter(|_| !self.broken) else { return false };
        match &whole.references {
            Some(References::Known(needed)) => needed.iter().all(|name| self.decoded.iter().any(|(decoded, ..)| decoded == name)),
            Some(_) => false,
            None => self.frames.adjoin(last.last_seq, whole.picture.first_seq),
        }
    }

    /// False when a decoder would show garbage.
    fn decode(&mut self, whole: &Whole, record: &mut SlotRecord) -> bool {
        let picture = &whole.picture;
        let skipped = self.last.is_some_and(|last| !self.frames.adjoin(last.last_seq, picture.first_seq));
        record.skips += u64::from(skipped);
        self.check_numbers(whole, skipped, record);
        record.keyframes += u64::from(whole.keyframe);
        for (stamp, name) in &whole.frames {
            if let Some(needed) = self.first_missing(stamp, whole.keyframe) {
                record.complain(|| {
                    let (last, head) = (self.decoded.iter().rev().take(4).collect::<Vec<_>>(), (picture.first_seq, picture.head()));
                    let by_numbers = &whole.references;
                    format!(
                        "frame {stamp:?} refers to {needed:?}, which was not decoded; {head:?} says {by_numbers:?}, decoded were {last:?}"
                    )
                });
                return false;
            }
            if self.decoded.len() == MAX_DECODED {
                self.decoded.pop_front();
            }
            self.decoded.push_back((*name, stamp.author, stamp.frame));
        }
        let picture_id = picture.head().picture_id.map(PictureId::value);
        self.last = Some(Last { last_seq: picture.last_seq, timestamp: picture.timestamp, picture_id });
        true
    }

    /// What a frame refers to by its truth and was not decoded; a keyframe refers to its own lower layers only.
    fn first_missing(&self, stamp: &Stamp, keyframe: bool) -> Option<(Author, u32)> {
        let earlier = stamp.needs.into_iter().filter(|back| *back > 0 && !keyframe);
        let earlier = earlier.map(|back| (stamp.author, stamp.frame.wrapping_sub(u32::from(back))));
        let lower = Author { layer: stamp.author.layer.wrapping_sub(1), ..stamp.author };
        let mut needed = earlier.chain(stamp.below.then_some((lower, stamp.frame)));
        needed.find(|needed| !self.decoded.iter().any(|(_, author, frame)| (*author, *frame) == *needed))
    }

    /// Of a picture that was decoded: VP9 tells the sizes of all layers with keyframes, and shows the highest that came.
    fn size_of(&mut self, whole: &Whole) -> Option<(u16, u16)> {
        let highest = whole.picture.layers.last()?.head.spatial.as_ref();
        let structure = whole.picture.head().spatial.as_ref().and_then(|spatial| spatial.structure.as_ref());
        if let Some(structure) = structure {
            self.sizes.clone_from(&structure.sizes);
        }
        highest.map_or(whole.size, |highest| self.sizes.get(usize::from(highest.layer)).copied())
    }

    /// One slot is one stream: time goes forward, and picture ids count on wherever no packet is missing.
    fn check_numbers(&self, Whole { picture, keyframe, .. }: &Whole, skipped: bool, record: &mut SlotRecord) {
        let Some(last) = self.last else { return };
        let resumes = picture.head().spatial.as_ref().is_some_and(|spatial| spatial.layer > 0);
        if resumes && picture.timestamp == last.timestamp {
            record.resumed += 1;
            return;
        }
        if picture.timestamp.wrapping_sub(last.timestamp).cast_signed() <= 0 {
            record.complain(|| format!("timestamp goes back from {} to {}", last.timestamp, picture.timestamp));
        }
        let (Some(before), Some(id)) = (last.picture_id, picture.head().picture_id) else { return };
        // A stream may begin with ids of 7 bits and go over to 15.
        let wraps = if matches!(id, PictureId::Long(_)) { 0x7fff } else { 0x7f };
        let step = id.value().wrapping_sub(before) & wraps;
        // VP9 finds its references by ids, so those of pictures that were left out stay free, and a new encoder's keyframe brings its own.
        let allowed = match (&picture.head().spatial, keyframe) {
            (Some(_), true) => true,
            (Some(_), false) => (1..=wraps / 2).contains(&step),
            (None, _) => step == 1,
        };
        if !skipped && !allowed {
            record.complain(|| format!("picture id goes from {before} to {id:?} without a missing packet"));
        }
    }

    fn forget_before(&mut self, seq: u64) {
        self.waiting = self.waiting.split_off(&seq);
        self.frames.forget_before(seq);
    }
}

/// Width and height.
type Size = (u16, u16);

/// Whether a picture is a keyframe, its size where the frame itself says it, and where the pattern begins in each of its frames.
fn read_header(picture: &Picture) -> Option<(bool, Option<Size>, usize)> {
    if let Some(spatial) = &picture.head().spatial {
        return Some((!spatial.inter_picture && spatial.layer == 0, None, 0));
    }
    let header = encoder::read_frame_header(&picture.layers[0].bytes)?;
    Some((header.keyframe.is_some(), header.keyframe, header.len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::light::encoder::PictureEncoder;
    use crate::light::setup::{Layer, SourceSetup};
    use signal::message::Source;
    use wire::codec::Codec;

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
                    let marker = index + 1 == packets.len();
                    let packet = Packet { seq: self.seq, timestamp: self.timestamp, marker, codec: Codec::Vp8, payload: packet };
                    self.decoder.insert(self.now, &packet, &mut self.record);
                    self.decoder.advance(self.now, &mut self.record);
                }
                self.seq += 1;
            }
        }
    }

    fn camera(publisher: u32) -> PictureEncoder {
        PictureEncoder::new(Author { publisher, source: Source::Camera, layer: 0 }, Layer::single(), &SourceSetup::camera(Vec::new()), 1)
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

    /// Three temporal layers: T0 T2 T1 T2, over and over.
    fn layered(publisher: u32) -> PictureEncoder {
        let source = SourceSetup { temporal: 3, ..SourceSetup::camera(Vec::new()) };
        PictureEncoder::new(Author { publisher, source: Source::Camera, layer: 0 }, Layer::single(), &source, 1)
    }

    #[test]
    fn a_lost_picture_of_the_top_layer_is_skipped_with_what_rests_on_it_and_a_lost_base_needs_a_keyframe() {
        for (lost, decoded, keyframe) in [(5, 22, false), (4, 4, true)] {
            let (mut bench, mut camera) = (Bench::new(), layered(1));
            for number in 0..24 {
                bench.feed(&mut camera, |_| number != lost);
            }
            assert_eq!((bench.record.decoded_total(), bench.record.error_count), (decoded, 0), "{:?}", bench.record.errors);
            assert_eq!(bench.decoder.needs_keyframe(bench.now), keyframe);
        }
    }

    #[test]
    fn an_empty_number_in_place_of_a_picture_is_no_gap() {
        let (mut bench, mut camera) = (Bench::new(), layered(1));
        for _ in 0..12 {
            bench.feed(&mut camera, |_| true);
            bench.decoder.frames.insert_filler(bench.seq);
            bench.seq += 1;
        }
        assert_eq!((bench.record.decoded_total(), bench.record.skips, bench.record.error_count), (12, 0, 0));
        assert_eq!(bench.record.longest_freeze, Duration::from_millis(40));
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
            let (seq, timestamp) = (bench.seq, bench.timestamp);
            let packet = Packet { seq, timestamp, marker: false, codec: Codec::Vp8, payload: &packets[0] };
            bench.decoder.insert(bench.now, &packet, &mut bench.record);
            bench.seq += 1;
            bench.feed(&mut second, |_| true);
            assert_eq!((bench.record.broken_off, bench.record.error_count), (u64::from(keyframe), errors), "{:?}", bench.record.errors);
        }
    }

    #[test]
    fn pictures_of_others_are_decoded_by_their_descriptors_where_they_are_allowed_and_errors_where_not() {
        for allowed in [true, false] {
            let mut bench = Bench::new();
            bench.record.takes_foreign = allowed;
            for number in 0..10_u8 {
                bench.timestamp += 3_600;
                bench.now += Duration::from_millis(40);
                // S bit, picture id, and a frame with its tag and, in the first one, start code and size.
                let mut payload = vec![0x90, 0x80, number, u8::from(number > 0), 0, 0];
                payload.extend([0x9d, 0x01, 0x2a, 64, 0, 36, 0, 1, 2, 3]);
                let (seq, timestamp) = (bench.seq, bench.timestamp);
                let packet = Packet { seq, timestamp, marker: true, codec: Codec::Vp8, payload: &payload };
                bench.decoder.insert(bench.now, &packet, &mut bench.record);
                bench.decoder.advance(bench.now, &mut bench.record);
                bench.seq += 1;
            }
            let expected = if allowed { (10, 1, 0) } else { (0, 0, 10) };
            assert_eq!((bench.record.decoded_total(), bench.record.keyframes, bench.record.error_count), expected);
            assert_eq!(bench.decoder.needs_keyframe(bench.now + PATIENCE), !allowed);
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
