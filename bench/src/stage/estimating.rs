//! What the bandwidth estimator of one viewer costs: telling it of a packet, and a report on a hundred of them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use media::bandwidth::{Estimator, Purpose, Sent};
use wire::ids::Ssrc;
use wire::rtcp::{Rtcp, RtcpWriter, TransportCcInfo, parse};

use super::Round;
use crate::meter::Meter;

/// Packets of a report: 100 ms at 10 Mbit/s.
pub(super) const PACKETS: u16 = 100;
/// Reports before anything counts.
const WARM: usize = 20;

pub(super) fn sent() -> Round {
    let mut viewer = Viewer::new(false);
    Box::new(move |meter| {
        meter.measure(|| viewer.send());
        let len = viewer.write();
        viewer.hear(len);
    })
}

pub(super) fn report() -> Round {
    hearing(false)
}

pub(super) fn lossy_report() -> Round {
    hearing(true)
}

fn hearing(lossy: bool) -> Round {
    let mut viewer = Viewer::new(lossy);
    Box::new(move |meter: &mut Meter| {
        viewer.send();
        let len = viewer.write();
        meter.measure(|| viewer.hear(len));
    })
}

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
        let mut viewer = Self { estimator: Estimator::new(now), now, elapsed: 0, number: 0, lossy, report: vec![0; 1500] };
        for _ in 0..WARM {
            viewer.send();
            let len = viewer.write();
            viewer.hear(len);
        }
        viewer
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
        write_report(&mut self.report, self.number.wrapping_sub(PACKETS), first, self.lossy)
    }

    fn hear(&mut self, len: usize) {
        let Some(Rtcp::TransportCc(feedback)) = parse(&self.report[..len]).expect("our own report").next() else { return };
        self.estimator.handle_transport_cc(self.now, &feedback);
        while let Some(probe) = self.estimator.poll_probe(self.now) {
            black_box(probe);
        }
    }
}

/// A report on [`PACKETS`] packets from number `base` on, the first of which came `first` units of 250 us after the beginning.
pub(super) fn write_report(buf: &mut [u8], base: u16, first: u64, lossy: bool) -> usize {
    let info = TransportCcInfo { base, reference_time: (first / 256) as u32, feedback_count: 0 };
    let statuses = (0..PACKETS).map(|nth| match nth {
        0 => Some((first % 256) as i16),
        nth if lossy && nth % 10 == 5 => None,
        nth if lossy && nth % 10 == 6 => Some(8),
        _ => Some(4),
    });
    let mut writer = RtcpWriter::new(buf);
    writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses).expect("a report of 100 packets fits");
    writer.finish()
}
