//! A seeded stream of numbers for names and offsets that need only differ, never to be secret (SplitMix64).

use wire::ids::Ssrc;

/// The stream. Equal seeds give equal streams, so a run can be repeated.
#[derive(Clone, Debug)]
pub(super) struct Entropy(u64);

impl Entropy {
    /// Starts a stream.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A stream's name.
    pub(super) fn ssrc(&mut self) -> Ssrc {
        Ssrc(self.next() as u32)
    }

    /// `len` characters that ICE credentials may hold (RFC 8839 section 5.4).
    pub(super) fn ice_chars(&mut self, len: usize) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        (0..len).map(|_| char::from(ALPHABET[(self.next() % 64) as usize])).collect()
    }

    /// A transaction id (RFC 8489 section 5).
    pub(super) fn transaction(&mut self) -> [u8; 12] {
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.next().to_be_bytes());
        id[8..].copy_from_slice(&self.next().to_be_bytes()[..4]);
        id
    }
}
