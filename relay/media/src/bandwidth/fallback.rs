//! The estimate for viewers who report neither arrival times nor single packets: by the losses in their receiver reports.

use super::{MAX_BITRATE, MIN_BITRATE};

/// Below this share lost it grows, above the second it shrinks.
const LOW: f64 = 0.02;
const HIGH: f64 = 0.10;

/// Growth per second.
const GROWTH: f64 = 1.08;

/// It grows no further than what was sent times this: more was not proven.
const PROVEN: f64 = 1.5;

/// Least time between two decreases, us: reports come about once a second and tell of the time before.
const PAUSE: u64 = 900_000;

/// Longest time that growth is caught up for, us.
const MAX_STEP: u64 = 1_500_000;

/// Weights of a report in the smoothed share, upwards and downwards.
const UP: f64 = 0.5;
const DOWN: f64 = 0.25;

#[derive(Debug)]
pub(super) struct Fallback {
    estimate: f64,
    share: f64,
    updated: u64,
    decreased: u64,
    /// Bytes sent since then.
    sent: u64,
}

impl Fallback {
    pub(super) fn new(now: u64, start: f64) -> Self {
        Self { estimate: start, share: 0.0, updated: now, decreased: now, sent: 0 }
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    /// bit/s.
    pub(super) fn estimate(&self) -> f64 {
        self.estimate
    }

    /// Share lost lately.
    pub(super) fn loss(&self) -> f64 {
        self.share
    }

    /// A report says that this share was lost. A report on several streams is several reports; true if the estimate was decreased.
    pub(super) fn report(&mut self, now: u64, share: f64) -> bool {
        self.share += if share > self.share { UP } else { DOWN } * (share - self.share);
        let elapsed = now.saturating_sub(self.updated);
        if self.share > HIGH && now.saturating_sub(self.decreased) >= PAUSE {
            self.decreased = now;
            self.begin(now);
            self.estimate = (self.estimate * (1.0 - 0.5 * self.share)).max(MIN_BITRATE);
            return true;
        }
        // Too short a time says nothing about what was sent in it.
        if elapsed < PAUSE / 2 {
            return false;
        }
        let sent = self.sent as f64 * 8e6 / elapsed as f64;
        if self.share < LOW {
            let grown = self.estimate * GROWTH.powf(elapsed.min(MAX_STEP) as f64 / 1e6);
            self.estimate = grown.min((PROVEN * sent).max(self.estimate)).min(MAX_BITRATE);
        }
        self.begin(now);
        false
    }

    fn begin(&mut self, now: u64) {
        (self.updated, self.sent) = (now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Fallback;

    fn after(seconds: u64, share: f64, sent: impl Fn(f64) -> f64) -> f64 {
        let mut fallback = Fallback::new(0, 1e6);
        for second in 1..=seconds {
            fallback.sent((sent(fallback.estimate) / 8.0) as u64);
            // Two streams in each report.
            fallback.report(second * 1_000_000, share);
            fallback.report(second * 1_000_000, share);
        }
        fallback.estimate
    }

    #[test]
    fn grows_holds_and_shrinks() {
        assert!((2.0e6..2.3e6).contains(&after(10, 0.0, |estimate| estimate)));
        assert!((0.99e6..1.01e6).contains(&after(10, 0.0, |_| 100e3)), "nothing is proven");
        assert!((0.99e6..1.2e6).contains(&after(10, 0.05, |estimate| estimate)));
        assert!(after(10, 0.4, |estimate| estimate) < 0.3e6);
        assert!(after(1000, 1.0, |estimate| estimate) >= 50e3, "a floor");
        assert!(after(1000, 0.0, |estimate| estimate) <= 30e6, "a ceiling");
    }
}
