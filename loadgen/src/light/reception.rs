//! Reception statistics of one stream as receiver reports want them (RFC 3550 sections 6.4.1, A.3, A.8).

use std::time::{Duration, Instant};

use wire::ntp::Ntp;

/// What the next report block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reported {
    /// Fraction lost since the last report, in 1/256.
    pub(super) fraction: u8,
    /// Packets lost since the start.
    pub(super) lost: i32,
    /// Highest extended sequence number.
    pub(super) highest: u32,
    /// Interarrival jitter in RTP ticks.
    pub(super) jitter: u32,
    /// Middle bits of the last sender report's NTP time; 0 without one.
    pub(super) last_sr: u32,
    /// Time since it came, in 1/65536 s.
    pub(super) delay_since_sr: u32,
}

/// Counters of one stream.
#[derive(Debug)]
pub(super) struct Reception {
    clock_rate: u32,
    first: Option<u64>,
    highest: u64,
    received: u64,
    at_last_report: (u64, u64),
    transit: Option<(Instant, u32)>,
    jitter: f64,
    sender_report: Option<(Ntp, Instant)>,
}

impl Reception {
    pub(super) fn new(clock_rate: u32) -> Self {
        Self { clock_rate, first: None, highest: 0, received: 0, at_last_report: (0, 0), transit: None, jitter: 0.0, sender_report: None }
    }

    /// A packet came; true if it is the newest.
    pub(super) fn arrived(&mut self, now: Instant, seq: u64, timestamp: u32) -> bool {
        self.first.get_or_insert(seq);
        self.received += 1;
        if seq <= self.highest {
            return false;
        }
        self.highest = seq;
        if let Some((at, before)) = self.transit.replace((now, timestamp)) {
            let arrival = now.saturating_duration_since(at).as_secs_f64() * f64::from(self.clock_rate);
            let difference = (arrival - f64::from(timestamp.wrapping_sub(before).cast_signed())).abs();
            self.jitter += (difference - self.jitter) / 16.0;
        }
        true
    }

    pub(super) fn sender_report(&mut self, now: Instant, ntp: Ntp) {
        self.sender_report = Some((ntp, now));
    }

    /// Number of the newest packet; `None` before the first.
    pub(super) fn newest(&self) -> Option<u16> {
        self.first.map(|_| self.highest as u16)
    }

    /// `None` before the first packet.
    pub(super) fn report(&mut self, now: Instant) -> Option<Reported> {
        let expected = self.highest + 1 - self.first?;
        let (expected_before, received_before) = std::mem::replace(&mut self.at_last_report, (expected, self.received));
        let interval = expected - expected_before;
        let lost = interval.saturating_sub(self.received - received_before);
        let fraction = (lost * 256).checked_div(interval).unwrap_or(0).min(255) as u8;
        let total = (expected.cast_signed() - self.received.cast_signed()).clamp(-0x80_0000, 0x7f_ffff) as i32;
        let (last_sr, delay_since_sr) = self.sender_report.map_or((0, 0), |(ntp, at)| {
            let delay = now.saturating_duration_since(at).min(Duration::from_secs(65_535));
            (ntp.middle32(), (delay.as_secs_f64() * 65_536.0) as u32)
        });
        let (highest, jitter) = (self.highest as u32, self.jitter as u32);
        Some(Reported { fraction, lost: total, highest, jitter, last_sr, delay_since_sr })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_packets_lost_reads_as_128_of_256() {
        let (start, mut reception) = (Instant::now(), Reception::new(90_000));
        assert_eq!(reception.report(start), None);
        for step in 0..=50_u64 {
            reception.arrived(start + Duration::from_millis(step * 20), 65_536 + 2 * step, step as u32 * 1_800);
        }
        let report = reception.report(start).expect("packets came");
        assert_eq!((report.lost, report.highest, report.jitter), (50, 65_536 + 100, 0));
        assert!((125..=128).contains(&report.fraction), "{}", report.fraction);
        reception.arrived(start, 65_536 + 101, 0);
        assert_eq!(reception.report(start).map(|report| report.fraction), Some(0), "only since the last report");
    }
}
