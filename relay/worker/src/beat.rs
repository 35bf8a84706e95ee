//! When each room is looked at next: every 100 ms, counted from when it began.
//!
//! Each room has its own moment, so that media waits for one room at most and never for all of a full worker's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::keys::HallKey;

/// How often layers, speakers and grace periods of a room are looked at.
const BEAT: Duration = Duration::from_millis(100);

/// The next look at each room.
#[derive(Default)]
pub(crate) struct Beats(BinaryHeap<Reverse<(Instant, HallKey)>>);

impl Beats {
    /// A room begins.
    pub(crate) fn begin(&mut self, now: Instant, hall: HallKey) {
        self.0.push(Reverse((now + BEAT, hall)));
    }

    /// When a room is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// A room that is due, and when it was; it is forgotten unless [`Beats::go_on`] is called.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<(Instant, HallKey)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse(due)| due)
    }

    /// The room that was due at `at` goes on. It keeps its place among the others however late it was: rooms that were late together
    /// would otherwise stay together.
    pub(crate) fn go_on(&mut self, now: Instant, at: Instant, hall: HallKey) {
        let late = now.saturating_duration_since(at).as_nanos() % BEAT.as_nanos();
        self.0.push(Reverse((now + BEAT - Duration::from_nanos(late as u64), hall)));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use slotmap::SlotMap;

    use super::*;

    #[test]
    fn rooms_keep_their_own_moments_even_after_all_were_late() {
        let (start, mut beats, mut keys) = (Instant::now(), Beats::default(), SlotMap::<HallKey, ()>::with_key());
        let ms = Duration::from_millis;
        let halls: Vec<HallKey> = (0..4).map(|_| keys.insert(())).collect();
        halls.iter().zip(0..).for_each(|(hall, index)| beats.begin(start + ms(20 * index), *hall));
        assert_eq!(beats.next(), Some(start + ms(100)));
        assert_eq!(beats.take_due(start + ms(99)), None);
        // The thread was stopped for a third of a second: all are due at once.
        let late = start + ms(435);
        while let Some((at, hall)) = beats.take_due(late) {
            beats.go_on(late, at, hall);
        }
        let next: Vec<_> = std::iter::from_fn(|| beats.take_due(start + ms(1000))).collect();
        assert_eq!(next, [(2, 440), (3, 460), (0, 500), (1, 520)].map(|(hall, at)| (start + ms(at), halls[hall])));
    }
}
