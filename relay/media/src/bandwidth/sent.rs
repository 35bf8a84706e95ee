//! What was sent to a viewer: a ring by number, eight bytes a packet, until the viewer has said what became of it.

use wire::seq::{SeqUnwrapper, distance};

/// A packet that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packet {
    /// When, us since the estimator began.
    pub(super) time: u64,
    pub(super) bytes: u64,
    /// [`super::Purpose::Probe`]: the lower bits of its number.
    pub(super) cluster: Option<u16>,
    /// It was reported lost before.
    pub(super) was_lost: bool,
}

/// Packets at first, a power of two.
const MIN_PACKETS: usize = 64;

/// Most packets remembered, a power of two: over 5 s at 30 Mbit/s, 128 KiB. Less than half a circle of 16-bit numbers.
const MAX_PACKETS: usize = 1 << 14;

/// How long a packet is remembered, us: a queue of 2 s each way and a slow report.
const MAX_AGE: u32 = 5_000_000;

/// Bits of a cluster's number that are kept.
pub(super) const CLUSTER_MASK: u32 = (1 << 13) - 1;

#[derive(Debug)]
pub(super) struct History {
    /// The packet `number` is at `number` modulo the length.
    entries: Vec<Entry>,
    unwrapper: SeqUnwrapper,
    oldest: u64,
    /// Behind the newest.
    end: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// us, modulo 2^32.
    time: u32,
    bytes: u16,
    /// Two bits of state; one bit: part of a probe; 13 bits of its number.
    tag: u16,
}

const NEVER_SENT: u16 = 0;
const FLYING: u16 = 1;
const LOST: u16 = 2;
const RECEIVED: u16 = 3;
const STATE: u16 = 3;
const IN_CLUSTER: u16 = 4;
const EMPTY: Entry = Entry { time: 0, bytes: 0, tag: NEVER_SENT };

impl History {
    pub(super) fn new() -> Self {
        Self { entries: vec![EMPTY; MIN_PACKETS], unwrapper: SeqUnwrapper::new(), oldest: 0, end: 0 }
    }

    /// Remembers a packet under its 16-bit number; gives the extended one.
    #[inline]
    pub(super) fn push(&mut self, now: u64, sequence: u16, bytes: usize, cluster: Option<u32>) -> u64 {
        let number = self.unwrapper.unwrap(sequence);
        if number >= self.end {
            self.extend_to(now, number);
        }
        let cluster = cluster.map_or(0, |cluster| IN_CLUSTER | ((cluster & CLUSTER_MASK) as u16) << 3);
        let bytes = bytes.min(usize::from(u16::MAX)) as u16;
        if number >= self.oldest {
            *self.entry(number) = Entry { time: now as u32, bytes, tag: FLYING | cluster };
        }
        number
    }

    /// Forgets everything; numbers begin anew.
    pub(super) fn clear(&mut self) {
        self.entries.fill(EMPTY);
        (self.unwrapper, self.oldest, self.end) = (SeqUnwrapper::new(), 0, 0);
    }

    /// The extended number that a report means; `None` before anything was sent.
    pub(super) fn number(&self, sequence: u16) -> Option<u64> {
        let newest = self.unwrapper.highest()?;
        Some(newest.wrapping_add_signed(i64::from(distance(sequence, newest as u16))))
    }

    /// Numbers that are remembered.
    pub(super) fn numbers(&self) -> std::ops::Range<u64> {
        self.oldest..self.end
    }

    /// It arrived: the packet, the first time that this is said.
    #[inline]
    pub(super) fn received(&mut self, now: u64, number: u64) -> Option<Packet> {
        self.settle(now, number, RECEIVED)
    }

    /// It did not arrive (yet): the packet, the first time that this is said.
    #[inline]
    pub(super) fn lost(&mut self, now: u64, number: u64) -> Option<Packet> {
        self.settle(now, number, LOST)
    }

