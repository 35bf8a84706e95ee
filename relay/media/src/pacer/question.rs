//! A question to the line while it is being asked: what is sent keeps a given rate for a given time, padding fills the gaps.

use std::time::{Duration, Instant};

use super::bucket::{bytes_in, time_of};
use crate::bandwidth::Probe;

/// A shorter question says nothing: timers at both ends, and a radio's schedule, are coarser.
const SHORTEST: Duration = Duration::from_millis(15);

/// What leaves at once during a question: little, so that the answer tells the line's rate and not that of the burst.
const SLICE: Duration = Duration::from_millis(2);

/// A question that is not over after this many times its length is given up: media held it up, or nobody came to send padding.
const PATIENCE: u32 = 4;

/// Fewest bytes of padding worth a packet.
const LEAST_PADDING: u64 = 200;

#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) cluster: u32,
    began: Instant,
    rate: u64,
    /// Bytes to send in all.
    total: u64,
    sent: u64,
}

impl Question {
    pub(super) fn new(now: Instant, probe: Probe) -> Self {
        let total = bytes_in(SHORTEST, probe.bitrate).max(probe.bytes as u64);
        Self { cluster: probe.cluster, began: now, rate: probe.bitrate.max(1), total, sent: 0 }
    }

    /// Bytes that may leave at once.
    fn slice(&self) -> u64 {
        bytes_in(SLICE, self.rate).max(LEAST_PADDING)
    }

    /// Whether a packet may leave now. The first always may.
    #[inline]
    pub(super) fn has_room(&self, now: Instant) -> bool {
        self.next_at() <= now
    }

    /// When the next packet, of media or of padding, may leave.
    pub(super) fn next_at(&self) -> Instant {
        self.began + time_of(self.sent, self.rate)
    }

    #[inline]
    pub(super) fn take(&mut self, bytes: u64) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Bytes of padding to send now: up to one slice ahead of time, never beyond the end.
    pub(super) fn padding(&self, now: Instant) -> Option<u64> {
        if self.sent >= self.total || !self.has_room(now) {
            return None;
        }
        let due = bytes_in(now.saturating_duration_since(self.began), self.rate) + self.slice();
        let left = self.total - self.sent;
        // A late timer must not make a burst of what was missed.
        Some(due.saturating_sub(self.sent).min(2 * self.slice()).min(left).max(LEAST_PADDING))
    }

    /// Everything was sent, or it takes too long.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.sent >= self.total || now.saturating_duration_since(self.began) > time_of(self.total, self.rate) * PATIENCE
    }
}
