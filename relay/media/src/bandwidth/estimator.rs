//! Brings the signs together: what was sent, what is said to have arrived, what is wished for; out come a target and probes.

use std::time::{Duration, Instant};

use super::acked::Acked;
use super::arrival::Clock;
use super::ceiling::{Ceiling, SURPRISE};
use super::fallback::Fallback;
use super::groups::Groups;
use super::loss::Loss;
use super::probe::Prober;
use super::queue::Queue;
use super::rate::Rate;
use super::reports::{Reports, Round};
use super::sent::History;
use super::trend::{Signal, Trend};
use super::verdict::Finding;
use super::{MAX_BITRATE, MIN_BITRATE, Probe, Purpose, START, Sent};

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

/// Delays that grow while no such queue stands, us, are jitter: something got through at once.
const SEEN: u64 = 3_000;

/// A queue that stands so high, us, while packets are lost is full: it grows no more, and is too long all the same.
const LONG_QUEUE: u64 = 100_000;

/// A queue that stands no higher than this after a decrease counts as gone, us.
const GONE: u64 = 25_000;

/// The beginning ends after this, us.
const START_TIME: u64 = 3_000_000;

/// If no more than this share of the estimate arrives, and the first probe was not answered well either, the line is full.
const FULL_AT_START: f64 = 0.7;

/// The rate that arrives above the estimate of the last decrease by this shows that the line has become better.
const BETTER: f64 = 1.3;

/// Nothing is heard of what was sent for so long, us: the line is down or full.
const SILENCE: u64 = 1_500_000;

/// A queue, or losses, of which nothing was heard for so long, us, say nothing of the line any more.
const PAST: u64 = 2_000_000;

/// Whoever tells of packets begins with the first, long before this, us.
const MUTE: u64 = 5_000_000;

/// What is kept of the estimate then, each time.
const SILENT_DECREASE: f64 = 0.5;

/// A queue that does not move by more than this share for so long, us, when less is sent than before, is none: the way has become longer,
/// as when a phone goes from Wi-Fi to a mobile network.
const STILL: f64 = 0.1;
const STANDS: u64 = 3_000_000;

/// An answer that says no more than that the line is as it was when it was last full is worth so much of that.
const AS_BEFORE: f64 = 0.85;

/// A viewer's own estimate is forgotten after this, us: clients send one each second.
const REMB_LIFETIME: u64 = 10_000_000;

/// When it falls to less than this share of the last one, the viewer has seen a queue: a little less still drains it, for so long, us.
const REMB_FALLS: f64 = 0.9;
const REMB_DRAIN: f64 = 0.93;
const REMB_DRAIN_TIME: u64 = 1_000_000;

/// What a probe does to the delay is seen for so long after it, on top of the round trip, us. It is no sign of a full line.
const PROBE_SHADOW: u64 = 150_000;

/// How often it is looked whether the line is free to be asked, us.
const TICK: u64 = 100_000;

/// If less than this share of the estimate arrives, nothing proves it.
const IDLE: f64 = 0.8;

/// A wish that grew by so much is a jump. Of a line that has shown an end it asks no more than so many times what that carries: the
/// question is 20 ms long, and sound waits behind it for so many times as long.
const JUMP: f64 = 1.2;
const BEARABLE: f64 = 6.0;

/// Bandwidth of one viewer's line.
///
/// Tell it of every datagram by [`Estimator::sent`] and of all feedback; call [`Estimator::handle_timeout`] at
/// [`Estimator::poll_timeout`]; after each of these take [`Estimator::poll_probe`] until it is empty.
#[derive(Debug)]
pub struct Estimator {
    began: Instant,
    /// How this viewer reports: by number, by stream, or by neither.
    pub(super) reports: Reports,
    pub(super) history: History,
    pub(super) clock: Clock,
    pub(super) groups: Groups,
    pub(super) trend: Trend,
    pub(super) acked: Acked,
    pub(super) queue: Queue,
    pub(super) loss: Loss,
    pub(super) rate: Rate,
    pub(super) prober: Prober,
    pub(super) fallback: Fallback,
    pub(super) wish: f64,
    /// The viewer's own estimate, bit/s, and when it came, us.
    pub(super) remb: Option<(f64, u64)>,
    /// When that last fell, us.
    remb_fell: Option<u64>,
    /// us.
    pub(super) rtt: Option<u64>,
    /// When the first packet was sent of which nothing was heard yet, us.
    unheard: Option<u64>,
    /// When anything was heard last, us.
    heard: u64,
    /// Nothing was heard for so long that the estimate was lowered, and nothing since.
    silent: bool,
    /// When less began to be sent for a queue that stands, and how long that was, us.
    stands: Option<(u64, u64)>,
    /// What arrived when queues grew last, bit/s.
    full: Option<f64>,
    pub(super) ceiling: Ceiling,
    /// What a probe at the beginning said if it was less than the estimate, bit/s.
    low_answer: Option<f64>,
    /// Queues grew, packets did not fit, or nothing came back: the line has shown an end at some time.
    pub(super) found_wanting: bool,
    /// Less was sent to find out about losses, and that is over: the line is what it was. Until it is taken.
    pub(super) restored: bool,
    /// When time was last told, us.
    pub(super) ticked: u64,
    pub(super) target: f64,
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
            remb_fell: None,
            rtt: None,
            unheard: None,
            heard: 0,
            silent: false,
            stands: None,
            full: None,
            ceiling: Ceiling::default(),
            low_answer: None,
            found_wanting: false,
            restored: false,
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

