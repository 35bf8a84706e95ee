//! The VP9 payload format as Chromium sends scalable pictures in non-flexible mode (RFC 9628): the frames of a picture, one for each
//! spatial layer, cut into parts behind a descriptor. What refers to what stands in the scalability structure of keyframes.

use bytes::{BufMut, Bytes, BytesMut};
use wire::codec::vp9::{Descriptor, PictureId};

use super::pattern::CELL;
use super::structure::Place;

/// Largest RTP payload a frame is cut into, bytes: 1,200 less a 12-byte header and up to 40 bytes of extensions.
const MAX_PAYLOAD: usize = 1_148;
/// The longest descriptor written here, bytes: five, and a structure of three sizes and four pictures.
const MAX_DESCRIPTOR: usize = 5 + 1 + 3 * 4 + 1 + 4 * 2;
/// Parts are so long at most: whole cells, so that each says whose it is.
const MAX_PART: usize = (MAX_PAYLOAD - MAX_DESCRIPTOR) / CELL * CELL;

const I: u8 = 0x80;
const P: u8 = 0x40;
const L: u8 = 0x20;
const B: u8 = 0x08;
const E: u8 = 0x04;
const V: u8 = 0x02;
const Z: u8 = 0x01;
const M: u16 = 0x8000;
const U: u8 = 0x10;
const D: u8 = 0x01;
const Y: u8 = 0x10;
const G: u8 = 0x08;

/// What a keyframe says of the pictures that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Structure {
    /// Width and height of each spatial layer, lowest first.
    pub(super) sizes: Vec<(u16, u16)>,
    /// The pictures of a group, over and over from the keyframe on: temporal layer, and how many pictures back those are it refers to.
    pub(super) group: Vec<(u8, Vec<u8>)>,
}

impl Structure {
    /// Of layers of these sizes, lowest first, in this temporal pattern.
    pub(super) fn new(sizes: Vec<(u16, u16)>, pattern: &[Place]) -> Self {
        let needs = |place: &Place| place.needs.into_iter().filter(|back| *back > 0).collect();
        Self { sizes, group: pattern.iter().map(|place| (place.temporal, needs(place))).collect() }
    }

    /// The structure in a payload that begins with this descriptor; of the picture group the relay's reader knows only the length. `None`
    /// where there is none, and in flexible mode, where it is of no use.
    pub(super) fn read(payload: &[u8], descriptor: &Descriptor) -> Option<Self> {
        let known = descriptor.structure.filter(|_| !descriptor.flexible)?;
        let id = match descriptor.picture_id {
            Some(PictureId::Long(_)) => 2,
            Some(PictureId::Short(_)) => 1,
            None => 0,
        };
        let at = 1 + id + if descriptor.tl0.is_some() { 2 } else { 0 };
        let mut bytes = payload.get(at..descriptor.len)?.iter().copied();
        let first = bytes.next()?;
        let sizes = if first & Y != 0 { 4 * usize::from(known.spatial_layers()) } else { 0 };
        let mut bytes = bytes.skip(sizes);
        let pictures = if first & G != 0 { bytes.next()? } else { 0 };
        let mut group = Vec::new();
        for _ in 0..pictures {
            let picture = bytes.next()?;
            let needs = (0..picture >> 2 & 3).map(|_| bytes.next()).collect::<Option<Vec<u8>>>()?;
            group.push((picture >> 5, needs));
        }
        if group.is_empty() {
            // libwebrtc takes such a stream for one of a single temporal layer.
            group.push((0, vec![1]));
        }
        Some(Self { sizes: known.sizes().to_vec(), group })
    }

    fn write(&self, pattern: &[Place], out: &mut BytesMut) {
        out.put_u8((self.sizes.len().saturating_sub(1) as u8) << 5 | Y | G);
        for (width, height) in &self.sizes {
            out.put_u16(*width);
            out.put_u16(*height);
        }
        out.put_u8(self.group.len() as u8);
        for ((temporal, needs), place) in self.group.iter().zip(pattern) {
            out.put_u8(temporal << 5 | if switches_up(place) { U } else { 0 } | (needs.len() as u8) << 2);
            out.put_slice(needs);
        }
    }
}

/// One spatial layer of a picture.
pub(super) struct LayerFrame {
    pub(super) bytes: Vec<u8>,
    /// It refers to the layer below.
    pub(super) below: bool,
}

/// Counts pictures and base layer pictures, and cuts.
#[derive(Debug)]
pub(super) struct Packetizer {
    picture_id: u16,
    tl0: u8,
    structure: Structure,
    pattern: &'static [Place],
}

impl Packetizer {
    /// The numbers an encoder starts with are arbitrary.
    pub(super) fn new((picture_id, tl0): (u16, u8), sizes: Vec<(u16, u16)>, pattern: &'static [Place]) -> Self {
        Self { picture_id: picture_id & !M, tl0, structure: Structure::new(sizes, pattern), pattern }
    }

    /// Another encoder takes over, whose numbers have nothing to do with these.
    pub(super) fn restart(&mut self) {
        self.picture_id = self.picture_id.wrapping_mul(3).wrapping_add(12_345) & !M;
        self.tl0 = self.tl0.wrapping_add(77);
    }

