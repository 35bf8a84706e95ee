//! Which packets of a stream are missing, and when to ask for them again (generic NACK, RFC 4585 section 6.2.1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A missing packet may only be late: ask after this time.
const REORDER_WINDOW: Duration = Duration::from_millis(10);
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
    pending: BTreeMap<u64, Missing>,
    /// Missing packets that were given up and never came.
    given_up: u64,
}

#[derive(Debug)]
struct Missing {
    tries: u32,
    due: Instant,
}

impl Losses {
    /// Asks for each packet at most `max_tries` times; with 0 it only counts what stays away.
    pub(super) fn new(max_tries: u32) -> Self {
        Self { max_tries, highest: None, pending: BTreeMap::new(), given_up: 0 }
    }

    /// A packet came.
    pub(super) fn arrived(&mut self, now: Instant, seq: u64) {
        self.pending.remove(&seq);
        let Some(highest) = self.highest else {
            self.highest = Some(seq);
            return;
        };
        let first_missing = (highest + 1).max(seq.saturating_sub(MAX_PENDING as u64));
        self.given_up += first_missing.saturating_sub(highest + 1);
        let due = now + if self.max_tries == 0 { LATE } else { REORDER_WINDOW };
        for missing in first_missing..seq {
            self.pending.insert(missing, Missing { tries: 0, due });
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
    fn a_gap_is_asked_for_after_the_reorder_window_and_then_each_rtt_until_it_is_filled() {
        let (start, mut losses) = (Instant::now(), Losses::new(MAX_TRIES));
        losses.arrived(start, 100);
        losses.arrived(start, 103);
        assert!(losses.due(start, RTT).is_empty(), "it may only be late");
        assert_eq!(losses.due(start + REORDER_WINDOW, RTT), [101, 102]);
        assert!(losses.due(start + REORDER_WINDOW + RTT, RTT).is_empty(), "the answer is on its way");
        losses.arrived(start + RTT, 101);
        assert_eq!(losses.due(start + 3 * RTT, RTT), [102]);
    }

    #[test]
    fn a_jump_costs_a_bounded_amount_and_a_hopeless_packet_is_given_up() {
        let (mut now, mut losses) = (Instant::now(), Losses::new(MAX_TRIES));
        losses.arrived(now, 65_536);
        losses.arrived(now, 65_536 + 30_000);
        assert_eq!(losses.pending.len(), MAX_PENDING);
        for _ in 0..=MAX_TRIES {
            now += Duration::from_secs(5);
            losses.due(now, RTT);
        }
        assert_eq!(losses.deadline(), None);
        assert_eq!(losses.take_given_up(), 29_999);
    }
}