    /// The viewer's own estimate (draft-alvestrand-rmcat-remb), bit/s.
    pub fn handle_remb(&mut self, now: Instant, bitrate: u64) {
        let now = self.micros(now);
        let bitrate = (bitrate as f64).clamp(MIN_BITRATE, MAX_BITRATE);
        if self.remb.replace((bitrate, now)).is_some_and(|(before, _)| bitrate < REMB_FALLS * before) {
            self.remb_fell = Some(now);
        }
        if matches!(self.reports, Reports::None) {
            self.fallback.suggest(bitrate);
        }
        self.retarget(now);
    }

    /// Fraction lost (of 256) by a report block, and its round trip where that is known, for viewers who give nothing better.
    pub fn handle_report(&mut self, now: Instant, fraction: u8, rtt: Option<Duration>) {
        let now = self.micros(now);
        if matches!(self.reports, Reports::None) {
            self.fallback.report(now, f64::from(fraction) / 256.0, rtt.map(|rtt| rtt.as_micros() as u64));
            self.retarget(now);
        }
    }

    /// Whether a viewer who may tell of each packet has told of none for so long that he never will.
    #[must_use]
    pub fn is_mute(&self, now: Instant) -> bool {
        let now = self.micros(now);
        matches!(self.reports, Reports::None) && self.unheard.is_some_and(|since| now.saturating_sub(since) > MUTE)
    }

    /// The most that could be used: the best layer for every tile, bit/s. Probes go no further.
    pub fn set_wish(&mut self, now: Instant, bitrate: u64) {
        let now = self.micros(now);
        let before = std::mem::replace(&mut self.wish, (bitrate as f64).min(MAX_BITRATE));
        // On a line that has shown an end a question must not be longer than the line may bear.
        let most = if self.found_wanting { BEARABLE * self.target } else { MAX_BITRATE };
        if self.wish > JUMP * before {
            self.prober.wish_jumped(now, self.target, self.wish.min(most));
        }
    }

    /// What is sent goes another way now: what was learned of the old one holds no longer, and the new one is asked soon. The rate stays for
    /// the moment.
    pub fn line_changed(&mut self, now: Instant) {
        (self.queue, self.trend, self.groups) = (Queue::new(), Trend::new(), Groups::default());
        self.loss = Loss::new(self.micros(now));
        (self.full, self.stands, self.low_answer, self.rtt) = (None, None, None, None);
        self.ceiling.forget();
        self.rate.forget_capacity();
        self.prober.line_is_another();
    }

