//! Feedback of the viewer by packet, transport-wide or by stream: what became of each.

use std::time::Instant;

use wire::rtcp::{Ccfb, TransportCc};

use super::arrival::DELTA_UNIT;
use super::estimator::Estimator;
use super::index::Index;

#[derive(Debug)]
pub(super) enum Reports {
    None,
    /// Transport-wide; up to this number everything was reported on.
    ByNumber {
        next: u64,
    },
    /// RFC 8888. Packets are counted here, as the viewer need not know transport-wide numbers.
    ByStream {
        count: u16,
        index: Index,
        scratch: Vec<(u64, Option<i64>)>,
    },
}

/// What one feedback message told.
#[derive(Default)]
pub(super) struct Round {
    /// When the last packet that was reported for the first time had been sent, us.
    pub(super) newest: Option<u64>,
    /// Anything was told that was not known.
    pub(super) news: bool,
}

impl Estimator {
    /// How many packets are remembered: more than these no feedback can tell of.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let numbers = self.history.numbers();
        (numbers.end - numbers.start) as usize
    }

    /// How many of a feedback's statuses stand in front of the end of what was sent.
    #[must_use]
    pub fn reach(&self, feedback: &TransportCc<'_>) -> usize {
        let base = self.history.number(feedback.info.base);
        base.map_or(0, |base| self.history.numbers().end.saturating_sub(base) as usize)
    }

    /// Transport-wide feedback of the viewer. It has no effect if he gave feedback by stream before.
    pub fn handle_transport_cc(&mut self, now: Instant, feedback: &TransportCc<'_>) {
        let now = self.micros(now);
        let Some(base) = self.history.number(feedback.info.base) else { return };
        let next = match self.reports {
            Reports::None => base,
            Reports::ByNumber { next } => next,
            Reports::ByStream { .. } => return,
        };
        let mut round = Round::default();
        let mut arrival = self.clock.reference(feedback.info.reference_time);
        let (mut number, mut end) = (base, base);
        for (_, status) in feedback.packets() {
            if let Some(delta) = status {
                arrival = arrival.saturating_add(i64::from(delta) * DELTA_UNIT);
                if end == base && number >= next {
                    self.presume(now, next..base, arrival);
                }
                end = number + 1;
            }
            self.fate(now, number, status.map(|_| arrival), &mut round);
            number += 1;
        }
        // Nobody can report on what was not sent: the next report would leave a gap that is none.
        let next = next.max(end.min(self.history.numbers().end));
        if round.newest.is_some() || matches!(self.reports, Reports::ByNumber { .. }) {
            self.reports = Reports::ByNumber { next };
        }
        self.conclude(now, &round);
    }

    /// Feedback by stream (RFC 8888) of the viewer. The first one only tells that he gives it. It has no effect if he gave transport-wide
    /// feedback before.
    pub fn handle_ccfb(&mut self, now: Instant, feedback: &Ccfb<'_>) {
        let now = self.micros(now);
        let written = self.clock.ntp_middle(feedback.timestamp);
        let mut fates = match &mut self.reports {
            Reports::ByNumber { .. } => return,
            Reports::None => {
                self.history.clear();
                self.reports = Reports::ByStream { count: 0, index: Index::new(), scratch: Vec::new() };
                return;
            }
            Reports::ByStream { index, scratch, .. } => {
                let known = feedback.packets().filter_map(|packet| {
                    let number = index.find(packet.ssrc, packet.sequence)?;
                    // Received at an unknown time says nothing that can be used.
                    let offset = packet.arrival.map(|arrival| arrival.offset);
                    (offset != Some(None))
                        .then(|| (number, offset.flatten().map(|offset| written.wrapping_sub((i64::from(offset) * 1_000_000) >> 10))))
                });
                scratch.clear();
                scratch.extend(known);
                std::mem::take(scratch)
            }
        };
        // Blocks are by stream; groups want the order of sending.
        fates.sort_unstable_by_key(|&(number, _)| number);
        let mut round = Round::default();
        for &(number, arrival) in &fates {
            self.fate(now, number, arrival, &mut round);
        }
        if let Reports::ByStream { scratch, .. } = &mut self.reports {
            *scratch = fates;
        }
        self.conclude(now, &round);
    }

    /// Packets between two reports of which none tells: that one was lost, not they.
    fn presume(&mut self, now: u64, numbers: std::ops::Range<u64>, arrival: i64) {
        let known = self.history.numbers();
        for number in numbers.start.max(known.start)..numbers.end.min(known.end) {
            if let Some(packet) = self.history.received(now, number) {
                self.acked.add(arrival, packet.bytes);
            }
        }
    }

    #[inline]
    fn fate(&mut self, now: u64, number: u64, arrival: Option<i64>, round: &mut Round) {
        let Some(arrival) = arrival else {
            if let Some(packet) = self.history.lost(now, number) {
                round.news = true;
                self.loss.lost(packet.bytes);
            }
            return;
        };
        let Some(packet) = self.history.received(now, number) else { return };
        round.news = true;
        round.newest = round.newest.max(Some(packet.time));
        self.loss.arrived(packet.bytes, packet.was_lost);
        self.acked.add(arrival, packet.bytes);
        self.queue.add(now, packet.time, arrival);
        if let Some(tag) = packet.cluster {
            self.prober.arrived(tag, packet.time, arrival, packet.bytes);
        }
        if let Some(delta) = self.groups.add(packet.time, arrival) {
            self.trend.add(delta);
        }
    }
}
