//! Picture id and TL0PICIDX, which the descriptors of VP8 (RFC 7741) and VP9 (RFC 9628) share: where they lie, and new values for them.

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

    /// Takes the one or two bytes of an id.
    pub(super) fn read(mut bytes: impl Iterator<Item = u8>) -> Option<Self> {
        Some(match bytes.next()? {
            high if high & M != 0 => Self::Long(u16::from_be_bytes([high & !M, bytes.next()?])),
            short => Self::Short(short),
        })
    }
}

/// Where the two fields lie in a payload, as far as there are such.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Places {
    /// The id and its offset, bytes.
    pub(super) picture_id: Option<(PictureId, u8)>,
    /// Offset of TL0PICIDX, bytes; behind the id.
    pub(super) tl0: Option<u8>,
}

impl Places {
    /// Writes both where they are, in the width they have: of a 7-bit id the low bits. What lies beyond the payload is left out.
    pub(super) fn patch(&self, payload: &mut [u8], picture_id: u16, tl0: u8) {
        match self.picture_id {
            Some((PictureId::Long(_), at)) => {
                let at = usize::from(at);
                if let Some(field) = payload.get_mut(at..at + 2) {
                    field.copy_from_slice(&(picture_id | LONG).to_be_bytes());
                }
            }
            Some((PictureId::Short(_), at)) => {
                if let Some(field) = payload.get_mut(usize::from(at)) {
                    *field = picture_id as u8 & !M;
                }
            }
            None => {}
        }
        if let Some(field) = self.tl0.and_then(|at| payload.get_mut(usize::from(at))) {
            *field = tl0;
        }
    }

    /// Copies a payload to the start of `out` with both replaced, the id always in 15 bits. Gives the new length; `None` if `out` is too
    /// short.
    pub(super) fn copy(&self, payload: &[u8], picture_id: u16, tl0: u8, out: &mut [u8]) -> Option<usize> {
        let Some((PictureId::Short(_), at)) = self.picture_id else {
            let copy = out.get_mut(..payload.len())?;
            copy.copy_from_slice(payload);
            self.patch(copy, picture_id, tl0);
            return Some(payload.len());
        };
        let (before, after) = payload.split_at_checked(usize::from(at))?;
        let copy = out.get_mut(..payload.len() + 1)?;
        copy[..before.len()].copy_from_slice(before);
        copy[before.len() + 1..].copy_from_slice(after);
        let widened = Self { picture_id: Some((PictureId::Long(0), at)), tl0: self.tl0.map(|at| at + 1) };
        widened.patch(copy, picture_id, tl0);
        Some(payload.len() + 1)
    }
}

const M: u8 = 0x80;
const LONG: u16 = 0x8000;
