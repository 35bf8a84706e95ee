//! Figures of a run: means, shares and percentiles over a span of time.

use crate::call::{SAMPLE, Sample};

/// The samples of `from` to `to`, ms.
pub fn span(samples: &[Sample], from: u64, to: u64) -> &[Sample] {
    &samples[(from / SAMPLE) as usize..(to / SAMPLE) as usize]
}

/// Mean target, bit/s.
pub fn mean_target(samples: &[Sample]) -> f64 {
    samples.iter().map(|sample| sample.target as f64).sum::<f64>() / samples.len() as f64
}

pub fn lowest_target(samples: &[Sample]) -> f64 {
    samples.iter().map(|sample| sample.target as f64).fold(f64::MAX, f64::min)
}

/// What arrived, bit/s.
pub fn arrived(samples: &[Sample]) -> f64 {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    (last.arrived - first.arrived) as f64 * 8000.0 / ((samples.len() as u64 - 1) * SAMPLE) as f64
}

/// The value that `share` percent of the samples stay below.
pub fn percentile(samples: &[Sample], share: usize, value: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * share / 100]
}

/// ms until the target first reaches `rate`; the whole run if it never does.
pub fn reaches(samples: &[Sample], rate: f64) -> u64 {
    samples.iter().position(|sample| sample.target as f64 >= rate).unwrap_or(samples.len()) as u64 * SAMPLE
}

/// ms until the wait at the bottleneck stays below `limit` ms for half a second.
pub fn drained(samples: &[Sample], limit: f64) -> u64 {
    let last = samples.windows(50).position(|window| window.iter().all(|sample| sample.waits < limit));
    last.unwrap_or(samples.len()) as u64 * SAMPLE
}
