//! The VP8 payload descriptor (RFC 7741 section 4.2): read it, and replace picture id and TL0PICIDX.
//!
//! ```text
//!      0 1 2 3 4 5 6 7
//!     |X|R|N|S|R| PID |  required
//! X:  |I|L|T|K| RSV   |
//! I:  |M| PictureID   |  7 bits, or 15 with M and one more byte
//! L:  |   TL0PICIDX   |
//! TK: |TID|Y| KEYIDX  |
//! ```

pub use super::picture_id::PictureId;
use super::picture_id::Places;

/// A parsed descriptor. It stays valid for every copy of the payload it was parsed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// No other frame refers to this one: it may be dropped.
    pub non_reference: bool,
    /// The payload begins a VP8 partition.
    pub start_of_partition: bool,
    /// Partition index, 0 to 7; 0 holds the modes and motion vectors of the frame.
    pub partition: u8,
    /// Frame number.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: number of the base temporal layer frame this one rests on, modulo 256.
    pub tl0: Option<u8>,
    /// TID: temporal layer, 0 to 3.
    pub tid: Option<u8>,
    /// Y: the frame refers to the base layer only, so decoding of its layer can begin here.
    pub sync: bool,
    /// KEYIDX: number of the keyframe this frame rests on, modulo 32.
    pub keyidx: Option<u8>,
    /// The payload begins a keyframe.
    pub keyframe: bool,
    /// Length of the descriptor, bytes: where the VP8 data begins.
    pub len: usize,
    places: Places,
}

impl Descriptor {
    /// Reads the start of an RTP payload. `None` if it is cut off, or carries nothing behind the descriptor.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut rest = payload.iter().copied();
        let required = rest.next()?;
        let extended = if required & X != 0 { rest.next()? } else { 0 };
        let at = |rest: &std::iter::Copied<std::slice::Iter<'_, u8>>| (payload.len() - rest.len()) as u8;

        let picture_id_at = at(&rest);
        let picture_id = if extended & I != 0 { Some(PictureId::read(&mut rest)?) } else { None };
        let tl0_at = at(&rest);
        let tl0 = if extended & L != 0 { Some(rest.next()?) } else { None };
        let layers = if extended & (T | K) != 0 { rest.next()? } else { 0 };
        let len = payload.len() - rest.len();
        let first_data = rest.next()?;

        let start_of_partition = required & S != 0;
        let partition = required & PID;
        Some(Self {
            non_reference: required & N != 0,
            start_of_partition,
            partition,
            picture_id,
            tl0,
            tid: (extended & T != 0).then_some(layers >> 6),
            // "This bit MUST be ignored if the T bit is 0" is what section 4.2 says of TID and Y.
            sync: extended & T != 0 && layers & Y != 0,
            keyidx: (extended & K != 0).then_some(layers & KEYIDX),
            // The payload header (section 4.3) opens the first partition: its lowest bit is the inverse key frame flag.
            keyframe: start_of_partition && partition == 0 && first_data & INVERSE_KEYFRAME == 0,
            len,
            places: Places { picture_id: picture_id.map(|id| (id, picture_id_at)), tl0: tl0.map(|_| tl0_at) },
        })
    }

    /// Whether the payload is the first of a frame.
    #[must_use]
    pub const fn starts_frame(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// Replaces picture id and TL0PICIDX in the payload this was parsed from or a copy of it, each where there is one and in the width
    /// it has: of a 7-bit id the low bits of `picture_id` are written. Use [`Descriptor::copy`] to go over to 15 bits.
    pub fn patch(&self, payload: &mut [u8], picture_id: u16, tl0: u8) {
        self.places.patch(payload, picture_id, tl0);
    }

    /// Copies a payload to the start of `out` with picture id and TL0PICIDX replaced, the id always in 15 bits: a stream whose sources
    /// differ in width stays one stream. Gives the new length, one more than before for a 7-bit id; `None` if `out` is too short.
    #[must_use]
    pub fn copy(&self, payload: &[u8], picture_id: u16, tl0: u8, out: &mut [u8]) -> Option<usize> {
        self.places.copy(payload, picture_id, tl0, out)
    }
}

