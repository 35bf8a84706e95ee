//! One HDR histogram of times: recorded in microseconds, merged, never averaged.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::summary::Distribution;

/// Longest time told apart, µs; beyond it a value counts as this.
const LONGEST: u64 = 120_000_000;
/// Significant digits: 0.1 % of a value.
const DIGITS: u8 = 3;

/// Times in microseconds.
#[derive(Clone, Debug)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

impl Default for Histogram {
    fn default() -> Self {
        // The bounds are constants that the library takes.
        Self(hdrhistogram::Histogram::new_with_bounds(1, LONGEST, DIGITS).unwrap_or_else(|_| unreachable!("constant bounds")))
    }
}

impl Histogram {
    /// Adds a value.
    pub fn record(&mut self, value: Duration) {
        self.0.saturating_record(u64::try_from(value.as_micros()).unwrap_or(LONGEST).min(LONGEST));
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds, so it always fits.
        let _ = self.0.add(&other.0);
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value below which this share of all lies, µs; 0 for an empty one.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        if self.0.is_empty() { 0.0 } else { self.0.value_at_quantile(share) as f64 }
    }

    /// The greatest value, µs.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.0.max() as f64
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// As a summary holds it.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = V2DeflateSerializer::new().serialize(&self.0, &mut bytes);
        if self.0.is_empty() {
            return Distribution { hdr: STANDARD.encode(bytes), ..Distribution::default() };
        }
        Distribution {
            count: self.0.len(),
            min: self.0.min() as f64,
            mean: self.0.mean(),
            p50: self.quantile(0.5),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: self.max(),
            hdr: STANDARD.encode(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_out_and_the_histogram_itself_can_be_read_back() {
        let (mut all, mut odd) = (Histogram::default(), Histogram::default());
        for value in 1..=1_000_u64 {
            let part = if value % 2 == 1 { &mut odd } else { &mut all };
            part.record(Duration::from_micros(value));
        }
        all.add(&odd);
        let found = all.distribution();
        assert_eq!((found.count, found.min, found.p50, found.p99, found.max), (1_000, 1.0, 500.0, 990.0, 1_000.0));
        let bytes = STANDARD.decode(&found.hdr).expect("base64");
        let read: hdrhistogram::Histogram<u64> =
            hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice()).expect("HDR V2");
        assert_eq!((read.len(), read.value_at_quantile(0.99)), (1_000, 990));
    }

    #[test]
    fn nothing_and_too_much_are_no_trouble() {
        let mut empty = Histogram::default();
        assert_eq!(empty.distribution().p99, 0.0);
        empty.record(Duration::from_secs(86_400));
        assert!(empty.max() >= LONGEST as f64);
    }
}
