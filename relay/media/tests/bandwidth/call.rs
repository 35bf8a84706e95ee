//! Viewers behind a line: a sender with frames, a simple pacer and the estimator; a receiver that reports; and what was observed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::bandwidth::{Estimator, Probe, Purpose, Sent};
use rtc_interceptor::{BandwidthEstimator as _, Gcc, PacketReport};
use wire::ids::Ssrc;
use wire::rtcp::{CcfbArrival, Rtcp, RtcpWriter, TransportCcInfo, parse};

use crate::Rng;
use crate::line::{Bottleneck, Line, Parcel, STEP};

/// Who estimates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brain {
    Ours,
    /// `rtc-interceptor`, for comparison.
    Gcc,
    /// Nobody: always this, bit/s.
    Fixed(u64),
}

/// What is taken from the estimator so that a test must fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Without {
    Nothing,
    /// Reports say that packets waited nowhere.
    Delay,
    /// Lost packets are reported as received.
    Loss,
    /// Probes are not sent.
    Probes,
}

/// One viewer.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub brain: Brain,
    pub without: Without,
    /// Reports by stream instead of transport-wide.
    pub by_stream: bool,
    /// When he joins, ms.
    pub joins: u64,
    /// From when, ms, how much is wished for, bit/s.
    pub wishes: Vec<(u64, u64)>,
}

impl Viewer {
    pub fn new(wish: u64) -> Self {
        Self { brain: Brain::Ours, without: Without::Nothing, by_stream: false, joins: 0, wishes: vec![(0, wish)] }
    }
}

/// What was observed every 10 ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub target: u64,
    /// At the bottleneck, ms.
    pub waits: f64,
    /// Bytes so far.
    pub sent: u64,
    pub arrived: u64,
    pub padding: u64,
}

pub const SAMPLE: u64 = 10;

/// Runs it; gives a list of samples for each viewer.
pub fn run(seed: u64, line: &Line, viewers: &[Viewer], seconds: u64) -> Vec<Vec<Sample>> {
    let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9) | 1);
    let base = Instant::now();
    let mut bottleneck = Bottleneck::new(line.clone());
    let mut calls: Vec<Call> = viewers.iter().enumerate().map(|(nth, viewer)| Call::new(base, nth, viewer.clone(), line)).collect();
    let mut out = Vec::new();
    let mut under_way: VecDeque<(u64, Parcel)> = VecDeque::new();
    for now in (0..seconds * 1_000_000).step_by(STEP as usize) {
        for call in calls.iter_mut().filter(|call| now >= call.plan.joins * 1000) {
            call.send(now, &mut rng, |parcel, rng| bottleneck.enter(now, parcel, &mut out, rng));
        }
        bottleneck.step(now, &mut out, &mut rng);
        under_way.extend(out.drain(..));
        while let Some((at, parcel)) = under_way.front().filter(|(at, _)| *at <= now) {
            calls[parcel.viewer].arrived(*at, *parcel);
            under_way.pop_front();
        }
        for call in &mut calls {
            call.reports(now, &mut rng);
            if now % (SAMPLE * 1000) == 0 {
                call.samples.push(Sample { target: call.target(), waits: bottleneck.waits(now), ..call.counted });
            }
        }
    }
    calls.into_iter().map(|call| call.samples).collect()
}

struct Call {
    base: Instant,
    nth: usize,
    plan: Viewer,
    line: Line,
    estimator: Estimator,
    gcc: Gcc,
    /// When sent, us, and bytes, by number.
    history: Vec<(u64, u64)>,
    queue: VecDeque<u64>,
    budget: f64,
    probe: Option<(Probe, u64)>,
    next_frame: u64,
    /// What arrived since the last report: from this number on, when, us.
    report_base: u64,
    arrivals: Vec<Option<u64>>,
    next_report: u64,
    reports_written: u8,
    under_way: VecDeque<(u64, Vec<u8>)>,
    counted: Sample,
    samples: Vec<Sample>,
}

/// The viewer's clock is ahead by so much, us.
const OFFSET: u64 = 77_777_777_777;
/// Much faster than the target the pacer sends.
const PACING: f64 = 2.0;
const PACKET: u64 = 1200;

