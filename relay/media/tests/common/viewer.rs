//! The viewer as an oracle: takes every packet a slot sends and asserts that the stream is one that a decoder can follow.

use std::collections::BTreeMap;

use bytes::Bytes;
use media::{Inbound, MediaKind};
use rtp::packetizer::Depacketizer;
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap, ExtValues};
use wire::ids::{Mid, Ssrc};
use wire::rtp::RtpHeader;

use super::{Style, ext_map};

pub const SSRC: Ssrc = Ssrc(0xaaaa_0001);
pub const RTX: Ssrc = Ssrc(0xaaaa_0002);

/// Ids of the viewer's leg, other than the publishers'.
pub fn viewer_exts() -> ExtMap {
    ext_map(&[(Ext::Mid, 4), (Ext::TransportCc, 3), (Ext::AudioLevel, 8), (Ext::DependencyDescriptor, 10), (Ext::AbsCaptureTime, 2)])
}

/// A packet as the slot was offered it.
pub struct Offer<'a> {
    pub ms: u64,
    /// How often the slot has been attached.
    pub attach: u32,
    /// The slot's.
    pub mid: Mid,
    pub inbound: &'a Inbound<'a>,
    /// The true number of its frame.
    pub picture: u16,
    pub style: Style,
}

/// A packet as it was sent for the first time.
#[derive(Clone)]
pub struct Sent {
    pub bytes: Vec<u8>,
    pub origin: (usize, u64),
    pub attach: u32,
}

/// What must stay constant within one run of one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    attach: u32,
    layer: usize,
    generation: u32,
}

#[derive(Clone, Copy, Debug)]
struct Shifts {
    seq: i64,
    timestamp: u32,
    picture_id: Option<u16>,
    tl0: Option<u8>,
    frame: Option<u16>,
}

#[derive(Default)]
pub struct Viewer {
    pub sent: BTreeMap<u64, Sent>,
    run: Option<(Run, Shifts)>,
    /// Newest numbers on our leg: timestamp, sending time in ms, picture id, TL0PICIDX, frame number.
    newest: Option<(u32, u64)>,
    picture_id: Option<u16>,
    tl0: Option<u8>,
    frame: Option<u16>,
    twcc: Option<u16>,
    rtx_seq: Option<u16>,
    pub runs: u32,
    pub keyframes: u32,
    pub resent: u32,
}

impl Viewer {
    pub fn highest(&self) -> Option<u64> {
        self.sent.last_key_value().map(|(&seq, _)| seq)
    }

    fn extend(&self, seq: u16) -> u64 {
        match self.highest() {
            None => 65_536 + u64::from(seq),
            Some(highest) => highest.wrapping_add_signed(i64::from(seq.wrapping_sub(highest as u16).cast_signed())),
        }
    }

    /// What the slot made of an offer.
    pub fn take(&mut self, offer: &Offer<'_>, out: &[u8]) {
        let &Offer { ms, attach, mid, inbound, picture, .. } = offer;
        let header = RtpHeader::parse(out).unwrap();
        assert_eq!((header.ssrc, header.padding), (SSRC, false));
        let exts = ExtValues::read(&viewer_exts(), &header, out);
        assert_eq!(exts.mid(), Some(mid));
        self.check_transport(exts.transport_seq().unwrap());
        assert_eq!(exts.get(Ext::AudioLevel), inbound.exts.get(Ext::AudioLevel));
        let seq = self.extend(header.sequence);
        let before = self.highest();
        let now = Shifts {
            seq: seq.cast_signed() - inbound.ext_seq.cast_signed(),
            timestamp: header.timestamp.wrapping_sub(inbound.timestamp),
            ..self.check_payload(&header, inbound, picture, out)
        };
        let sent = Sent { bytes: out.to_vec(), origin: (inbound.layer, inbound.ext_seq), attach };
        assert!(self.sent.insert(seq, sent).is_none(), "sequence number used twice");

        let run = Run { attach, layer: inbound.layer, generation: inbound.generation };
        match &mut self.run {
            Some((old, shifts)) if *old == run => {
                assert_eq!((shifts.seq, shifts.timestamp), (now.seq, now.timestamp), "numbers shift within a run");
                assert_eq!(shifts.picture_id.is_some(), now.picture_id.is_some());
                assert!(now.picture_id.is_none() || shifts.picture_id == now.picture_id, "picture id: {shifts:?} {now:?}");
                assert!(now.tl0.is_none() || shifts.tl0 == now.tl0, "TL0PICIDX: {shifts:?} {now:?}");
                assert!(now.frame.is_none() || shifts.frame == now.frame, "frame number: {shifts:?} {now:?}");
                assert_eq!(header.marker, inbound.marker);
            }
            _ => {
                self.check_start(offer, &header, before, seq);
                self.run = Some((run, now));
                self.runs += 1;
            }
        }
        self.keyframes += u32::from(inbound.keyframe);
        self.follow(ms, inbound.codec, &header, before.is_none_or(|before| seq > before), out);
    }

