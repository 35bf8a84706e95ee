//! An endless stream of one codec in clear, as a browser sends it: frames of five packets of about 1,200 bytes, 30 a second, the
//! first of them a keyframe as nobody asks for another; sound of 80 bytes each 20 ms.

use std::time::Duration;

use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::Ssrc;
use wire::rtp::{RtpFields, write_header};

/// Payload bytes of a packet of video, and of sound.
const VIDEO: usize = 1_160;
const SOUND: usize = 80;
/// Packets of a frame.
const FRAME: u64 = 5;

/// Payload type of every stream.
pub(super) const PT: u8 = 96;
/// SSRC of every stream.
pub(super) const SSRC: Ssrc = Ssrc(77);

pub(super) struct Traffic {
    codec: Codec,
    index: u64,
}

impl Traffic {
    pub(super) fn new(codec: Codec) -> Self {
        Self { codec, index: 0 }
    }

    /// The numbers of header extensions.
    pub(super) fn exts() -> ExtMap {
        let mut exts = ExtMap::new();
        for (id, ext) in [(1, Ext::AudioLevel), (3, Ext::TransportCc), (4, Ext::Mid), (6, Ext::DependencyDescriptor)] {
            exts.insert(id, ext).expect("ids are free");
        }
        exts
    }

    pub(super) fn is_audio(&self) -> bool {
        self.codec == Codec::Opus
    }

    pub(super) fn clock_rate(&self) -> u32 {
        if self.is_audio() { 48_000 } else { 90_000 }
    }

    /// From one packet to the next.
    pub(super) fn spacing(&self) -> Duration {
        if self.is_audio() { Duration::from_millis(20) } else { Duration::from_micros(6_667) }
    }

    /// The next packet.
    pub(super) fn packet(&mut self) -> Vec<u8> {
        let (frame, part) = if self.is_audio() { (self.index, 0) } else { (self.index / FRAME, self.index % FRAME) };
        let (first, last) = (part == 0, self.is_audio() || part == FRAME - 1);
        let keyframe = frame == 0;
        let ticks = if self.is_audio() { 960 } else { 3_000 };
        let fields = RtpFields {
            marker: last && !self.is_audio(),
            payload_type: PT,
            sequence: self.index as u16,
            timestamp: frame.wrapping_mul(ticks) as u32,
            ssrc: SSRC,
        };
        let transport = (self.index as u16).to_be_bytes();
        let descriptor = descriptor(frame as u16, first, last, keyframe);
        let mut exts: Vec<(u8, &[u8])> = vec![(3, &transport), (4, b"0")];
        match self.codec {
            Codec::Opus => exts.push((1, &[0x80 | 30])),
            Codec::Av1 => exts.push((6, &descriptor)),
            _ => {}
        }
        let mut packet = vec![0; 1_400];
        let header = write_header(&mut packet, &fields, &exts).expect("fits");
        let head = self.payload_head(frame as u16, first, last, keyframe);
        packet[header..header + head.len()].copy_from_slice(&head);
        packet.truncate(header + if self.is_audio() { SOUND } else { VIDEO });
        self.index += 1;
        packet
    }

    fn payload_head(&self, frame: u16, first: bool, last: bool, keyframe: bool) -> Vec<u8> {
        let [high, low] = (frame | 0x8000).to_be_bytes();
        let tl0 = frame as u8;
        match self.codec {
            Codec::Opus | Codec::Red => vec![0x78],
            // X and S; I, L, T and K bits (RFC 7741 section 4.2); the lowest bit of the frame tag is 0 for a keyframe.
            Codec::Vp8 => vec![0x80 | u8::from(first) << 4, 0xf0, high, low, tl0, 0x20, u8::from(!keyframe)],
            // I, P, L, B and E; picture id; layers; TL0PICIDX (RFC 9628 section 4.2).
            Codec::Vp9 => {
                let flags = 0xa0 | u8::from(!keyframe) << 6 | u8::from(first) << 3 | u8::from(last) << 2;
                vec![flags, high, low, 0, tl0, 0xaa]
            }
            // FU-A with S and E, of an IDR picture or another (RFC 6184 section 5.8).
            Codec::H264 => vec![0x7c, u8::from(first) << 7 | u8::from(last) << 6 | if keyframe { 5 } else { 1 }, 0x88],
            // Z, Y, W = 1 and N; then an OBU header: sequence header, or frame.
            Codec::Av1 => {
                let aggregation = u8::from(!first) << 7 | u8::from(!last) << 6 | 0x10 | u8::from(first && keyframe) << 3;
                vec![aggregation, if keyframe { 1 << 3 } else { 6 << 3 }]
            }
        }
    }
}

/// A dependency descriptor of one layer; with the first packet of a keyframe the structure comes: two templates (nothing before, the
/// frame before), one decode target, no chains, no resolutions.
fn descriptor(number: u16, first: bool, last: bool, keyframe: bool) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(u64::from(first), 1);
    bits.put(u64::from(last), 1);
    bits.put(u64::from(!keyframe), 6);
    bits.put(u64::from(number), 16);
    if first && keyframe {
        // Structure present and no custom fields; offset and count of targets; two templates on one layer; "switch" twice; no
        // difference, a difference of one; no chains; no resolutions.
        for (value, count) in [(0b10000, 5), (0, 6), (0, 5), (0b0011, 4), (0b1010, 4), (0b010_0000, 7), (0, 1), (0, 1)] {
            bits.put(value, count);
        }
    }
    bits.bytes
}

/// Writes bits, the highest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, value: u64, count: usize) {
        for bit in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let at = self.used / 8;
            self.bytes[at] |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
    }
}
