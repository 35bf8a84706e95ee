//! Reads bits, most significant first, as the AV1 RTP specification writes its fields: `f(n)` and `ns(n)`.

/// A place in a value, counted in bits. It never goes beyond the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// Begins at the first bit.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits taken so far.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// `f(count)`: a number of at most 32 bits. `None`, and nothing is taken, if there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        debug_assert!(count <= 32, "a number of {count} bits");
        let end = self.at + count;
        let bytes = self.bytes.get(self.at / 8..end.div_ceil(8))?;
        // At most 32 bits that begin anywhere in a byte: five bytes.
        let word = bytes.iter().fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
        self.at = end;
        let behind = end.next_multiple_of(8) - end;
        Some((word >> behind & ((1 << count) - 1)) as u32)
    }

    /// `f(1)`.
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit != 0)
    }

    /// `ns(n)`: a number below `n` (at least 1), the lower ones in a bit less where `n` is no power of two.
    pub(super) fn non_symmetric(&mut self, n: u32) -> Option<u32> {
        let width = n.checked_ilog2()? + 1;
        let short = (1 << width) - n;
        let value = self.take(width as usize - 1)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.take(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::BitReader;

    #[test]
    fn numbers_across_bytes() {
        let mut bits = BitReader::new(&[0b1010_0111, 0xff, 0, 0x12, 0x34, 0x56, 0b1000_0000]);
        assert_eq!((bits.take(1), bits.take(3), bits.take(0)), (Some(1), Some(0b010), Some(0)));
        assert_eq!((bits.take(12), bits.position()), (Some(0x7ff), 16));
        assert_eq!(bits.take(32), Some(0x0012_3456));
        assert_eq!(bits.take(9), None);
        assert_eq!((bits.flag(), bits.take(7), bits.take(1), bits.take(0)), (Some(true), Some(0), None, Some(0)));
        let mut odd = BitReader::new(&[0x01, 0xff, 0xff, 0xff, 0xfe]);
        assert_eq!((odd.take(7), odd.take(32)), (Some(0), Some(u32::MAX)));
    }

    /// The table of AV1 specification section 4.10.7 for n = 5, and the ends.
    #[test]
    fn non_symmetric_numbers() {
        for (byte, value, len) in [(0b0000_0000, 0, 2), (0b0100_0000, 1, 2), (0b1000_0000, 2, 2), (0b1100_0000, 3, 3), (0b1110_0000, 4, 3)]
        {
            let bytes = [byte];
            let mut bits = BitReader::new(&bytes);
            assert_eq!((bits.non_symmetric(5), bits.position()), (Some(value), len));
        }
        assert_eq!(BitReader::new(&[]).non_symmetric(1), Some(0), "one value needs no bit");
        assert_eq!(BitReader::new(&[]).non_symmetric(2), None);
        assert_eq!(BitReader::new(&[0xff]).non_symmetric(0), None);
    }
}
