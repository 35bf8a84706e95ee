//! What a media thread tells about itself: plain atomics, written by it alone, read by anybody at any time.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use worker::Counters;

use crate::io::IoCounters;

/// Totals of one worker and its thread, published about ten times a second, and signs of life, published at each turn.
///
/// Numbers of different names may be up to one publication apart from each other.
pub struct SharedCounters {
    /// The moment from which turns are dated.
    epoch: Instant,
    worker: [AtomicU64; Counters::COUNT],
    io: [AtomicU64; IoCounters::COUNT],
    rooms: AtomicU64,
    peers: AtomicU64,
    /// End of the last turn, microseconds after `epoch`.
    last_turn: AtomicU64,
    /// Longest turn since it was last asked for, microseconds.
    longest_turn: AtomicU64,
}

impl SharedCounters {
    /// All zero, alive at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            worker: array::from_fn(|_| AtomicU64::new(0)),
            io: array::from_fn(|_| AtomicU64::new(0)),
            rooms: AtomicU64::new(0),
            peers: AtomicU64::new(0),
            last_turn: AtomicU64::new(0),
            longest_turn: AtomicU64::new(0),
        }
    }

    /// The worker's totals by name.
    pub fn worker(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Counters::NAMES.iter().copied().zip(self.worker.iter().map(|value| value.load(Ordering::Relaxed)))
    }

    /// The thread's totals by name.
    pub fn io(&self) -> impl Iterator<Item = (&'static str, u64)> {
        IoCounters::NAMES.iter().copied().zip(self.io.iter().map(|value| value.load(Ordering::Relaxed)))
    }

    /// Rooms on this worker at present.
    #[must_use]
    pub fn rooms(&self) -> u64 {
        self.rooms.load(Ordering::Relaxed)
    }

    /// Peers on this worker at present.
    #[must_use]
    pub fn peers(&self) -> u64 {
        self.peers.load(Ordering::Relaxed)
    }

    /// How long ago the thread ended a turn of its loop. An idle one turns every [`super::HEARTBEAT`]; several seconds mean that it
    /// hangs or has ended.
    #[must_use]
    pub fn last_turn(&self, now: Instant) -> Duration {
        let ended = self.epoch + Duration::from_micros(self.last_turn.load(Ordering::Relaxed));
        now.saturating_duration_since(ended)
    }

    /// The longest turn since this was last asked; the delay that everything else on this thread had to bear.
    #[must_use]
    pub fn take_longest_turn(&self) -> Duration {
        Duration::from_micros(self.longest_turn.swap(0, Ordering::Relaxed))
    }

    /// A turn is over.
    pub(super) fn turned(&self, started: Instant, ended: Instant) {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.last_turn.store(micros(ended.saturating_duration_since(self.epoch)), Ordering::Relaxed);
        let took = micros(ended.saturating_duration_since(started));
        // Looked at before it is changed: the common turn writes nothing here.
        if took > self.longest_turn.load(Ordering::Relaxed) {
            self.longest_turn.fetch_max(took, Ordering::Relaxed);
        }
    }

    /// New totals.
    pub(super) fn publish(&self, worker: &Counters, io: &IoCounters, (rooms, peers): (usize, usize)) {
        for (shared, value) in self.worker.iter().zip(worker.values()) {
            shared.store(value, Ordering::Relaxed);
        }
        for (shared, value) in self.io.iter().zip(io.values()) {
            shared.store(value, Ordering::Relaxed);
        }
        self.rooms.store(rooms as u64, Ordering::Relaxed);
        self.peers.store(peers as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_life() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let shared = SharedCounters::new(start);
        shared.turned(at(10), at(17));
        shared.turned(at(20), at(22));
        assert_eq!(shared.last_turn(at(30)), Duration::from_millis(8));
        assert_eq!(shared.last_turn(at(5)), Duration::ZERO, "a clock read before the turn ended");
        assert_eq!(shared.take_longest_turn(), Duration::from_millis(7));
        assert_eq!(shared.take_longest_turn(), Duration::ZERO, "asked once");
    }

    #[test]
    fn totals_keep_their_names() {
        let shared = SharedCounters::new(Instant::now());
        let worker = Counters { rtp_forwarded: 7, ..Counters::default() };
        let io = IoCounters { handed_over: 3, turns: 9, ..IoCounters::default() };
        shared.publish(&worker, &io, (2, 5));
        let named = |name: &str, value: u64| (shared.worker().chain(shared.io())).any(|(n, v)| n == name && v == value);
        assert!(named("rtp_forwarded", 7) && named("handed_over", 3) && named("turns", 9));
        assert_eq!((shared.rooms(), shared.peers()), (2, 5));
    }
}
