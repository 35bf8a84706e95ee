//! What goes from one media thread to another: datagrams that arrived at the wrong one, and news of whose address is whose.
//!
//! One ring per ordered pair of threads, so that each has one writer and one reader and needs no lock. Datagrams travel in boxes that
//! come back over a second ring and are used again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};
use transport::Path;
use worker::outbox::MAX_DATAGRAM;

use super::doorbell::Doorbell;
use crate::io::IoCounters;

/// Datagrams on their way from one thread to another; about 5 ms of 100,000 packets a second. Boxes are made only as they are needed.
const MAX_SLOTS: usize = 512;
/// News in a ring from one thread to another.
const NOTICE_RING: usize = 1024;
/// News waiting for room in the ring. As many as there may be addresses: losing one would cut off a peer.
const MAX_NOTICES: usize = 65_536;

/// Whose datagrams are whose. From the thread whose peer it is, to all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Notice {
    /// Datagrams from here are mine.
    Bound(SocketAddr),
    /// Not any more.
    Unbound(SocketAddr),
}

/// A datagram on its way.
struct Slot {
    path: Path,
    len: usize,
    bytes: [u8; MAX_DATAGRAM],
}

/// One thread's ends of its rings; the entry of the thread itself is `None`.
pub(super) struct Links {
    outgoing: Vec<Option<Outgoing>>,
    incoming: Vec<Option<Incoming>>,
}

struct Outgoing {
    datagrams: Producer<Box<Slot>>,
    returned: Consumer<Box<Slot>>,
    /// Boxes made so far.
    slots: usize,
    notices: Producer<Notice>,
    backlog: VecDeque<Notice>,
    doorbell: Arc<Doorbell>,
    /// Something was put in since the doorbell was rung.
    unrung: bool,
}

struct Incoming {
    datagrams: Consumer<Box<Slot>>,
    returned: Producer<Box<Slot>>,
    notices: Consumer<Notice>,
}

impl Links {
    /// Rings between all threads; entry i of the result belongs to thread i.
    pub(super) fn mesh(doorbells: &[Arc<Doorbell>]) -> Vec<Self> {
        let count = doorbells.len();
        let none = || Self { outgoing: (0..count).map(|_| None).collect(), incoming: (0..count).map(|_| None).collect() };
        let mut all: Vec<Self> = (0..count).map(|_| none()).collect();
        for from in 0..count {
            for to in (0..count).filter(|to| *to != from) {
                let (datagrams_in, datagrams_out) = RingBuffer::new(MAX_SLOTS);
                let (returned_in, returned_out) = RingBuffer::new(MAX_SLOTS);
                let (notices_in, notices_out) = RingBuffer::new(NOTICE_RING);
                all[from].outgoing[to] = Some(Outgoing {
                    datagrams: datagrams_in,
                    returned: returned_out,
                    slots: 0,
                    notices: notices_in,
                    backlog: VecDeque::new(),
                    doorbell: Arc::clone(&doorbells[to]),
                    unrung: false,
                });
                all[to].incoming[from] = Some(Incoming { datagrams: datagrams_out, returned: returned_in, notices: notices_out });
            }
        }
        all
    }

    /// Nobody to talk to: each thread has a port of its own.
    pub(super) fn none() -> Self {
        Self { outgoing: Vec::new(), incoming: Vec::new() }
    }

    /// Sends a copy of a datagram to its owner. What does not fit is dropped and counted.
    pub(super) fn hand_over(&mut self, owner: usize, path: &Path, datagram: &[u8], counters: &mut IoCounters) {
        if datagram.len() > MAX_DATAGRAM {
            counters.dropped_handover_oversize += 1;
            return;
        }
        let Some(Some(link)) = self.outgoing.get_mut(owner) else { return };
        let Some(mut slot) = link.empty_slot(path) else {
            counters.dropped_handover_full += 1;
            // The owner has more than enough to do; ring all the same, for what is in the ring.
            link.unrung = true;
            return;
        };
        slot.path = *path;
        slot.len = datagram.len();
        slot.bytes[..datagram.len()].copy_from_slice(datagram);
        // There are as many places as boxes, so this never fails.
        if link.datagrams.push(slot).is_ok() {
            counters.handed_over += 1;
            link.unrung = true;
        }
    }

    /// Tells all other threads.
    pub(super) fn announce(&mut self, notice: Notice, counters: &mut IoCounters) {
        for link in self.outgoing.iter_mut().flatten() {
            if link.backlog.len() < MAX_NOTICES {
                link.backlog.push_back(notice);
            } else {
                counters.dropped_notices += 1;
            }
        }
    }

    /// Puts waiting news into the rings and wakes the threads for which something was put in. Once per turn.
    pub(super) fn ring(&mut self) {
        for link in self.outgoing.iter_mut().flatten() {
            while let Some(notice) = link.backlog.front() {
                if link.notices.push(*notice).is_err() {
                    break;
                }
                link.backlog.pop_front();
                link.unrung = true;
            }
            if std::mem::take(&mut link.unrung) {
                link.doorbell.ring();
            }
        }
    }

    /// True when news wait for room in a ring.
    pub(super) fn has_backlog(&self) -> bool {
        self.outgoing.iter().flatten().any(|link| !link.backlog.is_empty())
    }

    /// Reads all news that have come, with the thread each is from.
    pub(super) fn read_notices(&mut self, mut take: impl FnMut(usize, Notice)) {
        for (from, link) in self.incoming.iter_mut().enumerate() {
            let Some(link) = link else { continue };
            for _ in 0..NOTICE_RING {
                let Ok(notice) = link.notices.pop() else { break };
                take(from, notice);
            }
        }
    }

