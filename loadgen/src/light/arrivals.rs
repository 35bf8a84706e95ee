//! When packets came, by transport-wide number: the material of congestion control feedback.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::rtcp::TransportCcInfo;
use wire::seq::SeqUnwrapper;

/// Statuses in one message; what is beyond waits for the next one.
const MAX_STATUSES: u64 = 400;
/// Unit of the reference time (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
const REFERENCE_UNIT_US: u128 = 64_000;
/// Unit of the deltas.
const DELTA_UNIT_US: u128 = 250;

/// Arrivals since the last feedback.
#[derive(Debug)]
pub(super) struct Arrivals {
    epoch: Instant,
    /// How often feedback is given while packets come.
    interval: Duration,
    seqs: SeqUnwrapper,
    came: BTreeMap<u64, Instant>,
    next_base: Option<u64>,
    count: u8,
    due: Option<Instant>,
}

impl Arrivals {
    pub(super) fn new(epoch: Instant, interval: Duration) -> Self {
        Self { epoch, interval, seqs: SeqUnwrapper::new(), came: BTreeMap::new(), next_base: None, count: 0, due: None }
    }

    pub(super) fn arrived(&mut self, now: Instant, transport_seq: u16) {
        let seq = self.seqs.unwrap(transport_seq);
        if self.next_base.is_none_or(|base| seq >= base) {
            self.came.entry(seq).or_insert(now);
            self.due.get_or_insert(now + self.interval);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// The feedback that is due, if any.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(TransportCcInfo, Vec<Option<i16>>)> {
        if self.due? > now {
            return None;
        }
        self.due = None;
        let (first, _) = self.came.first_key_value()?;
        let last = *self.came.last_key_value()?.0;
        // A base far behind would announce only losses.
        let base = self.next_base.map_or(*first, |next| next.max(first.saturating_sub(MAX_STATUSES / 2)));
        let end = (last + 1).min(base + MAX_STATUSES);
        let start = self.since_epoch(*self.came.range(base..end).next()?.1);
        let reference_time = (start / REFERENCE_UNIT_US) as u32;
        let mut before = u128::from(reference_time) * REFERENCE_UNIT_US / DELTA_UNIT_US;
        let mut statuses = Vec::with_capacity((end - base) as usize);
        for seq in base..end {
            let status = self.came.get(&seq).map(|at| {
                let ticks = self.since_epoch(*at) / DELTA_UNIT_US;
                let delta = ticks.cast_signed() - before.cast_signed();
                before = ticks;
                delta.clamp(i16::MIN.into(), i16::MAX.into()) as i16
            });
            statuses.push(status);
        }
        self.came = self.came.split_off(&end);
        self.next_base = Some(end);
        if !self.came.is_empty() {
            self.due = Some(now);
        }
        let info = TransportCcInfo { base: base as u16, reference_time: reference_time & 0xff_ffff, feedback_count: self.count };
        self.count = self.count.wrapping_add(1);
        Some((info, statuses))
    }

    fn since_epoch(&self, at: Instant) -> u128 {
        at.saturating_duration_since(self.epoch).as_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    #[test]
    fn every_packet_is_reported_once_and_gaps_as_not_received() {
        let epoch = Instant::now();
        let mut arrivals = Arrivals::new(epoch, INTERVAL);
        let start = epoch + Duration::from_millis(640);
        for (number, late_ms) in [(65_534, 0), (65_535, 1), (1, 5)] {
            arrivals.arrived(start + Duration::from_millis(late_ms), number);
        }
        assert!(arrivals.take_due(start).is_none(), "not yet");
        let (info, statuses) = arrivals.take_due(start + INTERVAL).expect("it is due");
        assert_eq!((info.base, info.reference_time, info.feedback_count), (65_534, 10, 0));
        assert_eq!(statuses, [Some(0), Some(4), None, Some(16)]);
        arrivals.arrived(start + 2 * INTERVAL, 0);
        assert_eq!(arrivals.deadline(), None, "a number below the base is past reporting");
        arrivals.arrived(start + 2 * INTERVAL, 2);
        let (info, statuses) = arrivals.take_due(start + 3 * INTERVAL).expect("it is due again");
        assert_eq!((info.base, info.feedback_count, statuses.len()), (2, 1, 1));
    }
}
