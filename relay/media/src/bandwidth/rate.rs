//! The estimate that delay allows: up carefully, down to what arrives (additive increase near the capacity, multiplicative decrease).

use super::trend::Signal;
use super::{MAX_BITRATE, MIN_BITRATE};

/// What is kept of the rate that arrived when queues grew: this if they are still short, down to that from [`HIGH_QUEUE`] us on.
const GENTLE_DECREASE: f64 = 0.90;
const DECREASE: f64 = 0.85;
const HIGH_QUEUE: f64 = 40_000.0;

/// An estimate that went beyond the known end of the line while less was sent than this share of it goes back to the other share of the end
/// first: what arrives is what was sent, not what the line carries. Unless so much less arrives that the line must have become worse.
const BUSY: f64 = 0.8;
const BEFORE_END: f64 = 0.9;
const LIKELY: f64 = 0.66;

/// Growth per second while the capacity is not known.
const GROWTH: f64 = 1.08;

/// Least growth, bit/s per second.
const MIN_GROWTH: f64 = 4_000.0;

/// The estimate grows no further than what arrived times this ...
const PROVEN_FACTOR: f64 = 1.15;
/// ... and so much, bit/s.
const PROVEN_EXTRA: f64 = 10_000.0;

/// Frames per second and bytes per packet assumed when near the capacity one packet is added per response time.
const FRAMES: f64 = 30.0;
const PACKET_BITS: f64 = 1_200.0 * 8.0;

/// Near the capacity this many packets are added per response time at 1 Mbit/s, more below and fewer above: of two viewers on one line
/// the smaller grows faster, which makes them equal in a minute where equal steps take five.
const STEADY: f64 = 2_000_000.0;
const MIN_STEPS: f64 = 0.6;
const MAX_STEPS: f64 = 4.0;

/// How long the line needs to show what a change does, on top of the round trip, us.
const RESPONSE: u64 = 100_000;

/// Most time between two decreases, us; else until the first has shown what it does.
const MAX_PAUSE: u64 = 300_000;

/// Weight of a new sample of the capacity.
const CAPACITY_WEIGHT: f64 = 0.05;

/// Range of the capacity's variance, as a share of it in kbit/s.
const MIN_VARIANCE: f64 = 0.4;
const MAX_VARIANCE: f64 = 2.5;

#[derive(Debug)]
pub(super) struct Rate {
    estimate: f64,
    /// False right after a decrease and while queues drain.
    grows: bool,
    /// When the estimate was last brought up to date, us.
    updated: u64,
    decreased: Option<u64>,
    capacity: Option<Capacity>,
}

/// What the line carried when queues grew.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    /// kbit/s.
    mean: f64,
    variance: f64,
}

impl Rate {
    pub(super) fn new(now: u64, start: f64) -> Self {
        Self { estimate: start, grows: true, updated: now, decreased: None, capacity: None }
    }

    /// bit/s.
    pub(super) fn estimate(&self) -> f64 {
        self.estimate
    }

    /// When queues last made it smaller, us.
    pub(super) fn decreased(&self) -> Option<u64> {
        self.decreased
    }

    /// When feedback last came, us.
    pub(super) fn updated(&self) -> u64 {
        self.updated
    }

    /// Takes over what was measured, or what other signs say.
    pub(super) fn set(&mut self, now: u64, estimate: f64) {
        self.estimate = estimate.clamp(MIN_BITRATE, MAX_BITRATE);
        self.updated = now;
    }

    /// The line is full, as was measured by other means.
    pub(super) fn fall_to(&mut self, now: u64, estimate: f64) {
        self.set(now, estimate.min(self.estimate));
        self.decreased = Some(now);
        self.grows = false;
    }

    /// What was measured when queues grew is no longer true.
    pub(super) fn forget_capacity(&mut self) {
        self.capacity = None;
    }

    /// New feedback has come. `arrives` in bit/s over a while, `arrives_now` lately; `end`: what the line is known to carry. True if the
    /// estimate was decreased.
    pub(super) fn update(
        &mut self,
        now: u64,
        signal: Signal,
        [arrives, arrives_now, end]: [Option<f64>; 3],
        standing: u64,
        rtt: u64,
    ) -> bool {
        let elapsed = now.saturating_sub(self.updated).min(1_000_000) as f64 / 1e6;
        self.updated = now;
        match signal {
            Signal::Over => return self.decrease(now, arrives_now, end, standing, rtt),
            Signal::Under => self.grows = false,
            Signal::Normal if !self.grows => self.grows = true,
            Signal::Normal => self.increase(elapsed, arrives, rtt),
        }
        false
    }

    fn increase(&mut self, elapsed: f64, arrives: Option<f64>, rtt: u64) {
        let Some(arrives) = arrives else { return };
        if self.capacity.is_some_and(|capacity| arrives > capacity.upper()) {
            self.capacity = None;
        }
        let growth = if self.capacity.is_some() {
            let steps = (STEADY / self.estimate).clamp(MIN_STEPS, MAX_STEPS);
            let frame = self.estimate / FRAMES;
            let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
            (steps * packet * 1e6 / (rtt + RESPONSE) as f64).max(MIN_GROWTH) * elapsed
        } else {
            self.estimate * (GROWTH.powf(elapsed) - 1.0)
        };
        // Without traffic to prove it, it stays where it is: neither up nor down.
        let proven = (PROVEN_FACTOR * arrives + PROVEN_EXTRA).max(self.estimate);
        self.estimate = (self.estimate + growth).min(proven).min(MAX_BITRATE);
    }

