//! The limit that losses set: tells losses that come from sending too much from those that the line has anyway, by trying.
//!
//! When more is lost than this line is known to lose, the rate goes down to what arrives. If the losses go away, they came from a full
//! line (a policer, a short queue) and the limit stays; if they stay, they are the line's own (radio): the rate is restored and the line
//! is known to lose that much.

/// Length of an observation, us, and the least packets in it.
const OBSERVATION: u64 = 250_000;
const MIN_PACKETS: u32 = 12;

/// An observation with fewer packets ends after this, us.
const MAX_OBSERVATION: u64 = 1_000_000;

/// Losses this far above what is known of the line, on top of chance, start a trial.
const EXCESS: f64 = 0.03;

/// Standard deviations of chance that are allowed for.
const DEVIATIONS: f64 = 3.0;

/// Share of what arrives that is sent during a trial: what does not fit goes, and a queue drains.
const TRIAL: f64 = 0.95;

/// Least share of the rate that a trial goes down to.
const DEEPEST: f64 = 0.5;

/// Observations of a trial that count, after one that belongs to the time before.
const TRIAL_OBSERVATIONS: u32 = 2;

/// The losses went away if no more of them is left than this share.
const GONE: f64 = 0.45;

/// A line with more losses than this is full, whatever a trial says.
const MAX_INHERENT: f64 = 0.4;

/// Pause after a trial that found the line's own losses, us; doubled each time up to the longest.
const PAUSE: u64 = 2_000_000;
const MAX_PAUSE: u64 = 30_000_000;

/// After queues grew, losses are put down to that for so long, us: they are reported late, and what waits is still too much.
const EXCUSED: u64 = 800_000;

/// Growth of the limit per second, at first and when it has held for [`QUIET`] us.
const CAREFUL_GROWTH: f64 = 1.03;
const GROWTH: f64 = 1.12;
const QUIET: u64 = 3_000_000;

/// What the known loss of a line goes towards an observation by: over some 4 s.
const FOLLOW: f64 = 0.06;

/// Weights with which [`Loss::smoothed`] follows an observation upwards and downwards: at once, and within about 2 s.
const SMOOTH_UP: f64 = 0.6;
const SMOOTH_DOWN: f64 = 0.12;

#[derive(Debug)]
pub(super) struct Loss {
    lost: u32,
    packets: u32,
    since: u64,
    /// Lost and all packets of the observation before.
    before: (u32, u32),
    /// Share that this line loses whatever is sent.
    inherent: f64,
    smoothed: f64,
    limit: Option<f64>,
    phase: Phase,
    pause: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Since when losses have been as expected, us.
    Quiet { since: u64 },
    /// The same, and losses before `until` have another reason.
    Excused { since: u64, until: u64 },
    /// `rate` and losses when it began, and what was observed since.
    Trial { rate: f64, loss: f64, seen: u32, lost: u32, packets: u32 },
    /// The line's own losses were found; until then, us, there is no other trial.
    Settled { until: u64 },
}

/// What an observation means for the estimate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Finding {
    /// Nothing that was not known.
    None,
    /// The losses are the line's own: this is the rate from before the trial, bit/s.
    Restore(f64),
}

impl Loss {
    pub(super) fn new(now: u64) -> Self {
        Self {
            lost: 0,
            packets: 0,
            since: now,
            before: (0, 0),
            inherent: 0.0,
            smoothed: 0.0,
            limit: None,
            phase: Phase::Quiet { since: now },
            pause: PAUSE,
        }
    }

    #[inline]
    pub(super) fn arrived(&mut self, was_lost: bool) {
        if was_lost {
            self.lost = self.lost.saturating_sub(1);
        } else {
            self.packets += 1;
        }
    }

    #[inline]
    pub(super) fn lost(&mut self) {
        self.lost += 1;
        self.packets += 1;
    }

    /// Share lost lately.
    pub(super) fn smoothed(&self) -> f64 {
        self.smoothed
    }

