//! Which packets of a stream are missing, and when to ask for them again (generic NACK, RFC 4585 section 6.2.1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Where packets have overtaken each other, a missing one may only be late: ask after this time. Elsewhere ask at once, as Chromium does.
const REORDER_WINDOW: Duration = Duration::from_millis(10);
/// Later than this, a packet was not overtaken but sent again.
const OVERTAKEN: Duration = Duration::from_millis(30);
/// Time between two requests for a packet at least; browsers look once in 20 ms.
const LEAST_INTERVAL: Duration = Duration::from_millis(20);
/// Round trips between two requests for a packet: an answer that is only late needs no second.
const PER_RTT: f32 = 1.5;
/// Without retransmission, a packet this late is missing.
const LATE: Duration = Duration::from_millis(200);
/// Requests for one packet; browsers make as many.
pub(super) const MAX_TRIES: u32 = 10;
/// Missing packets remembered per stream; beyond it the oldest are given up.
const MAX_PENDING: usize = 512;

/// The missing packets of one stream.
#[derive(Debug)]
pub(super) struct Losses {
    max_tries: u32,
    highest: Option<u64>,
    /// A packet was overtaken by others at some time.
    reorders: bool,
    pending: BTreeMap<u64, Missing>,
    /// Missing packets that were given up and never came.
    given_up: u64,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    tries: u32,
    due: Instant,
}

impl Losses {
    /// Asks for each packet at most `max_tries` times; with 0 it only counts what stays away.
    pub(super) fn new(max_tries: u32) -> Self {
        Self { max_tries, highest: None, reorders: false, pending: BTreeMap::new(), given_up: 0 }
    }

    /// A packet came, by itself or as a retransmission.
    pub(super) fn arrived(&mut self, now: Instant, seq: u64, again: bool) {
        let missed = self.pending.remove(&seq);
        self.reorders |= !again && missed.is_some_and(|missing| now.saturating_duration_since(missing.since) < OVERTAKEN);
        let Some(highest) = self.highest else {
            self.highest = Some(seq);
            return;
        };
        let first_missing = (highest + 1).max(seq.saturating_sub(MAX_PENDING as u64));
        self.given_up += first_missing.saturating_sub(highest + 1);
        let patience = match (self.max_tries, self.reorders) {
            (0, _) => LATE,
            (_, true) => REORDER_WINDOW,
            (_, false) => Duration::ZERO,
        };
        for missing in first_missing..seq {
            self.pending.insert(missing, Missing { since: now, tries: 0, due: now + patience });
        }
        self.highest = Some(highest.max(seq));
        while self.pending.len() > MAX_PENDING {
            self.pending.pop_first();
            self.given_up += 1;
        }
    }

    /// Sequence numbers to ask for now, oldest first.
    pub(super) fn due(&mut self, now: Instant, rtt: Duration) -> Vec<u16> {
        let mut ask = Vec::new();
        let mut hopeless = Vec::new();
        for (seq, missing) in self.pending.iter_mut().filter(|(_, missing)| missing.due <= now) {
            if missing.tries == self.max_tries {
                hopeless.push(*seq);
                continue;
            }
            missing.tries += 1;
            missing.due = now + rtt.mul_f32(PER_RTT).max(LEAST_INTERVAL);
            ask.push(*seq as u16);
        }
        self.given_up += hopeless.len() as u64;
        for seq in hopeless {
            self.pending.remove(&seq);
        }
        ask
    }

    /// When [`due`](Self::due) has something to say.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pending.values().map(|missing| missing.due).min()
    }

    /// Nothing below `seq` is wanted any more.
    pub(super) fn forget_before(&mut self, seq: u64) {
        self.pending = self.pending.split_off(&seq);
    }

    /// Packets that never came although they were asked for, since the last call.
    pub(super) fn take_given_up(&mut self) -> u64 {
        std::mem::take(&mut self.given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    #[test]
    fn a_gap_is_asked_for_at_once_and_then_each_rtt_until_it_is_filled() {
        let (start, mut losses) = (Instant::now(), Losses::new(MAX_TRIES));
        losses.arrived(start, 100, false);
        losses.arrived(start, 103, false);
        assert_eq!(losses.due(start, RTT), [101, 102]);
        assert!(losses.due(start + RTT, RTT).is_empty(), "the answer is on its way");
        losses.arrived(start + RTT, 101, true);
        assert_eq!(losses.due(start + 2 * RTT, RTT), [102]);
    }

    #[test]
    fn where_packets_overtake_each_other_it_waits_before_it_asks() {
        let (start, mut losses) = (Instant::now(), Losses::new(MAX_TRIES));
        for (seq, after) in [(100, 0), (102, 0), (101, 5), (104, 5)] {
            losses.arrived(start + Duration::from_millis(after), seq, false);
        }
        let missed = start + Duration::from_millis(5);
        assert!(losses.due(missed, RTT).is_empty(), "it may only be late");
        assert_eq!(losses.due(missed + REORDER_WINDOW, RTT), [103]);
    }

    #[test]
    fn a_jump_costs_a_bounded_amount_and_a_hopeless_packet_is_given_up() {
        let (mut now, mut losses) = (Instant::now(), Losses::new(MAX_TRIES));
        losses.arrived(now, 65_536, false);
        losses.arrived(now, 65_536 + 30_000, false);
        assert_eq!(losses.pending.len(), MAX_PENDING);
        for _ in 0..=MAX_TRIES {
            now += Duration::from_secs(5);
            losses.due(now, RTT);
        }
        assert_eq!(losses.deadline(), None);
        assert_eq!(losses.take_given_up(), 29_999);
    }
}
