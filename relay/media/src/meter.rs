//! Rate over the last second, from buckets of an eighth of a second.

use std::time::Instant;

const PER_SECOND: u64 = 8;
/// Full buckets in the window, plus the one being filled.
const BUCKETS: u64 = PER_SECOND + 1;

/// Bytes over time.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    start: Instant,
    /// Bucket being filled, counted from `start`.
    current: u64,
    /// Bucket in which counting began; younger meters divide by less than a second.
    first: u64,
    /// Bytes per bucket; the number modulo `BUCKETS` is the index.
    bytes: [u32; BUCKETS as usize],
    total: u64,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { start: now, current: 0, first: 0, bytes: [0; BUCKETS as usize], total: 0 }
    }

    #[inline]
    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        let bucket = self.bucket(now);
        if bucket > self.current {
            self.advance(bucket);
        }
        self.bytes[(self.current % BUCKETS) as usize] += bytes as u32;
        self.total += bytes as u64;
    }

    /// bit/s over the last full second; over the time since counting began while that is shorter.
    pub(crate) fn rate(&self, now: Instant) -> u64 {
        let bucket = self.bucket(now).max(self.current);
        // The window is the `PER_SECOND` buckets before the present one, without what is still being filled.
        let window = bucket.saturating_sub(PER_SECOND).max(self.first)..bucket;
        let kept = (self.current + 1).saturating_sub(BUCKETS)..self.current + 1;
        let sum: u64 =
            window.clone().filter(|bucket| kept.contains(bucket)).map(|bucket| u64::from(self.bytes[(bucket % BUCKETS) as usize])).sum();
        let span = window.end.saturating_sub(window.start);
        if span == 0 {
            return self.total * 8 * PER_SECOND;
        }
        sum * 8 * PER_SECOND / span
    }

    fn bucket(&self, now: Instant) -> u64 {
        let age = now.saturating_duration_since(self.start);
        age.as_secs() * PER_SECOND + u64::from(age.subsec_millis()) * PER_SECOND / 1000
    }

    fn advance(&mut self, bucket: u64) {
        if self.total == 0 || bucket - self.current > BUCKETS {
            // Counting begins, or begins again after a silence of more than the window.
            self.first = bucket;
            self.total = 0;
            self.bytes.fill(0);
        }
        for skipped in self.current + 1..=bucket.min(self.current + BUCKETS) {
            self.bytes[(skipped % BUCKETS) as usize] = 0;
        }
        self.current = bucket;
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use std::time::{Duration, Instant};

    #[test]
    fn steady_stream_is_measured_from_the_first_quarter_second_on() {
        #[allow(clippy::disallowed_methods)]
        let start = Instant::now();
        let mut meter = Meter::new(start);
        assert_eq!(meter.rate(start), 0);
        // 125 bytes each ms are 1 Mbit/s; the stream begins long after the meter was made.
        let begin = start + Duration::from_millis(100_000);
        for ms in 0..5000 {
            let now = begin + Duration::from_millis(ms);
            meter.add(now, 125);
            if ms >= 250 {
                let rate = meter.rate(now);
                assert!((950_000..=1_050_000).contains(&rate), "{rate} after {ms} ms");
            }
        }
        let mut soon = Meter::new(start);
        (500..800).for_each(|ms| soon.add(start + Duration::from_millis(ms), 125));
        let rate = soon.rate(start + Duration::from_millis(800));
        assert!((950_000..=1_050_000).contains(&rate), "{rate}: what was before the first byte does not count");
        let rate = meter.rate(begin + Duration::from_millis(5500));
        assert!((400_000..600_000).contains(&rate), "half of the window is silent: {rate}");
        assert_eq!(meter.rate(begin + Duration::from_secs(7)), 0);
        assert_eq!(meter.rate(begin + Duration::from_secs(100_000)), 0);
    }
}
