//! A camera in three encodings and a microphone, as a browser sends them: equal packets, the last ones one byte longer.

use std::time::Duration;

use wire::ids::Ssrc;
use wire::rtp::{RtpFields, write_header};

use crate::person::{OPUS, VP8, microphone};

/// 30 pictures and 50 sounds a second.
pub const FRAME: Duration = Duration::from_micros(33_333);
/// See [`FRAME`].
pub const SOUND: Duration = Duration::from_millis(20);

/// An encoding: its rid, width, height, and bytes of a frame. 150, 500 and 1,500 kbit/s.
type Encoding = (&'static [u8], u16, u16, usize);
const ENCODINGS: [Encoding; 3] = [(b"l", 320, 180, 625), (b"m", 640, 360, 2_083), (b"h", 1_280, 720, 6_250)];

/// Rids in the order of the offer: the best first.
pub const RIDS: [&str; 3] = ["h", "m", "l"];

/// Most bytes of a frame in a packet, as libwebrtc leaves them of 1,200.
const MOST: usize = 1_160;

/// A keyframe comes so often: nobody here hears requests.
const KEYFRAMES: u32 = 30;

/// Somebody's camera.
pub struct Camera {
    number: u16,
    frame: u32,
    sequence: [u16; 3],
    transport: u16,
    state: u64,
}

impl Camera {
    /// The camera of person `number`.
    #[must_use]
    pub fn new(number: u16) -> Self {
        Self { number, frame: u32::from(number), sequence: [0; 3], transport: 0, state: u64::from(number) }
    }

    /// All packets of the next frame, the lowest encoding first, in clear.
    pub fn frame(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // From 80 to 120 % of the mean.
        let percent = 80 + (self.state >> 33) as usize % 41;
        for (index, (_, _, _, bytes)) in ENCODINGS.iter().enumerate() {
            let bytes = bytes * percent / 100;
            let count = bytes.div_ceil(MOST);
            for part in 0..count {
                let longer = usize::from(part >= count - bytes % count);
                packets.push(self.packet(index, part == 0, part + 1 == count, bytes / count + longer));
            }
        }
        self.frame += 1;
        packets
    }

    fn packet(&mut self, index: usize, first: bool, last: bool, payload: usize) -> Vec<u8> {
        let (rid, width, height, _) = ENCODINGS[index];
        let fields = RtpFields {
            marker: last,
            payload_type: VP8,
            sequence: self.sequence[index],
            timestamp: self.frame.wrapping_mul(3_000),
            ssrc: Ssrc(10_000 + u32::from(self.number) * 4 + index as u32),
        };
        let mut packet = vec![0; 1_500];
        let transport = self.transport.to_be_bytes();
        let header = write_header(&mut packet, &fields, &[(3, &transport), (4, b"0"), (5, rid)]).expect("fits");
        let [high, low] = (self.frame as u16 | 0x8000).to_be_bytes();
        // X and S bits, I bit, picture id (RFC 7741 section 4.2).
        packet[header..header + 4].copy_from_slice(&[0x80 | u8::from(first) << 4, 0x80, high, low]);
        if first {
            // Frame tag, start code and size of a keyframe; an interframe has its lowest bit set (RFC 6386 section 9.1).
            let keyframe = self.frame.is_multiple_of(KEYFRAMES);
            let [[w1, w2], [h1, h2]] = [width.to_le_bytes(), height.to_le_bytes()];
            packet[header + 4..header + 14].copy_from_slice(&[u8::from(!keyframe), 0, 0, 0x9d, 0x01, 0x2a, w1, w2, h1, h2]);
        }
        packet.truncate(header + payload);
        self.sequence[index] = self.sequence[index].wrapping_add(1);
        self.transport = self.transport.wrapping_add(1);
        packet
    }
}

/// Somebody's microphone.
pub struct Microphone {
    number: u16,
    sounds: u32,
}

impl Microphone {
    /// The microphone of person `number`.
    #[must_use]
    pub fn new(number: u16) -> Self {
        Self { number, sounds: 0 }
    }

    /// The next 20 ms, in clear; everybody speaks equally loud.
    pub fn sound(&mut self) -> Vec<u8> {
        let fields = RtpFields {
            marker: self.sounds == 0,
            payload_type: OPUS,
            sequence: self.sounds as u16,
            timestamp: self.sounds.wrapping_mul(960),
            ssrc: microphone(self.number),
        };
        let mut packet = vec![0; 200];
        let header = write_header(&mut packet, &fields, &[(1, &[0x80 | 30]), (4, b"1")]).expect("fits");
        packet.truncate(header + 80);
        self.sounds += 1;
        packet
    }
}
