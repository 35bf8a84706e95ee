//! Makes the pictures of a scalable camera: for each spatial layer a frame whose content is the [`pattern`](super::pattern), all in one
//! stream. The layer is the author's.

use std::time::Duration;

use bytes::Bytes;

use super::pattern::{self, Author, CELL, Stamp};
use super::setup::{Layer, Scalable, SourceSetup};
use super::sizes::Sizes;
use super::structure::Structure;
use super::vp9::{LayerFrame, Packetizer};

/// What the first picture's numbers are: soon behind 15 bits, and soon behind 8.
const FIRST_NUMBERS: (u16, u8) = (0x7f00, 250);

/// Makes the pictures of one stream.
#[derive(Debug)]
pub(super) struct ScalableEncoder {
    /// Lowest first.
    layers: Vec<SpatialLayer>,
    fps: u32,
    frame: u32,
    keyframe_wanted: bool,
    scalable: Scalable,
    structure: Structure,
    packetizer: Packetizer,
}

#[derive(Debug)]
struct SpatialLayer {
    author: Author,
    layer: Layer,
    /// The rate it has to keep, bit/s; its own unless somebody wants less.
    rate: u32,
    sizes: Sizes,
}

impl ScalableEncoder {
    pub(super) fn new(author: Author, scalable: Scalable, source: &SourceSetup) -> Self {
        let layer = |(spatial, layer): (usize, &Layer)| {
            let author = Author { layer: spatial as u8, ..author };
            let seed = u64::from(author.publisher) << 16 | u64::from(author.layer) << 8 | source.source as u64;
            SpatialLayer { author, layer: *layer, rate: layer.bitrate, sizes: Sizes::new(source.motion, None, seed) }
        };
        let layers: Vec<SpatialLayer> = source.layers.iter().rev().enumerate().map(layer).collect();
        let structure = Structure::of_vp9(source.temporal);
        let sizes = layers.iter().map(|spatial| (spatial.layer.width, spatial.layer.height)).collect();
        let packetizer = Packetizer::new(FIRST_NUMBERS, sizes, structure.pattern());
        Self { layers, fps: source.fps.max(1), frame: 0, keyframe_wanted: true, scalable, structure, packetizer }
    }

    /// The next picture will stand alone.
    pub(super) fn want_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// From here on it is another encoder: it knows no pictures, and has numbers of its own.
    pub(super) fn restart(&mut self) {
        self.packetizer.restart();
        self.keyframe_wanted = true;
    }

    /// Not more than this from now on, bit/s, all layers together: the lowest are the cheapest to keep whole.
    pub(super) fn set_limit(&mut self, limit: u32) {
        let mut left = limit;
        for spatial in &mut self.layers {
            spatial.rate = spatial.layer.bitrate.min(left);
            left -= spatial.rate;
        }
    }

