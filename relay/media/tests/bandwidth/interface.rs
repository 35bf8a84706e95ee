//! The estimator by its interface: other kinds of feedback, feedback that lies, silence, and what it costs.

use std::time::{Duration, Instant};

use media::bandwidth::{Estimator, Limit, Purpose, Sent};
use wire::ids::Ssrc;
use wire::rtcp::{CcfbArrival, Rtcp, RtcpWriter, TransportCcInfo, parse};

use crate::Rng;

struct Leg {
    base: Instant,
    estimator: Estimator,
    number: u16,
    buf: Vec<u8>,
}

impl Leg {
    fn new() -> Self {
        let base = Instant::now();
        Self { base, estimator: Estimator::new(base), number: 65_000, buf: vec![0; 1 << 16] }
    }

    fn at(&self, ms: u64) -> Instant {
        self.base + Duration::from_millis(ms)
    }

    fn send(&mut self, ms: u64) {
        let sent = Sent { number: self.number, ssrc: Ssrc(7), sequence: self.number, bytes: 1200, purpose: Purpose::Media };
        self.number = self.number.wrapping_add(1);
        self.estimator.sent(self.at(ms), &sent);
    }

    /// Transport-wide feedback about packets from `base` on, the first at `reference` times 64 ms.
    fn told(&mut self, ms: u64, base: u16, reference: u32, statuses: &[Option<i16>]) {
        let info = TransportCcInfo { base, reference_time: reference, feedback_count: 0 };
        let mut writer = RtcpWriter::new(&mut self.buf);
        writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses.iter().copied()).unwrap();
        let len = writer.finish();
        self.heard(ms, len);
    }

    fn heard(&mut self, ms: u64, len: usize) {
        let at = self.at(ms);
        match parse(&self.buf[..len]).unwrap().next() {
            Some(Rtcp::TransportCc(feedback)) => self.estimator.handle_transport_cc(at, &feedback),
            Some(Rtcp::Ccfb(feedback)) => self.estimator.handle_ccfb(at, &feedback),
            _ => panic!("no feedback"),
        }
        if self.estimator.poll_timeout().is_some_and(|due| due <= at) {
            self.estimator.handle_timeout(at);
        }
        while self.estimator.poll_probe(at).is_some() {}
        assert!((50_000..=30_000_000).contains(&self.estimator.target()));
        assert!((0.0..=1.0).contains(&self.estimator.loss()), "{}", self.estimator.loss());
    }

    /// An honest second from `ms` on: 100 packets, every 100 ms a report, nothing in the way.
    fn second(&mut self, ms: u64) {
        for report in 0..10 {
            let base = self.number;
            let from = ms + report * 100;
            (0..10).for_each(|nth| self.send(from + nth * 10));
            let first = (from + 20) * 4;
            let mut statuses = [Some(40); 10];
            statuses[0] = Some((first % 256) as i16);
            self.told(from + 100 + 20, base, (first / 256) as u32, &statuses);
        }
    }
}

#[test]
fn grows_with_honest_feedback_across_the_wrap_of_numbers() {
    let mut leg = Leg::new();
    (0..15).for_each(|second| leg.second(second * 1000));
    assert!(leg.number < 65_000, "numbers have wrapped");
    // 0.96 Mbit/s are sent, and a little more is believed.
    assert!((1_050_000..1_250_000).contains(&leg.estimator.target()), "{}", leg.estimator.target());
    assert_eq!(leg.estimator.limit(), Limit::Nothing);
    assert!(leg.estimator.rtt().is_some_and(|rtt| (25..60).contains(&rtt.as_millis())), "{:?}", leg.estimator.rtt());
}