impl Call {
    fn new(base: Instant, nth: usize, plan: Viewer, line: &Line) -> Self {
        let joins = base + Duration::from_millis(plan.joins);
        Self {
            base,
            nth,
            line: line.clone(),
            estimator: Estimator::new(joins),
            gcc: Gcc::new(1e6, 50e3, 30e6),
            history: Vec::new(),
            queue: VecDeque::new(),
            budget: 0.0,
            probe: None,
            next_frame: plan.joins * 1000,
            report_base: 0,
            arrivals: Vec::new(),
            next_report: plan.joins * 1000,
            reports_written: 0,
            under_way: VecDeque::new(),
            counted: Sample::default(),
            samples: Vec::new(),
            plan,
        }
    }

    fn target(&self) -> u64 {
        match self.plan.brain {
            Brain::Ours => self.estimator.target(),
            Brain::Gcc => self.gcc.target_bitrate() as u64,
            Brain::Fixed(rate) => rate,
        }
    }

    fn at(&self, now: u64) -> Instant {
        self.base + Duration::from_micros(now)
    }

    fn send(&mut self, now: u64, rng: &mut Rng, mut enter: impl FnMut(Parcel, &mut Rng)) {
        let wish = self.plan.wishes.iter().rfind(|(from, _)| from * 1000 <= now).map_or(0, |&(_, wish)| wish);
        if now % 100_000 == 0 {
            self.estimator.set_wish(self.at(now), wish);
        }
        if self.estimator.poll_timeout().is_some_and(|due| due <= self.at(now)) {
            self.estimator.handle_timeout(self.at(now));
            assert!(self.estimator.poll_timeout().is_none_or(|due| due > self.at(now)), "would be called again at once");
        }
        if let Some(probe) = self.estimator.poll_probe(self.at(now)).filter(|_| self.plan.without != Without::Probes) {
            self.probe = Some((probe, probe.bytes as u64));
        }
        self.frame(now, wish, rng);
        let rate = self.probe.map_or(PACING * self.target() as f64, |(probe, _)| probe.bitrate as f64);
        self.budget = (self.budget + rate * STEP as f64 / 1e6).min(rate * 0.002);
        while self.budget > 0.0 {
            let padding = self.queue.is_empty();
            let Some(bytes) = self.queue.pop_front().or(self.probe.map(|_| PACKET - 100)) else { break };
            self.budget -= bytes as f64 * 8.0;
            let purpose = self.probe.map_or(Purpose::Media, |(probe, _)| Purpose::Probe(probe.cluster));
            self.probe = self.probe.and_then(|(probe, left)| (left > bytes).then(|| (probe, left - bytes)));
            let number = self.history.len() as u16;
            self.history.push((now, bytes));
            let sent = Sent { number, ssrc: Ssrc(9), sequence: number.wrapping_add(500), bytes: bytes as usize, purpose };
            self.estimator.sent(self.at(now), &sent);
            self.counted.sent += bytes;
            self.counted.padding += if padding { bytes } else { 0 };
            enter(Parcel { viewer: self.nth, number, bytes, sent: now }, rng);
        }
    }

    /// A camera with 30 frames a second, whose layer fits.
    fn frame(&mut self, now: u64, wish: u64, rng: &mut Rng) {
        if now < self.next_frame {
            return;
        }
        self.next_frame += 33_333;
        let rate = self.target().min(wish);
        let mut left = rate / 240 * (80 + rng.below(41)) / 100;
        // What does not get out within a quarter of a second is not worth sending.
        if self.queue.iter().sum::<u64>() > rate / 32 {
            return;
        }
        while left > 0 {
            let bytes = left.min(PACKET).max(60);
            self.queue.push_back(bytes);
            left = left.saturating_sub(PACKET);
        }
    }

    fn arrived(&mut self, at: u64, parcel: Parcel) {
        self.counted.arrived += parcel.bytes;
        let nearest = self.report_base.wrapping_add_signed(i64::from(parcel.number.wrapping_sub(self.report_base as u16).cast_signed()));
        let Some(place) = nearest.checked_sub(self.report_base).map(|place| place as usize) else { return };
        if self.arrivals.len() <= place {
            self.arrivals.resize(place + 1, None);
        }
        let at = if self.plan.without == Without::Delay { parcel.sent + self.line.delay * 1000 } else { at };
        self.arrivals[place] = Some(at + OFFSET);
    }