    /// The first packet of a run.
    fn check_start(&self, offer: &Offer<'_>, header: &RtpHeader, before: Option<u64>, seq: u64) {
        let &Offer { ms, inbound, style, .. } = offer;
        let (kind, rate) = (style.kind(), style.rate());
        assert!(kind == MediaKind::Audio || inbound.keyframe, "a run of video starts at a keyframe");
        assert!(kind == MediaKind::Video || header.marker, "a run of audio starts with a marker");
        let (Some(before), Some((timestamp, sent))) = (before, self.newest) else { return };
        assert_eq!(seq, before + 1, "no hole and no repetition at a switch");
        let step = header.timestamp.wrapping_sub(timestamp).cast_signed();
        let elapsed = ((ms - sent) * u64::from(rate) / 1000) as i32;
        assert!(step > 0 && step <= elapsed + rate as i32 / 2, "timestamp step {step} after {elapsed}");
    }

    fn check_transport(&mut self, seq: u16) {
        assert!(self.twcc.is_none_or(|last| seq == last.wrapping_add(1)), "transport-wide numbers without holes");
        self.twcc = Some(seq);
    }

    /// The payload is the publisher's except for picture numbers, whose shifts are returned.
    fn check_payload(&self, header: &RtpHeader, inbound: &Inbound<'_>, picture: u16, out: &[u8]) -> Shifts {
        let payload = header.payload(out).unwrap();
        let exts = ExtValues::read(&viewer_exts(), header, out);
        let frame = |value: Option<&[u8]>| value.map(|value| u16::from_be_bytes([value[1], value[2]]));
        let (frame_in, frame_out) = (frame(inbound.exts.get(Ext::DependencyDescriptor)), frame(exts.get(Ext::DependencyDescriptor)));
        let mut shifts = Shifts {
            seq: 0,
            timestamp: 0,
            picture_id: None,
            tl0: None,
            frame: frame_in.zip(frame_out).map(|(before, after)| after.wrapping_sub(before)),
        };
        assert_eq!(frame_in.is_some(), frame_out.is_some());
        if inbound.codec == Codec::Vp9 {
            let (before, after) = (depacketize_vp9(inbound.payload), depacketize_vp9(payload));
            assert_eq!(before.1, after.1, "VP9 data");
            shifts.picture_id = Some(after.0.picture_id.wrapping_sub(before.0.picture_id) & 0x7fff);
            return shifts;
        }
        if inbound.codec != Codec::Vp8 {
            assert_eq!(payload, inbound.payload);
            return shifts;
        }
        let (before, after) = (depacketize(inbound.payload), depacketize(payload));
        assert_eq!(before.1, after.1, "VP8 data");
        assert_eq!((before.0.s, before.0.tid, before.0.key_idx), (after.0.s, after.0.tid, after.0.key_idx));
        shifts.picture_id = Some(after.0.picture_id.wrapping_sub(picture) & 0x7fff);
        shifts.tl0 = (after.0.l == 1).then(|| after.0.tl0_pic_idx.wrapping_sub(before.0.tl0_pic_idx));
        if inbound.keyframe && self.run.is_none_or(|(run, _)| run.layer != inbound.layer || run.generation != inbound.generation) {
            assert!(self.picture_id.is_none_or(|last| after.0.picture_id == (last + 1) & 0x7fff), "picture id continues");
            assert!(self.tl0.is_none_or(|last| after.0.l == 0 || after.0.tl0_pic_idx == last.wrapping_add(1)), "TL0PICIDX continues");
            assert!(self.frame.is_none_or(|last| frame_out.is_none_or(|frame| frame == last.wrapping_add(1))), "frame number continues");
        }
        shifts
    }

