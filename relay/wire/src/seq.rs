//! 16-bit sequence numbers: order on the circle (RFC 1982) and their extension to 64 bits.

/// Whether `a` comes after `b`. Numbers exactly half a circle apart are not newer in either direction.
#[must_use]
pub const fn newer(a: u16, b: u16) -> bool {
    distance(a, b) > 0
}

/// Steps from `b` forward to `a`, -32768 to 32767; positive if `a` is newer.
#[must_use]
pub const fn distance(a: u16, b: u16) -> i16 {
    a.wrapping_sub(b).cast_signed()
}

/// Extends 16-bit sequence numbers to 64 bits, relative to the highest one seen.
///
/// The first number maps to 65,536 + itself, so that packets from before it still get a positive number. Every step is O(1),
/// however far a hostile sender jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SeqUnwrapper {
    highest: Option<u64>,
}

impl SeqUnwrapper {
    /// An unwrapper that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The extended number nearest to the highest seen; remembers it if it is higher.
    pub fn unwrap(&mut self, seq: u16) -> u64 {
        let extended = self.peek(seq);
        if self.highest.is_none_or(|highest| extended > highest) {
            self.highest = Some(extended);
        }
        extended
    }

    /// What [`SeqUnwrapper::unwrap`] would return, without remembering anything. Use this before a packet is authenticated.
    #[must_use]
    pub fn peek(&self, seq: u16) -> u64 {
        match self.highest {
            None => FIRST_CYCLE + u64::from(seq),
            // The highest is at least 65,536 and a step back at most 32,768, so this stays positive; upwards it would take
            // 2^49 packets to wrap.
            Some(highest) => highest.wrapping_add_signed(i64::from(distance(seq, highest as u16))),
        }
    }

    /// The highest extended number seen so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// Where counting starts: one full cycle above zero.
const FIRST_CYCLE: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{SeqUnwrapper, distance, newer};
    use proptest::prelude::*;

    #[test]
    fn order_on_the_circle() {
        assert!(newer(1, 0));
        assert!(newer(0, 65_535));
        assert!(newer(32_767, 0));
        assert!(!newer(5, 5));
        assert!(!newer(32_768, 0) && !newer(0, 32_768), "half a circle apart: neither");
        assert_eq!(distance(2, 65_534), 4);
        assert_eq!(distance(65_534, 2), -4);
        assert_eq!(distance(32_768, 0), -32_768);
    }

    #[test]
    fn starts_one_cycle_up_and_accepts_earlier_packets() {
        let mut unwrapper = SeqUnwrapper::new();
        assert_eq!(unwrapper.highest(), None);
        assert_eq!(unwrapper.unwrap(3), 65_539);
        assert_eq!(unwrapper.unwrap(65_535), 65_535);
        assert_eq!(unwrapper.highest(), Some(65_539), "an earlier packet does not move it");
        assert_eq!(unwrapper.unwrap(4), 65_540);
    }

    #[test]
    fn wraps_forward_again_and_again() {
        let mut unwrapper = SeqUnwrapper::new();
        for expected in 65_536..400_000u64 {
            assert_eq!(unwrapper.unwrap(expected as u16), expected);
            assert_eq!(unwrapper.highest(), Some(expected));
        }
    }

    #[test]
    fn peek_changes_nothing() {
        let mut unwrapper = SeqUnwrapper::new();
        unwrapper.unwrap(100);
        let before = unwrapper;
        assert_eq!(unwrapper.peek(200), 65_736);
        assert_eq!(unwrapper, before);
    }

    proptest! {
        #![proptest_config(crate::testing::seeded())]

        /// Whatever arrives, the low 16 bits are kept and the result lies within half a circle of the highest.
        #[test]
        fn nearest_to_highest(seqs in proptest::collection::vec(any::<u16>(), 1..200)) {
            let mut unwrapper = SeqUnwrapper::new();
            for seq in seqs {
                let before = unwrapper.highest();
                let peeked = unwrapper.peek(seq);
                let extended = unwrapper.unwrap(seq);
                prop_assert_eq!(peeked, extended);
                prop_assert_eq!(extended as u16, seq);
                if let Some(before) = before {
                    prop_assert!(extended.abs_diff(before) <= 32_768);
                    prop_assert_eq!(unwrapper.highest(), Some(before.max(extended)));
                }
            }
        }
    }
}
