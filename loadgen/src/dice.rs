//! Seeded draws, for resampling a fit and for checking closed forms.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Uniform over 0 to 1, 1 excluded.
pub(crate) fn unit(random: &mut ChaCha8Rng) -> f64 {
    // 53 bits are what a double holds.
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// An index below `len`.
pub(crate) fn index(random: &mut ChaCha8Rng, len: usize) -> usize {
    ((unit(random) * len as f64) as usize).min(len.saturating_sub(1))
}

/// One of `kinds`, by its share.
#[cfg(test)]
pub(crate) fn pick(random: &mut ChaCha8Rng, kinds: &[(f64, f64)]) -> f64 {
    let mut left = unit(random);
    for (share, value) in kinds {
        left -= share;
        if left < 0.0 {
            return *value;
        }
    }
    kinds.last().map_or(0.0, |(_, value)| *value)
}

/// Exponential with mean 1.
pub(crate) fn exponential(random: &mut ChaCha8Rng) -> f64 {
    -(1.0 - unit(random)).ln()
}

/// Normal with deviation 1 (Box and Muller).
pub(crate) fn normal(random: &mut ChaCha8Rng) -> f64 {
    (2.0 * exponential(random)).sqrt() * (std::f64::consts::TAU * unit(random)).cos()
}

/// Poisson, by counting exponential waits.
#[cfg(test)]
pub(crate) fn poisson(random: &mut ChaCha8Rng, mean: f64) -> u64 {
    let mut at = exponential(random);
    let mut count = 0;
    while at < mean {
        count += 1;
        at += exponential(random);
    }
    count
}