    fn decrease(&mut self, now: u64, arrives: Option<f64>, end: Option<f64>, standing: u64, rtt: u64) -> bool {
        let pause = (rtt + RESPONSE).min(MAX_PAUSE);
        let soon = self.decreased.is_some_and(|last| now.saturating_sub(last) < pause);
        if soon && arrives.is_none_or(|arrives| arrives > 0.5 * self.estimate) {
            return false;
        }
        let high = (standing as f64 / HIGH_QUEUE).min(1.0);
        let kept = GENTLE_DECREASE + high * (DECREASE - GENTLE_DECREASE);
        let wanted = match arrives {
            None => 0.5 * self.estimate,
            Some(arrives) if kept * arrives > self.estimate => {
                self.capacity.map_or(self.estimate, |capacity| kept * capacity.mean * 1000.0)
            }
            Some(arrives) => {
                let little = arrives < BUSY * self.estimate;
                let before_end = end.filter(|end| little && arrives > LIKELY * end && self.estimate > BEFORE_END * end);
                before_end.map_or(kept * arrives, |end| (BEFORE_END * end).max(kept * arrives))
            }
        };
        if let Some(arrives) = arrives {
            let known = self.capacity.filter(|capacity| arrives >= capacity.lower());
            self.capacity = Some(Capacity::with(known, arrives));
        }
        self.grows = false;
        self.decreased = Some(now);
        let before = self.estimate;
        self.estimate = wanted.min(self.estimate).max(MIN_BITRATE);
        self.estimate < before
    }
}

impl Capacity {
    fn with(known: Option<Self>, sample: f64) -> Self {
        let sample = sample / 1000.0;
        let Some(Self { mean, variance }) = known else { return Self { mean: sample, variance: MIN_VARIANCE } };
        let mean = (1.0 - CAPACITY_WEIGHT) * mean + CAPACITY_WEIGHT * sample;
        let error = (mean - sample).powi(2) / mean.max(1.0);
        let variance = (1.0 - CAPACITY_WEIGHT) * variance + CAPACITY_WEIGHT * error;
        Self { mean, variance: variance.clamp(MIN_VARIANCE, MAX_VARIANCE) }
    }

    fn deviation(&self) -> f64 {
        (self.variance * self.mean).sqrt()
    }

    fn upper(&self) -> f64 {
        (self.mean + 3.0 * self.deviation()) * 1000.0
    }

    fn lower(&self) -> f64 {
        (self.mean - 3.0 * self.deviation()) * 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: u64 = 50_000;

    fn grown(mut rate: Rate, seconds: u64, arrives: impl Fn(f64) -> Option<f64>) -> f64 {
        for step in 1..=seconds * 20 {
            let arrives = arrives(rate.estimate);
            rate.update(step * 50_000, Signal::Normal, [arrives, arrives, None], 0, RTT);
        }
        rate.estimate
    }

    #[test]
    fn grows_only_as_far_as_traffic_proves() {
        let grown_by = |arrives: fn(f64) -> Option<f64>| grown(Rate::new(0, 1e6), 10, arrives) / 1e6;
        assert!((2.1..2.2).contains(&grown_by(Some)), "8 % a second");
        assert!((1.2..1.21).contains(&grown_by(|_| Some(1.04e6 - 1000.0))), "{}", grown_by(|_| Some(1.04e6)));
        assert!((1.0..1.001).contains(&grown_by(|_| Some(100.0))), "no less for lack of traffic");
        assert!((1.0..1.001).contains(&grown_by(|_| None)));
    }

    #[test]
    fn falls_to_what_arrives_once_in_a_round_trip() {
        let mut rate = Rate::new(0, 3e6);
        assert!(rate.update(10_000, Signal::Over, [Some(2e6), Some(1e6), None], 50_000, RTT));
        assert!((0.84e6..0.86e6).contains(&rate.estimate));
        assert!(!rate.update(20_000, Signal::Over, [Some(1e6), Some(0.9e6), None], 50_000, RTT), "too soon");
        assert!(rate.update(170_000, Signal::Over, [Some(1e6), Some(0.9e6), None], 50_000, RTT));
        let fallen = rate.estimate;
        rate.update(190_000, Signal::Under, [Some(1e6), Some(0.9e6), None], 50_000, RTT);
        rate.update(210_000, Signal::Normal, [Some(1e6), Some(0.9e6), None], 50_000, RTT);
        assert!((rate.estimate - fallen).abs() < 1.0, "holds while queues drain");
        rate.update(230_000, Signal::Normal, [Some(fallen), Some(fallen), None], RTT, RTT);
        rate.update(1_230_000, Signal::Normal, [Some(fallen), Some(fallen), None], RTT, RTT);
        let step = rate.estimate - fallen;
        assert!((100e3..200e3).contains(&step), "some packets per response time: {step}");
    }
}
