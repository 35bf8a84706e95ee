//! A publisher of layered streams whose frames know what they refer to, so that a viewer's oracle can tell what can be decoded.

use wire::codec::Codec;
use wire::ids::{Mid, Rid, Ssrc};
use wire::rtp::{RtpFields, write_header};

use media::{CodecIn, MediaKind, PublishConfig};

use super::Rng;
use super::bits::Bits;

/// How frames are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Three temporal layers, as browsers number them.
    Vp8,
    /// Two temporal layers, told apart by what others refer to; some pictures begin with a unit that says nothing of them.
    H264,
    /// Three spatial layers of three temporal ones each; between keyframes upper ones rest on lower ones, or do not. Those that do say with
    /// a keyframe how many there are.
    Vp9 { inter_layer: bool },
    /// The same, told by dependency descriptors.
    Av1 { inter_layer: bool },
}

impl Form {
    pub fn codec(self) -> Codec {
        match self {
            Self::Vp8 => Codec::Vp8,
            Self::H264 => Codec::H264,
            Self::Vp9 { .. } => Codec::Vp9,
            Self::Av1 { .. } => Codec::Av1,
        }
    }

    pub fn spatial_layers(self) -> u8 {
        if matches!(self, Self::Vp8 | Self::H264) { 1 } else { 3 }
    }

    pub fn temporal_layers(self) -> u8 {
        if self == Self::H264 { 2 } else { 3 }
    }

    fn inter_layer(self) -> bool {
        matches!(self, Self::Vp9 { inter_layer: true } | Self::Av1 { inter_layer: true })
    }
}

/// One spatial layer of one picture.
#[derive(Clone, Debug)]
pub struct Frame {
    pub encoding: usize,
    pub spatial: u8,
    pub temporal: u8,
    pub key: bool,
    /// Indexes of the frames that it refers to.
    pub refs: Vec<usize>,
    pub picture: u16,
    pub number: u16,
    pub packets: usize,
    /// Packets that did not come in time, or not at all.
    pub damaged: bool,
    /// It came before a keyframe that is older than it.
    pub passed_by: bool,
    /// The last of its picture.
    pub last: bool,
    /// It rests on the lowest temporal layer only.
    sync: bool,
    /// All that follows rests on nothing older in the upper temporal layers.
    renews: bool,
}

pub struct Encoding {
    pub ssrc: Ssrc,
    pub rid: Rid,
    pub wants_key: bool,
    seq: u16,
    timestamp: u32,
    picture: u16,
    number: u16,
    tl0: u8,
    position: usize,
    /// Newest frame by spatial and temporal layer since the last keyframe.
    newest: [[Option<usize>; 3]; 3],
}

pub struct Publisher {
    pub form: Form,
    pub frames: Vec<Frame>,
    pub encodings: Vec<Encoding>,
    twcc: u16,
}

pub const PT: u8 = 96;
/// Temporal layer by position, and whether the frame rests on the lowest layer only.
const PATTERN: [(u8, bool); 8] = [(0, false), (2, true), (1, true), (2, false), (0, false), (2, false), (1, false), (2, false)];

impl Publisher {
    pub fn new(form: Form, encodings: usize, rng: &mut Rng) -> Self {
        let rids = ["q", "h", "f"];
        let encodings = (0..encodings).map(|index| Encoding {
            ssrc: Ssrc(0x1000 + 16 * index as u32),
            rid: Rid::new(rids[index]).unwrap(),
            wants_key: true,
            seq: (65_535 - rng.below(200)) as u16,
            timestamp: rng.next() as u32,
            picture: 0x7fff - rng.below(100) as u16,
            number: rng.next() as u16,
            tl0: rng.next() as u8,
            position: 0,
            newest: [[None; 3]; 3],
        });
        Self { form, frames: Vec::new(), encodings: encodings.collect(), twcc: 0 }
    }

    pub fn config(&self) -> PublishConfig {
        PublishConfig {
            mid: Mid::new("0").unwrap(),
            kind: MediaKind::Video,
            codecs: vec![CodecIn { pt: PT, codec: self.form.codec(), clock_rate: 90_000, rtx: None }],
            rids: self.encodings.iter().rev().map(|encoding| encoding.rid).collect(),
            ssrcs: vec![],
            nack: true,
            label: 0,
        }
    }