    fn follow(&mut self, ms: u64, codec: Codec, header: &RtpHeader, newest: bool, out: &[u8]) {
        let exts = ExtValues::read(&viewer_exts(), header, out);
        if newest {
            self.newest = Some((header.timestamp, ms));
        }
        if let Some(value) = exts.get(Ext::DependencyDescriptor) {
            let frame = u16::from_be_bytes([value[1], value[2]]);
            self.frame = Some(self.frame.map_or(frame, |last| if frame.wrapping_sub(last).cast_signed() > 0 { frame } else { last }));
        }
        let payload = header.payload(out).unwrap();
        let (id, tl0) = match codec {
            Codec::Vp8 if !payload.is_empty() => {
                let packet = depacketize(payload).0;
                (packet.picture_id, (packet.l == 1).then_some(packet.tl0_pic_idx))
            }
            Codec::Vp9 if !payload.is_empty() => (depacketize_vp9(payload).0.picture_id, None),
            _ => return,
        };
        let newer = |last: u16| (id.wrapping_sub(last) << 1).cast_signed() > 0;
        self.picture_id = Some(self.picture_id.map_or(id, |last| if newer(last) { id } else { last }));
        if let Some(tl0) = tl0 {
            self.tl0 = Some(self.tl0.map_or(tl0, |last| if tl0.wrapping_sub(last).cast_signed() > 0 { tl0 } else { last }));
        }
    }

    /// A retransmission of the packet `seq` on the RTX stream: the same to the last byte but for RTX framing and transport number.
    pub fn take_rtx(&mut self, seq: u64, rtx_pt: u8, out: &[u8]) {
        let header = RtpHeader::parse(out).unwrap();
        assert_eq!((header.ssrc, header.payload_type), (RTX, rtx_pt));
        assert!(self.rtx_seq.is_none_or(|last| header.sequence == last.wrapping_add(1)), "a numbering of its own, without holes");
        self.rtx_seq = Some(header.sequence);
        let exts = ExtValues::read(&viewer_exts(), &header, out);
        self.check_transport(exts.transport_seq().unwrap());
        let first = &self.sent[&seq].bytes;
        let first_header = RtpHeader::parse(first).unwrap();
        let first_exts = ExtValues::read(&viewer_exts(), &first_header, first);
        let payload = header.payload(out).unwrap();
        assert_eq!(u16::from_be_bytes([payload[0], payload[1]]), seq as u16);
        assert_eq!(&payload[2..], first_header.payload(first).unwrap());
        assert_eq!((header.marker, header.timestamp), (first_header.marker, first_header.timestamp));
        for ext in Ext::ALL {
            assert!(ext == Ext::TransportCc || exts.get(ext) == first_exts.get(ext), "{ext:?}");
        }
        self.resent += 1;
    }
}

fn depacketize(payload: &[u8]) -> (rtp::codec::vp8::Vp8Packet, Bytes) {
    let mut packet = rtp::codec::vp8::Vp8Packet::default();
    let data = packet.depacketize(&Bytes::copy_from_slice(payload)).unwrap();
    (packet, data)
}

fn depacketize_vp9(payload: &[u8]) -> (rtp::codec::vp9::Vp9Packet, Bytes) {
    let mut packet = rtp::codec::vp9::Vp9Packet::default();
    let data = packet.depacketize(&Bytes::copy_from_slice(payload)).unwrap();
    (packet, data)
}