    fn settle(&mut self, now: u64, number: u64, state: u16) -> Option<Packet> {
        if !self.numbers().contains(&number) {
            return None;
        }
        let entry = self.entry(number);
        let before = entry.tag & STATE;
        if before == NEVER_SENT || before >= state {
            return None;
        }
        entry.tag = entry.tag & !STATE | state;
        let age = (now as u32).wrapping_sub(entry.time);
        let cluster = (entry.tag & IN_CLUSTER != 0).then_some(entry.tag >> 3);
        let packet = Packet { time: now.saturating_sub(u64::from(age)), bytes: u64::from(entry.bytes), cluster, was_lost: before == LOST };
        (age <= MAX_AGE).then_some(packet)
    }

    fn entry(&mut self, number: u64) -> &mut Entry {
        let at = number as usize & (self.entries.len() - 1);
        &mut self.entries[at]
    }

    /// Makes room for all numbers up to `number`. Numbers that were skipped were never sent.
    fn extend_to(&mut self, now: u64, number: u64) {
        if self.end == 0 || number - self.end >= MAX_PACKETS as u64 {
            self.entries.fill(EMPTY);
            (self.oldest, self.end) = (number, number);
        }
        while self.end <= number {
            self.make_room(now);
            *self.entry(self.end) = EMPTY;
            self.end += 1;
        }
    }

    fn make_room(&mut self, now: u64) {
        let len = self.entries.len();
        if self.end - self.oldest < len as u64 {
            return;
        }
        let oldest = *self.entry(self.oldest);
        let young = oldest.tag & STATE != NEVER_SENT && (now as u32).wrapping_sub(oldest.time) <= MAX_AGE;
        if young && len < MAX_PACKETS {
            self.grow();
        } else {
            self.oldest += 1;
        }
    }

    fn grow(&mut self) {
        let mut larger = vec![EMPTY; 2 * self.entries.len()];
        let mask = larger.len() - 1;
        for number in self.numbers() {
            larger[number as usize & mask] = *self.entry(number);
        }
        self.entries = larger;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_fate_is_told_once() {
        let mut history = History::new();
        let number = history.push(10, 65_535, 1200, Some(CLUSTER_MASK + 3));
        assert_eq!(history.number(65_535), Some(number));
        let packet = Packet { time: 10, bytes: 1200, cluster: Some(2), was_lost: false };
        assert_eq!(history.lost(50, number), Some(packet));
        assert_eq!(history.lost(51, number), None);
        assert_eq!(history.received(60, number), Some(Packet { was_lost: true, ..packet }), "it was only late");
        assert_eq!(history.received(61, number), None);
        assert_eq!(history.lost(62, number), None, "cannot be taken back");
    }

    #[test]
    fn never_sent_is_never_received() {
        let mut history = History::new();
        assert_eq!(history.number(5), None);
        history.push(0, 5, 100, None);
        history.push(0, 9, 100, None);
        for sequence in [4, 6, 7, 8, 10, 5u16.wrapping_sub(20_000)] {
            let number = history.number(sequence).unwrap();
            assert_eq!(history.received(1, number), None, "{sequence}");
        }
        assert!(history.received(1, history.number(9).unwrap()).is_some());
    }

    #[test]
    fn grows_with_the_rate_and_not_with_time() {
        let mut history = History::new();
        for nth in 0..100_000u64 {
            history.push(nth * 20_000, nth as u16, 100, None);
        }
        assert_eq!(history.entries.len(), 256, "50 packets a second for 5 s");
        for nth in 0..100_000u64 {
            history.push(2_000_000_000 + nth, nth as u16, 100, None);
        }
        assert_eq!(history.entries.len(), MAX_PACKETS);
        let oldest = history.numbers().start;
        assert!(history.received(2_000_100_000, oldest).is_some() && history.received(2_000_100_000, oldest - 1).is_none());
    }

    #[test]
    fn too_old_and_jumps() {
        let mut history = History::new();
        let number = history.push(1000, 1, 100, None);
        assert_eq!(history.received(1000 + u64::from(MAX_AGE) + 1, number), None);
        history.push(2000, 30_000, 100, None);
        assert_eq!(history.numbers().end - history.numbers().start, 1, "a jump does not fill memory");
        let last = history.push(3000, 30_300, 100, None);
        assert_eq!(history.received(3500, last).map(|packet| packet.time), Some(3000));
        for _ in 0..100 {
            history.push(4000, 30_300, 100, None);
        }
        assert!(history.received(4500, last).is_some(), "a viewer without numbers gives all packets the same");
    }
}