    /// The next picture, cut into RTP payloads.
    pub(super) fn encode(&mut self, captured: Duration) -> Vec<Bytes> {
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        let place = self.structure.advance(keyframe);
        let mut frames = Vec::with_capacity(self.layers.len());
        for spatial in &mut self.layers {
            let below = spatial.author.layer > 0 && (keyframe || self.scalable == Scalable::Full);
            let alone = Stamp::alone(spatial.author, self.frame, captured);
            let stamp = Stamp { temporal: place.temporal, needs: place.needs, below, ..alone };
            let usual = f64::from(spatial.rate) / 8.0 / f64::from(self.fps);
            let size = spatial.sizes.next(captured, keyframe, usual, place.weight);
            let mut bytes = Vec::with_capacity(size + CELL);
            pattern::write(&mut bytes, &stamp, (size / CELL).clamp(2, usize::from(u16::MAX)) as u16);
            frames.push(LayerFrame { bytes, below });
        }
        self.frame = self.frame.wrapping_add(1);
        self.packetizer.cut(&frames, &place, keyframe)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use signal::message::Source;
    use wire::codec::{Codec, vp9};

    use super::*;
    use crate::light::decoder::{Decoder, PATIENCE};
    use crate::light::reassembly::Packet;
    use crate::light::record::SlotRecord;

    /// A scalable camera and a viewer of it, with a relay between them that leaves out layers.
    struct Bench {
        camera: ScalableEncoder,
        now: Instant,
        seq: u64,
        timestamp: u32,
        decoder: Decoder,
        record: SlotRecord,
        /// The marker is on the lowest layer's last packet as well.
        early_marker: bool,
    }

    const WHOLE: (u8, u8) = (2, 2);

    impl Bench {
        fn new(scalable: Scalable, temporal: u8) -> Self {
            let author = Author { publisher: 1, source: Source::Camera, layer: 0 };
            let camera = ScalableEncoder::new(author, scalable, &SourceSetup::scalable(scalable, temporal));
            let (decoder, record) = (Decoder::default(), SlotRecord::default());
            Self { camera, now: Instant::now(), seq: 65_536, timestamp: 90_000, decoder, record, early_marker: false }
        }

        /// Sends the camera's next picture up to these layers; `arrives` says which of its packets do. The marker is on the last.
        fn send(&mut self, (spatial, temporal): (u8, u8), arrives: impl Fn(&vp9::Descriptor) -> bool) {
            self.send_changed((spatial, temporal), arrives, |_, _| {});
        }

        fn send_changed(
            &mut self,
            (spatial, temporal): (u8, u8),
            arrives: impl Fn(&vp9::Descriptor) -> bool,
            change: impl Fn(&vp9::Descriptor, &mut [u8]),
        ) {
            self.now += Duration::from_millis(33);
            self.timestamp += 3_000;
            let read = |payload: Bytes| (vp9::Descriptor::parse(&payload).expect("a descriptor"), payload);
            let goes_on = |(read, _): &(vp9::Descriptor, Bytes)| read.sid <= spatial && read.tid <= temporal;
            let packets: Vec<_> = self.camera.encode(Duration::ZERO).into_iter().map(read).filter(goes_on).collect();
            for (index, (read, payload)) in packets.iter().enumerate() {
                if arrives(read) {
                    let mut payload = payload.to_vec();
                    change(read, &mut payload);
                    let marker = index + 1 == packets.len() || (self.early_marker && read.sid == 0 && read.ends_frame);
                    let (seq, timestamp) = (self.seq, self.timestamp);
                    let packet = Packet { seq, timestamp, marker, codec: Codec::Vp9, payload: &payload };
                    self.decoder.insert(self.now, &packet, &mut self.record);
                    self.decoder.advance(self.now, &mut self.record);
                }
                self.seq += 1;
            }
        }

        fn lines(&self) -> Option<u16> {
            self.record.size.map(|size| size.1)
        }

        fn decoded(&self) -> (u64, u64) {
            assert!(self.record.errors.is_empty(), "{:?}", self.record.errors);
            (self.record.decoded_total(), self.record.keyframes)
        }
    }

    const ALL: [(Scalable, u8); 4] = [(Scalable::Full, 1), (Scalable::Full, 3), (Scalable::Key, 1), (Scalable::Key, 3)];

    #[test]
    fn whole_pictures_are_decoded_past_the_end_of_their_numbers() {
        for (scalable, temporal) in ALL {
            let mut bench = Bench::new(scalable, temporal);
            (0..600).for_each(|_| bench.send(WHOLE, |_| true));
            assert_eq!((bench.decoded(), bench.lines(), bench.record.skips), ((600, 1), Some(720), 0), "{scalable:?} {temporal}");
        }
    }

    #[test]
    fn layers_may_end_at_any_picture_and_begin_again_at_a_keyframe() {
        for (scalable, temporal) in ALL {
            let mut bench = Bench::new(scalable, temporal);
            for (spatial, lines) in [(2, 720), (1, 360), (0, 180), (2, 720)] {
                if lines == 720 {
                    bench.camera.want_keyframe();
                }
                (0..21).for_each(|_| bench.send((spatial, 2), |_| true));
                assert_eq!(bench.lines(), Some(lines), "{scalable:?} {temporal}");
            }
            assert_eq!((bench.decoded(), bench.record.skips, bench.record.changes), ((84, 2), 0, 3), "{:?}", bench.record.shown);
        }
    }

    #[test]
    fn a_layer_that_begins_again_without_a_keyframe_waits_for_one_and_shows_garbage_where_it_claims_to_stand_alone() {
        for (scalable, claims) in ALL.map(|(scalable, _)| scalable).into_iter().zip([false, true, false, true]) {
            let mut bench = Bench::new(scalable, 3);
            (0..8).for_each(|_| bench.send(WHOLE, |_| true));
            (0..8).for_each(|_| bench.send((1, 2), |_| true));
            let claim = |read: &vp9::Descriptor, payload: &mut [u8]| payload[0] &= if claims && read.sid == 2 { !0x40 } else { !0 };
            bench.send_changed(WHOLE, |_| true, claim);
            assert_eq!((bench.record.decoded_total(), bench.record.error_count), (16, u64::from(claims)), "{:?}", bench.record.errors);
            assert!(bench.decoder.needs_keyframe(bench.now + PATIENCE));
        }
    }

    #[test]
    fn pictures_of_higher_temporal_layers_leave_no_gap() {
        for (temporal, shown) in [(0, 10), (1, 20), (2, 40)] {
            for scalable in [Scalable::Full, Scalable::Key] {
                let mut bench = Bench::new(scalable, 3);
                (0..40).for_each(|_| bench.send((2, temporal), |_| true));
                assert_eq!((bench.decoded(), bench.record.skips), ((shown, 1), 0), "{scalable:?}");
            }
        }
    }

    /// RFC 9628 section 4.1: the marker is on the last packet of a picture. Elsewhere it shows as such, and nothing more is harmed.
    #[test]
    fn a_picture_that_goes_on_behind_its_marker_is_noticed() {
        let mut bench = Bench::new(Scalable::Full, 3);
        for number in 0..8 {
            bench.early_marker = number == 4;
            bench.send(WHOLE, |_| true);
        }
        assert_eq!((bench.decoded(), bench.lines(), bench.record.resumed), ((9, 1), Some(720), 1));
    }

    /// A picture with a hole in any layer is not shown; whether the next can be depends on whether it refers to that one.
    #[test]
    fn a_lost_picture_of_the_top_layer_is_skipped_and_a_lost_base_needs_a_keyframe() {
        for (lost, decoded, keyframe) in [(5, 23, false), (6, 22, false), (4, 4, true)] {
            for layer in 0..3 {
                let mut bench = Bench::new(Scalable::Key, 3);
                for number in 0..24 {
                    bench.send(WHOLE, |read| number != lost || read.sid != layer);
                }
                assert_eq!(bench.decoded(), (decoded, 1), "picture {lost}, layer {layer}");
                assert_eq!(bench.decoder.needs_keyframe(bench.now), keyframe);
            }
        }
    }

    #[test]
    fn another_encoder_begins_with_numbers_of_its_own() {
        let mut bench = Bench::new(Scalable::Full, 3);
        for _ in 0..5 {
            (0..30).for_each(|_| bench.send(WHOLE, |_| true));
            bench.camera.restart();
            // No relay between: its numbers jump, and a packet in between is missing.
            bench.seq += 1;
            bench.now += Duration::from_millis(200);
        }
        assert_eq!((bench.decoded(), bench.record.skips), ((150, 5), 4));
    }

    #[test]
    fn a_limit_is_kept_by_the_upper_layers() {
        let mut bench = Bench::new(Scalable::Full, 1);
        bench.camera.set_limit(500_000);
        assert_eq!(bench.camera.layers.iter().map(|layer| layer.rate).collect::<Vec<_>>(), [150_000, 350_000, 0]);
        bench.camera.set_limit(u32::MAX);
        assert_eq!(bench.camera.layers.iter().map(|layer| layer.rate).sum::<u32>(), 2_150_000);
    }
}
