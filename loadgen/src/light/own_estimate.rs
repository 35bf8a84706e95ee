//! What a viewer without packet feedback believes its line carries (REMB): old clients are like this.
//!
//! While nothing queues it grows slowly, and is half as much again as what comes at least; when packets wait it is a little less than
//! what comes.

use std::time::{Duration, Instant};

/// How often it is told; browsers use the same.
const INTERVAL: Duration = Duration::from_millis(200);
/// Over this the rate is measured.
const WINDOW: Duration = Duration::from_millis(600);
/// Waiting for longer is a queue, not jitter.
const QUEUE: Duration = Duration::from_millis(40);
/// The shortest way seen is believed so long.
const BASE_AGE: Duration = Duration::from_secs(10);
/// What is told before anything ever waited, bit/s.
const START: f64 = 2_500_000.0;
/// The least and the most that is told, bit/s.
const RANGE: (f64, f64) = (100_000.0, 30_000_000.0);
/// While nothing waits it grows so much each time: about 8 % a second, as browsers do.
const GROWTH: f64 = 1.016;

/// The estimate.
#[derive(Debug)]
pub(super) struct OwnEstimate {
    came: std::collections::VecDeque<(Instant, usize)>,
    /// The shortest transit and when it was seen, seconds against the sender's clock.
    base: Option<(f64, Instant)>,
    longest_wait: f64,
    bitrate: f64,
    due: Option<Instant>,
}

impl OwnEstimate {
    pub(super) fn new() -> Self {
        Self { came: std::collections::VecDeque::new(), base: None, longest_wait: 0.0, bitrate: START, due: None }
    }

    /// A datagram of `len` bytes came. `transit`: for media, arrival less sending time on any clock, seconds.
    pub(super) fn arrived(&mut self, now: Instant, len: usize, transit: Option<f64>) {
        self.came.push_back((now, len));
        self.due.get_or_insert(now + INTERVAL);
        let Some(transit) = transit else { return };
        let old = |(base, at): &(f64, Instant)| transit <= *base || now.saturating_duration_since(*at) > BASE_AGE;
        if self.base.as_ref().is_none_or(old) {
            self.base = Some((transit, now));
        }
        let wait = transit - self.base.map_or(transit, |(base, _)| base);
        self.longest_wait = self.longest_wait.max(wait);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// What is to be told now, if anything, bit/s.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u64> {
        if self.due? > now {
            return None;
        }
        while self.came.pop_front_if(|(at, _)| now.saturating_duration_since(*at) > WINDOW).is_some() {}
        self.due = (!self.came.is_empty()).then_some(now + INTERVAL);
        let bytes: usize = self.came.iter().map(|(_, len)| len).sum();
        let rate = bytes as f64 * 8.0 / WINDOW.as_secs_f64();
        let waited = std::mem::take(&mut self.longest_wait);
        self.bitrate = if waited > QUEUE.as_secs_f64() { rate * 0.9 } else { (self.bitrate * GROWTH).max(rate * 1.5) };
        self.bitrate = self.bitrate.clamp(RANGE.0, RANGE.1);
        Some(self.bitrate as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_comes_and_yields_when_packets_wait() {
        let (start, mut estimate) = (Instant::now(), OwnEstimate::new());
        let mut told = Vec::new();
        for step in 0..400_u64 {
            let now = start + Duration::from_millis(5 * step);
            // 1.6 Mbit/s; in the second half each packet waits longer than the one before.
            let wait = step.saturating_sub(200) as f64 * 0.001;
            estimate.arrived(now, 1_000, Some(0.02 + wait));
            told.extend(estimate.take_due(now));
        }
        assert!((2_600_000..2_800_000).contains(&told[4]), "{told:?}");
        assert!(told.last().is_some_and(|told| (1_300_000..1_500_000).contains(told)), "{told:?}");
    }
}