    /// The packets of one picture, each with the index of its frame.
    pub fn picture(&mut self, encoding: usize, ms: u64, rng: &mut Rng) -> Vec<(usize, Vec<u8>)> {
        let key = std::mem::take(&mut self.encodings[encoding].wants_key);
        if key {
            let own = &mut self.encodings[encoding];
            (own.position, own.newest) = (0, [[None; 3]; 3]);
        }
        let position = self.encodings[encoding].position;
        let second = !position.is_multiple_of(2);
        let (temporal, sync) = if self.form == Form::H264 { (u8::from(second), second) } else { PATTERN[position % 8] };
        if temporal == 0 {
            self.encodings[encoding].tl0 = self.encodings[encoding].tl0.wrapping_add(1);
        }
        let layers = self.form.spatial_layers();
        let mut packets = Vec::new();
        for spatial in 0..layers {
            let index = self.frame(encoding, spatial, temporal, key, sync, rng);
            let count = self.frames[index].packets;
            for nth in 0..count {
                packets.push((index, self.packet(index, nth, ms)));
            }
            self.encodings[encoding].newest[usize::from(spatial)][usize::from(temporal)] = Some(index);
        }
        let own = &mut self.encodings[encoding];
        own.picture = (own.picture + 1) & 0x7fff;
        own.position += 1;
        packets
    }

    fn frame(&mut self, encoding: usize, spatial: u8, temporal: u8, key: bool, sync: bool, rng: &mut Rng) -> usize {
        let own = &mut self.encodings[encoding];
        let mut refs = Vec::new();
        if !key {
            let layers = if sync { 0..=0 } else { 0..=usize::from(temporal) };
            refs.extend(layers.filter_map(|layer| own.newest[usize::from(spatial)][layer]));
        }
        if spatial > 0 && (key || self.form.inter_layer()) {
            refs.push(self.frames.len() - 1);
        }
        self.frames.push(Frame {
            encoding,
            spatial,
            temporal,
            key,
            refs,
            picture: own.picture,
            number: own.number,
            packets: 1 + rng.below(3) as usize,
            damaged: false,
            passed_by: false,
            last: spatial + 1 == self.form.spatial_layers(),
            sync,
            renews: own.position.is_multiple_of(8),
        });
        own.number = own.number.wrapping_add(1);
        self.frames.len() - 1
    }

    fn packet(&mut self, index: usize, nth: usize, ms: u64) -> Vec<u8> {
        let frame = self.frames[index].clone();
        let (first, last) = (nth == 0, nth + 1 == frame.packets);
        let descriptor = self.descriptor(&frame, first, last);
        let mut payload = match self.form {
            Form::Vp8 => self.vp8(&frame, first),
            Form::H264 => h264(&frame, first, index),
            Form::Vp9 { .. } => self.vp9(&frame, first, last),
            Form::Av1 { .. } => match (first, frame.key && frame.spatial == 0) {
                (true, true) => vec![0x18, 1 << 3],
                (true, false) => vec![0x10, 6 << 3],
                (false, _) => vec![0x90, 0xaa],
            },
        };
        payload.extend_from_slice(&(index as u32).to_be_bytes());
        payload.push(nth as u8);
        let own = &mut self.encodings[frame.encoding];
        let fields = RtpFields {
            marker: last && frame.last,
            payload_type: PT,
            sequence: own.seq,
            timestamp: own.timestamp.wrapping_add(90 * ms as u32),
            ssrc: own.ssrc,
        };
        own.seq = own.seq.wrapping_add(1);
        self.twcc = self.twcc.wrapping_add(1);
        let transport = self.twcc.to_be_bytes();
        let mut exts: Vec<(u8, &[u8])> = vec![(1, b"0"), (2, own.rid.as_str().as_bytes()), (4, &transport)];
        if let Some(descriptor) = &descriptor {
            exts.push((6, descriptor));
        }
        let mut packet = vec![0; 400];
        let len = write_header(&mut packet, &fields, &exts).unwrap();
        packet.truncate(len);
        packet.extend_from_slice(&payload);
        packet
    }

