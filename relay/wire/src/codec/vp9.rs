//! The VP9 payload descriptor (RFC 9628 section 4.2): read it, and replace picture id and TL0PICIDX.
//!
//! ```text
//!     |I|P|L|F|B|E|V|Z|  required
//! I:  |M| PICTURE ID  |  7 bits, or 15 with M and one more byte
//! L:  | TID |U| SID |D|
//! L:  |   TL0PICIDX   |  not in flexible mode
//! PF: |   P_DIFF    |N|  up to three of them, N: another follows
//! V:  | N_S |Y|G|-|-|-|  scalability structure:
//! Y:  |WIDTH 16|HEIGHT|  N_S + 1 times
//! G:  |      N_G      |
//!     | TID |U| R |-|-|  N_G times, each with R times a P_DIFF of 8 bits behind it
//! ```

pub use super::picture_id::PictureId;
use super::picture_id::Places;

/// A parsed descriptor. It stays valid for every copy of the payload it was parsed from.
///
/// A *frame* is one spatial layer of one *picture*; the frames of a picture share picture id and timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// Picture number.
    pub picture_id: Option<PictureId>,
    /// P: the frame is predicted from earlier pictures. Without it, a decoder that has the lower layers of this picture can begin here.
    pub inter_picture: bool,
    /// Flexible mode: each frame says what it refers to, and there is no TL0PICIDX.
    pub flexible: bool,
    /// B: the payload begins a frame.
    pub starts_frame: bool,
    /// E: the payload ends a frame. The picture may go on with the next spatial layer; its end is the RTP marker.
    pub ends_frame: bool,
    /// Z: no higher spatial layer of this picture is predicted from this frame.
    pub non_ref_upper: bool,
    /// TID: temporal layer, 0 to 7; 0 where the sender does not say.
    pub tid: u8,
    /// U: switching up point. RFC 9628: no later picture of a temporal layer above this one depends on a picture of a layer above this one
    /// that came before. libwebrtc sets it where the frame itself refers to lower temporal layers only.
    pub switch_up: bool,
    /// SID: spatial layer, 0 to 7; 0 where the sender does not say.
    pub sid: u8,
    /// D: predicted from the next lower spatial layer of the same picture.
    pub inter_layer: bool,
    /// TL0PICIDX: number of the base temporal layer picture this one rests on, modulo 256.
    pub tl0: Option<u8>,
    /// The scalability structure, usually with keyframes only.
    pub structure: Option<ScalabilityStructure>,
    /// Length of the descriptor, bytes: where the VP9 data begins.
    pub len: usize,
    diffs: [u8; MAX_REFERENCES],
    diff_count: u8,
    places: Places,
}

/// What the sender says of its layers, until it says otherwise. The picture group is skipped: every packet tells its own layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScalabilityStructure {
    /// Spatial layers of the stream, 1 to 8.
    pub spatial_layers: u8,
    sizes: Option<[(u16, u16); MAX_SPATIAL_LAYERS]>,
}

impl ScalabilityStructure {
    /// Spatial layers of the pictures that follow, 1 to 8.
    #[must_use]
    pub const fn spatial_layers(&self) -> u8 {
        self.spatial_layers
    }

    /// Width and height of each spatial layer, pixels, lowest layer first. Empty if the sender does not say.
    #[must_use]
    pub fn sizes(&self) -> &[(u16, u16)] {
        self.sizes.as_ref().map_or(&[], |sizes| &sizes[..usize::from(self.spatial_layers)])
    }

    fn read(mut bytes: impl Iterator<Item = u8>) -> Option<Self> {
        let first = bytes.next()?;
        let spatial_layers = (first >> 5) + 1;
        let mut sizes = None;
        if first & Y != 0 {
            let mut all = [(0, 0); MAX_SPATIAL_LAYERS];
            for size in &mut all[..usize::from(spatial_layers)] {
                let mut number = || Some(u16::from_be_bytes([bytes.next()?, bytes.next()?]));
                *size = (number()?, number()?);
            }
            sizes = Some(all);
        }
        let pictures = if first & G != 0 { bytes.next()? } else { 0 };
        for _ in 0..pictures {
            let references = bytes.next()? >> 2 & R;
            for _ in 0..references {
                bytes.next()?;
            }
        }
        Some(Self { spatial_layers, sizes })
    }
}