    fn reports(&mut self, now: u64, rng: &mut Rng) {
        if now >= self.next_report {
            self.next_report += self.line.report * 1000;
            if !self.arrivals.is_empty() {
                let report = if self.plan.by_stream { self.by_stream(now) } else { self.transport_wide() };
                if rng.below(100) >= self.line.reports_lost {
                    self.under_way.push_back((now + self.line.delay * 1000, report));
                }
            }
        }
        while let Some((_, report)) = self.under_way.front().filter(|(at, _)| *at <= now) {
            let report = report.clone();
            self.under_way.pop_front();
            self.heard(now, &report);
        }
    }

    fn transport_wide(&mut self) -> Vec<u8> {
        let arrivals = std::mem::take(&mut self.arrivals);
        let known = |arrival: &Option<u64>| arrival.or((self.plan.without == Without::Loss).then_some(0));
        let first = arrivals.iter().flatten().next().copied().unwrap_or(0);
        let info = TransportCcInfo {
            base: self.report_base as u16,
            reference_time: (first / 64_000) as u32 & 0xff_ffff,
            feedback_count: self.reports_written,
        };
        self.reports_written = self.reports_written.wrapping_add(1);
        let mut ticks = first / 64_000 * 256;
        let statuses: Vec<Option<i16>> = arrivals
            .iter()
            .map(|arrival| {
                let at = known(arrival)?;
                let arrived = (at / 250).max(ticks);
                let delta = i16::try_from(arrived - ticks).expect("reports are frequent");
                ticks = arrived;
                Some(delta)
            })
            .collect();
        self.report_base += arrivals.len() as u64;
        written(|writer| writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses.iter().copied()).unwrap())
    }

    fn by_stream(&mut self, now: u64) -> Vec<u8> {
        let arrivals = std::mem::take(&mut self.arrivals);
        let now = now + OFFSET;
        let offset = |at: u64| Some(CcfbArrival { offset: Some(((now - at) * 1024 / 1_000_000) as u16), ecn: 0 });
        let list: Vec<_> = arrivals.iter().map(|arrival| arrival.and_then(offset)).collect();
        let begin = (self.report_base as u16).wrapping_add(500);
        self.report_base += arrivals.len() as u64;
        let timestamp = ((u128::from(now) << 16) / 1_000_000) as u32;
        written(|writer| writer.ccfb(Ssrc(1), timestamp, &[(Ssrc(9), begin, &list)]).unwrap())
    }

    fn heard(&mut self, now: u64, report: &[u8]) {
        let at = self.at(now);
        match parse(report).unwrap().next() {
            Some(Rtcp::TransportCc(feedback)) if self.plan.brain == Brain::Gcc => {
                let mut arrival = u64::from(feedback.info.reference_time) * 64_000;
                let newest = self.history.len() as u64 - 1;
                let reports: Vec<PacketReport> = feedback
                    .packets()
                    .map(|(number, status)| {
                        arrival = arrival.wrapping_add_signed(i64::from(status.unwrap_or(0)) * 250);
                        let id = newest.wrapping_add_signed(i64::from(number.wrapping_sub(newest as u16).cast_signed()));
                        let (sent, bytes) = self.history[id as usize];
                        PacketReport {
                            ssrc: 9,
                            id,
                            rtp_sequence_number: number,
                            is_twcc: true,
                            twcc_sequence_number: number,
                            size: bytes as usize,
                            arrived: status.is_some(),
                            departure: self.at(sent),
                            arrival: status.map(|_| Duration::from_micros(arrival)),
                            ecn: Default::default(),
                        }
                    })
                    .collect();
                self.gcc.on_reports(at, &reports);
            }
            Some(Rtcp::TransportCc(feedback)) => self.estimator.handle_transport_cc(at, &feedback),
            Some(Rtcp::Ccfb(feedback)) => self.estimator.handle_ccfb(at, &feedback),
            other => panic!("{other:?}"),
        }
    }
}

fn written(write: impl FnOnce(&mut RtcpWriter<'_>)) -> Vec<u8> {
    let mut buf = vec![0; 1 << 16];
    let mut writer = RtcpWriter::new(&mut buf);
    write(&mut writer);
    let len = writer.finish();
    buf.truncate(len);
    buf
}
