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

/// The picture id in the width the sender chose. It counts frames, modulo 2^7 or 2^15.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PictureId {
    /// 0 to 127.
    Short(u8),
    /// 0 to 32767.
    Long(u16),
}

impl PictureId {
    /// The id as a number.
    #[must_use]
    pub const fn value(self) -> u16 {
        match self {
            Self::Short(id) => id as u16,
            Self::Long(id) => id,
        }
    }
}

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
    /// Offset of the picture id, where there is one.
    picture_id_at: u8,
    /// Offset of TL0PICIDX, where there is one.
    tl0_at: u8,
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
        let picture_id = match (extended & I != 0).then(|| rest.next()) {
            None => None,
            Some(first) => match first? {
                high if high & M != 0 => Some(PictureId::Long(u16::from_be_bytes([high & !M, rest.next()?]))),
                short => Some(PictureId::Short(short)),
            },
        };
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
            picture_id_at,
            tl0_at,
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
        let at = usize::from(self.picture_id_at);
        match self.picture_id {
            Some(PictureId::Long(_)) => {
                if let Some(field) = payload.get_mut(at..at + 2) {
                    field.copy_from_slice(&(picture_id | LONG).to_be_bytes());
                }
            }
            Some(PictureId::Short(_)) => {
                if let Some(field) = payload.get_mut(at) {
                    *field = picture_id as u8 & !M;
                }
            }
            None => {}
        }
        if let (Some(_), Some(field)) = (self.tl0, payload.get_mut(usize::from(self.tl0_at))) {
            *field = tl0;
        }
    }

    /// Copies a payload to the start of `out` with picture id and TL0PICIDX replaced, the id always in 15 bits: a stream whose sources
    /// differ in width stays one stream. Gives the new length, one more than before for a 7-bit id; `None` if `out` is too short.
    #[must_use]
    pub fn copy(&self, payload: &[u8], picture_id: u16, tl0: u8, out: &mut [u8]) -> Option<usize> {
        let Some(PictureId::Short(_)) = self.picture_id else {
            let copy = out.get_mut(..payload.len())?;
            copy.copy_from_slice(payload);
            self.patch(copy, picture_id, tl0);
            return Some(payload.len());
        };
        let (before, after) = payload.split_at_checked(usize::from(self.picture_id_at))?;
        let copy = out.get_mut(..payload.len() + 1)?;
        copy[..before.len()].copy_from_slice(before);
        copy[before.len() + 1..].copy_from_slice(after);
        let widened = Self { picture_id: Some(PictureId::Long(0)), tl0_at: self.tl0_at + 1, ..*self };
        widened.patch(copy, picture_id, tl0);
        Some(payload.len() + 1)
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
const M: u8 = 0x80;
const Y: u8 = 0x20;
const KEYIDX: u8 = 0x1f;
const LONG: u16 = 0x8000;
const INVERSE_KEYFRAME: u8 = 0x01;