#[test]
fn the_viewers_own_estimate_caps_and_passes() {
    let mut leg = Leg::new();
    (0..15).for_each(|second| leg.second(second * 1000));
    let before = leg.estimator.target();
    leg.estimator.handle_remb(leg.at(15_000), 300_000);
    assert_eq!((leg.estimator.target(), leg.estimator.limit()), (300_000, Limit::Viewer));
    leg.estimator.handle_remb(leg.at(15_001), 0);
    assert_eq!(leg.estimator.target(), 50_000, "sound passes");
    leg.estimator.handle_remb(leg.at(15_002), u64::MAX);
    assert!(leg.estimator.target() >= before && leg.estimator.limit() == Limit::Nothing);
    leg.estimator.handle_remb(leg.at(15_003), 300_000);
    leg.estimator.handle_timeout(leg.at(26_000));
    assert!(leg.estimator.target() > 300_000, "forgotten when it is old");
}

#[test]
fn without_feedback_by_packet_reports_and_remb_decide() {
    let mut leg = Leg::new();
    for second in 0..10 {
        (0..100).for_each(|nth| leg.send(second * 1000 + nth * 10));
        leg.estimator.handle_report(leg.at(second * 1000 + 999), 0, None);
    }
    let grown = leg.estimator.target();
    assert!((1_200_000..1_700_000).contains(&grown), "{grown}");
    leg.estimator.handle_remb(leg.at(10_000), 1_400_000);
    assert_eq!(leg.estimator.target(), 1_400_000, "the viewer sees delays himself");
    leg.estimator.handle_remb(leg.at(10_000), 3_000_000);
    assert_eq!(leg.estimator.target(), 1_440_000, "but not what was never tried: half as much again as was sent");
    for second in 10..15 {
        (0..100).for_each(|nth| leg.send(second * 1000 + nth * 10));
        leg.estimator.handle_report(leg.at(second * 1000 + 999), 77, None);
    }
    assert!(leg.estimator.target() < 2_000_000 && leg.estimator.limit() == Limit::Loss, "{}", leg.estimator.target());
    assert!((0.25..0.31).contains(&leg.estimator.loss()));
}

#[test]
fn losses_show_at_once() {
    let mut leg = Leg::new();
    leg.second(0);
    for report in 0..4 {
        let base = leg.number;
        let from = 1000 + report * 100;
        (0..10).for_each(|nth| leg.send(from + nth * 10));
        let first = (from + 20) * 4;
        let statuses: Vec<_> = (0..10).map(|nth| (nth < 8).then_some(if nth == 0 { (first % 256) as i16 } else { 40 })).collect();
        leg.told(from + 120, base, (first / 256) as u32, &statuses);
    }
    assert!((0.08..0.21).contains(&leg.estimator.loss()), "{}", leg.estimator.loss());
}

/// A viewer who is sent something and says nothing has no line; one who is sent nothing has nothing to say.
#[test]
fn silence() {
    let mut leg = Leg::new();
    (0..5).for_each(|second| leg.second(second * 1000));
    let before = leg.estimator.target();
    let wait = |leg: &mut Leg, from: u64, sends: bool| {
        for ms in from..from + 5000 {
            if sends || ms == from {
                leg.send(ms);
            }
            if leg.estimator.poll_timeout().is_some_and(|due| due <= leg.at(ms)) {
                leg.estimator.handle_timeout(leg.at(ms));
            }
        }
        leg.estimator.target()
    };
    let after = wait(&mut leg, 5200, false);
    assert!(after * 2 >= before - 2, "one packet that was lost: {before} {after}");
    assert!(wait(&mut leg, 10_200, true) * 4 <= before);
}