    /// Share that the line loses whatever is sent.
    pub(super) fn inherent(&self) -> f64 {
        self.inherent
    }

    /// The most that may be sent, bit/s.
    pub(super) fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// Whether growing must wait: losses are being looked into.
    pub(super) fn holds(&self) -> bool {
        matches!(self.phase, Phase::Trial { .. })
    }

    /// Queues grow: what is lost now is lost because they are full, and dealt with.
    pub(super) fn excuse(&mut self, now: u64) {
        if let Phase::Quiet { since } | Phase::Excused { since, .. } = self.phase {
            self.phase = Phase::Excused { since, until: now + EXCUSED };
        }
    }

    /// New feedback has come: `rate` is what would be sent but for this limit, `arrives` what arrives, bit/s.
    pub(super) fn update(&mut self, now: u64, rate: f64, arrives: Option<f64>) -> Finding {
        let age = now.saturating_sub(self.since);
        if age < OBSERVATION || self.packets == 0 || (self.packets < MIN_PACKETS && age < MAX_OBSERVATION) {
            return Finding::None;
        }
        let (lost, packets) = (self.lost.min(self.packets), self.packets);
        (self.lost, self.packets, self.since) = (0, 0, now);
        let share = ratio(lost, packets);
        let weight = if share > self.smoothed { SMOOTH_UP } else { SMOOTH_DOWN };
        // An observation of few packets says little.
        let weight = weight * f64::from(packets.min(MIN_PACKETS)) / f64::from(MIN_PACKETS);
        self.smoothed += weight * (share - self.smoothed);
        let finding = self.observe(now, lost, packets, rate, arrives);
        self.before = (lost, packets);
        self.grow(now, age, rate);
        finding
    }

    fn observe(&mut self, now: u64, lost: u32, packets: u32, rate: f64, arrives: Option<f64>) -> Finding {
        let both = (lost + self.before.0, packets + self.before.1);
        let share = ratio(both.0, both.1);
        let quiet = matches!(self.phase, Phase::Quiet { .. } | Phase::Settled { .. });
        if share < self.inherent || (quiet && !self.exceeds(share, both.1)) {
            self.inherent += FOLLOW * (share - self.inherent);
        }
        match self.phase {
            Phase::Trial { rate, loss, seen, lost: before, packets: counted } => {
                // The first observation still holds what was sent before.
                let (lost, packets) = if seen == 0 { (0, 0) } else { (before + lost, counted + packets) };
                if seen < TRIAL_OBSERVATIONS {
                    self.phase = Phase::Trial { rate, loss, seen: seen + 1, lost, packets };
                    return Finding::None;
                }
                self.conclude(now, rate, loss, ratio(lost, packets))
            }
            Phase::Settled { until } | Phase::Excused { until, .. } if now < until => Finding::None,
            Phase::Excused { since, .. } => {
                self.phase = Phase::Quiet { since };
                Finding::None
            }
            Phase::Quiet { .. } | Phase::Settled { .. } => {
                if self.exceeds(share, both.1) && self.exceeds(ratio(lost, packets), packets) {
                    let rate = self.limit.map_or(rate, |limit| limit.min(rate));
                    // What the line loses anyway has passed the place where it may be full.
                    let carried = arrives.unwrap_or(rate * (1.0 - share)) / (1.0 - self.inherent);
                    self.limit = Some((TRIAL * carried).clamp(DEEPEST * rate, rate));
                    self.phase = Phase::Trial { rate, loss: share, seen: 0, lost: 0, packets: 0 };
                } else if matches!(self.phase, Phase::Settled { .. }) {
                    self.phase = Phase::Quiet { since: now };
                }
                Finding::None
            }
        }
    }

