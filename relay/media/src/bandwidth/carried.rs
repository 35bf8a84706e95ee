//! What the line carried lately: something that counts bytes on the way lets more than its rate pass for a moment, but not for long.

use super::observation::Observed;

/// Observations kept: half a minute.
const KEPT: usize = 120;

/// Nothing that counts bytes saves up more than this, bits: 150 KB.
const MOST_SAVED: f64 = 1_200_000.0;

/// What arrives while the line is full is known so well.
const KNOWN_TO: f64 = 1.05;

#[derive(Debug)]
pub(super) struct Carried {
    /// Bits that arrived and seconds, the latest first.
    observed: [(f64, f64); KEPT],
}

impl Carried {
    pub(super) fn new() -> Self {
        Self { observed: [(0.0, 0.0); KEPT] }
    }

    pub(super) fn add(&mut self, observed: &Observed) {
        self.observed.rotate_right(1);
        self.observed[0] = (observed.arrived, observed.age as f64 / 1e6);
    }

    /// Whether it was so much that no line could have carried it that is full at `rate`, bit/s: what was lost was not lost because of that, or
    /// the line has become another since.
    pub(super) fn exceeds(&self, rate: f64) -> bool {
        let mut ahead = 0.0;
        self.observed.iter().rev().any(|(arrived, seconds)| {
            ahead = f64::max(0.0, ahead + arrived - KNOWN_TO * rate * seconds);
            ahead > MOST_SAVED
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether what arrived in so many seconds, bit/s, was more than a line carries that is full at 1 Mbit/s.
    fn exceeds(spans: &[(f64, u32)]) -> bool {
        let mut carried = Carried::new();
        for (rate, seconds) in spans {
            for _ in 0..4 * seconds {
                carried.add(&Observed { age: 250_000, lost: 0, packets: 12, sent: *rate, arrived: rate / 4.0 });
            }
        }
        carried.exceeds(1e6)
    }

    #[test]
    fn a_bucket_explains_a_little_more_and_not_for_long() {
        assert!(!exceeds(&[]) && !exceeds(&[(1e6, 40)]));
        assert!(!exceeds(&[(1.04e6, 40)]), "as far as it can be told");
        assert!(!exceeds(&[(0.2e6, 5), (2e6, 1), (1e6, 5)]), "120 KB were saved up");
        assert!(!exceeds(&[(1.5e6, 2), (0.5e6, 2), (1.5e6, 2)]), "and once more");
        assert!(exceeds(&[(1.5e6, 3), (0.5e6, 10)]));
        assert!(!exceeds(&[(1.5e6, 3), (0.5e6, 30)]), "long ago");
    }
}
