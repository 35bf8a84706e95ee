//! A token bucket for the messages of one connection.

use std::time::{Duration, Instant};

/// Messages per second that a client may send for long.
const PER_SECOND: f64 = 50.0;
/// Messages it may send at once.
const BURST: f64 = 100.0;

/// What is left of a connection's allowance.
pub(super) struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes `cost` messages' worth; false when there is not so much left.
    #[must_use]
    pub(super) fn take(&mut self, now: Instant, cost: f64) -> bool {
        let elapsed: Duration = now.saturating_duration_since(self.at);
        self.at = now;
        self.left = (self.left + elapsed.as_secs_f64() * PER_SECOND).min(BURST);
        let enough = self.left >= cost;
        if enough {
            self.left -= cost;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert_eq!((0..150).filter(|_| allowance.take(start, 1.0)).count(), 100);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..150).filter(|_| allowance.take(later, 1.0)).count(), 50);
        let rested = later + Duration::from_secs(60);
        assert!(allowance.take(rested, 100.0));
        assert!(!allowance.take(rested, 1.0));
    }
}
