//! Redundant audio (RFC 2198): finds the newest block, for receivers that take plain Opus.
//!
//! ```text
//! |1|   block PT  |   timestamp offset (14)   | block length (10) |  one per redundant block
//! |0|   block PT  |                                                the primary block comes last and has no length
//! ```

/// Payload type and data of the primary block; the data may be empty. `None` if a header or a redundant block is cut off, or there are
/// more than [`MAX_REDUNDANT`] of them.
#[must_use]
pub fn primary(payload: &[u8]) -> Option<(u8, &[u8])> {
    let mut headers = payload;
    let mut redundant = 0;
    for _ in 0..=MAX_REDUNDANT {
        let (&first, rest) = headers.split_first()?;
        if first & FOLLOWS == 0 {
            return Some((first, rest.get(redundant..)?));
        }
        let (&[_, _, high, low], rest) = headers.split_first_chunk::<4>()?;
        redundant += usize::from(u16::from_be_bytes([high & 0x03, low]));
        headers = rest;
    }
    None
}

/// Most redundant blocks in one packet. Browsers send one by default and nine at most.
pub const MAX_REDUNDANT: usize = 15;

const FOLLOWS: u8 = 0x80;