    /// Takes over to `most` datagrams from each other thread. True if more may wait.
    pub(super) fn read_datagrams(&mut self, most: usize, mut take: impl FnMut(Path, &mut [u8])) -> bool {
        let mut more = false;
        for link in self.incoming.iter_mut().flatten() {
            let mut taken = 0;
            while taken < most
                && let Ok(mut slot) = link.datagrams.pop()
            {
                let len = slot.len;
                take(slot.path, &mut slot.bytes[..len]);
                // As many places as boxes.
                let _ = link.returned.push(slot);
                taken += 1;
            }
            more |= taken == most;
        }
        more
    }
}

impl Outgoing {
    /// A box that came back, or a new one while there may be more.
    fn empty_slot(&mut self, path: &Path) -> Option<Box<Slot>> {
        if let Ok(slot) = self.returned.pop() {
            return Some(slot);
        }
        (self.slots < MAX_SLOTS).then(|| {
            self.slots += 1;
            Box::new(Slot { path: *path, len: 0, bytes: [0; MAX_DATAGRAM] })
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use mio::{Poll, Token};

    use super::*;

    /// Links of `count` threads, with the polls that keep their doorbells alive.
    fn mesh(count: usize) -> (Vec<Poll>, Vec<Links>) {
        let polls: Vec<Poll> = (0..count).map(|_| Poll::new().unwrap()).collect();
        let doorbells: Vec<_> = polls.iter().map(|poll| Arc::new(Doorbell::new(poll.registry(), Token(0)).unwrap())).collect();
        (polls, Links::mesh(&doorbells))
    }

    fn path(port: u16) -> Path {
        Path { remote: format!("127.0.0.1:{port}").parse().unwrap(), local: "127.0.0.1".parse().unwrap() }
    }

    fn read(links: &mut Links, most: usize) -> (Vec<(u16, Vec<u8>)>, bool) {
        let mut got = Vec::new();
        let more = links.read_datagrams(most, |path, bytes| got.push((path.remote.port(), bytes.to_vec())));
        (got, more)
    }

    #[test]
    fn datagrams_arrive_whole_and_only_at_their_owner() {
        let (_polls, mut links) = mesh(3);
        let mut counters = IoCounters::default();
        let longest = vec![7; MAX_DATAGRAM];
        links[0].hand_over(2, &path(1), b"one", &mut counters);
        links[1].hand_over(2, &path(2), &longest, &mut counters);
        links[0].hand_over(2, &path(3), b"", &mut counters);
        links[0].hand_over(2, &path(4), &[0; MAX_DATAGRAM + 1], &mut counters);
        assert_eq!((counters.handed_over, counters.dropped_handover_oversize), (3, 1));
        assert!(read(&mut links[0], 9).0.is_empty() && read(&mut links[1], 9).0.is_empty());
        let (got, more) = read(&mut links[2], 9);
        assert_eq!(got, [(1, b"one".to_vec()), (3, Vec::new()), (2, longest)]);
        assert!(!more);
    }

    #[test]
    fn a_full_ring_drops_and_counts_and_boxes_are_used_again() {
        let (_polls, mut links) = mesh(2);
        let mut counters = IoCounters::default();
        for round in 0..3 {
            for number in 0..MAX_SLOTS as u16 + 10 {
                links[0].hand_over(1, &path(number), &number.to_be_bytes(), &mut counters);
            }
            assert_eq!(counters.dropped_handover_full, 10 * (round + 1));
            let (got, more) = read(&mut links[1], 100);
            assert!(more && got.len() == 100, "a limit per turn");
            let (rest, more) = read(&mut links[1], 1000);
            assert!(!more);
            let numbers: Vec<u16> = got.iter().chain(&rest).map(|(port, _)| *port).collect();
            assert_eq!(numbers, (0..MAX_SLOTS as u16).collect::<Vec<_>>(), "the oldest are kept, in order");
        }
        assert_eq!(links[0].outgoing[1].as_ref().unwrap().slots, MAX_SLOTS, "no box beyond the limit was made");
    }

    #[test]
    fn no_news_is_lost_when_the_ring_is_full() {
        let (_polls, mut links) = mesh(2);
        let mut counters = IoCounters::default();
        let count = NOTICE_RING as u16 * 3;
        for port in 0..count {
            links[1].announce(Notice::Bound(path(port).remote), &mut counters);
        }
        let mut got = Vec::new();
        for _ in 0..3 {
            links[1].ring();
            links[0].read_notices(|from, notice| got.push((from, notice)));
        }
        assert!(!links[1].has_backlog());
        let expected: Vec<_> = (0..count).map(|port| (1, Notice::Bound(path(port).remote))).collect();
        assert_eq!(got, expected);
        assert_eq!(counters.dropped_notices, 0);
    }

    #[test]
    fn a_sleeping_owner_is_woken_once_per_turn() {
        let (mut polls, mut links) = mesh(2);
        let mut counters = IoCounters::default();
        let bell = Arc::clone(&links[0].outgoing[1].as_ref().unwrap().doorbell);
        let mut events = mio::Events::with_capacity(4);
        let mut woken = |polls: &mut [Poll]| {
            polls[1].poll(&mut events, Some(std::time::Duration::ZERO)).unwrap();
            !events.is_empty()
        };
        bell.answer();
        assert!(bell.may_sleep());
        links[0].hand_over(1, &path(1), b"x", &mut counters);
        assert!(!woken(&mut polls), "not before the end of the turn");
        links[0].ring();
        assert!(woken(&mut polls));
        bell.answer();
        assert!(bell.may_sleep());
        links[0].ring();
        assert!(!woken(&mut polls), "nothing new");
    }
}
