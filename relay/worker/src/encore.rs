//! Further copies of what is sent again. They follow at a distance: losses come in rows, and a row that takes one takes its neighbour.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wire::ids::Ssrc;

/// Time between two copies of a packet.
const DISTANCE: Duration = Duration::from_millis(2);

/// Most packets of which copies are waiting; of further ones there are none.
const MAX_WAITING: usize = 256;

/// A packet of which copies are to follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encore {
    due: Instant,
    /// The slot's SSRC, and the packet's number there.
    pub(crate) stream: Ssrc,
    pub(crate) sequence: u16,
    left: u8,
}

/// What is to follow towards one viewer.
#[derive(Debug, Default)]
pub(crate) struct Encores {
    /// In the order of time, as every one follows at the same distance.
    waiting: VecDeque<Encore>,
}

impl Encores {
    /// A packet was sent again; `copies` more are to follow.
    pub(crate) fn add(&mut self, now: Instant, stream: Ssrc, sequence: u16, copies: u8) {
        if copies > 0 && self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(Encore { due: now + DISTANCE, stream, sequence, left: copies });
        }
    }

    /// The copy that is due; the next of the same packet is then waited for.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Encore> {
        let encore = self.waiting.pop_front_if(|encore| encore.due <= now)?;
        self.add(now, encore.stream, encore.sequence, encore.left - 1);
        Some(encore)
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
    fn copies_of_several_packets_alternate_at_a_distance() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        encores.add(start, Ssrc(1), 7, 0);
        assert_eq!(encores.poll_timeout(), None, "one was enough");
        encores.add(start, Ssrc(1), 8, 2);
        encores.add(start, Ssrc(1), 9, 1);
        assert!(encores.take_due(start).is_none());
        let mut sent = Vec::new();
        while let Some(due) = encores.poll_timeout() {
            sent.extend(encores.take_due(due).map(|encore| (due.duration_since(start), encore.sequence)));
        }
        assert_eq!(sent, [(DISTANCE, 8), (DISTANCE, 9), (2 * DISTANCE, 8)]);
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten_on_demand() {
        let (start, mut encores) = (Instant::now(), Encores::default());
        (0..1000).for_each(|sequence| encores.add(start, Ssrc(u32::from(sequence % 2)), sequence, 7));
        assert_eq!(encores.waiting.len(), MAX_WAITING);
        encores.retain(|encore| encore.stream == Ssrc(1));
        assert_eq!(encores.waiting.len(), MAX_WAITING / 2);
    }
}
