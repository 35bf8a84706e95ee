//! AV1 payloads (AV1 RTP specification 1.0, section 4): where frames and keyframes begin.
//!
//! ```text
//! |Z|Y| W |N|-|-|-|  aggregation header, then OBU elements, each but perhaps the last with its length in front
//! ```

/// Whether a decoder can begin here: the packet is marked as the first of a coded video sequence, or brings a sequence header.
#[must_use]
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let Some((&header, elements)) = payload.split_first() else { return false };
    if header & Z != 0 || elements.is_empty() {
        return false;
    }
    header & N != 0 || obu_types(header, elements).any(|kind| kind == SEQUENCE_HEADER)
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
