//! One direction of one person's connection: delay, jitter, stalls, loss, bursts, reordering, duplication, and its own narrow place.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::bottleneck::{Bottleneck, Policer, Rate};

/// How a direction behaves. The default is perfect apart from 10 ms of delay.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// Fixed one-way delay.
    pub delay: Duration,
    /// Up to this much more, drawn anew for each datagram; order is kept.
    pub jitter: Duration,
    /// Moments in which nothing gets on, as on a busy radio channel.
    pub stalls: Option<Stalls>,
    /// Probability that a datagram is lost.
    pub loss: f64,
    /// Losses in a row, over and above `loss`.
    pub burst: Option<Burst>,
    /// Spans of time in which everything is lost, over and above `loss`.
    pub fades: Option<Fades>,
    /// Probability that a datagram is overtaken by those sent in the next 2 to 30 ms.
    pub reorder: f64,
    /// Probability that a datagram arrives twice.
    pub duplicate: f64,
    /// A bottleneck of this direction's own; see [`super::Network::share_down`] for one that several people share.
    pub rate: Option<Rate>,
    /// A limit that drops instead of queueing.
    pub policer: Option<Policer>,
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

/// The same by time, however many datagrams are sent: mean spans, each drawn from an exponential distribution.
#[derive(Clone, Copy, Debug)]
pub struct Fades {
    /// In which everything gets through.
    pub good: Duration,
    /// In which nothing does.
    pub bad: Duration,
}

/// Whatever would arrive during a stall arrives at its end, all at once and in order.
#[derive(Clone, Copy, Debug)]
pub struct Stalls {
    /// Shortest and longest time between the ends of two stalls; each is drawn evenly between them.
    pub every: (Duration, Duration),
    /// Longest stall; each is drawn evenly between nothing and this.
    pub longest: Duration,
}

impl Stalls {
    /// Wi-Fi with neighbours: up to 80 ms, three to ten times a second.
    pub const WIFI: Self = Self { every: (Duration::from_millis(100), Duration::from_millis(300)), longest: Duration::from_millis(80) };
}

impl Default for LinkSpec {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            stalls: None,
            loss: 0.0,
            burst: None,
            fades: None,
            reorder: 0.0,
            duplicate: 0.0,
            rate: None,
            policer: None,
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

    /// Loses this share of the datagrams, so many in a row on average (Gilbert's model); 1 in a row is about what chance does.
    #[must_use]
    pub fn bursty(loss: f64, mean_burst: f64) -> Self {
        // In balance as many datagrams enter the bad state as leave it: enter * (1 - loss) = leave * loss.
        let leave = 1.0 / mean_burst;
        Self { burst: Some(Burst { enter: leave * loss / (1.0 - loss), leave }), ..Self::default() }
    }

    /// Loses everything for this share of the time, so long in the mean.
    #[must_use]
    pub fn fading(share: f64, bad: Duration) -> Self {
        let good = bad.mul_f64((1.0 - share) / share);
        Self { fades: Some(Fades { good, bad }), ..Self::default() }
    }

    /// A line of so many kbit/s with the queue of a home router.
    #[must_use]
    pub fn narrow(kbps: u64) -> Self {
        Self { rate: Some(Rate::kbps(kbps)), ..Self::default() }
    }

    /// Lets nothing through.
    #[must_use]
    pub fn dead() -> Self {
        Self { blackout: true, ..Self::default() }
    }

    /// The same, this far away.
    #[must_use]
    pub fn delayed(self, delay: Duration) -> Self {
        Self { delay, ..self }
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
    /// Of those, in a fade.
    pub faded: u64,
    /// Dropped at the bottleneck.
    pub queue_drops: u64,
    /// Dropped by the policer.
    pub policed: u64,
    /// Held up by a stall.
    pub stalled: u64,
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
    /// The bottleneck of its own.
    pub bottleneck: Bottleneck,
    rng: ChaCha8Rng,
    in_burst: bool,
    /// Whether the line fades now, and until when it is as it is.
    fade: Option<(bool, Instant)>,
    /// Begin and end of the newest stall.
    stall: Option<(Instant, Instant)>,
    last_arrival: Option<Instant>,
}

impl Link {
    /// A link with its own stream of chance.
    #[must_use]
    pub fn new(spec: LinkSpec, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (stats, bottleneck) = (LinkStats::default(), Bottleneck::default());
        Self { spec, stats, bottleneck, rng, in_burst: false, fade: None, stall: None, last_arrival: None }
    }

