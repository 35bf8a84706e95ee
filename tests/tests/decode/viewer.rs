//! The viewer's end of the line: what is lost on it, what he asks for again, and which pictures his decoder is given.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::rtp::RtpHeader;

/// The dependency descriptor on the viewer's leg.
pub(crate) const DESCRIPTOR_ID: u8 = 5;
/// Pictures for which the viewer asks for what he misses.
const PATIENCE: usize = 15;

/// The line from the relay to the viewer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Nothing is lost. What passed by before the first packet of its keyframe comes at once.
    Clean,
    /// One packet in fifty is lost, repeated ones too; what the viewer asks for comes so many pictures later.
    Lossy { after: usize },
    /// The same, and the viewer does not ask.
    Mute,
}

const ONE_LOST_IN: u32 = 50;

/// What the test knows of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    /// Which encoding's, and the number of the picture.
    pub(crate) from: (usize, usize),
    /// The picture's number in the clip.
    pub(crate) at: usize,
    pub(crate) key: bool,
    /// The first of its picture.
    pub(crate) first: bool,
    pub(crate) spatial: usize,
}

/// A picture as it came to the viewer.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) from: (usize, usize),
    pub(crate) at: usize,
    pub(crate) key: bool,
    /// Times that the slot had begun when it left.
    pub(crate) start: u64,
    /// The highest spatial layer of it that came.
    pub(crate) spatial: usize,
    pub(crate) payloads: Vec<Vec<u8>>,
    pub(crate) descriptors: Vec<Vec<u8>>,
    /// Its first and its last packet came.
    pub(crate) begun: bool,
    pub(crate) ended: bool,
    /// Something is missing before it, or within it.
    pub(crate) hole_before: bool,
    pub(crate) broken: bool,
}

/// Everything that came, in order.
pub(crate) struct Watched {
    pub(crate) pictures: Vec<Sent>,
    /// Pictures left out of an encoding that flowed, or lost.
    pub(crate) left_out: usize,
    /// Packets of a picture that came after its marker.
    pub(crate) behind: usize,
}

/// A packet that came.
struct Out {
    seq: u64,
    timestamp: u32,
    marker: bool,
    start: u64,
    mark: Mark,
    payload: Vec<u8>,
    descriptor: Option<Vec<u8>>,
}

pub(crate) struct Viewer {
    rng: ChaCha8Rng,
    line: Line,
    out: Vec<Out>,
    /// What he misses, and since which picture.
    missing: BTreeMap<u64, usize>,
    /// His highest number.
    newest: Option<u64>,
    pub(crate) lost: usize,
    /// Packets that came behind a newer one.
    pub(crate) late: usize,
}

impl Viewer {
    pub(crate) fn new(line: Line, seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed + 1_000),
            line,
            out: Vec::new(),
            missing: BTreeMap::new(),
            newest: None,
            lost: 0,
            late: 0,
        }
    }

    /// A packet leaves for the viewer.
    pub(crate) fn take(&mut self, mark: Mark, start: u64, packet: &[u8]) {
        // Who has seen nothing yet cannot miss anything.
        if self.line != Line::Clean && self.newest.is_some() && self.rng.next_u32().is_multiple_of(ONE_LOST_IN) {
            self.lost += 1;
            return;
        }
        let header = RtpHeader::parse(packet).expect("the slot writes RTP");
        let payload = header.payload(packet).expect("with a payload").to_vec();
        let descriptor = header.extensions(packet).find(|(id, _)| *id == DESCRIPTOR_ID).map(|(_, value)| value.to_vec());
        let newest = self.newest.unwrap_or(65_535 + u64::from(header.sequence));
        let seq = newest.wrapping_add_signed(i64::from(header.sequence.wrapping_sub(newest as u16).cast_signed()));
        self.missing.remove(&seq);
        self.missing.extend((newest + 1..seq).map(|missing| (missing, mark.from.1)));
        self.newest = Some(newest.max(seq));
        self.late += usize::from(seq < newest);
        let (timestamp, marker) = (header.timestamp, header.marker);
        self.out.push(Out { seq, timestamp, marker, start, mark, payload, descriptor });
    }

    /// What he asks for at the nth picture.
    pub(crate) fn asks(&mut self, nth: usize) -> Vec<u64> {
        let after = match self.line {
            Line::Clean => 0,
            Line::Lossy { after } => after,
            Line::Mute => usize::MAX,
        };
        self.missing.retain(|_, since| nth - *since < PATIENCE);
        self.missing.iter().filter(|&(_, since)| nth - since >= after).map(|(&seq, _)| seq).collect()
    }

    /// In the order of the numbers. One picture has one time; on a clean line nothing is missing but before a keyframe.
    pub(crate) fn watched(self) -> Watched {
        let (line, mut out) = (self.line, self.out);
        out.sort_by_key(|packet| packet.seq);
        let mut pictures: Vec<Sent> = Vec::new();
        let mut before: Option<(u64, u32, bool)> = None;
        let (mut left_out, mut behind, mut hole) = (0, 0, false);
        for Out { seq, timestamp, marker, start, mark, payload, descriptor } in out {
            let from = mark.from;
            if let Some((last, time, ended)) = before {
                // What is missing of a keyframe is of no use any more when another one comes.
                let excused = line != Line::Clean || (mark.key && mark.first);
                assert!(seq == last + 1 || (seq > last && excused), "no number is left out, none is used twice: {from:?}");
                hole |= seq != last + 1;
                // It only fills the place of something that was left out.
                if payload.is_empty() {
                    before = Some((seq, time, ended));
                    continue;
                }
                let same = pictures.last().is_some_and(|picture| picture.from == from);
                let step = timestamp.wrapping_sub(time).cast_signed();
                assert!(if same { step == 0 } else { step > 0 }, "a picture has one time, and time runs on: {from:?}");
                behind += usize::from(ended && same);
            }
            before = Some((seq, timestamp, marker));
            let hole = std::mem::take(&mut hole);
            if let Some(picture) = pictures.last_mut().filter(|picture| picture.from == from) {
                picture.spatial = picture.spatial.max(mark.spatial);
                picture.payloads.push(payload);
                picture.descriptors.extend(descriptor);
                // What had been the end may not be any more.
                picture.ended = marker;
                picture.broken |= hole;
                continue;
            }
            left_out += pictures.last().filter(|last| last.start == start).map_or(0, |last| from.1 - last.from.1 - 1);
            pictures.push(Sent {
                from,
                at: mark.at,
                key: mark.key,
                start,
                spatial: mark.spatial,
                payloads: vec![payload],
                descriptors: descriptor.into_iter().collect(),
                begun: mark.first,
                ended: marker,
                hole_before: hole,
                broken: false,
            });
        }
        Watched { pictures, left_out, behind }
    }
}

/// What the decoder is given: nothing without its end, and behind a hole nothing before a whole keyframe.
pub(crate) fn decodable(pictures: &[Sent]) -> Vec<Sent> {
    let mut waiting = false;
    let mut whole = Vec::new();
    for picture in pictures {
        waiting |= picture.hole_before;
        let complete = picture.ended && !picture.broken;
        waiting &= !(picture.key && picture.begun && complete);
        waiting |= picture.broken;
        if complete && !waiting {
            whole.push(picture.clone());
        }
    }
    whole
}
