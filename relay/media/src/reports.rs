//! Reports about one outgoing stream: those we sent, and what the viewer answers to them.

use std::time::{Duration, Instant};

use wire::ntp::Ntp;
use wire::rtcp::ReportBlock;

/// Sender reports remembered: one a second, and an answer is seldom older than four.
const REMEMBERED: usize = 4;

/// What one slot reported and was told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reports {
    /// Middle bits of the NTP time and sending time, newest last.
    sent: [Option<(u32, Instant)>; REMEMBERED],
    rtt: Option<Duration>,
    last: Option<ReportBlock>,
}

impl Reports {
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    pub(crate) fn last(&self) -> Option<&ReportBlock> {
        self.last.as_ref()
    }

    /// A sender report goes out.
    pub(crate) fn sent(&mut self, now: Instant, ntp: Ntp) {
        self.sent.rotate_left(1);
        self.sent[REMEMBERED - 1] = Some((ntp.middle32(), now));
    }

    /// A block about our stream came in. A round trip is only taken from an answer to a report that we remember, so it cannot be made up
    /// beyond the age of that report. Gives this round trip.
    pub(crate) fn handle(&mut self, now: Instant, block: &ReportBlock) -> Option<Duration> {
        self.last = Some(*block);
        let (_, sent) = self.sent.iter().flatten().find(|(middle, _)| *middle == block.last_sr)?;
        let held = Duration::from_micros(u64::from(block.delay_since_last_sr) * 15_625 / 1024);
        let sample = now.saturating_duration_since(*sent).checked_sub(held)?;
        // The usual smoothing of TCP (RFC 6298 section 2.3) is slow at one sample a second: a quarter instead of an eighth.
        self.rtt = Some(self.rtt.map_or(sample, |rtt| (rtt * 3 + sample) / 4));
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::Reports;
    use std::time::{Duration, Instant};
    use wire::ids::Ssrc;
    use wire::ntp::Ntp;
    use wire::rtcp::ReportBlock;

    #[test]
    fn only_an_answer_to_our_report_gives_a_round_trip() {
        let start = Instant::now();
        let ntp = Ntp(0xe000_0000_8000_0000);
        let mut reports = Reports::default();
        let mut block = ReportBlock {
            ssrc: Ssrc(1),
            fraction_lost: 3,
            cumulative_lost: 5,
            highest_sequence: 7,
            jitter: 9,
            last_sr: ntp.middle32(),
            delay_since_last_sr: 32_768,
        };
        reports.handle(start, &block);
        assert_eq!((reports.rtt(), reports.last()), (None, Some(&block)));
        reports.sent(start, ntp);
        reports.handle(start + Duration::from_millis(540), &block);
        assert_eq!(reports.rtt(), Some(Duration::from_millis(40)));
        // Held longer than the report is old: a lie.
        reports.handle(start + Duration::from_millis(100), &block);
        block.last_sr += 1;
        reports.handle(start + Duration::from_millis(900), &block);
        assert_eq!(reports.rtt(), Some(Duration::from_millis(40)));
    }
}
