//! Test traffic: publishers that packetise frames with `rtp`, announce them like browsers do, and answer NACK and PLI.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, dead_code, unreachable_pub, missing_docs)]

pub mod bits;
pub mod layered;
pub mod leg;
pub mod viewer;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{CodecIn, MediaKind, PublishConfig};
use rtp::packetizer::Payloader;
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::{Mid, Rid, Ssrc};
use wire::ntp::Ntp;
use wire::rtp::{RtpFields, write_header};

/// A small generator of the xorshift kind; the same seed, the same run.
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// Virtual time: milliseconds since an arbitrary beginning.
#[derive(Clone, Copy)]
pub struct Time {
    base: Instant,
}

pub const NTP_BASE: Ntp = Ntp(0xea00_0000_0000_0000);

impl Time {
    pub fn new() -> Self {
        Self { base: Instant::now() }
    }

    pub fn at(&self, ms: u64) -> Instant {
        self.base + Duration::from_millis(ms)
    }

    pub fn ntp(&self, ms: u64) -> Ntp {
        NTP_BASE.plus(Duration::from_millis(ms))
    }
}

pub fn ext_map(ids: &[(Ext, u8)]) -> ExtMap {
    let mut map = ExtMap::new();
    for &(ext, id) in ids {
        map.insert(id, ext).unwrap();
    }
    map
}

/// Ids of the publishers' legs.
pub fn publisher_exts() -> ExtMap {
    ext_map(&[
        (Ext::Mid, 1),
        (Ext::Rid, 2),
        (Ext::RepairedRid, 3),
        (Ext::TransportCc, 4),
        (Ext::AudioLevel, 5),
        (Ext::DependencyDescriptor, 6),
        (Ext::AbsCaptureTime, 9),
    ])
}

/// Payload type of VP8 on the viewer's leg.
pub const VP8_OUT: u8 = 100;

/// How a lane writes its payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    Opus,
    /// VP8 with picture id, TL0PICIDX, TID and KEYIDX as browsers write it.
    Vp8 {
        long_id: bool,
    },
    /// VP8 as `rtp` packetises it: the id changes its width.
    Vp8Mixed,
    H264,
    Vp9,
    Av1,
}

impl Style {
    pub fn codec(self) -> Codec {
        match self {
            Self::Opus => Codec::Opus,
            Self::Vp8 { .. } | Self::Vp8Mixed => Codec::Vp8,
            Self::H264 => Codec::H264,
            Self::Vp9 => Codec::Vp9,
            Self::Av1 => Codec::Av1,
        }
    }

    pub fn kind(self) -> MediaKind {
        if self == Self::Opus { MediaKind::Audio } else { MediaKind::Video }
    }

    pub fn rate(self) -> u32 {
        if self == Self::Opus { 48_000 } else { 90_000 }
    }
}

/// One layer of a publisher.
pub struct Lane {
    pub style: Style,
    pub ssrc: Ssrc,
    pub rtx: Ssrc,
    pub pt: u8,
    pub rtx_pt: u8,
    pub mid: Mid,
    pub rid: Option<Rid>,
    pub seq: u16,
    pub rtx_seq: u16,
    /// RTP timestamp at time 0.
    pub timestamp: u32,
    pub wants_key: bool,
    /// Bytes per frame.
    pub size: usize,
    pub picture_id: u16,
    tl0: u8,
    frame: u16,
    payloader: Box<dyn Payloader>,
    /// Sent packets by sequence number, for retransmission.
    pub sent: BTreeMap<u16, Vec<u8>>,
    /// Frame numbers by RTP timestamp.
    pub pictures: BTreeMap<u32, u16>,
}

const HEADER_ROOM: usize = 64;

