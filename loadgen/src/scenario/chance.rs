//! Seeded draws of the distributions that a timetable and bad lines need.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::dice;

/// A stream of draws; the same seed gives the same.
#[derive(Clone, Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// A stream of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform over 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f64 {
        dice::unit(&mut self.0)
    }

    /// True with this probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// An index below `len`; 0 where there is none.
    pub fn below(&mut self, len: usize) -> usize {
        dice::index(&mut self.0, len)
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        mean * dice::exponential(&mut self.0)
    }

    /// Log-normal with this mean and this standard deviation against it.
    pub fn log_normal(&mut self, mean: f64, spread: f64) -> f64 {
        let variance = (1.0 + spread * spread).ln();
        mean * (variance.sqrt() * dice::normal(&mut self.0) - variance / 2.0).exp()
    }

    /// Between -1 and 1, a triangle around 0.
    pub fn triangle(&mut self) -> f64 {
        self.unit() - self.unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_what_was_asked_for() {
        let mut chance = Chance::new(5);
        let mut mean = |draw: &mut dyn FnMut(&mut Chance) -> f64| (0..40_000).map(|_| draw(&mut chance)).sum::<f64>() / 40_000.0;
        assert!((mean(&mut |chance| chance.log_normal(18.0, 0.8)) / 18.0 - 1.0).abs() < 0.03);
        assert!((mean(&mut |chance| chance.exponential(4.0)) / 4.0 - 1.0).abs() < 0.03);
        assert!(mean(&mut Chance::triangle).abs() < 0.02);
    }
}
