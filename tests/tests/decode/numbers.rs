//! The numbers that a viewer's browser goes by: picture ids and TL0PICIDX of VP8 and VP9, frame numbers of dependency descriptors. Browsers
//! wait for a picture whose number was skipped, and drop one whose number was used before.

use std::collections::HashSet;

use bytes::Bytes;
use rtp::codec::{vp8::Vp8Packet, vp9::Vp9Packet};
use rtp::packetizer::Depacketizer;
use wire::codec::Codec;
use wire::codec::dependency::{Descriptor, Structure};

use super::viewer::Sent;

/// Ids of a picture, as each of its packets says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ids {
    picture: u16,
    /// Not in flexible mode.
    tl0: Option<u8>,
    temporal: u8,
}

/// How many pictures there were to look at, and what is wrong with them.
pub(crate) fn check(codec: Codec, pictures: &[Sent]) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    let mut read = picture_ids(codec, pictures, &mut wrong);
    if pictures.iter().any(|picture| !picture.descriptors.is_empty()) {
        read = read.max(Frames::default().check(pictures, &mut wrong));
    }
    (read, wrong)
}

fn picture_ids(codec: Codec, pictures: &[Sent], wrong: &mut Vec<String>) -> usize {
    let mut before: Option<(&Sent, Ids)> = None;
    let mut read = 0;
    for picture in pictures {
        let ids: Vec<_> = picture.payloads.iter().filter_map(|payload| ids(codec, payload)).collect();
        let Some(&now) = ids.first() else { continue };
        read += 1;
        if ids.iter().any(|&other| Ids { temporal: now.temporal, ..other } != now) {
            wrong.push(format!("{:?}: a picture has one id: {ids:?}", picture.from));
        }
        if let Some((last, old)) = before.filter(|_| !picture.hole_before) {
            // VP9 names pictures by difference: what was left out of a stream keeps its number.
            let left_out = if codec == Codec::Vp9 && last.start == picture.start { picture.from.1 - last.from.1 - 1 } else { 0 };
            let base = now.tl0.map(|_| u8::from(now.temporal == 0));
            let expected = Ids {
                picture: (old.picture + 1 + left_out as u16) & 0x7fff,
                tl0: old.tl0.zip(base).map(|(tl0, step)| tl0.wrapping_add(step)),
                ..now
            };
            if now != expected {
                wrong.push(format!("{:?}: {now:?} in place of {expected:?}", picture.from));
            }
        }
        before = Some((picture, now));
    }
    read
}

fn ids(codec: Codec, payload: &[u8]) -> Option<Ids> {
    let payload = Bytes::copy_from_slice(payload);
    match codec {
        Codec::Vp8 => {
            let mut packet = Vp8Packet::default();
            packet.depacketize(&payload).ok()?;
            Some(Ids { picture: packet.picture_id, tl0: Some(packet.tl0_pic_idx), temporal: packet.tid })
        }
        Codec::Vp9 => {
            let mut packet = Vp9Packet::default();
            packet.depacketize(&payload).ok()?;
            Some(Ids { picture: packet.picture_id, tl0: (!packet.f).then_some(packet.tl0picidx), temporal: packet.tid })
        }
        _ => None,
    }
}

/// Frame numbers so far.
#[derive(Default)]
struct Frames {
    structure: Option<Structure>,
    newest: Option<u16>,
    /// Frames that came since the slot began to flow last.
    came: HashSet<u16>,
    start: u64,
    /// Something is missing since then.
    blind: bool,
}

impl Frames {
    /// Each frame has the next number of all (with layers left out: a higher one), and what it refers to has come.
    fn check(mut self, pictures: &[Sent], wrong: &mut Vec<String>) -> usize {
        for picture in pictures {
            let starts = self.start != picture.start;
            if starts {
                (self.start, self.blind) = (picture.start, false);
                self.came.clear();
            }
            self.blind |= picture.hole_before || picture.broken;
            let mut first = starts && !picture.hole_before;
            let known = self.came.len();
            for value in &picture.descriptors {
                let mut fresh = None;
                let Some(descriptor) = Descriptor::parse(value, self.structure.as_ref(), &mut fresh) else {
                    wrong.extend((!self.blind).then(|| format!("{:?}: a descriptor cannot be read", picture.from)));
                    continue;
                };
                self.structure = fresh.or(self.structure.take());
                let number = descriptor.frame_number;
                if self.came.insert(number) {
                    self.frame(picture, &descriptor, std::mem::take(&mut first), wrong);
                    self.newest = Some(number);
                }
            }
            if self.came.len() == known && !self.blind {
                wrong.push(format!("{:?}: a number of before is used again", picture.from));
            }
        }
        pictures.len()
    }

    fn frame(&self, picture: &Sent, descriptor: &Descriptor, first: bool, wrong: &mut Vec<String>) {
        let number = descriptor.frame_number;
        let step = self.newest.map_or(1, |newest| number.wrapping_sub(newest).cast_signed());
        let layers = self.structure.as_ref().map_or(0, |structure| structure.layers().len());
        let exact = first || (layers == 1 && !self.blind);
        if step < 1 || (exact && step != 1) {
            wrong.push(format!("{:?}: frame {number} is {step} after the one before", picture.from));
        }
        let came = |diff: &u16| self.came.contains(&number.wrapping_sub(*diff));
        if !self.blind && !descriptor.frame_diffs().iter().all(came) {
            wrong.push(format!("{:?}: frame {number} refers to one that did not come", picture.from));
        }
    }
}
