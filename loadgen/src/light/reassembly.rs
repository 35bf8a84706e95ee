//! Puts RTP packets of a slot back into pictures, in whatever order they come. A picture of VP8 is one frame, one of VP9 has a frame for each
//! spatial layer; it is whole with its lowest layer's first packet, the one with the marker, and all between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use wire::codec::{Codec, vp8, vp9};

use super::encoder;
use super::vp9::Structure;

/// Packets remembered; about 5 s of 1 Mbit/s. Beyond it the oldest go.
const MAX_WAITING: usize = 1_024;

/// One packet of a slot.
pub(super) struct Packet<'a> {
    pub(super) seq: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) codec: Codec,
    pub(super) payload: &'a [u8],
}

/// What the descriptor of a frame says.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) picture_id: Option<vp8::PictureId>,
    /// TL0PICIDX, temporal layer and layer sync, where all are there.
    pub(super) layered: Option<(u8, u8, bool)>,
    /// In VP9.
    pub(super) spatial: Option<Spatial>,
}

/// What it says of spatial layers.
#[derive(Debug, Clone)]
pub(super) struct Spatial {
    pub(super) layer: u8,
    /// It refers to earlier pictures.
    pub(super) inter_picture: bool,
    /// It refers to the layer below.
    pub(super) inter_layer: bool,
    pub(super) structure: Option<Arc<Structure>>,
}

/// One frame of a picture.
#[derive(Debug)]
pub(super) struct LayerFrame {
    pub(super) head: Head,
    pub(super) bytes: Bytes,
}

/// One picture with the numbers it came under.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) timestamp: u32,
    /// Never empty; lowest spatial layer first.
    pub(super) layers: Vec<LayerFrame>,
}

impl Picture {
    /// What its lowest layer says.
    pub(super) fn head(&self) -> &Head {
        &self.layers[0].head
    }
}

/// A picture that its sender did not finish: another one began without a packet missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Torso {
    /// Its last packet.
    pub(super) seq: u64,
    /// What came instead is a keyframe, or nothing refers to what was broken off: no decoder minds.
    pub(super) harmless: bool,
}

/// What a packet completed.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) picture: Option<Picture>,
    pub(super) torso: Option<Torso>,
}

#[derive(Debug)]
enum Part {
    Media(Media),
    /// Of a picture that was handed out.
    Used(Edge),
    /// A number without content.
    Filler,
}

#[derive(Debug)]
struct Media {
    timestamp: u32,
    edge: Edge,
    /// Where a frame begins: what it says of itself.
    head: Option<Head>,
    disposable: bool,
    bytes: Bytes,
}

/// Of the picture.
#[derive(Debug, Clone, Copy)]
struct Edge {
    starts: bool,
    keyframe: bool,
    ends: bool,
}

/// Packets in, pictures out.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    parts: BTreeMap<u64, Part>,
    /// Nothing below is of use.
    floor: u64,
}

impl Reassembly {
    /// Takes one packet. `None` when its payload is not of its codec.
    pub(super) fn insert(&mut self, packet: &Packet<'_>) -> Option<Outcome> {
        let media = if packet.codec == Codec::Vp9 { Media::of_vp9(packet)? } else { Media::of_vp8(packet)? };
        let seq = packet.seq;
        if seq < self.floor {
            return Some(Outcome::default());
        }
        self.parts.insert(seq, Part::Media(media));
        while self.parts.len() > MAX_WAITING {
            self.parts.pop_first();
        }
        let torso = self.torso_at(seq);
        Some(Outcome { picture: self.picture_with(seq), torso })
    }

    /// A number came without content.
    pub(super) fn insert_filler(&mut self, seq: u64) {
        if seq >= self.floor {
            self.parts.insert(seq, Part::Filler);
        }
    }

    /// Whether no number lies between `last` and `first` but those without content.
    pub(super) fn adjoin(&self, last: u64, first: u64) -> bool {
        (last + 1..first).all(|seq| matches!(self.parts.get(&seq), Some(Part::Filler)))
    }

    /// Nothing below `seq` will be asked for any more.
    pub(super) fn forget_before(&mut self, seq: u64) {
        if seq > self.floor {
            self.floor = seq;
            self.parts = self.parts.split_off(&seq);
        }
    }

    /// Whether parts of pictures wait for the rest.
    pub(super) fn waits(&self) -> bool {
        self.parts.values().any(|part| matches!(part, Part::Media(_)))
    }

