//! The queue that stands on the way: how much longer packets travel now, at the least, than they did at best.

/// Length of a bucket of the present, us.
const SHORT: u64 = 60_000;

/// Buckets of the present: 180 ms to 240 ms. A radio that sleeps for 80 ms at a time lets something through meanwhile.
const PRESENT: usize = 4;

/// Length of a bucket of the past, us.
const LONG: u64 = 2_000_000;

/// Buckets of the past: the way may have become longer for good, so the best is that of 14 to 16 s.
const PAST: usize = 8;

#[derive(Debug)]
pub(super) struct Queue {
    present: Lowest<PRESENT>,
    past: Lowest<PAST>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { present: Lowest::new(SHORT), past: Lowest::new(LONG) }
    }

    /// A report of `now` says that a packet sent at `sent` arrived at `arrival`; the clocks differ by something unknown.
    #[inline]
    pub(super) fn add(&mut self, now: u64, sent: u64, arrival: i64) {
        let delay = arrival.saturating_sub_unsigned(sent);
        self.present.add(now, delay);
        self.past.add(now, delay);
    }

    /// The way takes as long as it takes now: what is waited for is not ours to shorten.
    pub(super) fn accept(&mut self) {
        let Some(present) = self.present.lowest() else { return };
        self.past.buckets = [None; PAST];
        self.past.buckets[(self.past.current % PAST as u64) as usize] = Some(present);
    }

    /// us.
    pub(super) fn standing(&self) -> u64 {
        match (self.present.lowest(), self.past.lowest()) {
            (Some(present), Some(best)) => present.saturating_sub(best).try_into().unwrap_or(0),
            _ => 0,
        }
    }
}

/// The lowest value of the last buckets.
#[derive(Debug)]
struct Lowest<const N: usize> {
    length: u64,
    /// Number of the bucket being filled, which is at that number modulo `N`.
    current: u64,
    buckets: [Option<i64>; N],
}

impl<const N: usize> Lowest<N> {
    fn new(length: u64) -> Self {
        Self { length, current: 0, buckets: [None; N] }
    }

    fn add(&mut self, now: u64, value: i64) {
        let bucket = now / self.length;
        for skipped in (self.current + 1..=bucket).take(N) {
            self.buckets[(skipped % N as u64) as usize] = None;
        }
        if bucket > self.current + N as u64 {
            self.buckets = [None; N];
        }
        self.current = self.current.max(bucket);
        let slot = &mut self.buckets[(self.current % N as u64) as usize];
        *slot = Some(slot.map_or(value, |lowest| lowest.min(value)));
    }

    fn lowest(&self) -> Option<i64> {
        self.buckets.iter().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_only_while_nothing_gets_through() {
        let mut queue = Queue::new();
        for ms in 0..400u64 {
            queue.add(ms * 1000, ms * 1000, (ms * 1000 + 7_000_000) as i64);
        }
        assert_eq!(queue.standing(), 0);
        for ms in 400..900u64 {
            // Half of the packets wait 50 ms, then all of them.
            let wait = if ms % 2 == 0 || ms >= 600 { 50_000 } else { 0 };
            queue.add(ms * 1000, ms * 1000, (ms * 1000 + wait + 7_000_000) as i64);
            assert!(ms >= 700 || queue.standing() == 0, "{ms}");
        }
        assert_eq!(queue.standing(), 50_000);
        for ms in 20_000..21_000u64 {
            queue.add(ms * 1000, ms * 1000, (ms * 1000 + 50_000 + 7_000_000) as i64);
        }
        assert_eq!(queue.standing(), 0, "the way has become longer for good");
    }

    #[test]
    fn lies_do_not_overflow() {
        let mut queue = Queue::new();
        for (now, arrival) in [(0, i64::MIN), (1, i64::MAX), (u64::MAX / 2, i64::MIN), (3, 0)] {
            queue.add(now, now, arrival);
            let _ = queue.standing();
        }
    }
}