    /// A question that should be asked now.
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        let now = self.micros(now);
        if !matches!(self.reports, Reports::None) {
            return self.prober.take_due(now);
        }
        let proof = self.fallback.take_proof(self.wish, self.remb.map(|(own, _)| own));
        // To a proof nobody answers.
        let proof = proof.map(|proof| Probe { cluster: 0, bitrate: proof.bitrate as u64, bytes: proof.bytes as usize });
        self.prober.take_due(now).or(proof)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.micros(now);
        if self.silence_at().is_some_and(|due| due <= now) {
            let before = self.rate.estimate();
            self.found_wanting = true;
            self.rate.set(now, SILENT_DECREASE * before);
            self.prober.fell(now, before, self.rate.estimate());
            // What is sent from now on is waited for anew; if nothing is, nothing is missed.
            self.unheard = None;
            self.silent = true;
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

    pub(super) fn micros(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_micros() as u64
    }

    /// All packets of a feedback message were told.
    pub(super) fn conclude(&mut self, now: u64, round: &Round) {
        if !round.news {
            return;
        }
        self.unheard = None;
        (self.heard, self.silent) = (now, false);
        if let Some(newest) = round.newest {
            let sample = now.saturating_sub(newest);
            self.rtt = Some(self.rtt.map_or(sample, |rtt| (rtt as f64 + RTT_WEIGHT * (sample as f64 - rtt as f64)) as u64));
        }

        let arrives = self.acked.rate();
        if self.signal() == Signal::Over || self.drain(now) < 1.0 {
            self.loss.excuse(now);
        }
        let estimate = self.rate.estimate();
        match self.loss.update(now, estimate, arrives) {
            Finding::Restore(rate) => {
                self.ceiling.forget_policer();
                self.rate.set(now, rate.max(estimate));
                self.restored = true;
            }
            Finding::Resume(rate) => {
                self.rate.set(now, rate.max(estimate));
                self.restored = true;
            }
            Finding::Full(most) => {
                self.found_wanting = true;
                self.ceiling.met(now, arrives, true);
                self.rate.set(now, most.min(estimate));
            }
            Finding::None => {}
        }
        self.follow_delay(now, arrives);
        self.start_lower(now, arrives);
        self.take_answers(now);
        self.prober.set_idle(arrives.is_some_and(|arrives| arrives < IDLE * self.rate.estimate()));
        self.ask(now);
        self.retarget(now);
    }

    /// What the line does, by delay and by what tells that a queue is full.
    fn signal(&self) -> Signal {
        if self.queue.standing() > LONG_QUEUE && self.loss.doubts() { Signal::Over } else { self.trend.signal() }
    }

    fn follow_delay(&mut self, now: u64, arrives: Option<f64>) {
        // What the line loses anyway was carried by the part that queues.
        let carried = 1.0 - self.loss.inherent();
        let standing = self.queue.standing();
        // While a queue stands what arrives is even, so that a short time is enough.
        let arrives_now = if standing > DRAIN_FROM { self.acked.rate_now() } else { self.acked.rate() };
        let arrives_now = arrives_now.map(|rate| rate / carried);
        let signal = self.signal();
        let before = self.rate.estimate();
        let rtt = self.rtt.unwrap_or(FIRST_RTT);
        let own_burst = standing < GONE && now.saturating_sub(self.prober.asked()) < rtt + PROBE_SHADOW;
        let imagined = standing < SEEN || own_burst;
        if (self.loss.holds() && signal == Signal::Normal) || (imagined && signal == Signal::Over) {
            return;
        }
        let rates = [arrives.map(|rate| rate / carried), arrives_now, self.ceiling.rate(now)];
        self.look_at_standing(now, standing);
        if self.rate.update(now, signal, rates, standing, rtt) {
            self.stands.get_or_insert((now, standing));
            self.full = arrives_now;
            self.found_wanting = true;
            self.ceiling.met(now, arrives_now, false);
            self.prober.fell(now, before, self.rate.estimate());
        } else if arrives.zip(self.full).is_some_and(|(arrives, full)| arrives > BETTER * full) {
            self.full = None;
            self.ceiling.forget();
            self.rate.forget_capacity();
            self.prober.line_is_better();
        }
    }

    /// Whether a queue moves now that less is sent.
    fn look_at_standing(&mut self, now: u64, standing: u64) {
        let Some((since, before)) = self.stands.filter(|_| standing >= GONE) else {
            self.stands = None;
            return;
        };
        if standing.abs_diff(before) as f64 > STILL * before as f64 {
            self.stands = Some((now, standing));
        } else if now.saturating_sub(since) >= STANDS {
            self.stands = None;
            self.queue.accept();
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
            self.found_wanting = true;
            self.rate.fall_to(now, answer.max(FULL_AT_START * arrives));
        }
    }

    fn take_answers(&mut self, now: u64) {
        let Some(answer) = self.prober.take_answer(now, self.loss.smoothed().max(self.loss.inherent())) else { return };
        let before = self.rate.estimate();
        if self.ceiling.fools_probes(now) {
            return;
        }
        let answer = if self.full.is_some() && answer.bitrate > before {
            let Some(answer) = self.prober.confirmed(now, answer) else { return };
            answer
        } else {
            answer
        };
        self.ceiling.answered(now, answer);
        let full = self.full.filter(|full| answer.bitrate < SURPRISE * full);
        let carried = full.map_or(answer.bitrate, |full| answer.bitrate.min(AS_BEFORE * full));
        if carried > before {
            self.rate.set(now, carried);
            if full.is_none() {
                self.rate.forget_capacity();
            }
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
            self.trend.signal() == Signal::Normal && self.queue.standing() < GONE && !self.loss.tries() && self.loss.limit().is_none();
        // Where nothing is sent because nothing fits, nothing is heard either, and what was heard last is long past.
        let past = now.saturating_sub(self.heard) > PAST;
        if !(free || past) || matches!(self.reports, Reports::None) {
            return;
        }
        let settled = self.rate.decreased().is_none_or(|at| now.saturating_sub(at) > self.rtt.unwrap_or(FIRST_RTT) + GONE);
        if settled {
            // What the line carried before it fell silent is asked for when it is heard again.
            if !self.silent {
                self.prober.recovered(self.rate.estimate(), self.wish);
            }
            self.prober.tick(now, self.rate.estimate(), self.wish);
        }
    }

    /// When what was sent has been without an echo for too long, us.
    fn silence_at(&self) -> Option<u64> {
        let reports = !matches!(self.reports, Reports::None);
        self.unheard.filter(|_| reports).map(|since| since + SILENCE)
    }

    /// What we know ourselves, bit/s.
    pub(super) fn own_estimate(&self) -> f64 {
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
        let drains = self.remb_fell.is_some_and(|at| now.saturating_sub(at) < REMB_DRAIN_TIME);
        let kept = if drains { REMB_DRAIN } else { 1.0 };
        self.target = self.remb.map_or(own, |(remb, _)| (kept * remb).min(own)).clamp(MIN_BITRATE, MAX_BITRATE);
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
