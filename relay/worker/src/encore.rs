//! What follows something else at a distance: losses come in rows, and a row that takes one packet takes its neighbour. Second copies of
//! what is sent again, and empty packets behind pictures.

use std::collections::VecDeque;
use std::time::Instant;

use crate::downlink::Waiting;

/// Most packets that wait to follow others; for more there is no room.
const MAX_WAITING: usize = 256;

/// A packet that is to follow another.
#[derive(Clone, Copy, Debug)]
struct Encore {
    due: Instant,
    what: Waiting,
}

/// What is to follow towards one viewer.
#[derive(Debug, Default)]
pub(crate) struct Encores {
    /// In the order of time.
    waiting: VecDeque<Encore>,
}

impl Encores {
    /// A packet is to go at this time. False if there is no room.
    pub(crate) fn add(&mut self, due: Instant, what: Waiting) -> bool {
        let room = self.waiting.len() < MAX_WAITING;
        if room {
            let place = self.waiting.partition_point(|encore| encore.due <= due);
            self.waiting.insert(place, Encore { due, what });
        }
        room
    }

    /// The next that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Waiting> {
        self.waiting.pop_front_if(|encore| encore.due <= now).map(|encore| encore.what)
    }

    /// When the next is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.front().map(|encore| encore.due)
    }

    /// Forgets those of which this is not true.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Waiting) -> bool) {
        self.waiting.retain(|encore| keep(&encore.what));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;
    use std::time::Duration;
    use wire::ids::Ssrc;

    fn again(stream: u32, sequence: u16) -> Waiting {
        Waiting::Again { stream: Ssrc(stream), sequence }
    }

    #[test]
    fn each_goes_once_when_it_is_due_and_in_the_order_of_time() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        for (ms, sequence) in [(5, 8), (15, 9), (5, 10), (2, 11)] {
            assert!(encores.add(start + Duration::from_millis(ms), again(1, sequence)));
        }
        assert!(encores.take_due(start).is_none());
        let mut sent = Vec::new();
        while let Some(due) = encores.poll_timeout() {
            while let Some(Waiting::Again { sequence, .. }) = encores.take_due(due) {
                sent.push((due.duration_since(start).as_millis(), sequence));
            }
        }
        assert_eq!(sent, [(2, 11), (5, 8), (5, 10), (15, 9)]);
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten_on_demand() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        let room = (0..1000).filter(|sequence| encores.add(start, again(u32::from(sequence % 2), *sequence))).count();
        assert_eq!(room, MAX_WAITING);
        encores.retain(|waiting| waiting.stream() == Ssrc(1));
        assert_eq!(encores.waiting.len(), MAX_WAITING / 2);
    }
}