    /// The picture this packet belongs to, when all of it is here; its parts are used up.
    fn picture_with(&mut self, seq: u64) -> Option<Picture> {
        let timestamp = self.media(seq)?.timestamp;
        let mut first_seq = seq;
        while !self.begins(first_seq)? {
            first_seq = self.before(first_seq).filter(|seq| self.media(*seq).is_some_and(|media| media.timestamp == timestamp))?;
        }
        let mut last_seq = seq;
        while !self.media(last_seq)?.edge.ends {
            let next = self.after(last_seq).filter(|seq| self.media(*seq).is_some_and(|media| media.timestamp == timestamp))?;
            last_seq = (!self.begins(next)?).then_some(next)?;
        }
        let mut layers: Vec<(Head, BytesMut)> = Vec::new();
        for part in self.parts.range_mut(first_seq..=last_seq).map(|(_, part)| part) {
            let Part::Media(media) = part else { continue };
            layers.extend(media.head.take().map(|head| (head, BytesMut::new())));
            if let Some((_, bytes)) = layers.last_mut() {
                bytes.extend_from_slice(&media.bytes);
            }
            *part = Part::Used(media.edge);
        }
        let layers = layers.into_iter().map(|(head, bytes)| LayerFrame { head, bytes: bytes.freeze() }).collect();
        Some(Picture { first_seq, last_seq, timestamp, layers })
    }

    /// Whether a picture begins here: or the rest of one that went on behind its marker, which browsers decode by itself.
    fn begins(&self, seq: u64) -> Option<bool> {
        let media = self.media(seq)?;
        // What lies below the floor ended with a picture.
        let resumes =
            || self.adjoin(self.floor.saturating_sub(1), seq) || self.before(seq).and_then(|at| self.edge(at)).is_some_and(|at| at.ends);
        Some(media.edge.starts || (media.head.is_some() && resumes()))
    }

    /// Whether this packet shows that a picture was broken off: another one begins right behind a packet that did not end its own.
    fn torso_at(&mut self, seq: u64) -> Option<Torso> {
        let edge = self.edge(seq)?;
        let (last, next) = if edge.starts && self.before(seq).is_some_and(|before| self.media(before).is_some()) {
            (self.before(seq)?, seq)
        } else {
            (seq, self.after(seq)?)
        };
        let (torso, next) = (self.media(last)?, self.edge(next)?);
        if torso.edge.ends || !next.starts {
            return None;
        }
        let (harmless, edge) = (next.keyframe || torso.disposable, torso.edge);
        self.parts.insert(last, Part::Used(Edge { ends: true, ..edge }));
        Some(Torso { seq: last, harmless })
    }

    fn media(&self, seq: u64) -> Option<&Media> {
        match self.parts.get(&seq)? {
            Part::Media(media) => Some(media),
            Part::Used(_) | Part::Filler => None,
        }
    }

    fn edge(&self, seq: u64) -> Option<Edge> {
        match self.parts.get(&seq)? {
            Part::Media(media) => Some(media.edge),
            Part::Used(edge) => Some(*edge),
            Part::Filler => None,
        }
    }

    /// The next number up that has content, when none in between is missing.
    fn after(&self, seq: u64) -> Option<u64> {
        (seq + 1..).find(|next| !matches!(self.parts.get(next), Some(Part::Filler))).filter(|next| self.parts.contains_key(next))
    }

    /// The next number down that has content, when none in between is missing.
    fn before(&self, seq: u64) -> Option<u64> {
        (0..seq).rev().find(|before| !matches!(self.parts.get(before), Some(Part::Filler))).filter(|before| self.parts.contains_key(before))
    }
}

impl Media {
    fn of_vp8(packet: &Packet<'_>) -> Option<Self> {
        let descriptor = vp8::Descriptor::parse(packet.payload)?;
        let bytes = Bytes::copy_from_slice(&packet.payload[descriptor.len..]);
        let keyframe = descriptor.keyframe && encoder::read_frame_header(&bytes).is_some_and(|header| header.keyframe.is_some());
        let edge = Edge { starts: descriptor.starts_frame(), keyframe, ends: packet.marker };
        let layered = descriptor.tl0.zip(descriptor.tid).map(|(tl0, tid)| (tl0, tid, descriptor.sync));
        let head = edge.starts.then_some(Head { picture_id: descriptor.picture_id, layered, spatial: None });
        Some(Self { timestamp: packet.timestamp, edge, head, disposable: descriptor.non_reference, bytes })
    }

    fn of_vp9(packet: &Packet<'_>) -> Option<Self> {
        let descriptor = vp9::Descriptor::parse(packet.payload)?;
        let bytes = Bytes::copy_from_slice(&packet.payload[descriptor.len..]);
        let edge = Edge { starts: descriptor.starts_picture(), keyframe: descriptor.starts_keyframe(), ends: packet.marker };
        let spatial = Spatial {
            layer: descriptor.sid,
            inter_picture: descriptor.inter_picture,
            inter_layer: descriptor.inter_layer,
            structure: Structure::read(packet.payload, &descriptor).map(Arc::new),
        };
        let layered = descriptor.tl0.map(|tl0| (tl0, descriptor.tid, descriptor.switch_up));
        let head = Head { picture_id: descriptor.picture_id, layered, spatial: Some(spatial) };
        let head = descriptor.starts_frame.then_some(head);
        Some(Self { timestamp: packet.timestamp, edge, head, disposable: false, bytes })
    }
}
