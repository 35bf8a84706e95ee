//! AV1 payloads (AV1 RTP specification 1.0, section 4): where frames and keyframes begin.
//!
//! ```text
//! |Z|Y| W |N|-|-|-|  aggregation header, then OBU elements, each but perhaps the last with its length in front
//! ```

/// Whether a decoder can begin here: the packet is marked as the first of a coded video sequence and brings its sequence header. The mark
/// alone does not suffice to decode, and the header alone does not say so: it may be repeated before any frame.
#[must_use]
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let Some((&header, elements)) = payload.split_first() else { return false };
    header & Z == 0 && header & N != 0 && obu_types(header, elements).any(|kind| kind == SEQUENCE_HEADER)
}

/// Whether the payload begins with the start of an OBU. A frame of several OBUs may do so repeatedly.
#[must_use]
pub fn starts_frame(payload: &[u8]) -> bool {
    payload.len() > 1 && payload[0] & Z == 0
}

/// Types of the OBUs that begin in this payload, which must not begin with a continuation. Ends early at an element that is cut off.
fn obu_types(header: u8, elements: &[u8]) -> impl Iterator<Item = u8> {
    // With W = 0 every element has a length; else there are W, and the last has none.
    let count = header >> 4 & W;
    let mut left = if count == 0 { MAX_ELEMENTS } else { usize::from(count) };
    let mut rest = elements;
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let element;
        if left == 0 && count != 0 {
            element = std::mem::take(&mut rest);
        } else {
            let (len, after) = leb128(rest)?;
            (element, rest) = after.split_at_checked(len)?;
        }
        element.first().map(|head| head >> 3 & OBU_TYPE)
    })
}

/// A little-endian base-128 number of at most four bytes, below 2^28, which no packet exceeds.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

/// Elements looked at in one packet. A sequence header is the first or, after a temporal delimiter, the second OBU of its temporal unit.
const MAX_ELEMENTS: usize = 8;
const Z: u8 = 0x80;
const W: u8 = 0x03;
const N: u8 = 0x08;
const OBU_TYPE: u8 = 0x0f;
const SEQUENCE_HEADER: u8 = 1;

#[cfg(test)]
mod tests {
    use super::{starts_frame, starts_keyframe};

    /// OBU headers without size field: temporal delimiter, sequence header, frame.
    const DELIMITER: u8 = 2 << 3;
    const SEQUENCE: u8 = 1 << 3;
    const FRAME: u8 = 6 << 3;

    /// Payload, starts a keyframe, may start a frame.
    #[test]
    fn table() {
        for (payload, keyframe, frame) in [
            // W = 1, 2, 3: the last element has no length.
            (&[0x18, SEQUENCE, 0xaa][..], true, true),
            (&[0x28, 2, SEQUENCE, 0xaa, FRAME, 0xaa], true, true),
            (&[0x38, 1, DELIMITER, 2, SEQUENCE, 0xaa, FRAME], true, true),
            (&[0x28, 1, DELIMITER, SEQUENCE], true, true),
            // W = 0: all have a length, here one of two bytes.
            (&[0x08, 1, DELIMITER, 0x82, 0x00, SEQUENCE, 0xaa], true, true),
            // Without the mark, without the header, a continuation.
            (&[0x10, SEQUENCE, 0xaa], false, true),
            (&[0x18, FRAME, 0xaa], false, true),
            (&[0x98, SEQUENCE, 0xaa], false, false),
            (&[0x90, 0xaa], false, false),
            // Lies about lengths.
            (&[], false, false),
            (&[0x18], false, false),
            (&[0x08, 3, SEQUENCE, 0xaa], false, true),
            (&[0x28, 3, SEQUENCE, 0xaa], false, true),
            (&[0x08, 0xff, 0xff, 0xff, 0xff, 0x01, SEQUENCE], false, true),
            (&[0x08, 0x80], false, true),
            (&[0x08, 0, 1, SEQUENCE], false, true),
        ] {
            assert_eq!((starts_keyframe(payload), starts_frame(payload)), (keyframe, frame), "{payload:02x?}");
        }
    }

    #[test]
    fn search_is_bounded() {
        let mut payload = vec![0x08];
        payload.extend([1, FRAME].repeat(super::MAX_ELEMENTS - 1));
        payload.extend([1, SEQUENCE]);
        assert!(starts_keyframe(&payload));
        payload.splice(1..1, [1, FRAME]);
        assert!(!starts_keyframe(&payload));
    }
}
