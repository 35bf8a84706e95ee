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

/// What one meeting weighs, over all meetings: the first three moments of its weight about zero.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Weight {
    first: f64,
    second: f64,
    third: f64,
}

impl Weight {
    /// Of weights with their shares, which sum up to 1.
    #[must_use]
    pub fn of(weights: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut all = Self::default();
        for (share, weight) in weights {
            all.first += share * weight;
            all.second += share * weight * weight;
            all.third += share * weight * weight * weight;
        }
        all
    }

    /// Mean weight of one meeting.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.first
    }

    /// What a Poisson number of meetings with this mean weighs together: a compound Poisson sum, its quantile by Cornish and
    /// Fisher's expansion to the third moment (at 20 meetings and more within 1 %; the tests throw dice).
    #[must_use]
    pub fn level(&self, meetings: f64, quantile: f64) -> Level {
        let mean = meetings * self.first;
        let deviation = (meetings * self.second).sqrt();
        if deviation <= 0.0 {
            return Level { mean, high: mean };
        }
        let skew = meetings * self.third / deviation.powi(3);
        let z = normal_quantile(quantile);
        Level { mean, high: mean + deviation * (z + skew * (z * z - 1.0) / 6.0 - skew * skew * (2.0 * z.powi(3) - 5.0 * z) / 36.0) }
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

    use super::super::dice;
    use super::*;

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
        let kinds = [(0.7, 2.0), (0.29, 12.0), (0.01, 400.0)];
        let weight = Weight::of(kinds.into_iter());
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut sums: Vec<f64> =
            (0..40_000).map(|_| (0..dice::poisson(&mut random, 300.0)).map(|_| dice::pick(&mut random, &kinds)).sum()).collect();
        sums.sort_by(f64::total_cmp);
        let thrown = sums[sums.len() * 999 / 1000];
        let level = weight.level(300.0, 0.999);
        assert!((level.high / thrown - 1.0).abs() < 0.03, "seed {SEED}: {} against {thrown}", level.high);
        // Without the third moment the tail of the rare large meetings would be missed.
        let plain = level.mean + 3.09 * (300.0 * weight.second).sqrt();
        assert!(plain < thrown * 0.97, "{plain} against {thrown}");
    }
}
