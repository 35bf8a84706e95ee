//! Redundant audio (RFC 2198): the newest block for receivers that take plain Opus, all blocks, and packets of our own.
//!
//! ```text
//! |1|   block PT  |   timestamp offset (14)   | block length (10) |  one per redundant block
//! |0|   block PT  |                                                the primary block comes last and has no length
//! ```

/// One block: a payload that was, or would have been, a packet of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block<'a> {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// RTP ticks by which it is older than the packet; 0 for the primary block. What is read is below 2^14.
    pub offset: u32,
    /// What a packet of its own would carry. May be empty.
    pub data: &'a [u8],
}

impl Block<'_> {
    /// The header as a redundant block, if the fields have room.
    fn header(&self) -> Option<[u8; 4]> {
        let len = u32::try_from(self.data.len()).ok().filter(|&len| len <= MAX_LENGTH)?;
        (self.payload_type < FOLLOWS && self.offset <= MAX_OFFSET)
            .then(|| (u32::from(FOLLOWS | self.payload_type) << 24 | self.offset << 10 | len).to_be_bytes())
    }
}

/// Payload type and data of the primary block; the data may be empty. `None` if a header or a redundant block is cut off, or there are
/// more than [`MAX_REDUNDANT`] of them.
#[must_use]
pub fn primary(payload: &[u8]) -> Option<(u8, &[u8])> {
    let (payload_type, headers, redundant) = measure(payload)?;
    Some((payload_type, &payload[headers + redundant..]))
}

/// All blocks in the order of the packet, the primary one last; usually the oldest comes first. `None` as for [`primary`].
#[must_use]
pub fn blocks(payload: &[u8]) -> Option<impl Iterator<Item = Block<'_>> + Clone> {
    let (payload_type, headers, redundant) = measure(payload)?;
    let (headers, data) = payload.split_at(headers);
    let (mut rest, last) = data.split_at(redundant);
    let older = headers.chunks_exact(4).map_while(move |header| {
        let word = u32::from_be_bytes(header.try_into().ok()?);
        let (data, after) = rest.split_at_checked((word & MAX_LENGTH) as usize)?;
        rest = after;
        Some(Block { payload_type: header[0] & !FOLLOWS, offset: word >> 10 & MAX_OFFSET, data })
    });
    Some(older.chain([Block { payload_type, offset: 0, data: last }]))
}

/// Writes a packet to the start of `out`: the redundant blocks in the order given, oldest first, then the primary one, whose offset does
/// not count. Gives its length; `None` if `out` is too short or the primary payload type is above 127.
///
/// A redundant block whose offset (2^14), length (2^10) or payload type (2^7) does not fit its field is left out, and of more than
/// [`MAX_REDUNDANT`] the first ones are.
#[must_use]
pub fn write(redundant: &[Block<'_>], primary: &Block<'_>, out: &mut [u8]) -> Option<usize> {
    let fitting = redundant.iter().filter_map(|block| Some((block.header()?, block.data)));
    let surplus = fitting.clone().count().saturating_sub(MAX_REDUNDANT);
    let kept = fitting.skip(surplus);
    if primary.payload_type & FOLLOWS != 0 {
        return None;
    }
    let mut len = 0;
    let mut put = |bytes: &[u8]| {
        out.get_mut(len..)?.get_mut(..bytes.len())?.copy_from_slice(bytes);
        len += bytes.len();
        Some(())
    };
    for (header, _) in kept.clone() {
        put(&header)?;
    }
    put(&[primary.payload_type])?;
    for (_, data) in kept {
        put(data)?;
    }
    put(primary.data)?;
    Some(len)
}

/// Payload type of the primary block, length of all headers, length of all redundant blocks, bytes. All of it lies within the payload.
fn measure(payload: &[u8]) -> Option<(u8, usize, usize)> {
    let mut headers = payload;
    let mut redundant = 0;
    for count in 0..=MAX_REDUNDANT {
        let (&first, rest) = headers.split_first()?;
        if first & FOLLOWS == 0 {
            return (redundant <= rest.len()).then_some((first, 4 * count + 1, redundant));
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
/// What 14 bits hold, RTP ticks: at 48 kHz, 341 ms.
const MAX_OFFSET: u32 = 0x3fff;
/// What ten bits hold, bytes.
const MAX_LENGTH: u32 = 0x3ff;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Block, MAX_REDUNDANT, blocks, primary, write};

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

    const fn block(payload_type: u8, offset: u32, data: &[u8]) -> Block<'_> {
        Block { payload_type, offset, data }
    }

    fn written(redundant: &[Block<'_>], primary: &Block<'_>) -> Vec<u8> {
        let mut out = [0; 4096];
        let len = write(redundant, primary, &mut out).unwrap();
        out[..len].to_vec()
    }

    #[test]
    fn blocks_are_read_in_their_order() {
        let payload = [0x80 | 111, 0x1e, 0x00, 2, 0x80 | 63, 0x0f, 0x00, 0, 111, b'o', b'l', b'n', b'e', b'w'];
        let expected = [block(111, 1920, b"ol"), block(63, 960, b""), block(111, 0, b"new")];
        assert!(blocks(&payload).unwrap().eq(expected));
        assert!(blocks(&[111, 1, 2]).unwrap().eq([block(111, 0, &[1, 2])]), "no redundancy");
        for len in 0..11 {
            assert!(blocks(&payload[..len]).is_none(), "{len} bytes");
        }
        assert_eq!(written(&expected[..2], &expected[2]), payload);
    }

    /// The largest values that fit, and each just beyond.
    #[test]
    fn what_does_not_fit_is_left_out() {
        let long = [7; 1024];
        let kept = block(127, 0x3fff, &long[..1023]);
        let primary = block(111, 0, b"new");
        let all = [block(111, 0x4000, b"older"), kept, block(111, 960, &long), block(128, 960, b"who")];
        assert!(blocks(&written(&all, &primary)).unwrap().eq([kept, primary]));
        assert_eq!(write(&[], &block(128, 0, b""), &mut [0; 9]), None);
    }

    #[test]
    fn the_newest_of_too_many_are_kept() {
        let all: Vec<Block<'_>> = (0..20).map(|age| block(111, 960 * (20 - age) % 16_000, b"x")).collect();
        let packet = written(&all, &block(111, 0, b"new"));
        assert_eq!(primary(&packet), Some((111, &b"new"[..])));
        assert!(blocks(&packet).unwrap().take(MAX_REDUNDANT).eq(all[20 - MAX_REDUNDANT..].iter().copied()));
    }

    #[test]
    fn writing_needs_exactly_its_length() {
        let write_into = |room: usize| write(&[block(111, 960, b"old")], &block(111, 0, b"new"), &mut vec![0; room]);
        assert_eq!(write_into(11), Some(11));
        for room in 0..11 {
            assert_eq!(write_into(room), None, "{room} bytes");
        }
    }
}
