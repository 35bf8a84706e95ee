//! Remembers what came under each sequence number lately, to tell a copy from two packets that share a number.

/// How far back it remembers, packets.
const DEPTH: usize = 2_048;

/// What a packet is, compared with what came before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Not seen before.
    New,
    /// The same packet again.
    Copy,
    /// Another packet under a number that was used before: no sender may do that.
    Conflict,
}

/// A ring of checksums by sequence number.
#[derive(Debug)]
pub(super) struct Seen(Vec<(u64, u64)>);

impl Default for Seen {
    fn default() -> Self {
        Self(vec![(0, 0); DEPTH])
    }
}

impl Seen {
    pub(super) fn judge(&mut self, seq: u64, timestamp: u32, payload: &[u8]) -> Verdict {
        let sum = checksum(timestamp, payload);
        let place = &mut self.0[(seq % DEPTH as u64) as usize];
        if place.0 != seq {
            *place = (seq, sum);
            return Verdict::New;
        }
        if place.1 == sum { Verdict::Copy } else { Verdict::Conflict }
    }
}

/// FNV-1a over words of eight bytes, with the high half folded in: byte by byte it would cost more than opening the packet.
fn checksum(timestamp: u32, payload: &[u8]) -> u64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    let mix = |sum: u64, word: u64| {
        let product = (sum ^ word).wrapping_mul(PRIME);
        product ^ (product >> 32)
    };
    let (words, rest) = payload.as_chunks::<8>();
    let sum = words.iter().fold(0xcbf2_9ce4_8422_2325 ^ u64::from(timestamp), |sum, word| mix(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(mix(sum, payload.len() as u64), |sum, byte| mix(sum, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_harmless_and_a_reused_number_is_not() {
        let mut seen = Seen::default();
        assert_eq!(seen.judge(65_536, 1, b"one"), Verdict::New);
        assert_eq!(seen.judge(65_536, 1, b"one"), Verdict::Copy);
        assert_eq!(seen.judge(65_536, 1, b"two"), Verdict::Conflict);
        assert_eq!(seen.judge(65_536, 2, b"one"), Verdict::Conflict);
    }
}
