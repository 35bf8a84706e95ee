//! Groups packets that left together and compares how far apart groups were sent and arrived.

/// Packets sent within so long of the first are a group, us: what a pacer sends at once.
const SEND_SPAN: u64 = 5_000;

/// Packets that arrive this close behind the last, us, and closer than they were sent, were held up together.
const BURST_GAP: i64 = 5_000;

/// Longest time between the arrivals of a group's packets, us.
const MAX_BURST: i64 = 100_000;

/// Groups that may arrive before their predecessor until everything begins anew.
const MAX_REORDERED: u8 = 3;

/// A gap between arrivals that differs so much from the one between departures is a clock that was set, us.
const MAX_JUMP: i64 = 3_000_000;

/// How two groups in succession lie apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delta {
    /// us between departures.
    pub(super) sent: i64,
    /// us between arrivals; negative if the later one overtook.
    pub(super) arrived: i64,
    /// Arrival of the later one on the viewer's clock, us.
    pub(super) at: i64,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: u64,
    last_sent: u64,
    first_arrival: i64,
    last_arrival: i64,
}

#[derive(Debug, Default)]
pub(super) struct Groups {
    current: Option<Group>,
    previous: Option<Group>,
    reordered: u8,
}

impl Groups {
    /// The next packet in the order of sending; a delta when it opens a new group and there are two complete ones.
    #[inline]
    pub(super) fn add(&mut self, sent: u64, arrival: i64) -> Option<Delta> {
        let Some(group) = &mut self.current else {
            self.current = Some(Group::new(sent, arrival));
            return None;
        };
        if sent < group.first_sent {
            // Reported again or late: its group is closed.
            return None;
        }
        if group.takes(sent, arrival) {
            group.last_sent = group.last_sent.max(sent);
            group.last_arrival = group.last_arrival.max(arrival);
            return None;
        }
        let closed = *group;
        self.current = Some(Group::new(sent, arrival));
        let previous = self.previous.replace(closed)?;
        self.compare(&previous, &closed)
    }

    fn compare(&mut self, previous: &Group, closed: &Group) -> Option<Delta> {
        let sent = closed.last_sent.saturating_sub(previous.last_sent) as i64;
        let arrived = closed.last_arrival.wrapping_sub(previous.last_arrival);
        if arrived.saturating_sub(sent).saturating_abs() > MAX_JUMP {
            *self = Self::default();
            return None;
        }
        // A group that was overtaken is a step up, and the next one a step down: leaving the second out would count as a queue that grows.
        self.reordered = if arrived < 0 { self.reordered + 1 } else { 0 };
        if self.reordered >= MAX_REORDERED {
            *self = Self::default();
            return None;
        }
        Some(Delta { sent, arrived, at: closed.last_arrival })
    }
}

impl Group {
    fn new(sent: u64, arrival: i64) -> Self {
        Self { first_sent: sent, last_sent: sent, first_arrival: arrival, last_arrival: arrival }
    }

    fn takes(&self, sent: u64, arrival: i64) -> bool {
        if sent - self.first_sent <= SEND_SPAN {
            return true;
        }
        let gap = arrival.saturating_sub(self.last_arrival);
        let caught_up = gap < sent.saturating_sub(self.last_sent) as i64;
        caught_up && gap.saturating_abs() <= BURST_GAP && arrival.saturating_sub(self.first_arrival) < MAX_BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deltas(packets: &[(u64, i64)]) -> Vec<(i64, i64)> {
        let mut groups = Groups::default();
        packets
            .iter()
            .filter_map(|&(sent, arrival)| groups.add(sent * 1000, arrival * 1000))
            .map(|d| (d.sent / 1000, d.arrived / 1000))
            .collect()
    }

    #[test]
    fn packets_sent_together_count_once() {
        let packets = [(0, 50), (1, 51), (2, 52), (20, 70), (21, 75), (40, 90), (60, 110)];
        assert_eq!(deltas(&packets), [(19, 23), (19, 15)], "from the last packet of one group to the last of the next");
    }

    #[test]
    fn packets_held_up_together_are_one_group() {
        // A radio that sleeps for 60 ms and then delivers everything.
        let held = [(0, 50), (20, 70), (40, 150), (60, 150), (80, 151), (100, 152), (120, 170), (140, 190)];
        assert_eq!(deltas(&held), [(20, 20), (80, 82), (20, 18)]);
    }

    #[test]
    fn clock_jumps_and_reordering_begin_anew() {
        assert_eq!(deltas(&[(0, 50), (20, 70), (40, 50_000), (60, 50_020), (80, 50_040), (100, 50_060)]), [(20, 20)]);
        assert_eq!(
            deltas(&[(0, 500), (20, 400), (40, 300), (60, 200), (80, 220), (100, 240), (120, 260), (140, 280)]),
            [(20, -100), (20, -100), (20, 20)]
        );
        assert_eq!(deltas(&[(100, 500), (50, 400), (120, 520), (140, 540)]), [(20, 20)], "an old packet is passed over");
    }

    #[test]
    fn whoever_is_overtaken_leaves_no_queue_behind() {
        let packets: Vec<(u64, i64)> = (0..100).map(|nth| (nth * 20, (nth * 20 + if nth % 10 == 5 { 30 } else { 0 }) as i64)).collect();
        let drift: i64 = deltas(&packets).iter().map(|(sent, arrived)| arrived - sent).sum();
        assert_eq!(drift, 0);
    }

    #[test]
    fn times_at_the_edges_do_not_overflow() {
        let mut groups = Groups::default();
        for arrival in [i64::MAX, i64::MIN, 0, i64::MIN, i64::MAX, -1] {
            for sent in [0, u64::MAX / 2, 1] {
                let _ = groups.add(sent, arrival);
            }
        }
    }
}