impl Descriptor {
    /// Highest spatial layer of this and the pictures that follow, 0 to 7, where the packet brings a structure.
    #[must_use]
    pub fn top_spatial(&self) -> Option<u8> {
        self.structure.map(|structure| structure.spatial_layers - 1)
    }

    /// Reads the start of an RTP payload. `None` if it is cut off, names more than [`MAX_REFERENCES`], or carries nothing behind the
    /// descriptor.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut rest = payload.iter().copied();
        let required = rest.next()?;
        let flexible = required & F != 0;
        let inter_picture = required & P != 0;

        let picture_id = if required & I != 0 { Some(PictureId::read(&mut rest)?) } else { None };
        let layers = if required & L != 0 { rest.next()? } else { 0 };
        let tl0_at = (payload.len() - rest.len()) as u8;
        let tl0 = if required & L != 0 && !flexible { Some(rest.next()?) } else { None };
        let (diffs, diff_count) = if inter_picture && flexible { references(&mut rest)? } else { Default::default() };
        let structure = if required & V != 0 { Some(ScalabilityStructure::read(&mut rest)?) } else { None };
        let len = payload.len() - rest.len();
        rest.next()?;

        Some(Self {
            picture_id,
            inter_picture,
            flexible,
            starts_frame: required & B != 0,
            ends_frame: required & E != 0,
            non_ref_upper: required & Z != 0,
            tid: layers >> 5,
            switch_up: layers & U != 0,
            sid: layers >> 1 & SID,
            inter_layer: layers & D != 0,
            tl0,
            structure,
            len,
            diffs,
            diff_count,
            places: Places { picture_id: picture_id.map(|id| (id, 1)), tl0: tl0.map(|_| tl0_at) },
        })
    }

    /// How many pictures back the frame refers to, in flexible mode: P_DIFF, 0 to 127 each.
    #[must_use]
    pub fn references(&self) -> &[u8] {
        &self.diffs[..usize::from(self.diff_count)]
    }

    /// Whether the payload is the first of a picture: the start of the frame of the lowest spatial layer.
    #[must_use]
    pub const fn starts_picture(&self) -> bool {
        self.starts_frame && self.sid == 0
    }

    /// Whether a decoder that knows nothing can begin here: the start of a picture that is not predicted from earlier ones.
    #[must_use]
    pub const fn starts_keyframe(&self) -> bool {
        self.starts_picture() && !self.inter_picture
    }

    /// Replaces picture id and TL0PICIDX in the payload this was parsed from or a copy of it, each where there is one and in the width
    /// it has: of a 7-bit id the low bits of `picture_id` are written. Use [`Descriptor::copy`] to go over to 15 bits.
    pub fn patch(&self, payload: &mut [u8], picture_id: u16, tl0: u8) {
        self.places.patch(payload, picture_id, tl0);
    }

    /// Copies a payload to the start of `out` with picture id and TL0PICIDX replaced, the id always in 15 bits: a stream whose sources
    /// differ in width stays one stream. Gives the new length, one more than before for a 7-bit id; `None` if `out` is too short.
    ///
    /// The rest stays as it is: references count in pictures back, so ids must be moved by one number for all pictures that refer to each
    /// other, and layers that are not forwarded are still named in the scalability structure.
    #[must_use]
    pub fn copy(&self, payload: &[u8], picture_id: u16, tl0: u8, out: &mut [u8]) -> Option<usize> {
        self.places.copy(payload, picture_id, tl0, out)
    }
}

