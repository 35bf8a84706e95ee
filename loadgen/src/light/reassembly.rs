//! Puts RTP packets of a VP8 slot back into frames, in whatever order they come.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use wire::codec::vp8::{Descriptor, PictureId};

use super::encoder;

/// Packets remembered; about 5 s of 1 Mbit/s. Beyond it the oldest go.
const MAX_WAITING: usize = 1_024;

/// What the descriptor of a frame says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) picture_id: Option<PictureId>,
    /// TL0PICIDX, temporal layer and layer sync, where all are there.
    pub(super) layered: Option<(u8, u8, bool)>,
}

/// One frame with the numbers it came under.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) timestamp: u32,
    pub(super) head: Head,
    pub(super) bytes: Bytes,
}

/// A frame that its sender did not finish: another one began without a packet missing.
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
    pub(super) frame: Option<Frame>,
    pub(super) torso: Option<Torso>,
}

#[derive(Debug)]
enum Part {
    Media(Media),
    /// Of a frame that was handed out.
    Used(Edge),
    /// A number without content.
    Filler,
}

#[derive(Debug)]
struct Media {
    timestamp: u32,
    edge: Edge,
    head: Head,
    disposable: bool,
    bytes: Bytes,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    starts: bool,
    keyframe: bool,
    ends: bool,
}

/// Packets in, frames out.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    parts: BTreeMap<u64, Part>,
    /// Nothing below is of use.
    floor: u64,
}

impl Reassembly {
    /// Takes one packet. `None` when its payload is no VP8.
    pub(super) fn insert(&mut self, seq: u64, timestamp: u32, marker: bool, payload: &[u8]) -> Option<Outcome> {
        let descriptor = Descriptor::parse(payload)?;
        if seq < self.floor {
            return Some(Outcome::default());
        }
        let bytes = Bytes::copy_from_slice(&payload[descriptor.len..]);
        let keyframe = descriptor.keyframe && encoder::read_frame_header(&bytes).is_some_and(|header| header.keyframe.is_some());
        let edge = Edge { starts: descriptor.starts_frame(), keyframe, ends: marker };
        let layered = descriptor.tl0.zip(descriptor.tid).map(|(tl0, tid)| (tl0, tid, descriptor.sync));
        let head = Head { picture_id: descriptor.picture_id, layered };
        self.parts.insert(seq, Part::Media(Media { timestamp, edge, head, disposable: descriptor.non_reference, bytes }));
        while self.parts.len() > MAX_WAITING {
            self.parts.pop_first();
        }
        let torso = self.torso_at(seq);
        Some(Outcome { frame: self.frame_with(seq), torso })
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

    /// Whether parts of frames wait for the rest.
    pub(super) fn waits(&self) -> bool {
        self.parts.values().any(|part| matches!(part, Part::Media(_)))
    }

    /// The frame this packet belongs to, when all of it is here; its parts are used up.
    fn frame_with(&mut self, seq: u64) -> Option<Frame> {
        let timestamp = self.media(seq)?.timestamp;
        let mut first_seq = seq;
        while !self.media(first_seq)?.edge.starts {
            first_seq = self.before(first_seq).filter(|seq| self.media(*seq).is_some_and(|media| media.timestamp == timestamp))?;
        }
        let mut last_seq = seq;
        while !self.media(last_seq)?.edge.ends {
            let next = self.after(last_seq).filter(|seq| self.media(*seq).is_some_and(|media| media.timestamp == timestamp))?;
            last_seq = (!self.media(next)?.edge.starts).then_some(next)?;
        }
        let head = self.media(first_seq)?.head;
        let mut bytes = BytesMut::new();
        for part in self.parts.range_mut(first_seq..=last_seq).map(|(_, part)| part) {
            if let Part::Media(media) = part {
                bytes.extend_from_slice(&media.bytes);
                *part = Part::Used(media.edge);
            }
        }
        Some(Frame { first_seq, last_seq, timestamp, head, bytes: bytes.freeze() })
    }

    /// Whether this packet shows that a frame was broken off: another one begins right behind a packet that did not end its own.
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
