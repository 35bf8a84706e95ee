//! What has arrived at a viewer, and his reports about it (transport-wide congestion control).

use std::time::Instant;

use wire::ext::{ExtMap, ExtValues};
use wire::ids::Ssrc;
use wire::rtcp::{RtcpWriter, TransportCcInfo};
use wire::rtp::RtpHeader;

/// Units of arrival times: 250 us; 256 of them are a unit of the reference time.
const UNIT_US: u128 = 250;
const REFERENCE: i64 = 256;
/// Most packets in one report: what a datagram holds.
const MAX_REPORTED: usize = 1_000;

/// Numbers and times since the last report. Nothing is ever lost: numbers that were not seen came evenly between those that were.
#[derive(Default)]
pub(crate) struct Arrivals {
    begin: Option<Instant>,
    /// The last packet reported, and those seen since then: number and time in units.
    last: Option<(u16, i64)>,
    seen: Vec<(u16, i64)>,
    reports: u8,
}

impl Arrivals {
    /// A datagram came; what is not RTP with a transport-wide number is passed over. Only the payload is encrypted.
    pub(crate) fn heard(&mut self, now: Instant, exts: &ExtMap, datagram: &[u8]) {
        let begin = *self.begin.get_or_insert(now);
        let Ok(header) = RtpHeader::parse(datagram) else { return };
        let Some(number) = ExtValues::read(exts, &header, datagram).transport_seq() else { return };
        let at = (now.saturating_duration_since(begin).as_micros() / UNIT_US) as i64;
        self.last.get_or_insert((number.wrapping_sub(1), at));
        self.seen.push((number, at));
    }

    /// Writes the report; false when there is nothing to report.
    pub(crate) fn write(&mut self, writer: &mut RtcpWriter<'_>) -> bool {
        let Some((last, from)) = self.last.filter(|_| !self.seen.is_empty()) else { return false };
        let mut times = Vec::new();
        let (mut before, mut time) = (last, from);
        for (number, at) in self.seen.drain(..) {
            let count = i64::from(number.wrapping_sub(before));
            times.extend((1..=count).map(|step| time + (at - time) * step / count));
            (before, time) = (number, at);
        }
        self.last = Some((before, time));
        times.truncate(MAX_REPORTED);
        let reference = times[0] / REFERENCE;
        let mut previous = reference * REFERENCE;
        let deltas = times.iter().map(|time| {
            let delta = time - std::mem::replace(&mut previous, *time);
            Some(i16::try_from(delta).unwrap_or(i16::MAX))
        });
        let deltas: Vec<Option<i16>> = deltas.collect();
        let info = TransportCcInfo { base: last.wrapping_add(1), reference_time: reference as u32, feedback_count: self.reports };
        self.reports = self.reports.wrapping_add(1);
        writer.transport_cc(Ssrc(1), Ssrc(2), &info, deltas).is_ok()
    }
}
