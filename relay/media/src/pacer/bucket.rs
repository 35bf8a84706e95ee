//! How much may leave at once: a bucket that fills at the pacing rate, kept as the moment until which the line is busy.

use std::time::{Duration, Instant};

use super::LONGEST_WAIT;

/// Bytes of a full packet with everything around it.
pub(super) const PACKET: u64 = 1_250;

/// What may leave at once: so much of the pacing rate,
const BURST: Duration = Duration::from_millis(5);
/// but no fewer than two packets, or no run would ever form,
const LEAST_BURST: u64 = 2 * PACKET;
/// and no more than four: on a line of 10 Mbit/s with a queue of eight packets, four frames of six at their own times lose 3 % with
/// eight, 0.1 to 1.4 % with four, and the frame is whole 0.1 to 0.3 ms later (bench/FIGURES.md);
const MOST_BURST: u64 = 4 * PACKET;
/// unless the line is so fast that timers are too coarse for four. They are late by up to as much, which costs half the haste at most.
const TIMER: Duration = Duration::from_millis(1);

/// Slowest rate ever assumed, bit/s.
const LEAST_RATE: u64 = 10_000;

/// A token bucket (the generic cell rate algorithm of ITU-T I.371).
#[derive(Debug)]
pub(super) struct Bucket {
    /// Until when the line would be busy with what was sent, at this rate.
    busy: Instant,
    /// Bit/s.
    rate: u64,
    /// Bytes that may leave at once.
    burst: u64,
}

impl Bucket {
    pub(super) fn new(now: Instant, rate: u64) -> Self {
        let mut bucket = Self { busy: now, rate: LEAST_RATE, burst: LEAST_BURST };
        bucket.set_rate(now, rate);
        bucket
    }

    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    /// From now on `rate` bit/s; what was sent is paid for at the new rate.
    pub(super) fn set_rate(&mut self, now: Instant, rate: u64) {
        let rate = rate.max(LEAST_RATE);
        if rate == self.rate {
            return;
        }
        let owed = self.busy.saturating_duration_since(now).as_nanos() * u128::from(self.rate) / u128::from(rate);
        self.busy = now + Duration::from_nanos(owed as u64);
        self.rate = rate;
        self.burst = bytes_in(BURST, rate).clamp(LEAST_BURST, MOST_BURST).max(bytes_in(TIMER, rate));
    }

    /// Whether so many bytes may leave now.
    #[inline]
    pub(super) fn has_room(&self, now: Instant, bytes: u64) -> bool {
        self.busy <= now || self.busy + time_of(bytes, self.rate) <= now + time_of(self.burst, self.rate)
    }

    /// When so many bytes, or as many as ever leave at once, may leave.
    pub(super) fn room_at(&self, bytes: u64) -> Instant {
        self.busy.checked_sub(time_of(self.burst.saturating_sub(bytes), self.rate)).unwrap_or(self.busy)
    }

    /// So many bytes leave now, at `rate` bit/s if that is faster. No more is owed than anything waits: sound never does, and of more than the
    /// line carries pictures would have to wait for all.
    #[inline]
    pub(super) fn take(&mut self, now: Instant, bytes: u64, rate: u64) {
        self.busy = (self.busy.max(now) + time_of(bytes, rate.max(self.rate))).min(now + LONGEST_WAIT);
    }
}

/// How long so many bytes take, `rate` in bit/s.
#[inline]
pub(super) fn time_of(bytes: u64, rate: u64) -> Duration {
    Duration::from_nanos(bytes.saturating_mul(8_000_000_000) / rate.max(1))
}

/// How many bytes leave in `span` at `rate` bit/s.
pub(super) fn bytes_in(span: Duration, rate: u64) -> u64 {
    (u128::from(rate) * span.as_nanos() / 8_000_000_000) as u64
}
