//! Reception statistics of one stream for receiver reports (RFC 3550 section 6.4.1, appendix A.3 and A.8).

use std::time::{Duration, Instant};

use wire::ids::Ssrc;
use wire::ntp::Ntp;
use wire::rtcp::ReportBlock;

/// How one stream of originals is received; retransmissions have their own SSRC and do not count.
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    /// Times are counted from here.
    epoch: Instant,
    rate: u32,
    first: Option<u64>,
    highest: u64,
    received: u64,
    reported_expected: u64,
    reported_received: u64,
    /// Arrival minus timestamp of the previous packet, ticks.
    transit: Option<i64>,
    /// In 1/16 ticks.
    jitter: u64,
    last_report: Option<(Ntp, Instant)>,
}

impl Reception {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            rate: 0,
            first: None,
            highest: 0,
            received: 0,
            reported_expected: 0,
            reported_received: 0,
            transit: None,
            jitter: 0,
            last_report: None,
        }
    }

    /// The numbering starts anew; sender reports stay valid.
    pub(crate) fn restart(&mut self) {
        *self = Self { last_report: self.last_report, ..Self::new(self.epoch) };
    }

    /// An original arrived; `rate` is its clock in Hz.
    #[inline]
    pub(crate) fn arrived(&mut self, now: Instant, ext_seq: u64, timestamp: u32, rate: u32) {
        self.first = Some(self.first.map_or(ext_seq, |first| first.min(ext_seq)));
        self.highest = self.highest.max(ext_seq);
        self.received += 1;
        if self.rate != rate {
            self.rate = rate;
            self.transit = None;
        }
        let micros = now.saturating_duration_since(self.epoch).as_micros() as u64;
        let arrival = (micros.wrapping_mul(u64::from(rate)) / 1_000_000) as i64;
        // Modulo 2^32, as the timestamp is.
        let transit = i64::from((arrival as u32).wrapping_sub(timestamp));
        if let Some(previous) = self.transit.replace(transit) {
            let change = u64::from(((transit - previous) as i32).unsigned_abs());
            // J(i) = J(i-1) + (|D| - J(i-1)) / 16, with J in sixteenths.
            self.jitter = (self.jitter + change).saturating_sub((self.jitter + 8) >> 4);
        }
    }

    /// The publisher's sender report came.
    pub(crate) fn reported(&mut self, now: Instant, sent: Ntp) {
        self.last_report = Some((sent, now));
    }

    /// The report block for now, once anything was received. The next fraction counts from here.
    pub(crate) fn block(&mut self, now: Instant, ssrc: Ssrc) -> Option<ReportBlock> {
        let expected = self.highest - self.first? + 1;
        let expected_now = expected - self.reported_expected.min(expected);
        let received_now = self.received - self.reported_received;
        let lost_now = expected_now.saturating_sub(received_now);
        self.reported_expected = expected;
        self.reported_received = self.received;
        let lost = expected.cast_signed() - self.received.cast_signed();
        let (last_sr, delay) =
            self.last_report.map_or((0, 0), |(sent, at)| (sent.middle32(), to_65536ths(now.saturating_duration_since(at))));
        Some(ReportBlock {
            ssrc,
            fraction_lost: (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8,
            cumulative_lost: lost.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
            // The first cycle of extended numbers is 1, on the wire it is 0.
            highest_sequence: (self.highest - (self.first? & !0xffff)) as u32,
            jitter: (self.jitter >> 4) as u32,
            last_sr,
            delay_since_last_sr: delay,
        })
    }
}

fn to_65536ths(span: Duration) -> u32 {
    (span.as_micros() * 65_536 / 1_000_000).min(u128::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::Reception;
    use std::time::{Duration, Instant};
    use wire::ids::Ssrc;
    use wire::ntp::Ntp;

    #[test]
    fn loss_jitter_and_last_report() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut reception = Reception::new(start);
        assert_eq!(reception.block(start, Ssrc(1)), None);
        // 100 packets 20 ms apart, every tenth is lost, odd ones come 4 ms (192 ticks) late.
        for n in (0..100).filter(|n| n % 10 != 3) {
            reception.arrived(at(n * 20 + n % 2 * 4), 65_536 + 65_500 + n, 4_294_900_000u32.wrapping_add(n as u32 * 960), 48_000);
        }
        reception.reported(at(2000), Ntp(0xb44d_b705_2000_0000));
        let block = reception.block(at(2500), Ssrc(1)).unwrap();
        assert_eq!(block.fraction_lost, (10 * 256 / 100) as u8);
        assert_eq!((block.cumulative_lost, block.highest_sequence), (10, 65_599));
        assert!((150..=192).contains(&block.jitter), "{}", block.jitter);
        assert_eq!((block.last_sr, block.delay_since_last_sr), (0xb705_2000, 32_768));
        let quiet = reception.block(at(3500), Ssrc(1)).unwrap();
        assert_eq!((quiet.fraction_lost, quiet.cumulative_lost), (0, 10));
    }
}
