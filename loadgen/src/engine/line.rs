//! A bad line: losses one by one or in bursts, delay, jitter, a narrow way with a queue. Time is passed in, chance is seeded.

use std::time::{Duration, Instant};

use crate::scenario::{Chance, Impairment};

/// What waits longer before a narrow way is lost: the queue of a home router.
const LONGEST_QUEUE: Duration = Duration::from_millis(250);
/// IPv4 and UDP headers, bytes.
const HEADERS: usize = 28;

/// One direction of somebody's line.
#[derive(Debug)]
pub(super) struct Way {
    kind: Impairment,
    chance: Chance,
    losing: bool,
    /// When the way is free again.
    free: Option<Instant>,
    /// When the last datagram comes out: order is kept.
    last: Option<Instant>,
}

impl Way {
    pub(super) fn new(kind: Impairment, seed: u64) -> Self {
        Self { kind, chance: Chance::new(seed), losing: false, free: None, last: None }
    }

    /// A datagram goes in: when it comes out, or `None` if it is lost.
    pub(super) fn pass(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        if self.loses() {
            return None;
        }
        let mut out = now;
        if self.kind.rate_kbps > 0.0 {
            let free = self.free.unwrap_or(now).max(now);
            if free.saturating_duration_since(now) > LONGEST_QUEUE {
                return None;
            }
            let takes = Duration::from_secs_f64((bytes + HEADERS) as f64 * 8.0 / (self.kind.rate_kbps * 1_000.0));
            self.free = Some(free + takes);
            out = free + takes;
        }
        out += Duration::from_secs_f64((self.kind.delay_ms + self.kind.jitter_ms * self.chance.unit()) / 1_000.0);
        let out = self.last.map_or(out, |last| last.max(out));
        self.last = Some(out);
        Some(out)
    }

    /// Gilbert's model: runs of losses with the mean length `burst`, so long apart that the share comes out.
    fn loses(&mut self) -> bool {
        let (loss, burst) = (self.kind.loss, self.kind.burst.max(1.0));
        if burst <= 1.0 || loss >= 1.0 {
            return self.chance.happens(loss);
        }
        let begins = (loss / (burst * (1.0 - loss))).min(1.0);
        self.losing = if self.losing { !self.chance.happens(1.0 / burst) } else { self.chance.happens(begins) };
        self.losing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 11;

    fn lost(kind: Impairment) -> (f64, f64) {
        let (mut way, now) = (Way::new(kind, SEED), Instant::now());
        let lost: Vec<bool> = (0..100_000).map(|_| way.pass(now, 100).is_none()).collect();
        let (count, runs) = (lost.iter().filter(|lost| **lost).count(), lost.windows(2).filter(|pair| !pair[0] && pair[1]).count());
        (count as f64 / 1e5, count as f64 / runs.max(1) as f64)
    }

    #[test]
    fn the_share_and_the_length_of_bursts_come_out() {
        let (share, length) = lost(Impairment { loss: 0.02, ..Impairment::default() });
        assert!((share - 0.02).abs() < 0.002 && length < 1.1, "{share} {length}, seed {SEED}");
        let (share, length) = lost(Impairment { loss: 0.05, burst: 5.0, ..Impairment::default() });
        assert!((share - 0.05).abs() < 0.005 && (length - 5.0).abs() < 0.5, "{share} {length}, seed {SEED}");
    }

    #[test]
    fn delay_and_jitter_keep_order_and_a_narrow_way_queues_then_drops() {
        let start = Instant::now();
        let mut way = Way::new(Impairment { delay_ms: 5.0, jitter_ms: 3.0, ..Impairment::default() }, SEED);
        let mut last = start;
        for step in 0..1_000 {
            let now = start + Duration::from_micros(100 * step);
            let out = way.pass(now, 100).expect("nothing is lost");
            assert!(out >= last && out >= now + Duration::from_millis(5) && out <= now + Duration::from_millis(8).max(last - now));
            last = out;
        }
        let mut narrow = Way::new(Impairment { rate_kbps: 1_000.0, ..Impairment::default() }, SEED);
        let through: Vec<Instant> = (0..1_000).filter_map(|_| narrow.pass(start, 1_222)).collect();
        assert_eq!(through[0], start + Duration::from_millis(10));
        assert!((26..=27).contains(&through.len()), "a quarter of a second of queue: {}", through.len());
    }
}
