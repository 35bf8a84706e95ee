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

#[cfg(test)]
mod tests {
    use super::{MAX_REDUNDANT, primary};

    /// `redundant` blocks of two bytes, then the primary block `new`.
    fn packet(redundant: usize) -> Vec<u8> {
        [[0x80 | 111, 0x0f, 0x00, 0x02].repeat(redundant), vec![111], b"ol".repeat(redundant), b"new".to_vec()].concat()
    }

    #[test]
    fn primary_is_behind_the_redundancy() {
        for redundant in 0..=MAX_REDUNDANT {
            assert_eq!(primary(&packet(redundant)), Some((111, &b"new"[..])), "{redundant} redundant blocks");
        }
        assert_eq!(primary(&packet(MAX_REDUNDANT + 1)), None);
    }

    /// The length has ten bits; the timestamp offset above it must not leak in.
    #[test]
    fn length_is_ten_bits() {
        let mut long = vec![0x80 | 111, 0xff, 0xff, 0xff, 63];
        long.extend([0; 1023]);
        long.push(0xaa);
        assert_eq!(primary(&long), Some((63, &[0xaa][..])));
        assert_eq!(primary(&long[..1028]), Some((63, &[][..])));
        assert_eq!(primary(&long[..1027]), None);
    }

    #[test]
    fn truncated_headers() {
        let whole = packet(1);
        for len in 0..7 {
            assert_eq!(primary(&whole[..len]), None, "{len} bytes");
        }
        assert_eq!(primary(&whole[..7]), Some((111, &[][..])));
    }
}
