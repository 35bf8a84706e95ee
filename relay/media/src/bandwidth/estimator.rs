//! Brings the signs together: what was sent, what is said to have arrived, what is wished for; out come a target and probes.

use std::time::{Duration, Instant};

use wire::rtcp::{Ccfb, TransportCc};

use super::acked::Acked;
use super::arrival::{Clock, DELTA_UNIT};
use super::fallback::Fallback;
use super::groups::Groups;
use super::index::Index;
use super::loss::{Finding, Loss};
use super::probe::Prober;
use super::queue::Queue;
use super::rate::Rate;
use super::sent::History;
use super::trend::{Signal, Trend};
use super::{Limit, MAX_BITRATE, MIN_BITRATE, Probe, Purpose, START, Sent};

/// Assumed until feedback tells, us.
const FIRST_RTT: u64 = 100_000;

/// Weight of a new round-trip time.
const RTT_WEIGHT: f64 = 0.2;

/// After a decrease the queue is drained for so long, us; behind that it stands for reasons of others.
const DRAIN_TIME: u64 = 3_000_000;

/// A standing queue that is let be, us, and the one at which nothing would be sent.
const DRAIN_FROM: u64 = 30_000;
const DRAIN_FULL: f64 = 600_000.0;

/// Least share of the estimate that is sent while draining.
const MIN_DRAIN: f64 = 0.35;

/// A queue that stands no higher than this after a decrease counts as gone, us.
const GONE: u64 = 25_000;

/// The beginning ends after this, us.
const START_TIME: u64 = 3_000_000;

/// If no more than this share of the estimate arrives, and the first probe was not answered well either, the line is full.
const FULL_AT_START: f64 = 0.7;

/// An answer that is below so many times what arrived when the line was full is not worth a jump: between the frames of others a shared
/// line seems free.
const SURPRISE: f64 = 1.2;

/// The rate that arrives above the estimate of the last decrease by this shows that the line has become better.
const BETTER: f64 = 1.3;

/// Nothing is heard of what was sent for so long, us: the line is down or full.
const SILENCE: u64 = 1_500_000;

/// What is kept of the estimate then, each time.
const SILENT_DECREASE: f64 = 0.5;

/// A viewer's own estimate is forgotten after this, us: clients send one each second.
const REMB_LIFETIME: u64 = 10_000_000;

/// A decrease is the reason for the estimate for so long, us.
const REASON_TIME: u64 = 10_000_000;

/// What a probe does to the delay is seen for so long after it, on top of the round trip, us. It is no sign of a full line.
const PROBE_SHADOW: u64 = 150_000;

/// How often it is looked whether the line is free to be asked, us.
const TICK: u64 = 100_000;

/// A wish that grew by so much is a jump.
const JUMP: f64 = 1.2;

/// Bandwidth of one viewer's line.
///
/// Tell it of every datagram by [`Estimator::sent`] and of all feedback; call [`Estimator::handle_timeout`] at
/// [`Estimator::poll_timeout`]; after each of these take [`Estimator::poll_probe`] until it is empty.
#[derive(Debug)]
pub struct Estimator {
    began: Instant,
    /// How this viewer reports: by number, by stream, or by neither.
    reports: Reports,
    history: History,
    clock: Clock,
    groups: Groups,
    trend: Trend,
    acked: Acked,
    queue: Queue,
    loss: Loss,
    rate: Rate,
    prober: Prober,
    fallback: Fallback,
    wish: f64,
    /// The viewer's own estimate, bit/s, and when it came, us.
    remb: Option<(f64, u64)>,
    /// us.
    rtt: Option<u64>,
    /// When the first packet was sent of which nothing was heard yet, us.
    unheard: Option<u64>,
    /// What arrived when queues grew last, bit/s.
    full: Option<f64>,
    /// What a probe at the beginning said if it was less than the estimate, bit/s.
    low_answer: Option<f64>,
    /// When time was last told, us.
    ticked: u64,
    target: f64,
}

