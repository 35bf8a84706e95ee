//! Quantiles of what happens by chance: how many at once (Poisson), and what they weigh together (compound Poisson).

use serde::Serialize;

/// Mean and what is planned for: the quantile of [`super::Profile::quantile`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Level {
    /// Expected at the busiest minute.
    pub mean: f64,
    /// Not exceeded at that minute on the share of peak days that the plan is for.
    pub high: f64,
}

/// Least count whose Poisson probability up to and with it reaches `quantile` (0 to 1, both excluded).
#[must_use]
pub fn poisson_quantile(mean: f64, quantile: f64) -> u64 {
    let mut below = 0.0;
    // Beyond 40 deviations there is nothing left that a double could add.
    let end = (mean + 40.0 * mean.sqrt() + 100.0) as u64;
    for count in first_count(mean)..end {
        below += poisson(mean, count);
        if below >= quantile {
            return count;
        }
    }
    end
}

/// Probability of exactly `count`.
#[must_use]
pub fn poisson(mean: f64, count: u64) -> f64 {
    if mean <= 0.0 {
        return if count == 0 { 1.0 } else { 0.0 };
    }
    let count = count as f64;
    (count * mean.ln() - mean - libm::lgamma(count + 1.0)).exp()
}

/// Counts below this one have no probability worth adding: 40 deviations under the mean.
fn first_count(mean: f64) -> u64 {
    (mean - 40.0 * mean.sqrt()).max(0.0) as u64
}

/// What one meeting weighs, over all meetings: weights with their shares, which sum up to 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Weight(Vec<(f64, f64)>);

/// Up to this mean number of meetings sums are computed in full; beyond it chance has averaged out what is odd about weights, and
/// the recursion's first probability would soon underflow.
const FEW: f64 = 500.0;
/// Cells of the recursion.
const CELLS: usize = 2048;
/// Deviations above the mean that the cells reach: 999,999 of a million lie below even for a handful of very uneven meetings.
const REACH: f64 = 14.0;

impl Weight {
    /// Of shares and weights, none below zero.
    #[must_use]
    pub fn of(weights: impl Iterator<Item = (f64, f64)>) -> Self {
        Self(weights.collect())
    }

    /// Mean weight of one meeting.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moment(1)
    }

    fn moment(&self, power: i32) -> f64 {
        self.0.iter().map(|(share, weight)| share * weight.powi(power)).sum()
    }

    /// What a Poisson number of meetings with this mean weighs together: a compound Poisson sum (the tests throw dice).
    #[must_use]
    pub fn level(&self, meetings: f64, quantile: f64) -> Level {
        let mean = meetings * self.mean();
        if mean <= 0.0 {
            return Level { mean, high: mean };
        }
        let high = if meetings <= FEW { self.summed(meetings, quantile) } else { self.expanded(meetings, quantile) };
        Level { mean, high: high.max(mean) }
    }

    /// The quantile by Panjer's recursion over cells of weight; a weight between two cells is split so that its mean stays.
    fn summed(&self, meetings: f64, quantile: f64) -> f64 {
        let cell = (meetings * self.mean() + REACH * (meetings * self.moment(2)).sqrt()) / CELLS as f64;
        let mut parts = vec![0.0; CELLS + 2];
        for (share, weight) in &self.0 {
            let at = (weight / cell).min(CELLS as f64);
            parts[at as usize] += share * (1.0 - at.fract());
            parts[at as usize + 1] += share * at.fract();
        }
        let nothing = parts[0];
        let parts: Vec<(usize, f64)> = parts.into_iter().enumerate().skip(1).filter(|(_, share)| *share > 0.0).collect();
        let mut chance = vec![(-meetings * (1.0 - nothing)).exp()];
        let mut below = chance[0];
        while below < quantile && chance.len() < CELLS {
            let at = chance.len();
            let reached = parts.iter().take_while(|(size, _)| *size <= at);
            let sum: f64 = reached.map(|(size, share)| *size as f64 * share * chance[at - size]).sum();
            chance.push(meetings / at as f64 * sum);
            below += chance[at];
        }
        (chance.len() - 1) as f64 * cell
    }

    /// The quantile by Cornish and Fisher's expansion to the fourth moment.
    fn expanded(&self, meetings: f64, quantile: f64) -> f64 {
        let deviation = (meetings * self.moment(2)).sqrt();
        let skew = meetings * self.moment(3) / deviation.powi(3);
        let excess = meetings * self.moment(4) / deviation.powi(4);
        let z = normal_quantile(quantile);
        let cube = z.powi(3);
        let far = z + skew * (z * z - 1.0) / 6.0 + excess * (cube - 3.0 * z) / 24.0 - skew * skew * (2.0 * cube - 5.0 * z) / 36.0;
        meetings * self.mean() + deviation * far
    }
}