    /// When a datagram of `len` bytes sent now arrives: never, once, or twice. It passes the `shared` bottleneck first, where there is one.
    pub fn send(&mut self, now: Instant, len: usize, shared: Option<(&mut Bottleneck, Rate)>) -> [Option<Instant>; 2] {
        self.stats.offered += 1;
        if self.spec.blackout {
            self.stats.blacked_out += 1;
            return [None; 2];
        }
        if self.fades(now) || self.is_lost() {
            self.stats.lost += 1;
            return [None; 2];
        }
        if self.spec.policer.is_some_and(|policer| !self.bottleneck.police(now, len, policer)) {
            self.stats.policed += 1;
            return [None; 2];
        }
        let Some(departure) = self.pass_bottlenecks(now, len, shared) else {
            self.stats.queue_drops += 1;
            return [None; 2];
        };
        let mut arrival = departure + self.spec.delay + self.spec.jitter.mul_f64(self.chance());
        arrival = self.wait_out_stalls(arrival);
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

    fn fades(&mut self, now: Instant) -> bool {
        let Some(Fades { good, bad }) = self.spec.fades else { return false };
        let (mut faded, mut until) = self.fade.unwrap_or((true, now));
        while until <= now {
            faded = !faded;
            let mean = if faded { bad } else { good };
            until += mean.mul_f64(-(1.0 - self.chance()).ln());
        }
        self.fade = Some((faded, until));
        self.stats.faded += u64::from(faded);
        faded
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

    fn pass_bottlenecks(&mut self, now: Instant, len: usize, shared: Option<(&mut Bottleneck, Rate)>) -> Option<Instant> {
        let behind = match shared {
            Some((bottleneck, rate)) => bottleneck.pass(now, len, rate)?,
            None => now,
        };
        self.spec.rate.map_or(Some(behind), |rate| self.bottleneck.pass(behind, len, rate))
    }

    fn wait_out_stalls(&mut self, arrival: Instant) -> Instant {
        let Some(stalls) = self.spec.stalls else { return arrival };
        let (mut begin, mut end) = self.stall.unwrap_or((arrival, arrival));
        while end < arrival {
            let (least, most) = stalls.every;
            let next = end + least + (most - least).mul_f64(self.chance());
            (begin, end) = (next, next + stalls.longest.mul_f64(self.chance()));
        }
        self.stall = Some((begin, end));
        if arrival < begin {
            return arrival;
        }
        self.stats.stalled += 1;
        end
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
        let sent = (0..count).flat_map(|step| link.send(start + Duration::from_millis(step), 1_000, None)).flatten().collect();
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

    #[test]
    fn a_mean_burst_loses_its_share_in_rows_of_its_length() {
        for (loss, mean) in [(0.1, 1.5), (0.1, 4.0), (0.3, 3.0)] {
            let (start, mut link) = (Instant::now(), Link::new(LinkSpec::bursty(loss, mean), 2));
            let came: Vec<bool> =
                (0..50_000).map(|step| link.send(start + Duration::from_millis(step), 1_000, None)[0].is_some()).collect();
            let rows = came.windows(2).filter(|pair| pair[0] && !pair[1]).count();
            let (share, row) = (link.stats.lost as f64 / 50_000.0, link.stats.lost as f64 / rows as f64);
            assert!((share / loss - 1.0).abs() < 0.1 && (row / mean - 1.0).abs() < 0.1, "{loss} {mean}: {share} in rows of {row}");
        }
    }

    #[test]
    fn a_fade_takes_all_that_is_sent_in_it() {
        let spec = LinkSpec::fading(0.1, Duration::from_millis(20));
        for apart in [1, 5] {
            let (start, mut link) = (Instant::now(), Link::new(spec.clone(), 3));
            let came: Vec<bool> =
                (0..100_000).map(|step| link.send(start + Duration::from_millis(apart * step), 1_000, None)[0].is_some()).collect();
            let rows = came.windows(2).filter(|pair| pair[0] && !pair[1]).count();
            let row = link.stats.lost as f64 / rows as f64;
            assert!((9_000..11_000).contains(&link.stats.faded) && link.stats.faded == link.stats.lost, "{:?}", link.stats);
            assert!((row * apart as f64 / 20.0 - 1.0).abs() < 0.25, "rows of {row}, one each {apart} ms");
        }
    }

    #[test]
    fn a_stall_holds_back_and_releases_in_order() {
        let (arrivals, stats) = arrivals(LinkSpec { stalls: Some(Stalls::WIFI), ..LinkSpec::default() }, 10_000);
        assert!(arrivals.is_sorted());
        let longest = arrivals.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest > Some(Duration::from_millis(70)) && longest <= Some(Duration::from_millis(82)), "{longest:?}");
        assert!((1_000..2_500).contains(&stats.stalled), "a sixth of the time: {stats:?}");
    }

    #[test]
    fn a_policer_drops_what_a_queue_would_hold() {
        let policer = Some(Policer { bits_per_second: 4_000_000, burst: 10_000 });
        let (_, stats) = arrivals(LinkSpec { policer, ..LinkSpec::default() }, 1_000);
        assert!((470..500).contains(&stats.policed) && stats.queue_drops == 0, "{stats:?}");
    }
}