    fn conclude(&mut self, now: u64, rate: f64, before: f64, after: f64) -> Finding {
        let gone = after - self.inherent.min(after) < GONE * (before - self.inherent);
        if gone {
            self.phase = Phase::Quiet { since: now };
            self.pause = PAUSE;
            self.inherent = self.inherent.min(after);
            return Finding::None;
        }
        if after > MAX_INHERENT {
            // Down further, from where it is now.
            self.phase = Phase::Quiet { since: now };
            return Finding::None;
        }
        self.inherent = self.inherent.max(f64::midpoint(before, after));
        self.limit = None;
        self.phase = Phase::Settled { until: now + self.pause };
        self.pause = (2 * self.pause).min(MAX_PAUSE);
        Finding::Restore(rate)
    }

    /// More is lost than chance allows.
    fn exceeds(&self, share: f64, packets: u32) -> bool {
        let chance = DEVIATIONS * (self.inherent * (1.0 - self.inherent) / f64::from(packets.max(1))).sqrt();
        share > self.inherent + EXCESS + chance
    }

    fn grow(&mut self, now: u64, elapsed: u64, rate: f64) {
        let (Phase::Quiet { since } | Phase::Excused { since, .. }, Some(limit)) = (self.phase, self.limit) else { return };
        let speed = if now.saturating_sub(since) < QUIET { CAREFUL_GROWTH } else { GROWTH };
        let limit = limit * speed.powf(elapsed as f64 / 1e6);
        self.limit = (limit < rate).then_some(limit);
    }
}

fn ratio(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line without queue: sends what may be sent, up to 3 Mbit/s, for `seconds`; gives the mean rate of the last half.
    fn mean_rate(seconds: u64, share: impl Fn(f64) -> f64) -> f64 {
        let mut loss = Loss::new(0);
        let (mut estimate, mut owed, mut sum) = (3e6, 0.0, 0.0);
        let steps = seconds * 20;
        for step in 1..=steps {
            let rate = loss.limit().map_or(estimate, |limit| limit.min(estimate));
            let lost = share(rate);
            for _ in 0..(rate / 20.0 / 8000.0) as u32 {
                owed += lost;
                if owed >= 1.0 {
                    owed -= 1.0;
                    loss.lost();
                } else {
                    loss.arrived(false);
                }
            }
            if let Finding::Restore(before) = loss.update(step * 50_000, estimate, Some(rate * (1.0 - lost))) {
                estimate = before;
            }
            sum += if step > steps / 2 { rate / (steps / 2) as f64 } else { 0.0 };
        }
        sum
    }

    #[test]
    fn the_lines_own_losses_cost_nothing() {
        for share in [0.0, 0.02, 0.1, 0.2, 0.3] {
            let mean = mean_rate(20, |_| share);
            assert!(mean > 2.8e6, "{share}: {mean}");
        }
    }

    #[test]
    fn a_policer_is_obeyed() {
        for own in [0.0, 0.1] {
            let mean = mean_rate(20, |rate| 1.0 - (1.0 - own) * (1e6 / rate).min(1.0));
            assert!((0.8e6..1.15e6).contains(&mean), "{own}: {mean}");
        }
    }

    #[test]
    fn nearly_everything_lost_is_not_the_lines_own() {
        assert!(mean_rate(20, |_| 0.8) < 1e6);
    }

    #[test]
    fn smoothed_rises_at_once_and_falls_slowly() {
        let mut loss = Loss::new(0);
        let mut second = |lost: u32, from: u64| {
            for nth in 0..4 {
                (0..20 - lost).for_each(|_| loss.arrived(false));
                (0..lost).for_each(|_| loss.lost());
                loss.update(from + nth * 250_000, 1e6, Some(1e6));
            }
            loss.smoothed()
        };
        assert!(second(0, 250_000) < 0.001);
        assert!(second(4, 1_250_000) > 0.18);
        assert!((0.08..0.16).contains(&second(0, 2_250_000)));
        second(0, 3_250_000);
        assert!(second(0, 4_250_000) < 0.05);
    }
}
