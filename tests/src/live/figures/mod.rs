//! What hosts wait for, measured from outside: from sending a command to the last packet that it forbids, or the first that it allows.

mod admit;
mod create;
mod effect;
mod recall;

use std::fmt;
use std::time::{Duration, Instant};

pub use admit::admit;
pub use create::create;
pub use effect::{kick, mute, one_way};
pub use recall::{Recall, recall};

/// One figure: samples with what they mean.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// From when to when.
    pub method: &'static str,
    /// The target, where there is one: which percentile, and how much.
    pub target: Option<(u32, Duration)>,
    samples: Vec<Duration>,
    /// Repetitions in which the measuring thread itself was kept from running.
    disturbed: Vec<Duration>,
}

impl Figure {
    fn new(name: &'static str, method: &'static str, target: Option<(u32, Duration)>) -> Self {
        Self { name, method, target, samples: Vec::new(), disturbed: Vec::new() }
    }

    fn add(&mut self, sample: Duration) {
        self.samples.push(sample);
    }

    /// Adds a sample, or keeps it apart.
    fn add_if(&mut self, undisturbed: bool, sample: Duration) {
        let samples = if undisturbed { &mut self.samples } else { &mut self.disturbed };
        samples.push(sample);
    }

    /// Number of repetitions, those included in which the measuring thread was disturbed.
    #[must_use]
    pub fn repetitions(&self) -> usize {
        self.samples.len() + self.disturbed.len()
    }

    /// Number of samples.
    #[must_use]
    pub fn count(&self) -> usize {
        self.samples.len()
    }

    /// The smallest sample that at least `percent` % of all do not exceed; zero without samples.
    #[must_use]
    pub fn percentile(&self, percent: u32) -> Duration {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent as usize).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied().unwrap_or_default()
    }

    /// Whether the target is met; true without one.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.target.is_none_or(|(percent, limit)| self.percentile(percent) <= limit)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |percent| self.percentile(percent).as_secs_f64() * 1_000.0;
        write!(
            out,
            "{:<44} n {:>4}  p50 {:>7.2}  p95 {:>7.2}  p99 {:>7.2}  max {:>7.2} ms",
            self.name,
            self.count(),
            ms(50),
            ms(95),
            ms(99),
            ms(100)
        )?;
        if let Some((percent, limit)) = self.target {
            let met = if self.is_met() { "met" } else { "MISSED" };
            write!(out, "  target p{percent} <= {} ms: {met}", limit.as_millis())?;
        }
        if let Some(worst) = self.disturbed.iter().max() {
            write!(
                out,
                "\n    and {} kept apart (up to {:.2} ms), the measuring thread being held up meanwhile",
                self.disturbed.len(),
                worst.as_secs_f64() * 1_000.0
            )?;
        }
        write!(out, "\n    {}", self.method)
    }
}

/// Time since a moment; zero for what was earlier.
fn after(from: Instant, at: Instant) -> Duration {
    at.saturating_duration_since(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut figure = Figure::new("", "", Some((99, Duration::from_millis(98))));
        assert_eq!(figure.percentile(99), Duration::ZERO);
        (1..=100).rev().for_each(|ms| figure.add(Duration::from_millis(ms)));
        assert_eq!([50, 95, 99, 100].map(|percent| figure.percentile(percent).as_millis()), [50, 95, 99, 100]);
        assert!(!figure.is_met());
    }
}
