//! A clip as one encoding of simulcast, over and over, packetised with the descriptors that browsers write.

use bytes::Bytes;
use media::CodecIn;
use rtp::packetizer::Payloader;
use wire::codec::Codec;
use wire::ids::{Rid, Ssrc};
use wire::rtp::{RtpFields, write_header};

use super::clip::{GROUP, Picture, SIZES};
use super::descriptor::{Part, descriptor};
use super::feed::{self, DESCRIPTOR_ID, Feed, PT, Packet};

/// Small, so that most pictures take several packets.
const MTU: usize = 300;
/// Room for a header with its extensions, bytes.
const HEADER_ROOM: usize = 64;
/// Header extensions of the publisher's leg.
pub(crate) const MID_ID: u8 = 9;
pub(crate) const RID_ID: u8 = 10;
/// The line's mid.
pub(crate) const MID: &str = "0";

/// One encoding.
pub(crate) struct Lane {
    codec: Codec,
    clip: Vec<Picture>,
    /// Picture of the clip that comes next.
    next: usize,
    size: (u16, u16),
    rid: Rid,
    ssrc: Ssrc,
    /// RTP timestamp of the first picture.
    timestamp: u32,
    sequence: u16,
    picture_id: u16,
    tl0: u8,
    /// The dependency descriptor's.
    frame: u16,
    payloader: Box<dyn Payloader>,
}

impl Lane {
    /// `index`: 0 is the lowest; everything wraps soon.
    pub(crate) fn new(codec: Codec, clip: Vec<Picture>, index: usize) -> Self {
        let payloader: Box<dyn Payloader> = match codec {
            Codec::H264 => Box::new(rtp::codec::h264::H264Payloader::default()),
            _ => Box::new(rtp::codec::av1::Av1Payloader::default()),
        };
        Self {
            codec,
            clip,
            next: 0,
            size: SIZES[index],
            rid: Rid::new(["l", "m", "h"][index]).expect("a letter is a rid"),
            ssrc: Ssrc(0x1000 + index as u32),
            timestamp: 0u32.wrapping_sub(900_000 * (index as u32 + 1)),
            sequence: 65_000 + 100 * index as u16,
            picture_id: 0x7fff - 70 * index as u16,
            tl0: 200 + index as u8,
            frame: 0xff00 + 50 * index as u16,
            payloader,
        }
    }

    fn payloads(&mut self, picture: &Picture) -> Vec<Vec<u8>> {
        match self.codec {
            Codec::Vp8 => self.with_descriptor(picture, vp8),
            Codec::Vp9 => self.with_descriptor(picture, vp9),
            _ => {
                let payloads = self.payloader.payload(MTU, &Bytes::copy_from_slice(&picture.data)).expect("an encoder's picture");
                payloads.into_iter().map(|payload| payload.to_vec()).collect()
            }
        }
    }

    fn with_descriptor(&self, picture: &Picture, write: impl Fn(&Lane, &Picture, bool, bool) -> Vec<u8>) -> Vec<Vec<u8>> {
        let count = picture.data.len().div_ceil(MTU);
        let part = |(nth, chunk): (usize, &[u8])| [&write(self, picture, nth == 0, nth + 1 == count), chunk].concat();
        picture.data.chunks(MTU).enumerate().map(part).collect()
    }
}

impl Feed for Lane {
    fn codec_in(&self) -> CodecIn {
        CodecIn { pt: PT, codec: self.codec, clock_rate: 90_000, rtx: None }
    }

    fn stream(&self) -> (Option<Rid>, Ssrc, u32) {
        (Some(self.rid), self.ssrc, self.timestamp)
    }

    fn layers(&self) -> (usize, usize) {
        (1, if matches!(self.codec, Codec::Vp8 | Codec::Vp9) { 3 } else { 1 })
    }

    fn ask(&mut self) {
        self.next = self.next.next_multiple_of(GROUP) % self.clip.len();
    }

    fn picture(&mut self, nth: usize) -> feed::Picture {
        let at = self.next;
        self.next = (at + 1) % self.clip.len();
        let picture = self.clip[at].clone();
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(u8::from(picture.temporal == 0));
        self.frame = self.frame.wrapping_add(1);
        let payloads = self.payloads(&picture);
        let count = payloads.len();
        let timestamp = self.timestamp.wrapping_add(3_000 * nth as u32);
        let packet = |(index, payload): (usize, Vec<u8>)| {
            let (first, last) = (index == 0, index + 1 == count);
            let fields = RtpFields { marker: last, payload_type: PT, sequence: self.sequence, timestamp, ssrc: self.ssrc };
            self.sequence = self.sequence.wrapping_add(1);
            let mut bytes = vec![0; HEADER_ROOM + payload.len()];
            let descriptor = descriptor(Part { first, last, key: picture.key, number: self.frame }, self.size);
            let exts = [(MID_ID, MID.as_bytes()), (RID_ID, self.rid.as_str().as_bytes()), (DESCRIPTOR_ID, &*descriptor)];
            let exts = if self.codec == Codec::Av1 { &exts[..] } else { &exts[..2] };
            let len = write_header(&mut bytes, &fields, exts).expect("it fits");
            bytes[len..len + payload.len()].copy_from_slice(&payload);
            bytes.truncate(len + payload.len());
            Packet { bytes, spatial: 0, first }
        };
        feed::Picture { at, key: picture.key, packets: payloads.into_iter().enumerate().map(packet).collect() }
    }
}

/// RFC 7741 section 4.2: X, S; I, L, T; 15 bits of picture id; TL0PICIDX; TID and Y.
fn vp8(lane: &Lane, picture: &Picture, first: bool, _last: bool) -> Vec<u8> {
    let [high, low] = lane.picture_id.to_be_bytes();
    let sync = u8::from(picture.sync && picture.temporal > 0) << 5;
    vec![0x80 | u8::from(first) << 4, 0xe0, 0x80 | high, low, lane.tl0, picture.temporal << 6 | sync]
}

/// RFC 9628 section 4.2, not flexible: I, P, L, B, E; 15 bits of picture id; TID, U; TL0PICIDX; on keyframes the structure with its size.
fn vp9(lane: &Lane, picture: &Picture, first: bool, last: bool) -> Vec<u8> {
    let [high, low] = lane.picture_id.to_be_bytes();
    let structure = picture.key && first;
    let flags = 0xa0 | u8::from(!picture.key) << 6 | u8::from(first) << 3 | u8::from(last) << 2 | u8::from(structure) << 1;
    let mut descriptor = vec![flags, 0x80 | high, low, picture.temporal << 5 | u8::from(picture.sync) << 4, lane.tl0];
    if structure {
        // N_S = 0, Y = 1, G = 1: one spatial layer, its size, and the group of four pictures with what each refers to.
        let (width, height) = lane.size;
        descriptor.push(0x18);
        descriptor.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        descriptor.push(4);
        descriptor.extend([0x14, 4, 0x54, 1, 0x34, 2, 0x44, 1]);
    }
    descriptor
}
