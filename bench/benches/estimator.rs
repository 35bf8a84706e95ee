//! What the bandwidth estimator of one viewer costs: telling it of a packet, and a report on a hundred of them.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use media::bandwidth::{Estimator, Purpose, Sent};
use wire::ids::Ssrc;
use wire::rtcp::{Rtcp, RtcpWriter, TransportCcInfo, parse};

/// Packets of a report: 100 ms at 10 Mbit/s.
const PACKETS: u16 = 100;

/// A viewer whose line is good, or loses every tenth packet.
struct Viewer {
    estimator: Estimator,
    now: Instant,
    /// us since the beginning.
    elapsed: u64,
    number: u16,
    lossy: bool,
    report: Vec<u8>,
}

impl Viewer {
    fn new(lossy: bool) -> Self {
        let now = Instant::now();
        Self { estimator: Estimator::new(now), now, elapsed: 0, number: 0, lossy, report: vec![0; 1500] }
    }

    fn send(&mut self) {
        for _ in 0..PACKETS {
            let sent = Sent { number: self.number, ssrc: Ssrc(1), sequence: self.number, bytes: 1200, purpose: Purpose::Media };
            self.estimator.sent(self.now, black_box(&sent));
            self.number = self.number.wrapping_add(1);
            self.elapsed += 1000;
            self.now += Duration::from_millis(1);
        }
    }

    /// The report on what was sent last, ready to be read.
    fn write(&mut self) -> usize {
        let first = (self.elapsed - 80_000) / 250;
        let info = TransportCcInfo { base: self.number.wrapping_sub(PACKETS), reference_time: (first / 256) as u32, feedback_count: 0 };
        let lossy = self.lossy;
        let statuses = (0..PACKETS).map(|nth| match nth {
            0 => Some((first % 256) as i16),
            nth if lossy && nth % 10 == 5 => None,
            nth if lossy && nth % 10 == 6 => Some(8),
            _ => Some(4),
        });
        let mut writer = RtcpWriter::new(&mut self.report);
        writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses).expect("a report of 100 packets fits");
        writer.finish()
    }

    fn hear(&mut self, len: usize) {
        let Some(Rtcp::TransportCc(feedback)) = parse(&self.report[..len]).expect("our own report").next() else { return };
        self.estimator.handle_transport_cc(self.now, &feedback);
        while let Some(probe) = self.estimator.poll_probe(self.now) {
            black_box(probe);
        }
    }
}

fn estimator(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("estimator");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    let timed = |lossy: bool, parts: fn(&mut Viewer, &mut [Duration; 2]), part: usize| {
        move |rounds: u64| {
            let mut viewer = Viewer::new(lossy);
            let mut spent = [Duration::ZERO; 2];
            (0..20).for_each(|_| parts(&mut viewer, &mut [Duration::ZERO; 2]));
            (0..rounds).for_each(|_| parts(&mut viewer, &mut spent));
            spent[part]
        }
    };
    fn parts(viewer: &mut Viewer, spent: &mut [Duration; 2]) {
        let begun = Instant::now();
        viewer.send();
        spent[0] += begun.elapsed();
        let len = viewer.write();
        let begun = Instant::now();
        viewer.hear(len);
        spent[1] += begun.elapsed();
    }
    group.bench_function("sent, 100 packets", |bencher| bencher.iter_custom(timed(false, parts, 0)));
    group.bench_function("report on 100 packets, read and used", |bencher| bencher.iter_custom(timed(false, parts, 1)));
    group.bench_function("report on 100 packets, every tenth lost", |bencher| bencher.iter_custom(timed(true, parts, 1)));
    group.finish();
}

criterion_group!(benches, estimator);
criterion_main!(benches);
