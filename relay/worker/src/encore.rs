//! Further copies of what is sent again: losses come in rows, and a row that takes one packet takes its neighbour.

use std::collections::VecDeque;
use std::time::Instant;

use wire::ids::Ssrc;

/// Most copies that wait to follow others; for more there is no room.
const MAX_WAITING: usize = 256;

/// A copy that is to follow another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Encore {
    due: Instant,
    pub(crate) stream: Ssrc,
    pub(crate) sequence: u16,
}

/// What is to follow towards one viewer.
#[derive(Debug, Default)]
pub(crate) struct Encores {
    /// In the order of time.
    waiting: VecDeque<Encore>,
}

impl Encores {
    /// A packet of this stream is to go once more at this time, if there is room.
    pub(crate) fn add(&mut self, due: Instant, stream: Ssrc, sequence: u16) {
        if self.waiting.len() < MAX_WAITING {
            let place = self.waiting.partition_point(|encore| encore.due <= due);
            self.waiting.insert(place, Encore { due, stream, sequence });
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
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Ssrc, u16) -> bool) {
        self.waiting.retain(|encore| keep(encore.stream, encore.sequence));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_goes_once_when_it_is_due_and_in_the_order_of_time() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        for (ms, sequence) in [(5, 8), (15, 9), (5, 10), (2, 11)] {
            encores.add(start + Duration::from_millis(ms), Ssrc(1), sequence);
        }
        assert_eq!(encores.take_due(start), None);
        let mut sent = Vec::new();
        while let Some(due) = encores.poll_timeout() {
            while let Some(Encore { sequence, .. }) = encores.take_due(due) {
                sent.push((due.duration_since(start).as_millis(), sequence));
            }
        }
        assert_eq!(sent, [(2, 11), (5, 8), (5, 10), (15, 9)]);
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten_on_demand() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        (0..1000).for_each(|sequence| encores.add(start, Ssrc(u32::from(sequence % 2)), sequence));
        assert_eq!(encores.waiting.len(), MAX_WAITING);
        encores.retain(|stream, _| stream == Ssrc(1));
        assert_eq!(encores.waiting.len(), MAX_WAITING / 2);
    }
}