/// Quantile of the normal distribution, by bisection: exact to 1e-9 and never on a hot path.
#[must_use]
pub(super) fn normal_quantile(quantile: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    while high - low > 1e-9 {
        let middle = (low + high) / 2.0;
        if normal_below(middle) < quantile {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// Probability that a normal variable is not above `z` deviations.
#[must_use]
pub(super) fn normal_below(z: f64) -> f64 {
    libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::dice;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert!((normal_quantile(0.999) - 3.090_232).abs() < 1e-5);
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-5);
        assert_eq!(poisson_quantile(1.0, 0.95), 3);
        assert_eq!(poisson_quantile(10.0, 0.999), 21);
        assert_eq!(poisson_quantile(100.0, 0.99), 124);
        assert_eq!(poisson_quantile(0.0, 0.999), 0);
        // Large means, far from where factorials overflow: mean + 3.09 deviations, and a little for the skew.
        let far = poisson_quantile(1e6, 0.999) as f64;
        assert!((far - (1e6 + 3090.2 + 1.4)).abs() < 2.0, "{far}");
    }

    #[test]
    fn a_sum_of_meetings_has_the_quantile_that_dice_find() {
        const SEED: u64 = 7;
        const ROUNDS: usize = 40_000;
        let kinds = [(0.7, 2.0), (0.29, 12.0), (0.01, 400.0)];
        let weight = Weight::of(kinds.into_iter());
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        for meetings in [3.0, 30.0, 300.0] {
            let mut throw = || (0..dice::poisson(&mut random, meetings)).map(|_| dice::pick(&mut random, &kinds)).sum();
            let mut sums: Vec<f64> = (0..ROUNDS).map(|_| throw()).collect();
            sums.sort_by(f64::total_cmp);
            let level = weight.level(meetings, 0.999);
            // Where the tail is thin, dice themselves scatter: the true quantile lies between these two of theirs.
            let (low, high) = (sums[ROUNDS * 9985 / 10_000], sums[ROUNDS * 9995 / 10_000]);
            assert!(low * 0.99 <= level.high && level.high <= high * 1.01, "seed {SEED}, {meetings}: {} in {low} to {high}", level.high);
            // The twin: a normal tail would miss the rare large meetings.
            let plain = level.mean + 3.09 * (meetings * weight.moment(2)).sqrt();
            assert!(plain < low, "seed {SEED}, {meetings}: {plain} against {low}");
        }
    }

    #[test]
    fn the_two_ways_to_a_quantile_meet() {
        let weight = Weight::of([(0.7, 2.0), (0.27, 3.0), (0.03, 30.0)].into_iter());
        let (summed, expanded) = (weight.summed(FEW, 0.999), weight.expanded(FEW, 0.999));
        assert!((summed / expanded - 1.0).abs() < 0.01, "{summed} against {expanded}");
        assert_eq!(Weight::default().level(100.0, 0.999), Level { mean: 0.0, high: 0.0 });
    }
}
