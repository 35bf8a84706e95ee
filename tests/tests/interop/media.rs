//! The media that is sent, made so that every byte that arrives can be checked: its content follows from who sends it and a counter.

use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use rtp::codec::vp8::Vp8Packet;
use rtp::packetizer::Depacketizer as _;

/// Time between two audio packets.
pub(crate) const AUDIO_EVERY: Duration = Duration::from_millis(20);
/// Time between two pictures.
pub(crate) const VIDEO_EVERY: Duration = Duration::from_millis(40);
/// RTP ticks of [`AUDIO_EVERY`] at 48 kHz.
pub(crate) const AUDIO_TICKS: u32 = 960;
/// RTP ticks of [`VIDEO_EVERY`] at 90 kHz.
pub(crate) const VIDEO_TICKS: u32 = 3_600;
/// Every so many pictures is a keyframe.
pub(crate) const KEYFRAME_EVERY: u32 = 25;
/// Bytes of a keyframe and of another picture: three packets and two.
const KEYFRAME: usize = 3_000;
const PICTURE: usize = 1_700;

/// An RTP packet as the stack gave it out.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) at: Instant,
    pub(crate) packet: rtp::Packet,
}

/// The `n`th audio packet's payload.
pub(crate) fn opus(who: u8, n: u32) -> Bytes {
    // RFC 6716 section 3.1: hybrid, fullband, 20 ms, mono, one frame.
    const TOC: u8 = 0x78;
    let mut payload = BytesMut::from(&[TOC, who][..]);
    payload.put_u32(n);
    fill(&mut payload, 80, who, n);
    payload.freeze()
}

