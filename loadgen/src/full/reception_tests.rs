//! Streams with losses, layers and silences, and what a receiver makes of them.

use super::*;

/// A stream and who receives it.
struct Bench {
    now: Instant,
    sequence: u16,
    timestamp: u32,
    reception: Reception,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let reception = Reception::new(now, Kind::Video, now..now + Duration::from_secs(3_600));
        Self { now, sequence: 65_530, timestamp: 0, reception }
    }

    /// A frame of three packets, of which those at `lost` do not come; `layer` as in [`Head::layer`].
    fn frame(&mut self, keyframe: bool, layer: Option<(u8, u8, bool)>, lost: &[usize]) -> Vec<(Header, Bytes)> {
        self.now += Duration::from_millis(40);
        self.timestamp = self.timestamp.wrapping_add(3_600);
        let mut kept = Vec::new();
        for index in 0..3 {
            let mut payload = vec![0x80 | if index == 0 { 0x10 } else { 0 }, 0, 9, 9];
            if let Some((base, temporal, sync)) = layer {
                payload.splice(1..2, [0x60, base, temporal << 6 | u8::from(sync) << 5]);
            }
            payload.extend([u8::from(!keyframe), 0, 0, 7]);
            if layer.is_none() {
                payload.drain(2..4);
            } else {
                payload.drain(4..6);
            }
            let header = Header { sequence_number: self.sequence, timestamp: self.timestamp, marker: index == 2, ..Header::default() };
            self.sequence = self.sequence.wrapping_add(1);
            if lost.contains(&index) {
                kept.push((header, Bytes::from(payload)));
            } else {
                self.reception.packet(self.now, &header, &Bytes::from(payload), Codec::Vp8);
            }
        }
        kept
    }

    fn later(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.reception.advance(self.now);
    }

    fn figures(&self) -> (u64, u64, u64) {
        let Received { pictures, incomplete, freezes, .. } = self.reception.received;
        (pictures, incomplete, freezes)
    }
}

#[test]
fn whole_pictures_are_counted_and_nobody_asks_for_a_keyframe() {
    let mut bench = Bench::new();
    (0..50).for_each(|number| drop(bench.frame(number == 0, None, &[])));
    assert_eq!(bench.figures(), (50, 0, 0));
    assert_eq!((bench.reception.received.packets, bench.reception.received.expected), (150, 150));
    assert!(!bench.reception.wants_keyframe(bench.now));
}

#[test]
fn a_retransmission_in_time_saves_the_picture_and_a_twin_is_not_counted() {
    let mut bench = Bench::new();
    bench.frame(true, None, &[]);
    let lost = bench.frame(false, None, &[1]);
    bench.frame(false, None, &[]);
    assert_eq!(bench.figures(), (1, 0, 0));
    for _ in 0..2 {
        lost.iter().for_each(|(header, payload)| bench.reception.packet(bench.now, header, payload, Codec::Vp8));
    }
    assert_eq!(bench.figures(), (3, 0, 0));
    assert_eq!((bench.reception.received.packets, bench.reception.received.expected), (9, 9));
}

#[test]
fn a_packet_that_never_comes_breaks_the_picture_until_a_keyframe() {
    let mut bench = Bench::new();
    bench.frame(true, None, &[]);
    bench.frame(false, None, &[2]);
    (0..5).for_each(|_| drop(bench.frame(false, None, &[])));
    assert!(bench.reception.wants_keyframe(bench.now), "a picture could not be completed");
    assert!(!bench.reception.wants_keyframe(bench.now), "once in a while");
    assert_eq!((bench.reception.received.packets, bench.reception.received.expected), (20, 21));
    bench.frame(true, None, &[]);
    let (pictures, incomplete, freezes) = bench.figures();
    assert_eq!((pictures, freezes), (2, 1), "{incomplete} incomplete");
    bench.later(1_000);
    assert!(!bench.reception.wants_keyframe(bench.now));
}

#[test]
fn a_stream_that_begins_without_a_keyframe_asks_for_one() {
    let mut bench = Bench::new();
    bench.frame(false, None, &[]);
    bench.later(200);
    assert!(bench.reception.wants_keyframe(bench.now));
    assert_eq!(bench.figures().0, 0);
}

#[test]
fn a_lost_picture_of_a_higher_layer_harms_those_above_only_and_a_lost_base_all() {
    for (lost, expected) in [(1, 11), (4, 4)] {
        let mut bench = Bench::new();
        for number in 0..12_usize {
            let temporal = [0, 2, 1, 2][number % 4];
            let layer = Some((number as u8 / 4, temporal, number % 4 == 2));
            bench.frame(number == 0, layer, if number == lost { &[0, 1, 2] } else { &[] });
        }
        bench.later(200);
        assert_eq!(bench.figures().0, expected, "without picture {lost}");
        assert_eq!(bench.reception.wants_keyframe(bench.now), lost == 4);
    }
}

#[test]
fn a_standstill_is_a_freeze_unless_somebody_else_came() {
    let mut bench = Bench::new();
    bench.frame(true, None, &[]);
    bench.later(300);
    bench.frame(false, None, &[]);
    assert_eq!(bench.figures().2, 1);
    bench.later(600);
    bench.frame(true, None, &[]);
    assert_eq!(bench.figures().2, 2);
    bench.reception.expect_nothing(bench.now);
    assert_eq!(bench.figures().2, 1, "the message about it came behind the picture");
    bench.later(700);
    bench.frame(true, None, &[]);
    assert_eq!(bench.figures().2, 1);
    bench.later(500);
    bench.reception.end(bench.now);
    assert_eq!(bench.figures().2, 2, "it stands still at the end");
}

#[test]
fn the_parts_of_an_h264_picture_are_told_apart() {
    let head = |bytes: &[u8]| read(Codec::H264, &Bytes::copy_from_slice(bytes)).expect("a packet");
    let of = |bytes: &[u8]| (head(bytes).begins, head(bytes).keyframe);
    assert_eq!(of(&[24, 0, 2, 0x67, 1, 0, 2, 0x68, 1]), (true, true), "parameter sets together");
    assert_eq!(of(&[0x7c, 0x85, 1, 2]), (true, true), "the first part of an IDR slice");
    assert_eq!(of(&[0x7c, 0x05, 1, 2]), (false, false), "another part");
    assert_eq!(of(&[0x41, 0x9a, 1]), (true, false), "a whole slice");
    assert!(head(&[]).empty);
}