const X: u8 = 0x80;
const N: u8 = 0x20;
const S: u8 = 0x10;
const PID: u8 = 0x07;
const I: u8 = 0x80;
const L: u8 = 0x40;
const T: u8 = 0x20;
const K: u8 = 0x10;
const Y: u8 = 0x20;
const KEYIDX: u8 = 0x1f;
const INVERSE_KEYFRAME: u8 = 0x01;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    // Binary literals are grouped as the fields are.
    #![allow(clippy::unusual_byte_groupings)]
    use super::*;

    /// The first byte of a VP8 frame: keyframe and shown, or the same but an interframe.
    const KEY: u8 = 0x10;
    const DELTA: u8 = 0x11;

    #[test]
    fn smallest() {
        let descriptor = Descriptor::parse(&[0x10, KEY]).unwrap();
        assert!(descriptor.keyframe && descriptor.starts_frame() && !descriptor.non_reference);
        assert_eq!((descriptor.len, descriptor.partition), (1, 0));
        assert_eq!((descriptor.picture_id, descriptor.tl0, descriptor.tid, descriptor.keyidx), (None, None, None, None));
    }

    #[test]
    fn keyframes_are_seen_at_their_start_only() {
        for (required, first, keyframe, starts) in [
            (0x10, KEY, true, true),
            (0x10, DELTA, false, true),
            (0x00, KEY, false, false),
            (0x11, KEY, false, false),
            (0x30, KEY, true, true),
        ] {
            let descriptor = Descriptor::parse(&[required, first]).unwrap();
            assert_eq!((descriptor.keyframe, descriptor.starts_frame()), (keyframe, starts), "{required:#x} {first:#x}");
        }
    }

    /// All fields, with the picture id in both widths.
    #[test]
    fn every_field() {
        let long = [0x90 | N, 0xf0, 0xd2, 0x34, 0x56, 0b10_1_00111, DELTA];
        let descriptor = Descriptor::parse(&long).unwrap();
        assert_eq!((descriptor.picture_id, descriptor.tl0), (Some(PictureId::Long(0x5234)), Some(0x56)));
        assert_eq!((descriptor.tid, descriptor.sync, descriptor.keyidx), (Some(2), true, Some(7)));
        assert!(descriptor.non_reference && !descriptor.keyframe);
        assert_eq!(descriptor.len, 6);

        let short = [0x90, 0xf0, 0x52, 0x56, 0b01_0_00001, KEY];
        let descriptor = Descriptor::parse(&short).unwrap();
        assert_eq!((descriptor.picture_id, descriptor.tl0), (Some(PictureId::Short(0x52)), Some(0x56)));
        assert_eq!((descriptor.tid, descriptor.sync, descriptor.keyidx), (Some(1), false, Some(1)));
        assert_eq!(descriptor.len, 5);
    }

    /// T and K share a byte; each counts only if its bit says so.
    #[test]
    fn layer_byte_is_read_as_announced() {
        let with = |extended| Descriptor::parse(&[0x90, extended, 0xff, KEY]).unwrap();
        assert_eq!((with(T).tid, with(T).sync, with(T).keyidx), (Some(3), true, None));
        assert_eq!((with(K).tid, with(K).sync, with(K).keyidx), (None, false, Some(31)));
    }

    #[test]
    fn every_truncation_is_none() {
        let long = [0x90, 0xf0, 0xd2, 0x34, 0x56, 0xff, KEY];
        assert!(Descriptor::parse(&long).is_some());
        for len in 0..long.len() {
            assert_eq!(Descriptor::parse(&long[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn patch_keeps_widths() {
        let mut long = [0x90, 0xc0, 0xd2, 0x34, 0x56, KEY, 0xaa];
        Descriptor::parse(&long).unwrap().patch(&mut long, 0xffff, 9);
        assert_eq!(long, [0x90, 0xc0, 0xff, 0xff, 9, KEY, 0xaa]);
        let mut short = [0x90, 0xc0, 0x52, 0x56, KEY, 0xaa];
        Descriptor::parse(&short).unwrap().patch(&mut short, 0x1ff, 9);
        assert_eq!(short, [0x90, 0xc0, 0x7f, 9, KEY, 0xaa]);
        let mut none = [0x90, 0x20, 0x56, KEY, 0xaa];
        Descriptor::parse(&none).unwrap().patch(&mut none, 0x1ff, 9);
        assert_eq!(none, [0x90, 0x20, 0x56, KEY, 0xaa]);
    }

    #[test]
    fn patch_of_a_shorter_payload_does_nothing() {
        let descriptor = Descriptor::parse(&[0x90, 0xc0, 0xd2, 0x34, 0x56, KEY]).unwrap();
        let mut short = [0x90, 0xc0, 0xd2];
        descriptor.patch(&mut short, 1, 2);
        assert_eq!(short, [0x90, 0xc0, 0xd2]);
    }

    #[test]
    fn copy_widens_the_picture_id() {
        let copy = |payload: &[u8], room| {
            let mut out = vec![0; room];
            Descriptor::parse(payload).unwrap().copy(payload, 0x1234, 9, &mut out).map(|len| out[..len].to_vec())
        };
        assert_eq!(copy(&[0x90, 0xf0, 0x52, 0x56, 0xff, KEY, 0xaa], 8), Some(vec![0x90, 0xf0, 0x92, 0x34, 9, 0xff, KEY, 0xaa]));
        assert_eq!(copy(&[0x90, 0xf0, 0x52, 0x56, 0xff, KEY, 0xaa], 7), None);
        assert_eq!(copy(&[0x90, 0xc0, 0xd2, 0x34, 0x56, KEY], 6), Some(vec![0x90, 0xc0, 0x92, 0x34, 9, KEY]));
        assert_eq!(copy(&[0x90, 0xc0, 0xd2, 0x34, 0x56, KEY], 5), None);
        assert_eq!(copy(&[0x10, KEY, 0xaa], 3), Some(vec![0x10, KEY, 0xaa]));
    }
}
