//! Second copies of what is sent again. They follow at a distance: losses come in rows, and a row that takes one takes its neighbour.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wire::ids::Ssrc;

/// Time between the copies of a packet.
const DISTANCE: Duration = Duration::from_millis(5);

/// Most packets whose second copy waits; others have none.
const MAX_WAITING: usize = 256;

/// A packet whose second copy is to follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encore {
    due: Instant,
    /// The slot's SSRC, and the packet's number there.
    pub(crate) stream: Ssrc,
    pub(crate) sequence: u16,
}

/// What is to follow towards one viewer.
#[derive(Debug, Default)]
pub(crate) struct Encores {
    /// In the order of time, as every one follows at the same distance.
    waiting: VecDeque<Encore>,
}

impl Encores {
    /// A packet was sent again, and is to go once more.
    pub(crate) fn add(&mut self, now: Instant, stream: Ssrc, sequence: u16) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(Encore { due: now + DISTANCE, stream, sequence });
        }
    }

    /// The next that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Encore> {
        self.waiting.pop_front_if(|encore| encore.due <= now)
    }

    /// When the next is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.front().map(|encore| encore.due)
    }

    /// Forgets those of which this is not true.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Encore) -> bool) {
        self.waiting.retain(|encore| keep(encore));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    #[test]
    fn each_follows_once_at_a_distance() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        encores.add(start, Ssrc(1), 8);
        encores.add(start, Ssrc(1), 9);
        assert!(encores.take_due(start).is_none());
        let mut sent = Vec::new();
        while let Some(due) = encores.poll_timeout() {
            sent.extend(encores.take_due(due).map(|encore| (due.duration_since(start), encore.sequence)));
        }
        assert_eq!(sent, [(DISTANCE, 8), (DISTANCE, 9)]);
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten_on_demand() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        (0..1000).for_each(|sequence| encores.add(start, Ssrc(u32::from(sequence % 2)), sequence));
        assert_eq!(encores.waiting.len(), MAX_WAITING);
        encores.retain(|encore| encore.stream == Ssrc(1));
        assert_eq!(encores.waiting.len(), MAX_WAITING / 2);
    }
}
