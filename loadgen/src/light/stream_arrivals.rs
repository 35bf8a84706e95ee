//! When packets of each stream came: the material of congestion control feedback by stream (RFC 8888).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::ids::Ssrc;
use wire::rtcp::CcfbArrival;
use wire::seq::SeqUnwrapper;

/// Packets reported in one message, all streams together, so that it fits a datagram; what is beyond waits for the next one.
const MAX_PACKETS: usize = 500;
/// A gap longer than this is not reported packet by packet.
const MAX_GAP: u64 = 200;

/// A stream, its first number, and what became of the packets from there on.
pub(super) type Report = (Ssrc, u16, Vec<Option<CcfbArrival>>);

/// Arrivals since the last feedback.
#[derive(Debug)]
pub(super) struct StreamArrivals {
    interval: Duration,
    streams: BTreeMap<Ssrc, Stream>,
    due: Option<Instant>,
}

#[derive(Debug)]
struct Stream {
    seqs: SeqUnwrapper,
    came: BTreeMap<u64, Instant>,
    next: Option<u64>,
}

impl StreamArrivals {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, streams: BTreeMap::new(), due: None }
    }

    pub(super) fn arrived(&mut self, now: Instant, ssrc: Ssrc, sequence: u16) {
        let fresh = || Stream { seqs: SeqUnwrapper::new(), came: BTreeMap::new(), next: None };
        let stream = self.streams.entry(ssrc).or_insert_with(fresh);
        let seq = stream.seqs.unwrap(sequence);
        if stream.next.is_none_or(|next| seq >= next) {
            stream.came.entry(seq).or_insert(now);
            self.due.get_or_insert(now + self.interval);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// The feedback that is due, if any.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Vec<Report>> {
        if self.due? > now {
            return None;
        }
        let mut left = MAX_PACKETS;
        let streams = self.streams.iter_mut();
        let reports: Vec<Report> = streams.filter_map(|(ssrc, stream)| stream.report(now, *ssrc, &mut left)).collect();
        let all = self.streams.values().all(|stream| stream.came.is_empty());
        self.due = if all { None } else { Some(now + self.interval) };
        Some(reports)
    }
}

impl Stream {
    fn report(&mut self, now: Instant, ssrc: Ssrc, left: &mut usize) -> Option<Report> {
        let (first, last) = (*self.came.first_key_value()?.0, *self.came.last_key_value()?.0);
        let begin = self.next.map_or(first, |next| next.max(first.saturating_sub(MAX_GAP)));
        let end = (last + 1).min(begin + *left as u64);
        let arrival = |at: &Instant| {
            let offset = (now.saturating_duration_since(*at).as_secs_f64() * 1_024.0) as u16;
            CcfbArrival { offset: Some(offset.min(8_189)), ecn: 0 }
        };
        let arrivals: Vec<_> = (begin..end).map(|seq| self.came.get(&seq).map(arrival)).collect();
        *left -= arrivals.len();
        self.came = self.came.split_off(&end);
        self.next = Some(end);
        (!arrivals.is_empty()).then_some((ssrc, begin as u16, arrivals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_reported_from_where_the_last_report_ended() {
        let (start, every) = (Instant::now(), Duration::from_millis(100));
        let mut arrivals = StreamArrivals::new(every);
        for (ssrc, sequence) in [(1, 65_535), (1, 1), (2, 7)] {
            arrivals.arrived(start, Ssrc(ssrc), sequence);
        }
        assert_eq!(arrivals.take_due(start), None, "not yet");
        let came = Some(CcfbArrival { offset: Some(102), ecn: 0 });
        let reports = arrivals.take_due(start + every).expect("it is due");
        assert_eq!(reports, [(Ssrc(1), 65_535, vec![came, None, came]), (Ssrc(2), 7, vec![came])]);
        arrivals.arrived(start + every, Ssrc(1), 3);
        assert_eq!(arrivals.take_due(start + 2 * every), Some(vec![(Ssrc(1), 2, vec![None, came])]));
        assert_eq!(arrivals.deadline(), None);
    }
}
