//! Writes bits, most significant first: the counterpart of what the crate only reads.

/// Bits one by one.
#[derive(Default)]
pub(crate) struct BitWriter(Vec<bool>);

impl BitWriter {
    /// `f(count)`.
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 != 0));
    }

    /// `ns(n)`, as AV1 specification section 4.10.7 puts it.
    pub(crate) fn put_non_symmetric(&mut self, value: u32, n: u32) {
        let mut width = 0;
        while n >> width != 0 {
            width += 1;
        }
        let short = (1 << width) - n;
        if value < short {
            self.put(value, width - 1);
        } else {
            self.put((value + short) >> 1, width - 1);
            self.put((value + short) & 1, 1);
        }
    }

    /// Padded with zeros.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| (0..8).fold(0, |byte, at| byte << 1 | u8::from(bits.get(at) == Some(&true)));
        self.0.chunks(8).map(byte).collect()
    }
}

/// Numbers drawn one after the other from a seed (SplitMix64).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// 0 to `below` - 1.
    pub(crate) fn below(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ word >> 31) % u64::from(below)) as u32
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// As many numbers as `count` draws.
    pub(crate) fn list(&mut self, count: u32, below: u32) -> Vec<u32> {
        (0..count).map(|_| self.below(below)).collect()
    }
}