/// Two viewers get the same packets; one's feedback has lies in between. Nothing panics, and the lies that speak of nothing that was sent
/// change nothing at all.
#[test]
fn claims_of_packets_never_sent_change_nothing() {
    let (mut honest, mut liar) = (Leg::new(), Leg::new());
    for second in 0..10 {
        honest.second(second * 1000);
        liar.second(second * 1000);
        let ahead = liar.number.wrapping_add(1);
        let reference = ((second * 1000 + 1100) / 64) as u32;
        liar.told(second * 1000 + 1120, ahead, reference, &[Some(100); 500]);
        liar.told(second * 1000 + 1120, ahead.wrapping_add(20_000), reference, &[None; 4000]);
        // What was told already.
        liar.told(second * 1000 + 1120, ahead.wrapping_sub(51), reference, &[None; 50]);
        liar.told(second * 1000 + 1120, ahead.wrapping_sub(51), reference, &[Some(-3000); 50]);
        assert_eq!(honest.estimator.target(), liar.estimator.target(), "second {second}");
        assert_eq!(honest.estimator.loss(), liar.estimator.loss());
    }
}

#[test]
fn any_feedback_is_survived() {
    for seed in 1..=20 {
        let mut rng = Rng(seed);
        let mut leg = Leg::new();
        let by_stream = seed % 2 == 0;
        for step in 0..3000u64 {
            let ms = step * 7;
            (0..rng.below(6)).for_each(|_| leg.send(ms));
            if rng.below(50) == 0 {
                leg.number = rng.draw() as u16;
            }
            let base = if rng.below(3) == 0 { rng.draw() as u16 } else { leg.number.wrapping_sub(rng.below(60) as u16) };
            let count = 1 + if rng.below(20) == 0 { rng.below(9000) } else { rng.below(60) };
            if by_stream {
                let arrivals: Vec<_> = (0..count)
                    .map(|_| {
                        (rng.below(4) > 0).then(|| CcfbArrival { offset: Some(rng.below(0x1ffe) as u16).filter(|_| seed % 3 > 0), ecn: 0 })
                    })
                    .collect();
                let mut writer = RtcpWriter::new(&mut leg.buf);
                writer.ccfb(Ssrc(1), rng.draw() as u32, &[(Ssrc(7), base, &arrivals), (Ssrc(8), base, &arrivals)]).unwrap();
                let len = writer.finish();
                leg.heard(ms, len);
            } else {
                let statuses: Vec<_> = (0..count).map(|_| (rng.below(4) > 0).then(|| rng.draw() as i16)).collect();
                leg.told(ms, base, rng.draw() as u32 & 0xff_ffff, &statuses);
            }
            leg.estimator.set_wish(leg.at(ms), rng.draw());
            leg.estimator.handle_remb(leg.at(ms), rng.draw() * 1000);
            leg.estimator.handle_report(leg.at(ms), rng.draw() as u8, None);
        }
    }
}

#[test]
fn a_warm_estimator_allocates_nothing() {
    let mut leg = Leg::new();
    (0..5).for_each(|second| leg.second(second * 1000));
    let counted = allocation_counter::measure(|| (5..10).for_each(|second| leg.second(second * 1000)));
    assert_eq!(counted.count_total, 0);
    let cold = allocation_counter::measure(|| drop(Leg::new()));
    assert!(cold.count_total > 0, "the counter counts");
}

#[test]
fn feedback_by_stream_allocates_nothing_when_warm() {
    let mut leg = Leg::new();
    let second = |leg: &mut Leg, ms: u64| {
        for report in 0..10 {
            let base = leg.number;
            (0..10).for_each(|nth| leg.send(ms + report * 100 + nth * 10));
            let arrivals = [Some(CcfbArrival { offset: Some(10), ecn: 0 }); 10];
            let written = ((ms + report * 100 + 100) << 16) / 1000;
            let mut writer = RtcpWriter::new(&mut leg.buf);
            writer.ccfb(Ssrc(1), written as u32, &[(Ssrc(7), base, &arrivals)]).unwrap();
            let len = writer.finish();
            leg.heard(ms + report * 100 + 120, len);
        }
    };
    (0..5).for_each(|nth| second(&mut leg, nth * 1000));
    let counted = allocation_counter::measure(|| (5..10).for_each(|nth| second(&mut leg, nth * 1000)));
    assert_eq!(counted.count_total, 0);
}