impl Lane {
    pub fn new(style: Style, ssrc: u32, pt: u8, mid: &str, rid: Option<&str>, rng: &mut Rng) -> Self {
        let payloader: Box<dyn Payloader> = match style {
            Style::Opus => Box::new(rtp::codec::opus::OpusPayloader),
            Style::Vp8 { .. } | Style::Vp8Mixed => {
                let mut payloader = rtp::codec::vp8::Vp8Payloader::default();
                payloader.enable_picture_id = true;
                Box::new(payloader)
            }
            Style::H264 => Box::new(rtp::codec::h264::H264Payloader::default()),
            Style::Vp9 => Box::new(rtp::codec::vp9::Vp9Payloader::default()),
            Style::Av1 => Box::new(rtp::codec::av1::Av1Payloader::default()),
        };
        Self {
            style,
            ssrc: Ssrc(ssrc),
            rtx: Ssrc(ssrc + 1),
            pt,
            rtx_pt: pt + 1,
            mid: Mid::new(mid).unwrap(),
            rid: rid.map(|rid| Rid::new(rid).unwrap()),
            // Both wrap soon.
            seq: (65_536 - 1 - rng.below(300)) as u16,
            rtx_seq: rng.next() as u16,
            timestamp: 0u32.wrapping_sub(rng.below(900_000) as u32),
            wants_key: true,
            size: 2500,
            picture_id: 0x7fff - rng.below(100) as u16,
            tl0: rng.next() as u8,
            frame: rng.next() as u16,
            payloader,
            sent: BTreeMap::new(),
            pictures: BTreeMap::new(),
        }
    }

    pub fn codec_in(&self) -> CodecIn {
        CodecIn { pt: self.pt, codec: self.style.codec(), clock_rate: self.style.rate(), rtx: Some(self.rtx_pt) }
    }

    pub fn rtp_time(&self, ms: u64) -> u32 {
        self.timestamp.wrapping_add((ms * u64::from(self.style.rate()) / 1000) as u32)
    }