#[derive(Debug)]
enum Reports {
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
struct Round {
    /// When the last packet that was reported for the first time had been sent, us.
    newest: Option<u64>,
    /// Anything was told that was not known.
    news: bool,
}

impl Estimator {
    /// A line of which nothing is known.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            reports: Reports::None,
            history: History::new(),
            clock: Clock::default(),
            groups: Groups::default(),
            trend: Trend::new(),
            acked: Acked::default(),
            queue: Queue::new(),
            loss: Loss::new(0),
            rate: Rate::new(0, START),
            prober: Prober::new(),
            fallback: Fallback::new(0, START),
            wish: MAX_BITRATE,
            remb: None,
            rtt: None,
            unheard: None,
            full: None,
            low_answer: None,
            ticked: 0,
            target: START,
        }
    }

    /// A datagram goes out now.
    #[inline]
    pub fn sent(&mut self, now: Instant, sent: &Sent) {
        let now = self.micros(now);
        let cluster = match sent.purpose {
            Purpose::Probe(cluster) => {
                self.prober.sent(cluster, sent.bytes as u64);
                Some(cluster)
            }
            Purpose::Media | Purpose::Resend => None,
        };
        match &mut self.reports {
            Reports::None => {
                self.fallback.sent(sent.bytes as u64);
                self.history.push(now, sent.number, sent.bytes, cluster);
            }
            Reports::ByNumber { .. } => {
                self.history.push(now, sent.number, sent.bytes, cluster);
            }
            Reports::ByStream { count, index, .. } => {
                *count = count.wrapping_add(1);
                let number = self.history.push(now, *count, sent.bytes, cluster);
                index.insert(sent.ssrc, sent.sequence, number);
            }
        }
        self.unheard.get_or_insert(now);
        if !self.prober.has_begun() {
            self.prober.begin(self.target, self.wish);
        }
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
                    (offset != Some(None)).then(|| (number, offset.flatten().map(|offset| written - (i64::from(offset) * 1_000_000 >> 10))))
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

    /// The viewer's own estimate (draft-alvestrand-rmcat-remb), bit/s.
    pub fn handle_remb(&mut self, now: Instant, bitrate: u64) {
        let now = self.micros(now);
        self.remb = Some(((bitrate as f64).clamp(MIN_BITRATE, MAX_BITRATE), now));
        self.retarget(now);
    }

    /// Fraction lost (of 256) by a report block, for viewers who give nothing better.
    pub fn handle_loss(&mut self, now: Instant, fraction: u8) {
        let now = self.micros(now);
        if matches!(self.reports, Reports::None) {
            self.fallback.report(now, f64::from(fraction) / 256.0);
            self.retarget(now);
        }
    }

    /// The most that could be used: the best layer for every tile, bit/s. Probes go no further.
    pub fn set_wish(&mut self, now: Instant, bitrate: u64) {
        let now = self.micros(now);
        let before = std::mem::replace(&mut self.wish, (bitrate as f64).min(MAX_BITRATE));
        if self.wish > JUMP * before {
            self.prober.wish_jumped(now, self.target, self.wish);
        }
    }

    /// A question that should be asked now.
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        self.prober.take_due(self.micros(now))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.micros(now);
        if self.silence_at().is_some_and(|due| due <= now) {
            let before = self.rate.estimate();
            self.rate.set(now, SILENT_DECREASE * before);
            self.prober.fell(now, before, self.rate.estimate());
            self.unheard = Some(now);
        }
        self.ticked = now;
        self.ask(now);
        self.retarget(now);
    }

    /// When [`Estimator::handle_timeout`] wants to be called; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let asks = self.wish > self.target && !matches!(self.reports, Reports::None);
        let probe = asks.then(|| self.prober.next_tick().max(self.ticked + TICK));
        let due = [probe, self.silence_at()].into_iter().flatten().min()?;
        Some(self.began + Duration::from_micros(due))
    }

    /// What may be sent in all, bit/s.
    #[must_use]
    pub fn target(&self) -> u64 {
        self.target as u64
    }

    /// What holds it where it is.
    #[must_use]
    pub fn limit(&self) -> Limit {
        let own = self.own_estimate();
        if self.remb.is_some_and(|(remb, _)| remb < own) {
            return Limit::Viewer;
        }
        if matches!(self.reports, Reports::None) {
            return if self.fallback.loss() > 0.02 { Limit::Loss } else { Limit::Nothing };
        }
        if self.loss.limit().is_some_and(|limit| limit < self.rate.estimate()) {
            return Limit::Loss;
        }
        let fell_at = self.rate.decreased();
        let lately = fell_at.is_some_and(|at| self.rate.updated().saturating_sub(at) < REASON_TIME);
        if lately && self.target < self.wish { Limit::Delay } else { Limit::Nothing }
    }

    /// Round-trip time by feedback.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt.map(Duration::from_micros)
    }

    /// Share of packets lost lately, 0 to 1, as seen before retransmission.
    #[must_use]
    pub fn loss(&self) -> f32 {
        match self.reports {
            Reports::None => self.fallback.loss() as f32,
            Reports::ByNumber { .. } | Reports::ByStream { .. } => self.loss.smoothed() as f32,
        }
    }

    fn micros(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_micros() as u64
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
            if self.history.lost(now, number).is_some() {
                round.news = true;
                self.loss.lost();
            }
            return;
        };
        let Some(packet) = self.history.received(now, number) else { return };
        round.news = true;
        round.newest = round.newest.max(Some(packet.time));
        self.loss.arrived(packet.was_lost);
        self.acked.add(arrival, packet.bytes);
        self.queue.add(now, packet.time, arrival);
        if let Some(tag) = packet.cluster {
            self.prober.arrived(tag, packet.time, arrival, packet.bytes);
        }
        if let Some(delta) = self.groups.add(packet.time, arrival) {
            self.trend.add(delta);
        }
    }

    /// All packets of a feedback message were told.
    fn conclude(&mut self, now: u64, round: &Round) {
        if !round.news {
            return;
        }
        self.unheard = None;
        if let Some(newest) = round.newest {
            let sample = now.saturating_sub(newest);
            self.rtt = Some(self.rtt.map_or(sample, |rtt| (rtt as f64 + RTT_WEIGHT * (sample as f64 - rtt as f64)) as u64));
        }

        let arrives = self.acked.rate();
        if self.trend.signal() == Signal::Over || self.drain(now) < 1.0 {
            self.loss.excuse(now);
        }
        let estimate = self.rate.estimate();
        match self.loss.update(now, estimate, arrives) {
            Finding::Restore(rate) => self.rate.set(now, rate.max(estimate)),
            Finding::Full(most) => self.rate.set(now, most.min(estimate)),
            Finding::None => {}
        }
        self.follow_delay(now, arrives);
        self.start_lower(now, arrives);
        self.take_answers(now);
        self.ask(now);
        self.retarget(now);
    }

    fn follow_delay(&mut self, now: u64, arrives: Option<f64>) {
        // What the line loses anyway was carried by the part that queues.
        let carried = 1.0 - self.loss.inherent();
        let standing = self.queue.standing();
        // While a queue stands what arrives is even, so that a short time is enough.
        let arrives_now = if standing > DRAIN_FROM { self.acked.rate_now() } else { self.acked.rate() };
        let arrives_now = arrives_now.map(|rate| rate / carried);
        let signal = self.trend.signal();
        let before = self.rate.estimate();
        let rtt = self.rtt.unwrap_or(FIRST_RTT);
        let own_burst = standing < GONE && now.saturating_sub(self.prober.asked()) < rtt + PROBE_SHADOW;
        if (self.loss.holds() && signal == Signal::Normal) || (own_burst && signal == Signal::Over) {
            return;
        }
        if self.rate.update(now, signal, arrives.map(|rate| rate / carried), arrives_now, standing, rtt) {
            self.full = arrives_now;
            self.prober.fell(now, before, self.rate.estimate());
        } else if arrives.zip(self.full).is_some_and(|(arrives, full)| arrives > BETTER * full) {
            self.full = None;
            self.rate.forget_capacity();
            self.prober.line_is_better();
        }
    }

    /// At the beginning, before anything else is known: if a probe and what arrives agree that the line carries less, it does. A probe
    /// alone may have met a radio that slept.
    fn start_lower(&mut self, now: u64, arrives: Option<f64>) {
        let (Some(answer), Some(arrives)) = (self.low_answer, arrives) else { return };
        let before = self.rate.estimate();
        if self.rate.decreased().is_some() || now > START_TIME {
            self.low_answer = None;
        } else if answer < before && arrives < FULL_AT_START * before {
            self.low_answer = None;
            self.rate.fall_to(now, answer.max(FULL_AT_START * arrives));
        }
    }

    fn take_answers(&mut self, now: u64) {
        let Some(answer) = self.prober.take_answer(now, self.loss.inherent()) else { return };
        let before = self.rate.estimate();
        let answer = if self.full.is_some() && answer.bitrate > before {
            let Some(answer) = self.prober.confirmed(now, answer) else { return };
            answer
        } else {
            answer
        };
        let near = self.full.is_some_and(|full| answer.bitrate < SURPRISE * full);
        if answer.bitrate > before && !near {
            self.rate.set(now, answer.bitrate);
            self.rate.forget_capacity();
        } else if answer.bitrate < before && !answer.good {
            self.low_answer = Some(answer.bitrate);
        }
        let capped = self.loss.limit().is_some_and(|limit| limit < self.rate.estimate());
        if !capped {
            self.prober.answered(now, answer, before, self.rate.estimate(), self.wish);
        }
    }

    /// Asks the line for more, if it seems to be free.
    fn ask(&mut self, now: u64) {
        let free =
            self.trend.signal() == Signal::Normal && self.queue.standing() < GONE && !self.loss.holds() && self.loss.limit().is_none();
        if !free || matches!(self.reports, Reports::None) {
            return;
        }
        let settled = self.rate.decreased().is_none_or(|at| now.saturating_sub(at) > self.rtt.unwrap_or(FIRST_RTT) + GONE);
        if settled {
            self.prober.recovered(self.rate.estimate(), self.wish);
            self.prober.tick(now, self.rate.estimate(), self.wish);
        }
    }

    /// When what was sent has been without an echo for too long, us.
    fn silence_at(&self) -> Option<u64> {
        let reports = !matches!(self.reports, Reports::None);
        self.unheard.filter(|_| reports).map(|since| since + SILENCE)
    }

    /// What we know ourselves, bit/s.
    fn own_estimate(&self) -> f64 {
        match self.reports {
            Reports::None => self.fallback.estimate(),
            Reports::ByNumber { .. } | Reports::ByStream { .. } => {
                self.loss.limit().map_or(self.rate.estimate(), |limit| limit.min(self.rate.estimate()))
            }
        }
    }

    fn retarget(&mut self, now: u64) {
        if self.remb.is_some_and(|(_, came)| now.saturating_sub(came) > REMB_LIFETIME) {
            self.remb = None;
        }
        let own = self.own_estimate() * self.drain(now);
        self.target = self.remb.map_or(own, |(remb, _)| remb.min(own)).clamp(MIN_BITRATE, MAX_BITRATE);
    }

    /// Share of the estimate that is sent: less than all while a queue of our making stands.
    fn drain(&self, now: u64) -> f64 {
        let standing = self.queue.standing();
        let ours = self.rate.decreased().is_some_and(|at| now.saturating_sub(at) < DRAIN_TIME);
        if !ours || standing <= DRAIN_FROM {
            return 1.0;
        }
        (1.0 - (standing - DRAIN_FROM) as f64 / DRAIN_FULL).max(MIN_DRAIN)
    }
}
