//! VP9 payload descriptors (RFC 9628 section 4.2): where frames and keyframes begin.
//!
//! ```text
//!    |I|P|L|F|B|E|V|Z|  required
//! I: |M| PICTURE ID  |  7 bits, or 15 with M and one more byte
//! L: | TID |U| SID |D|
//! ```

/// Whether a decoder can begin here: the start of a frame of the lowest spatial layer that is not predicted from earlier pictures.
#[must_use]
pub fn starts_keyframe(payload: &[u8]) -> bool {
    starts_frame(payload) && payload.first().is_some_and(|required| required & P == 0)
}

/// Whether the payload is the first of a picture: the start of the frame of the lowest spatial layer.
#[must_use]
pub fn starts_frame(payload: &[u8]) -> bool {
    start_of_frame(payload) == Some(0)
}

/// The spatial layer, 0 to 7, of the frame that begins in this payload. `None` inside a frame, or if the descriptor is cut off.
fn start_of_frame(payload: &[u8]) -> Option<u8> {
    let mut rest = payload.iter().copied();
    let required = rest.next()?;
    if required & I != 0 && rest.next()? & M != 0 {
        rest.next()?;
    }
    let layers = if required & L != 0 { rest.next()? } else { 0 };
    // Something must follow: further descriptor fields or data.
    rest.next()?;
    (required & B != 0).then_some(layers >> 1 & SID)
}

const I: u8 = 0x80;
const P: u8 = 0x40;
const L: u8 = 0x20;
const B: u8 = 0x08;
const M: u8 = 0x80;
const SID: u8 = 0x07;

#[cfg(test)]
mod tests {
    use super::{starts_frame, starts_keyframe};

    /// Payload, starts a keyframe, starts a picture.
    #[test]
    fn table() {
        for (payload, keyframe, frame) in [
            // No optional fields: start, continuation, interframe.
            (&[0x08, 0xaa][..], true, true),
            (&[0x00, 0xaa], false, false),
            (&[0x48, 0xaa], false, true),
            // Picture id of 7 and of 15 bits.
            (&[0x88, 0x7f, 0xaa], true, true),
            (&[0x88, 0xff, 0xff, 0xaa], true, true),
            // Layer indices: spatial layer 0, 1; behind a picture id.
            (&[0x28, 0xf1, 0xaa], true, true),
            (&[0x28, 0x02, 0xaa], false, false),
            (&[0xa8, 0xff, 0xff, 0x00, 0xaa], true, true),
            (&[0xa8, 0xff, 0xff, 0x04, 0xaa], false, false),
            (&[0xe8, 0xff, 0xff, 0x00, 0xaa], false, true),
            // Cut off in each field.
            (&[], false, false),
            (&[0x08], false, false),
            (&[0x88], false, false),
            (&[0x88, 0x7f], false, false),
            (&[0x88, 0xff], false, false),
            (&[0xa8, 0xff, 0xff], false, false),
            (&[0xa8, 0xff, 0xff, 0x00], false, false),
        ] {
            assert_eq!((starts_keyframe(payload), starts_frame(payload)), (keyframe, frame), "{payload:02x?}");
        }
    }
}