    /// The packets of one frame captured at `ms`.
    pub fn frame(&mut self, ms: u64, rng: &mut Rng, twcc: &mut u16) -> Vec<Vec<u8>> {
        let key = std::mem::take(&mut self.wants_key);
        let payloads = self.payloads(key, rng);
        let count = payloads.len();
        let mut packets = Vec::new();
        self.pictures.insert(self.rtp_time(ms), self.picture_id);
        for (nth, payload) in payloads.into_iter().enumerate() {
            let fields = RtpFields {
                marker: self.style.kind() == MediaKind::Video && nth + 1 == count,
                payload_type: self.pt,
                sequence: self.seq,
                timestamp: self.rtp_time(ms),
                ssrc: self.ssrc,
            };
            let packet = self.packet(&fields, self.rid.map(|rid| (2, rid)), &payload, twcc);
            self.sent.insert(self.seq, packet.clone());
            self.seq = self.seq.wrapping_add(1);
            packets.push(packet);
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.frame = self.frame.wrapping_add(1);
        packets
    }

    /// The retransmission of a sent packet.
    pub fn retransmission(&mut self, seq: u16, twcc: &mut u16) -> Option<Vec<u8>> {
        let original = self.sent.get(&seq)?.clone();
        let header = wire::rtp::RtpHeader::parse(&original).unwrap();
        let mut payload = seq.to_be_bytes().to_vec();
        payload.extend_from_slice(header.payload(&original).unwrap());
        let fields = RtpFields {
            marker: header.marker,
            payload_type: self.rtx_pt,
            sequence: self.rtx_seq,
            timestamp: header.timestamp,
            ssrc: self.rtx,
        };
        self.rtx_seq = self.rtx_seq.wrapping_add(1);
        Some(self.packet(&fields, self.rid.map(|rid| (3, rid)), &payload, twcc))
    }

    fn packet(&self, fields: &RtpFields, rid: Option<(u8, Rid)>, payload: &[u8], twcc: &mut u16) -> Vec<u8> {
        let mut buf = vec![0; HEADER_ROOM + payload.len()];
        let transport = twcc.to_be_bytes();
        *twcc = twcc.wrapping_add(1);
        let frame = self.frame.to_be_bytes();
        let descriptor = [0x80, frame[0], frame[1]];
        let level = [0x80 | 30];
        let mut exts: Vec<(u8, &[u8])> = vec![(1, self.mid.as_str().as_bytes()), (4, &transport)];
        if let Some((id, rid)) = &rid {
            exts.push((*id, rid.as_str().as_bytes()));
        }
        if self.style.kind() == MediaKind::Audio {
            exts.push((5, &level));
        } else {
            exts.push((6, &descriptor));
        }
        let len = write_header(&mut buf, fields, &exts).unwrap();
        buf[len..len + payload.len()].copy_from_slice(payload);
        buf.truncate(len + payload.len());
        buf
    }

    fn payloads(&mut self, key: bool, rng: &mut Rng) -> Vec<Bytes> {
        // No zero bytes, so that no H.264 start code comes about by chance.
        let body: Vec<u8> = (0..self.size).map(|_| 1 + (rng.next() % 255) as u8).collect();
        let frame = match self.style {
            Style::Opus => body[..80].to_vec(),
            Style::Vp8 { long_id } => return self.vp8_payloads(key, long_id, &body, rng),
            Style::Vp8Mixed => [&[if key { 0x10 } else { 0x11 }], &body[..]].concat(),
            Style::H264 if key => {
                let sets = [&[0, 0, 0, 1, 0x67][..], &body[..20], &[0, 0, 0, 1, 0x68], &body[20..30]].concat();
                [&sets[..], &[0, 0, 0, 1, 0x65, 0x88], &body].concat()
            }
            Style::H264 => [&[0, 0, 0, 1, 0x41, 0x9a], &body[..]].concat(),
            Style::Vp9 => [&[if key { 0x82 } else { 0x86 }, 0x49, 0x83, 0x42], &body[..]].concat(),
            Style::Av1 => {
                let sequence: &[u8] = if key { &[0x0a, 0x03, 7, 7, 7] } else { &[] };
                let len = body.len();
                [sequence, &[0x32, len as u8 | 0x80, (len >> 7) as u8], &body].concat()
            }
        };
        let payloads = self.payloader.payload(1100, &Bytes::from(frame)).unwrap();
        if self.style == Style::Vp9 && !key {
            return payloads.iter().map(|payload| predicted(payload)).collect();
        }
        payloads
    }

    fn vp8_payloads(&mut self, key: bool, long_id: bool, body: &[u8], rng: &mut Rng) -> Vec<Bytes> {
        let tid = if key { 0 } else { (rng.below(2)) as u8 };
        if tid == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let [high, low] = self.picture_id.to_be_bytes();
        let id: &[u8] = if long_id { &[high | 0x80, low] } else { &[low & 0x7f] };
        let mut payloads = Vec::new();
        for (nth, chunk) in body.chunks(1100).enumerate() {
            let start = if nth == 0 { 0x10 } else { 0 };
            let first: &[u8] = match (nth, key) {
                (0, true) => &[0x10],
                (0, false) => &[0x11],
                _ => &[],
            };
            payloads.push(Bytes::from([&[0x80 | start, 0xf0], id, &[self.tl0, tid << 6], first, chunk].concat()));
        }
        payloads
    }
}

/// The packetiser marks every VP9 frame as flexible and independent; browsers' frames are neither (RFC 9628 section 4.2: F and P).
fn predicted(payload: &[u8]) -> Bytes {
    let mut payload = payload.to_vec();
    payload[0] = payload[0] & !0x10 | 0x40;
    Bytes::from(payload)
}

/// The configuration of one line with these lanes, lowest layer first.
pub fn publish_config(lanes: &[Lane], label: u32) -> PublishConfig {
    PublishConfig {
        mid: lanes[0].mid,
        kind: lanes[0].style.kind(),
        codecs: vec![lanes[0].codec_in()],
        nack: true,
        rids: lanes.iter().rev().filter_map(|lane| lane.rid).collect(),
        ssrcs: if lanes[0].rid.is_none() { vec![(lanes[0].ssrc, Some(lanes[0].rtx))] } else { vec![] },
        label,
    }
}