    fn vp8(&self, frame: &Frame, first: bool) -> Vec<u8> {
        let [high, low] = (frame.picture | 0x8000).to_be_bytes();
        let layers = frame.temporal << 6 | u8::from(frame.sync) << 5;
        let start = if first { 0x10 } else { 0 };
        let tl0 = self.encodings[frame.encoding].tl0;
        vec![0x80 | start, 0xf0, high, low, tl0, layers, if frame.key { 0x10 } else { 0x11 }]
    }

    fn vp9(&self, frame: &Frame, first: bool, last: bool) -> Vec<u8> {
        let [high, low] = (frame.picture | 0x8000).to_be_bytes();
        let structure = first && frame.key && frame.spatial == 0 && self.form.inter_layer();
        let flags = 0xa0 | u8::from(!frame.key) << 6 | u8::from(first) << 3 | u8::from(last) << 2 | u8::from(structure) << 1;
        let inter_layer = frame.spatial > 0 && (frame.key || self.form.inter_layer());
        let layers = frame.temporal << 5 | u8::from(frame.sync) << 4 | frame.spatial << 1 | u8::from(inter_layer);
        let mut bytes = vec![flags, high, low, layers, self.encodings[frame.encoding].tl0];
        bytes.extend(structure.then_some((self.form.spatial_layers() - 1) << 5));
        bytes.push(0xaa);
        bytes
    }

    /// With custom DTIs and frame diffs in every packet; the structure comes with the first packet of a keyframe.
    fn descriptor(&self, frame: &Frame, first: bool, last: bool) -> Option<Vec<u8>> {
        let Form::Av1 { .. } = self.form else { return None };
        let mut bits = Bits::default();
        bits.put(u64::from(first), 1);
        bits.put(u64::from(last), 1);
        bits.put(u64::from(frame.spatial * 3 + frame.temporal), 6);
        bits.put(u64::from(frame.number), 16);
        let structure = first && frame.key && frame.spatial == 0;
        bits.put(u64::from(structure) << 4 | 0b00110, 5);
        if structure {
            put_structure(&mut bits);
        }
        for target in 0..9 {
            bits.put(indication(frame, target / 3, target % 3), 2);
        }
        for &earlier in &frame.refs {
            bits.put(2, 2);
            bits.put(u64::from(frame.number.wrapping_sub(self.frames[earlier].number) - 1), 8);
        }
        bits.put(0, 2);
        Some(bits.done())
    }
}

/// Parameters before a keyframe, a message before one picture in three, and fragments of slices.
fn h264(frame: &Frame, first: bool, index: usize) -> Vec<u8> {
    const REFERENCE: u8 = 0x60;
    let (reference, kind) = (if frame.temporal == 0 { REFERENCE } else { 0 }, if frame.key { 5 } else { 1 });
    match first {
        true if frame.key => vec![REFERENCE | 7, 0x42],
        true if index.is_multiple_of(3) && frame.packets > 1 => vec![6, 5],
        _ => vec![reference | 28, u8::from(first) << 7 | kind, 0x9a],
    }
}

/// As libwebrtc's structures of full SVC say it.
fn indication(frame: &Frame, spatial: u8, temporal: u8) -> u64 {
    const NOT_PRESENT: u64 = 0;
    const SWITCH: u64 = 2;
    const REQUIRED: u64 = 3;
    if spatial < frame.spatial || temporal < frame.temporal {
        return NOT_PRESENT;
    }
    let own = spatial == frame.spatial;
    let same = temporal == frame.temporal && (temporal == 0 || frame.sync);
    if frame.key || own && (same || frame.renews) { SWITCH } else { REQUIRED }
}

/// Nine templates, one per layer, with nothing in them; nine decode targets, no chains, no resolutions.
fn put_structure(bits: &mut Bits) {
    bits.put(0, 6);
    bits.put(8, 5);
    for template in 0..9 {
        bits.put([1, 1, 2, 1, 1, 2, 1, 1, 3][template], 2);
    }
    for template in 0..9_u64 {
        for target in 0..9_u64 {
            let part = target / 3 >= template / 3 && target % 3 >= template % 3;
            bits.put(if part { 3 } else { 0 }, 2);
        }
    }
    (0..9).for_each(|_| bits.put(0, 1));
    bits.put(0, 3);
    bits.put(0, 1);
}