/// The `n`th picture.
pub(crate) fn vp8(who: u8, n: u32) -> Bytes {
    let keyframe = n.is_multiple_of(KEYFRAME_EVERY);
    let mut frame = BytesMut::new();
    // RFC 6386 section 9.1: frame tag, then start code and size 320 x 240 in keyframes.
    frame.put_slice(&[0x10 | u8::from(!keyframe), 0, 0]);
    if keyframe {
        frame.put_slice(&[0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
    }
    frame.put_u8(who);
    frame.put_u32(n);
    fill(&mut frame, if keyframe { KEYFRAME } else { PICTURE }, who, n);
    frame.freeze()
}

fn fill(buffer: &mut BytesMut, length: usize, who: u8, n: u32) {
    while buffer.len() < length {
        buffer.put_u8((buffer.len() as u32).wrapping_mul(31).wrapping_add(n) as u8 ^ who);
    }
}

/// The packets of one stream in the order of their numbers. Panics when a number is missing, or came twice with different content.
pub(crate) fn in_order(packets: &[Arrived]) -> Vec<rtp::Packet> {
    let first = packets.first().expect("packets arrived").packet.header.sequence_number;
    let place = |packet: &rtp::Packet| packet.header.sequence_number.wrapping_sub(first) as i16;
    let mut ordered: Vec<_> = packets.iter().map(|arrived| arrived.packet.clone()).collect();
    ordered.sort_by_key(place);
    ordered.dedup_by(|later, earlier| {
        let again = place(later) == place(earlier);
        assert!(!again || later.payload == earlier.payload, "number {} came twice with different content", later.header.sequence_number);
        again
    });
    for pair in ordered.windows(2) {
        assert_eq!(place(&pair[1]), place(&pair[0]) + 1, "the numbering has a gap");
    }
    ordered
}

/// Whose audio a packet carries.
pub(crate) fn speaker(arrived: &Arrived) -> u8 {
    arrived.packet.payload[1]
}

/// Asserts that every packet is from this stream as negotiated.
pub(crate) fn assert_stream(packets: &[Arrived], ssrc: u32, payload_type: u8) {
    for header in packets.iter().map(|arrived| &arrived.packet.header) {
        assert_eq!((header.ssrc, header.payload_type), (ssrc, payload_type));
    }
}

/// Asserts that the packets are a gapless run of `who`'s audio, byte for byte. Gives the counters of first and last.
pub(crate) fn assert_opus(packets: &[Arrived], who: u8) -> (u32, u32) {
    let packets = in_order(packets);
    let mut counters = Vec::new();
    for packet in &packets {
        let n = u32::from_be_bytes(packet.payload[2..6].try_into().unwrap());
        assert_eq!(packet.payload, opus(who, n), "audio {n}");
        counters.push((n, packet.header.timestamp));
    }
    assert_steps(&counters, AUDIO_TICKS);
    (counters[0].0, counters[counters.len() - 1].0)
}

/// Asserts that the packets are a gapless run of `who`'s pictures from a keyframe on, byte for byte; the last may be on its way still.
/// Gives the counters of first and last.
pub(crate) fn assert_vp8(packets: &[Arrived], who: u8) -> (u32, u32) {
    let mut counters = Vec::new();
    let mut pictures = Vec::new();
    let mut frame = BytesMut::new();
    for packet in in_order(packets) {
        let mut descriptor = Vp8Packet::default();
        let content = descriptor.depacketize(&packet.payload).unwrap();
        let begins = descriptor.s == 1 && descriptor.pid == 0;
        assert_eq!(begins, frame.is_empty(), "a picture begins where the last one ended, at {:?}", packet.header);
        frame.put_slice(&content);
        if packet.header.marker {
            let frame = frame.split().freeze();
            let n = counter_of(&frame);
            assert_eq!(frame, vp8(who, n), "picture {n}");
            counters.push((n, packet.header.timestamp));
            pictures.push(descriptor.picture_id);
        }
    }
    assert_steps(&counters, VIDEO_TICKS);
    assert!(counters[0].0.is_multiple_of(KEYFRAME_EVERY), "the stream begins with a keyframe, not with picture {}", counters[0].0);
    for pair in pictures.windows(2) {
        assert_eq!(pair[1], (pair[0] + 1) & 0x7fff, "picture ids count");
    }
    (counters[0].0, counters[counters.len() - 1].0)
}

fn counter_of(frame: &[u8]) -> u32 {
    let keyframe = frame[0] & 1 == 0;
    let at = if keyframe { 11 } else { 4 };
    u32::from_be_bytes(frame[at..at + 4].try_into().unwrap())
}

/// Counters count by one, timestamps by `ticks`.
fn assert_steps(counters: &[(u32, u32)], ticks: u32) {
    for pair in counters.windows(2) {
        assert_eq!(pair[1].0, pair[0].0 + 1, "something that was sent did not arrive");
        assert_eq!(pair[1].1, pair[0].1.wrapping_add(ticks), "the clock of the stream runs evenly");
    }
}

/// The longest time in which nothing arrived.
pub(crate) fn longest_gap(packets: &[Arrived]) -> Duration {
    packets.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(sequence_number: u16, payload: Bytes) -> Arrived {
        let timestamp = u32::from(sequence_number.wrapping_sub(65_530)) * AUDIO_TICKS;
        let header = rtp::Header { sequence_number, timestamp, ..Default::default() };
        Arrived { at: Instant::now(), packet: rtp::Packet { header, payload } }
    }

    fn run(numbers: impl IntoIterator<Item = u16>) -> Vec<Arrived> {
        numbers.into_iter().map(|number| arrived(number, opus(1, u32::from(number.wrapping_sub(65_530))))).collect()
    }

    #[test]
    fn a_run_across_the_end_of_the_numbers_passes_in_any_order() {
        assert_eq!(assert_opus(&run([65_535, 65_534, 0, 1, 0, 2]), 1), (4, 8));
    }

    #[test]
    #[should_panic(expected = "gap")]
    fn a_missing_number_is_seen() {
        assert_opus(&run([5, 6, 8]), 1);
    }

    #[test]
    #[should_panic(expected = "did not arrive")]
    fn missing_content_under_gapless_numbers_is_seen() {
        let mut packets = run([5, 6]);
        packets[1].packet.payload = opus(1, 99);
        assert_opus(&packets, 1);
    }

    #[test]
    #[should_panic(expected = "audio")]
    fn a_changed_byte_is_seen() {
        assert_opus(&run([5]), 2);
    }
}
