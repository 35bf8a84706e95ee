//! What a thread has to do and when: a heap of tasks, and a heap of clients that want to be called.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::scenario::Act;

/// Something to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// Somebody comes.
    Join(usize),
    /// Another connection of somebody begins.
    Open(usize),
    /// Somebody tells the server that they are still there.
    KeepAlive(usize),
    /// Whoever is not in by now has failed.
    GiveUp(usize),
    /// Somebody begins or stops to speak.
    Turn(usize),
    /// The host lets somebody in.
    Admit(usize),
    /// Something of the timetable happens in a meeting.
    Act(usize, Act),
    /// A meeting is over.
    End(usize),
    /// Watches may be over.
    Watches,
    /// A second is over.
    Second(u32),
    /// The measured time begins.
    Begin,
    /// It ends.
    Stop,
}

/// A datagram on a slow line.
pub(super) struct Delayed {
    pub(super) seat: usize,
    /// Towards the server.
    pub(super) up: bool,
    pub(super) peer: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// Something at a moment; what was put in first comes first among equals.
struct At<T>(Instant, u64, T);

impl<T> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl<T> Eq for At<T> {}

impl<T> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// Things in the order of their moments.
pub(super) struct Agenda<T> {
    heap: BinaryHeap<Reverse<At<T>>>,
    count: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), count: 0 }
    }
}

impl<T> Agenda<T> {
    pub(super) fn add(&mut self, at: Instant, thing: T) {
        self.count += 1;
        self.heap.push(Reverse(At(at, self.count, thing)));
    }

    /// When the first is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(first)| first.0)
    }

    /// The first with its moment, if it is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(Instant, T)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(first)| (first.0, first.2))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn things_come_out_when_they_are_due_and_equals_in_their_order() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        let later = now + Duration::from_millis(1);
        agenda.add(later, 3);
        agenda.add(now, 1);
        agenda.add(now, 2);
        assert_eq!(agenda.take_due(now), Some((now, 1)));
        assert_eq!(agenda.take_due(now), Some((now, 2)));
        assert_eq!(agenda.take_due(now), None);
        assert_eq!((agenda.next(), agenda.take_due(later)), (Some(later), Some((later, 3))));
    }
}
