//! A sliding bitmap over extended sequence numbers: tells a first sight from a repetition.

/// How far back a number may lie behind the highest, packets: over a second of a 1,500 packet/s stream.
pub(crate) const WINDOW: u64 = 2048;

const WORDS: usize = (WINDOW / 64) as usize;

/// The last [`WINDOW`] numbers up to the highest inserted one.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    highest: Option<u64>,
    bits: [u64; WORDS],
}

impl Window {
    pub(crate) const fn new() -> Self {
        Self { highest: None, bits: [0; WORDS] }
    }

    /// The highest number inserted.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// True if `number` is new; false if it was inserted before or has left the window. O(1), however far it jumps.
    #[inline]
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        match self.highest {
            None => self.bits.fill(0),
            Some(highest) if number > highest => self.clear(highest + 1, number),
            Some(highest) if highest - number >= WINDOW => return false,
            Some(_) if self.bit(number) => return false,
            Some(_) => {
                self.bits[word(number)] |= 1 << (number % 64);
                return true;
            }
        }
        self.highest = Some(number);
        self.bits[word(number)] |= 1 << (number % 64);
        true
    }

    /// What [`Window::insert`] would say.
    #[inline]
    pub(crate) fn is_fresh(&self, number: u64) -> bool {
        self.highest.is_none_or(|highest| number > highest || (highest - number < WINDOW && !self.bit(number)))
    }

    /// Whether `number` was inserted and has not left the window.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.highest.is_some_and(|highest| number <= highest && highest - number < WINDOW && self.bit(number))
    }

    fn bit(&self, number: u64) -> bool {
        self.bits[word(number)] & 1 << (number % 64) != 0
    }

    /// Forgets what the numbers `first..=last` stood for one window ago.
    #[inline]
    fn clear(&mut self, first: u64, last: u64) {
        if last - first >= WINDOW {
            return self.bits.fill(0);
        }
        let mut at = first;
        while at <= last {
            let bit = at % 64;
            let span = (64 - bit).min(last - at + 1);
            self.bits[word(at)] &= !((u64::MAX >> (64 - span)) << bit);
            at += span;
        }
    }
}

fn word(number: u64) -> usize {
    (number % WINDOW / 64) as usize
}

#[cfg(test)]
mod tests {
    use super::{WINDOW, Window};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn repetition_and_age() {
        let mut window = Window::new();
        assert!(window.insert(70_000));
        assert!(!window.insert(70_000));
        assert!(window.insert(69_999), "older but unseen");
        assert!(window.insert(70_000 + WINDOW - 1));
        assert!(!window.insert(70_000), "still inside and seen");
        assert!(!window.insert(69_999), "left the window");
        assert!(!window.is_fresh(70_000) && window.is_fresh(70_001) && !window.is_fresh(69_999));
    }

    proptest! {
        /// Equal to a plain set with the same horizon, whatever the jumps.
        #[test]
        fn equals_a_set(steps in proptest::collection::vec(prop_oneof![-80i64..80, -3000i64..3000], 1..400)) {
            let mut window = Window::new();
            let mut set = BTreeSet::new();
            let mut number = 1_000_000u64;
            for step in steps {
                number = number.saturating_add_signed(step).max(500_000);
                let highest = set.last().copied().unwrap_or(0);
                let expected = number + WINDOW > highest && set.insert(number);
                prop_assert_eq!(window.is_fresh(number), expected);
                prop_assert_eq!(window.insert(number), expected);
                prop_assert_eq!(window.contains(number), number + WINDOW > highest);
            }
        }
    }
}
