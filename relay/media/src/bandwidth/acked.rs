//! How much arrives at the viewer: bytes by arrival time, over a short window and a shorter one.

/// Length of a bucket, us.
const BUCKET: i64 = 20_000;

/// Buckets kept.
const BUCKETS: usize = 32;

/// The window, us: nine frames of a camera, so that one more or less changes little.
const LONG: i64 = 300_000;

/// The window that is looked at when the line has just become worse, us.
const SHORT: i64 = 140_000;

/// A silence of so long begins a new measurement, us.
const SILENCE: i64 = 2_000_000;

/// Arrivals beyond this, us, are lies, and sums of them would overflow.
const FAR: i64 = 1 << 60;

#[derive(Debug, Default)]
pub(super) struct Acked {
    bytes: [u64; BUCKETS],
    /// First arrival and last arrival of this measurement, us on the viewer's clock.
    span: Option<(i64, i64)>,
}

impl Acked {
    #[inline]
    pub(super) fn add(&mut self, arrival: i64, bytes: u64) {
        let arrival = arrival.clamp(-FAR, FAR);
        let (first, last) = self.span.unwrap_or((arrival, arrival));
        let step = arrival.saturating_sub(last);
        if self.span.is_none() || !(-SILENCE..=SILENCE).contains(&step) {
            self.bytes.fill(0);
            self.span = Some((arrival, arrival));
        } else if step > 0 {
            for skipped in 1..=(bucket(arrival) - bucket(last)).min(BUCKETS as i64) {
                self.bytes[slot(bucket(last) + skipped)] = 0;
            }
            self.span = Some((first, arrival));
        }
        // What arrives late counts as arriving now: it is in nobody's way.
        let newest = self.span.map_or(arrival, |(_, last)| last);
        self.bytes[slot(bucket(newest))] += bytes;
    }

    /// bit/s; `None` until there is enough to go by.
    pub(super) fn rate(&self) -> Option<f64> {
        self.over(LONG).or_else(|| self.over(SHORT))
    }

    /// bit/s while the line is full: the smaller of two windows, as it has just become so.
    pub(super) fn rate_now(&self) -> Option<f64> {
        let short = self.over(SHORT)?;
        Some(self.over(LONG).map_or(short, |long| long.min(short)))
    }

    fn over(&self, window: i64) -> Option<f64> {
        let (first, last) = self.span?;
        let begin = bucket(last.saturating_sub(window)) + 1;
        let span = last.saturating_sub(begin * BUCKET);
        if begin * BUCKET < first || span <= 0 {
            return None;
        }
        let bytes: u64 = (begin..=bucket(last)).map(|at| self.bytes[slot(at)]).sum();
        Some(bytes as f64 * 8e6 / span as f64)
    }
}

fn bucket(arrival: i64) -> i64 {
    arrival.div_euclid(BUCKET)
}

fn slot(bucket: i64) -> usize {
    bucket.rem_euclid(BUCKETS as i64) as usize
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn steady_then_slower() {
        let mut acked = Acked::default();
        assert_eq!(acked.rate(), None);
        for ms in 0..1000 {
            acked.add(ms * 1000 - 500_000, 125);
            assert!(acked.rate().is_some() || ms < 150);
            assert!(acked.rate().is_none_or(|rate| (0.95e6..1.08e6).contains(&rate)), "{ms} {:?}", acked.rate());
        }
        for ms in 1000..1160 {
            acked.add(ms * 1000 - 500_000, 25);
        }
        assert!((0.18e6..0.25e6).contains(&acked.rate_now().unwrap()), "{:?}", acked.rate_now());
        assert!(acked.rate().unwrap() > 0.5e6);
    }

    #[test]
    fn silence_and_lies_begin_anew() {
        let mut acked = Acked::default();
        (0..500).for_each(|ms| acked.add(ms * 1000, 125));
        acked.add(10_000_000, 125);
        assert_eq!(acked.rate(), None);
        for arrival in [i64::MAX, i64::MIN, 0, -1, i64::MAX - 1] {
            acked.add(arrival, 1);
            let _ = (acked.rate(), acked.rate_now());
        }
    }
}