    /// The RTP payloads of one picture; `frames` are its layers, lowest first.
    pub(super) fn cut(&mut self, frames: &[LayerFrame], place: &Place, keyframe: bool) -> Vec<Bytes> {
        if place.temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let mut payloads = Vec::new();
        for (spatial, frame) in frames.iter().enumerate() {
            let needed_above = frames.get(spatial + 1).is_some_and(|above| above.below);
            let required = I | L | if keyframe { 0 } else { P } | if needed_above { 0 } else { Z };
            let layers =
                place.temporal << 5 | if switches_up(place) { U } else { 0 } | (spatial as u8) << 1 | if frame.below { D } else { 0 };
            let parts = frame.bytes.len().div_ceil(MAX_PART).max(1);
            // All alike but the last, which may be shorter: such a run can leave in one system call.
            let size = frame.bytes.len().div_ceil(parts).next_multiple_of(CELL);
            let count = frame.bytes.chunks(size).len();
            for (index, part) in frame.bytes.chunks(size).enumerate() {
                let tells = keyframe && spatial == 0 && index == 0;
                let (begins, ends) = (if index == 0 { B } else { 0 }, if index + 1 == count { E } else { 0 });
                let mut payload = BytesMut::with_capacity(MAX_DESCRIPTOR + part.len());
                payload.put_u8(required | begins | ends | if tells { V } else { 0 });
                payload.put_u16(self.picture_id | M);
                payload.put_u8(layers);
                payload.put_u8(self.tl0);
                if tells {
                    self.structure.write(self.pattern, &mut payload);
                }
                payload.put_slice(part);
                payloads.push(payload.freeze());
            }
        }
        self.picture_id = self.picture_id.wrapping_add(1) & !M;
        payloads
    }
}

/// Whoever got the layers below may go up with this picture: it refers to none of its own layer but the lowest.
fn switches_up(place: &Place) -> bool {
    place.sync || place.temporal == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::light::structure::Structure as Temporal;

    const SIZES: [(u16, u16); 3] = [(320, 180), (640, 360), (1280, 720)];

    #[test]
    fn the_relays_reader_finds_what_was_written() {
        let mut temporal = Temporal::of_vp9(3);
        let mut packetizer = Packetizer::new((0x7ffe, 254), SIZES.to_vec(), temporal.pattern());
        for number in 0..8_u16 {
            let keyframe = number == 0;
            let place = temporal.advance(keyframe);
            let frame = |spatial: usize| LayerFrame { bytes: vec![7; (spatial + 1) * 1_504], below: spatial > 0 && keyframe };
            let frames = [0, 1, 2].map(frame);
            let payloads = packetizer.cut(&frames, &place, keyframe);
            let read: Vec<Descriptor> = payloads.iter().map(|payload| Descriptor::parse(payload).expect("a descriptor")).collect();
            assert_eq!(read.iter().map(|read| read.sid).collect::<Vec<_>>(), [0, 0, 1, 1, 1, 2, 2, 2, 2, 2][..payloads.len()]);
            for (index, (read, payload)) in read.iter().zip(&payloads).enumerate() {
                assert_eq!(read.picture_id, Some(PictureId::Long((0x7ffe + number) & 0x7fff)));
                assert_eq!((read.tid, read.switch_up, read.tl0), (place.temporal, true, Some(255_u8.wrapping_add(number as u8 / 4))));
                assert_eq!((read.inter_picture, read.inter_layer, read.flexible), (!keyframe, keyframe && read.sid > 0, false));
                assert_eq!(read.non_ref_upper, !keyframe || read.sid == 2);
                let other = |at: Option<usize>| at.and_then(|at| Some(payloads.get(at)?[3])).is_none_or(|layers| layers != payload[3]);
                assert_eq!((read.starts_frame, read.ends_frame), (other(index.checked_sub(1)), other(Some(index + 1))));
                assert_eq!(read.starts_keyframe(), keyframe && index == 0);
                assert!(payload.len() <= MAX_PAYLOAD && read.len <= MAX_DESCRIPTOR);
                let structure = Structure::new(SIZES.to_vec(), Temporal::of_vp9(3).pattern());
                assert_eq!(Structure::read(payload, read), (keyframe && index == 0).then_some(structure));
            }
            let whole: usize = payloads.iter().zip(&read).map(|(payload, read)| payload.len() - read.len).sum();
            assert_eq!(whole, 6 * 1_504);
        }
    }

    #[test]
    fn a_structure_without_a_group_is_of_one_temporal_layer_and_a_cut_one_is_none() {
        let payload = [I | L | B | V, 0x92, 0x34, 0, 9, 0b0010_0000, 0xaa];
        let read = |payload: &[u8]| Structure::read(payload, &Descriptor::parse(payload)?);
        assert_eq!(read(&payload), Some(Structure { sizes: Vec::new(), group: vec![(0, vec![1])] }));
        assert_eq!(read(&[I | L | B, 0x92, 0x34, 0, 9, 0xaa]), None);
        assert_eq!(read(&payload[..6]), None);
    }
}
