//! A narrow place on the way: a queue that drains at a rate, or a policer that has none; and how long whatever passed had to wait.

use std::time::{Duration, Instant};

/// Waits remembered since the window began; at 1,000 packets a second about ten minutes. Later ones are left out, and that is asserted.
const MAX_WAITS: usize = 600_000;

/// A bottleneck with a queue in front of it.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Bit/s that get through.
    pub bits_per_second: u64,
    /// Longest time a datagram may wait; what would wait longer is dropped.
    pub queue: Duration,
}

impl Rate {
    /// A line of so many kbit/s with the queue of a home router.
    #[must_use]
    pub const fn kbps(kbps: u64) -> Self {
        Self { bits_per_second: kbps * 1_000, queue: Duration::from_millis(300) }
    }
}

/// A token bucket: what comes faster than the rate for longer than the burst allows is dropped, and nothing ever waits.
#[derive(Clone, Copy, Debug)]
pub struct Policer {
    /// Bit/s that get through.
    pub bits_per_second: u64,
    /// Bytes that may come at once.
    pub burst: u64,
}

/// What a bottleneck did since its window began.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    waits: Vec<(Instant, Duration)>,
    bytes: u64,
    drops: u64,
}

impl Passed {
    /// The longest wait of whatever came after `since`.
    #[must_use]
    pub fn max_wait(&self, since: Instant) -> Duration {
        self.since(since).iter().map(|(_, wait)| *wait).max().unwrap_or_default()
    }

    /// The wait that 95 % of whatever came after `since` did not exceed.
    #[must_use]
    pub fn p95_wait(&self, since: Instant) -> Duration {
        let mut waits: Vec<Duration> = self.since(since).iter().map(|(_, wait)| *wait).collect();
        waits.sort_unstable();
        waits.get(waits.len() * 95 / 100).copied().unwrap_or_default()
    }

    /// When waits were below `limit` again, for a second at least, after the first that was not after `since`; `since` itself if none was.
    #[must_use]
    pub fn falls_below(&self, limit: Duration, since: Instant) -> Instant {
        let mut last = since;
        for (at, _) in self.since(since).iter().filter(|(_, wait)| *wait > limit) {
            if last > since && *at - last > Duration::from_secs(1) {
                break;
            }
            last = *at;
        }
        last
    }

    /// Bytes that got through.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Datagrams that did not.
    #[must_use]
    pub fn drops(&self) -> u64 {
        self.drops
    }

    fn since(&self, since: Instant) -> &[(Instant, Duration)] {
        &self.waits[self.waits.partition_point(|(at, _)| *at < since)..]
    }

    fn note(&mut self, now: Instant, wait: Duration, len: usize) {
        assert!(self.waits.len() < MAX_WAITS, "the window is too long for this bottleneck's memory");
        self.waits.push((now, wait));
        self.bytes += len as u64;
    }
}

/// One bottleneck; several people may share it.
#[derive(Debug, Default)]
pub struct Bottleneck {
    /// What it did since the window began.
    pub passed: Passed,
    free: Option<Instant>,
    tokens: Option<(Instant, f64)>,
}

impl Bottleneck {
    /// When a datagram of `len` bytes that comes now has passed; `None` if it is dropped.
    pub fn pass(&mut self, now: Instant, len: usize, rate: Rate) -> Option<Instant> {
        let start = self.free.map_or(now, |free| free.max(now));
        let wait = start - now;
        if wait > rate.queue {
            self.passed.drops += 1;
            return None;
        }
        self.passed.note(now, wait, len);
        let departure = start + Duration::from_nanos(len as u64 * 8 * 1_000_000_000 / rate.bits_per_second);
        self.free = Some(departure);
        Some(departure)
    }

    /// Whether a datagram of `len` bytes that comes now is let through.
    pub fn police(&mut self, now: Instant, len: usize, policer: Policer) -> bool {
        let full = policer.burst as f64;
        let (before, left) = self.tokens.unwrap_or((now, full));
        let gained = (now - before).as_secs_f64() * policer.bits_per_second as f64 / 8.0;
        let tokens = (left + gained).min(full);
        let enough = tokens >= len as f64;
        self.tokens = Some((now, if enough { tokens - len as f64 } else { tokens }));
        if enough {
            self.passed.note(now, Duration::ZERO, len);
        } else {
            self.passed.drops += 1;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Datagrams of 1,000 bytes, one a millisecond: 8 Mbit/s.
    fn flood(mut pass: impl FnMut(&mut Bottleneck, Instant)) -> (Instant, Bottleneck) {
        let (start, mut bottleneck) = (Instant::now(), Bottleneck::default());
        (0..1_000).for_each(|step| pass(&mut bottleneck, start + Duration::from_millis(step)));
        (start, bottleneck)
    }

    #[test]
    fn a_queue_fills_to_its_limit_and_drops_the_rest() {
        let rate = Rate { bits_per_second: 4_000_000, queue: Duration::from_millis(50) };
        let (start, bottleneck) = flood(|bottleneck, now| {
            bottleneck.pass(now, 1_000, rate);
        });
        let passed = &bottleneck.passed;
        assert!((430..500).contains(&passed.drops()), "{}", passed.drops());
        assert_eq!(passed.bytes(), (1_000 - passed.drops()) * 1_000);
        assert!(passed.max_wait(start) <= rate.queue && passed.p95_wait(start) > rate.queue - Duration::from_millis(3));
        assert!(passed.falls_below(Duration::from_millis(45), start) > start + Duration::from_millis(990));
        assert_eq!(passed.falls_below(rate.queue, start), start);
    }

    #[test]
    fn a_policer_lets_the_burst_and_the_rate_through_and_nothing_waits() {
        let policer = Policer { bits_per_second: 4_000_000, burst: 20_000 };
        let (start, bottleneck) = flood(|bottleneck, now| {
            bottleneck.police(now, 1_000, policer);
        });
        // Half a megabyte a second and the burst.
        assert!((518_000..=520_000).contains(&bottleneck.passed.bytes()), "{}", bottleneck.passed.bytes());
        assert_eq!(bottleneck.passed.max_wait(start), Duration::ZERO);
    }
}
