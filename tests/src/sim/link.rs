//! One direction of one person's connection: delay, jitter, loss, bursts, reordering, duplication, a rate limit with its queue.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How a direction behaves. The default is perfect apart from 10 ms of delay.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// Fixed one-way delay.
    pub delay: Duration,
    /// Up to this much more, drawn anew for each datagram; order is kept.
    pub jitter: Duration,
    /// Probability that a datagram is lost.
    pub loss: f64,
    /// Losses in a row, over and above `loss`.
    pub burst: Option<Burst>,
    /// Probability that a datagram is overtaken by those sent in the next 2 to 30 ms.
    pub reorder: f64,
    /// Probability that a datagram arrives twice.
    pub duplicate: f64,
    /// A bottleneck.
    pub rate: Option<Rate>,
    /// Nothing gets through.
    pub blackout: bool,
}

/// A two-state loss model: probabilities per datagram to enter and to leave the state in which everything is lost.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// From good to bad.
    pub enter: f64,
    /// From bad to good.
    pub leave: f64,
}

/// A bottleneck with a queue in front of it.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Bit/s that get through.
    pub bits_per_second: u64,
    /// Longest time a datagram may wait; what would wait longer is dropped.
    pub queue: Duration,
}

impl Default for LinkSpec {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0.0,
            burst: None,
            reorder: 0.0,
            duplicate: 0.0,
            rate: None,
            blackout: false,
        }
    }
}

impl LinkSpec {
    /// Loses this share of the datagrams.
    #[must_use]
    pub fn lossy(loss: f64) -> Self {
        Self { loss, ..Self::default() }
    }

    /// Lets nothing through.
    #[must_use]
    pub fn dead() -> Self {
        Self { blackout: true, ..Self::default() }
    }
}

/// What a direction did, so that a scenario can assert that its fault happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Datagrams handed over by the sender.
    pub offered: u64,
    /// Arrivals scheduled, copies included.
    pub delivered: u64,
    /// Lost by chance or in a burst.
    pub lost: u64,
    /// Of those, in a burst.
    pub lost_in_burst: u64,
    /// Dropped at the bottleneck.
    pub queue_drops: u64,
    /// Sent out of order.
    pub reordered: u64,
    /// Arriving twice.
    pub duplicated: u64,
    /// Swallowed by a blackout.
    pub blacked_out: u64,
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Link {
    /// May be changed at any moment.
    pub spec: LinkSpec,
    /// Counts so far.
    pub stats: LinkStats,
    rng: ChaCha8Rng,
    in_burst: bool,
    bottleneck_free: Option<Instant>,
    last_arrival: Option<Instant>,
}

impl Link {
    /// A link with its own stream of chance.
    #[must_use]
    pub fn new(spec: LinkSpec, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { spec, stats: LinkStats::default(), rng, in_burst: false, bottleneck_free: None, last_arrival: None }
    }

    /// When a datagram of `len` bytes sent now arrives: never, once, or twice.
    pub fn send(&mut self, now: Instant, len: usize) -> [Option<Instant>; 2] {
        self.stats.offered += 1;
        if self.spec.blackout {
            self.stats.blacked_out += 1;
            return [None; 2];
        }
        if self.is_lost() {
            self.stats.lost += 1;
            return [None; 2];
        }
        let Some(departure) = self.pass_bottleneck(now, len) else {
            self.stats.queue_drops += 1;
            return [None; 2];
        };
        let mut arrival = departure + self.spec.delay + self.spec.jitter.mul_f64(self.chance());
        if self.happens(self.spec.reorder) {
            self.stats.reordered += 1;
            arrival += Duration::from_millis(2) + Duration::from_millis(28).mul_f64(self.chance());
        } else {
            arrival = self.last_arrival.map_or(arrival, |last| arrival.max(last));
            self.last_arrival = Some(arrival);
        }
        let copy = self.happens(self.spec.duplicate).then(|| arrival + Duration::from_millis(20).mul_f64(self.chance()));
        self.stats.duplicated += u64::from(copy.is_some());
        self.stats.delivered += 1 + u64::from(copy.is_some());
        [Some(arrival), copy]
    }

    fn is_lost(&mut self) -> bool {
        if let Some(burst) = self.spec.burst {
            let turn = if self.in_burst { burst.leave } else { burst.enter };
            self.in_burst ^= self.happens(turn);
            self.stats.lost_in_burst += u64::from(self.in_burst);
        } else {
            self.in_burst = false;
        }
        self.in_burst || self.happens(self.spec.loss)
    }

    fn pass_bottleneck(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.spec.rate else { return Some(now) };
        let start = self.bottleneck_free.map_or(now, |free| free.max(now));
        if start - now > rate.queue {
            return None;
        }
        let departure = start + Duration::from_nanos(len as u64 * 8 * 1_000_000_000 / rate.bits_per_second);
        self.bottleneck_free = Some(departure);
        Some(departure)
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.chance() < probability
    }

    /// Uniform in [0, 1).
    fn chance(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(spec: LinkSpec, count: u64) -> (Vec<Instant>, LinkStats) {
        let (start, mut link) = (Instant::now(), Link::new(spec, 1));
        let sent = (0..count).flat_map(|step| link.send(start + Duration::from_millis(step), 1_000)).flatten().collect();
        (sent, link.stats)
    }

    #[test]
    fn loss_comes_near_its_probability_and_a_seed_repeats_itself() {
        let (first, stats) = arrivals(LinkSpec::lossy(0.1), 10_000);
        assert!((900..1_100).contains(&stats.lost), "{stats:?}");
        assert_eq!(arrivals(LinkSpec::lossy(0.1), 10_000).1, stats);
        assert_eq!(first.len() as u64, stats.delivered);
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let jitter = Duration::from_millis(20);
        assert!(arrivals(LinkSpec { jitter, ..LinkSpec::default() }, 1_000).0.is_sorted());
        let (mixed, stats) = arrivals(LinkSpec { reorder: 0.1, ..LinkSpec::default() }, 1_000);
        assert!(!mixed.is_sorted() && stats.reordered > 50);
    }

    #[test]
    fn a_bottleneck_of_half_the_offer_drops_half_of_it() {
        let rate = Some(Rate { bits_per_second: 4_000_000, queue: Duration::from_millis(50) });
        let (_, stats) = arrivals(LinkSpec { rate, ..LinkSpec::default() }, 1_000);
        assert!((420..500).contains(&stats.queue_drops), "8 Mbit/s into 4: {stats:?}");
    }

    #[test]
    fn bursts_lose_in_rows() {
        let burst = Some(Burst { enter: 0.01, leave: 0.2 });
        let (_, stats) = arrivals(LinkSpec { burst, ..LinkSpec::default() }, 10_000);
        assert!(stats.lost_in_burst > 200 && stats.lost_in_burst == stats.lost, "{stats:?}");
    }
}