/// The P_DIFF list and its length.
fn references(mut bytes: impl Iterator<Item = u8>) -> Option<([u8; MAX_REFERENCES], u8)> {
    let mut diffs = [0; MAX_REFERENCES];
    for (diff, count) in diffs.iter_mut().zip(1..) {
        let byte = bytes.next()?;
        *diff = byte >> 1;
        if byte & N == 0 {
            return Some((diffs, count));
        }
    }
    None
}

/// Pictures that one frame may refer to (RFC 9628 section 4.2: "up to 3 times").
pub const MAX_REFERENCES: usize = 3;
/// Spatial layers that three bits can number.
pub const MAX_SPATIAL_LAYERS: usize = 8;

const I: u8 = 0x80;
const P: u8 = 0x40;
const L: u8 = 0x20;
const F: u8 = 0x10;
const B: u8 = 0x08;
const E: u8 = 0x04;
const V: u8 = 0x02;
const Z: u8 = 0x01;
const U: u8 = 0x10;
const SID: u8 = 0x07;
const D: u8 = 0x01;
const N: u8 = 0x01;
const Y: u8 = 0x10;
const G: u8 = 0x08;
const R: u8 = 0x03;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    // Binary literals are grouped as the fields are.
    #![allow(clippy::unusual_byte_groupings)]
    use super::*;

    /// Payload, starts a keyframe, starts a picture; `None` if it is no descriptor.
    #[test]
    fn starts() {
        for (payload, expected) in [
            // No optional fields: start, continuation, interframe.
            (&[0x08, 0xaa][..], Some((true, true))),
            (&[0x00, 0xaa], Some((false, false))),
            (&[0x48, 0xaa], Some((false, true))),
            // Picture id of 7 and of 15 bits.
            (&[0x88, 0x7f, 0xaa], Some((true, true))),
            (&[0x88, 0xff, 0xff, 0xaa], Some((true, true))),
            // Layer indices: spatial layer 0, 1; behind a picture id.
            (&[0x28, 0xf1, 0, 0xaa], Some((true, true))),
            (&[0x28, 0x02, 0, 0xaa], Some((false, false))),
            (&[0xa8, 0xff, 0xff, 0x00, 0, 0xaa], Some((true, true))),
            (&[0xb8, 0xff, 0xff, 0x04, 0xaa], Some((false, false))),
            (&[0xe8, 0xff, 0xff, 0x00, 0, 0xaa], Some((false, true))),
            // Nothing behind it.
            (&[], None),
            (&[0x08], None),
            (&[0x88, 0x7f], None),
        ] {
            let starts = Descriptor::parse(payload).map(|descriptor| (descriptor.starts_keyframe(), descriptor.starts_picture()));
            assert_eq!(starts, expected, "{payload:02x?}");
        }
    }

    /// A keyframe of three spatial layers as libwebrtc sends it, with sizes and a picture group of one picture.
    const STRUCTURE: &[u8] = &[
        0b1010_1010,
        0x92,
        0x34,
        0b000_0_000_0,
        0x56,
        0b010_1_1_000,
        0x01,
        0x40,
        0,
        0xb4,
        0x02,
        0x80,
        0x01,
        0x68,
        0x05,
        0,
        0x02,
        0xd0,
        2,
        0b000_1_00_00,
        0b001_0_10_00,
        1,
        2,
        0xaa,
    ];

    #[test]
    fn scalability_structure() {
        let descriptor = Descriptor::parse(STRUCTURE).unwrap();
        assert_eq!((descriptor.picture_id, descriptor.tl0), (Some(PictureId::Long(0x1234)), Some(0x56)));
        assert!(descriptor.starts_keyframe() && !descriptor.ends_frame && !descriptor.flexible && !descriptor.non_ref_upper);
        let structure = descriptor.structure.unwrap();
        assert_eq!(structure.spatial_layers, 3);
        assert_eq!(structure.sizes(), [(320, 180), (640, 360), (1280, 720)]);
        assert_eq!(STRUCTURE[descriptor.len..], [0xaa]);

        let without_sizes = Descriptor::parse(&[0x0a, 0b111_0_0_000, 0xaa]).unwrap().structure.unwrap();
        assert_eq!((without_sizes.spatial_layers, without_sizes.sizes()), (8, &[][..]));
    }

    #[test]
    fn flexible_mode() {
        let upper = [0b1111_0101, 0x12, 0b101_1_010_1, 0b0000001_1, 0b0000100_0, 0xaa];
        let descriptor = Descriptor::parse(&upper).unwrap();
        assert_eq!((descriptor.tid, descriptor.sid, descriptor.references()), (5, 2, &[1, 4][..]));
        assert!(descriptor.switch_up && descriptor.inter_layer && descriptor.flexible && descriptor.inter_picture);
        assert!(!descriptor.starts_frame && descriptor.ends_frame && descriptor.non_ref_upper);
        assert_eq!((descriptor.tl0, descriptor.picture_id, descriptor.len), (None, Some(PictureId::Short(0x12)), 5));
        assert_eq!(Descriptor::parse(&[0x58, 3, 5, 6, 0xaa]).unwrap().references(), [1, 2, 3]);
        assert_eq!(Descriptor::parse(&[0x58, 3, 5, 7, 0, 0xaa]), None, "four references");
    }

    #[test]
    fn every_truncation_is_none() {
        for whole in [STRUCTURE, &[0b1111_0101, 0x12, 0b101_1_010_1, 0b0000001_1, 0b0000100_0, 0xaa]] {
            assert!(Descriptor::parse(whole).is_some());
            for len in 0..whole.len() {
                assert_eq!(Descriptor::parse(&whole[..len]), None, "{len} bytes");
            }
        }
        let group = [&[0x0a, 0x08, 255][..], &[0x0c, 1, 2, 3].repeat(255), &[0xaa]].concat();
        assert_eq!(Descriptor::parse(&group).unwrap().len, 3 + 4 * 255);
        assert_eq!(Descriptor::parse(&group[..group.len() - 1]), None);
    }

    #[test]
    fn copy_widens_the_picture_id() {
        let copy = |payload: &[u8], room| {
            let mut out = vec![0; room];
            Descriptor::parse(payload).unwrap().copy(payload, 0x1234, 9, &mut out).map(|len| out[..len].to_vec())
        };
        assert_eq!(copy(&[0xa8, 0x52, 0x20, 0x56, 0xaa], 6), Some(vec![0xa8, 0x92, 0x34, 0x20, 9, 0xaa]));
        assert_eq!(copy(&[0xa8, 0x52, 0x20, 0x56, 0xaa], 5), None);
        assert_eq!(copy(&[0xa8, 0xd2, 0x34, 0x20, 0x56, 0xaa], 6), Some(vec![0xa8, 0x92, 0x34, 0x20, 9, 0xaa]));
        assert_eq!(copy(&[0xd8, 0x52, 0x02, 0xaa], 5), Some(vec![0xd8, 0x92, 0x34, 0x02, 0xaa]), "flexible: no TL0PICIDX");
        assert_eq!(copy(&[0x28, 0x20, 0x56, 0xaa], 4), Some(vec![0x28, 0x20, 9, 0xaa]), "no picture id");
        assert_eq!(copy(&[0x08, 0xaa], 2), Some(vec![0x08, 0xaa]));
        assert_eq!(copy(&[0x08, 0xaa], 1), None);
    }

    #[test]
    fn patch_keeps_widths() {
        let mut long = STRUCTURE.to_vec();
        Descriptor::parse(STRUCTURE).unwrap().patch(&mut long, 0xffff, 9);
        assert_eq!(long[..5], [0b1010_1010, 0xff, 0xff, 0, 9]);
        assert_eq!(long[5..], STRUCTURE[5..]);
        let mut short = [0xa8, 0x52, 0x20, 0x56, 0xaa];
        Descriptor::parse(&short).unwrap().patch(&mut short, 0x1ff, 9);
        assert_eq!(short, [0xa8, 0x7f, 0x20, 9, 0xaa]);
    }
}
