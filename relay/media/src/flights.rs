//! Which packets of pictures are on their way to one viewer, so that a loss that transport feedback tells of is repaired without being
//! asked: requests for retransmission are lost as well.

use std::time::{Duration, Instant};

use wire::ids::Ssrc;
use wire::rtcp::TransportCc;
use wire::seq::distance;

use crate::by_number::ByNumber;

/// Packets remembered; a power of two. Feedback comes every 50 to 250 ms.
const REMEMBERED: usize = 512;

/// What lies so few packets before the newest that arrived may only have been overtaken.
const OVERTAKEN: u16 = 3;

/// A packet that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flight {
    /// The stream in which the viewer misses it if it is lost; of a retransmission, the one it repairs.
    pub stream: Ssrc,
    /// Its sequence number there.
    pub sequence: u16,
    /// When it was sent; up to 2 µs later than it was.
    pub sent: Instant,
}

/// A [`Flight`] in half the room: there are hundreds for each viewer.
#[derive(Clone, Copy, Debug)]
struct Noted {
    stream: Ssrc,
    sequence: u16,
    /// When, µs since the first, modulo 2^32.
    sent: u32,
}

/// The packets on their way, by transport-wide number.
#[derive(Debug, Default)]
pub struct Flights {
    sent: ByNumber<Noted, REMEMBERED>,
    /// When something was sent first, and last.
    span: Option<(Instant, Instant)>,
    /// The newest number that went out.
    newest: u16,
    /// What the last feedback did not have, but may only have been overtaken.
    suspects: [Option<u16>; OVERTAKEN as usize - 1],
}

impl Flights {
    /// A packet goes out with this transport-wide number.
    #[inline]
    pub fn sent(&mut self, number: u16, flight: Flight) {
        let (first, _) = self.span.unwrap_or((flight.sent, flight.sent));
        self.span = Some((first, flight.sent));
        self.sent.insert(number, Noted { stream: flight.stream, sequence: flight.sequence, sent: micros(first, flight.sent) });
        self.newest = number;
    }

    fn flight(&self, noted: Noted) -> Option<Flight> {
        let (first, last) = self.span?;
        let ago = micros(first, last).wrapping_sub(noted.sent);
        // Never before it was: whoever asks whether it was sent again since would be told so.
        let sent = last.checked_sub(Duration::from_micros(ago.into()))? + Duration::from_micros(1);
        Some(Flight { stream: noted.stream, sequence: noted.sequence, sent })
    }

    fn take(&mut self, number: u16) -> Option<Flight> {
        let noted = self.sent.take(number)?;
        self.flight(noted)
    }

    /// Appends what surely did not arrive by this feedback, each packet once: what others overtook, and, where `overdue` is given, what was
    /// sent by then and is not spoken of. When a row of losses takes the newest packets, nothing that came after them shows it.
    pub fn take_lost(&mut self, feedback: &TransportCc<'_>, overdue: Option<Instant>, lost: &mut Vec<Flight>) {
        if self.sent.is_empty() {
            return;
        }
        let Some(newest) = feedback.packets().filter(|(_, arrival)| arrival.is_some()).map(|(number, _)| number).last() else { return };
        // A suspect that came is spoken of again.
        let base = feedback.info.base;
        for number in std::mem::take(&mut self.suspects).into_iter().flatten().filter(|number| distance(*number, base) < 0) {
            lost.extend(self.take(number));
        }
        for (number, _) in feedback.packets().filter(|(_, arrival)| arrival.is_none()) {
            match self.suspects.get_mut(usize::from(newest.wrapping_sub(number).wrapping_sub(1))) {
                Some(suspect) => *suspect = Some(number),
                None => lost.extend(self.take(number)),
            }
        }
        if let Some(overdue) = overdue {
            self.take_unspoken(newest, overdue, lost);
        }
    }

    /// What was sent by `overdue` behind the number `newest`.
    fn take_unspoken(&mut self, newest: u16, overdue: Instant, lost: &mut Vec<Flight>) {
        let behind = self.newest.wrapping_sub(newest);
        if usize::from(behind) >= REMEMBERED {
            return;
        }
        for number in (1..=behind).map(|step| newest.wrapping_add(step)) {
            match self.sent.get(number).and_then(|noted| self.flight(*noted)) {
                Some(flight) if flight.sent > overdue => return,
                Some(_) => lost.extend(self.take(number)),
                None => {}
            }
        }
    }
}

/// Whole µs, modulo 2^32.
fn micros(from: Instant, to: Instant) -> u32 {
    to.saturating_duration_since(from).as_micros() as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, clippy::unwrap_used)]
    use super::*;
    use wire::rtcp::{Rtcp, RtcpWriter, TransportCcInfo};

    /// What a report on packets from `base` on says to be lost.
    fn lost(flights: &mut Flights, base: u16, arrived: &[bool]) -> Vec<u16> {
        lost_or_overdue(flights, base, arrived, None)
    }

    fn lost_or_overdue(flights: &mut Flights, base: u16, arrived: &[bool], overdue: Option<Instant>) -> Vec<u16> {
        let mut buf = [0; 256];
        let mut writer = RtcpWriter::new(&mut buf);
        let info = TransportCcInfo { base, reference_time: 0, feedback_count: 0 };
        let statuses = arrived.iter().map(|arrived| arrived.then_some(4)).collect::<Vec<_>>();
        writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses).unwrap();
        let len = writer.finish();
        let mut lost = Vec::new();
        for packet in wire::rtcp::parse(&buf[..len]).unwrap() {
            if let Rtcp::TransportCc(feedback) = packet {
                flights.take_lost(&feedback, overdue, &mut lost);
            }
        }
        lost.iter().map(|flight| flight.sequence).collect()
    }

    #[test]
    fn a_loss_is_told_once_and_what_may_only_be_late_is_not() {
        let (mut flights, now) = (Flights::default(), Instant::now());
        assert_eq!(lost(&mut flights, 0, &[true, false, true, true, true]), [0; 0], "nothing was sent");
        for number in 65_530..65_542u32 {
            flights.sent(number as u16, Flight { stream: Ssrc(9), sequence: (number as u16).wrapping_add(100), sent: now });
        }
        let report = [true, false, true, true, true, true, false, true];
        assert_eq!(lost(&mut flights, 65_530, &report), [65_531u16.wrapping_add(100)]);
        assert_eq!(lost(&mut flights, 65_530, &report), [0; 0], "once");
        let report = [false, true, true, true, true];
        assert_eq!(lost(&mut flights, 0, &report), [100], "across the wrap");
        assert_eq!(lost(&mut flights, 512 + 1, &[false, true, true, true]), [0; 0], "another packet in the same place");
    }
    /// Packets 1 to `count`, one a millisecond.
    fn sent(start: Instant, count: u16) -> Flights {
        let mut flights = Flights::default();
        for number in 1..=count {
            flights.sent(number, Flight { stream: Ssrc(9), sequence: number, sent: start + Duration::from_millis(u64::from(number)) });
        }
        flights
    }

    #[test]
    fn what_may_have_been_overtaken_is_lost_when_the_next_report_does_not_have_it() {
        let mut flights = sent(Instant::now(), 20);
        assert_eq!(lost(&mut flights, 1, &[true, true, true, false, true]), [0; 0], "number 4 may come yet");
        assert_eq!(lost(&mut flights, 6, &[true, true]), [4]);
        assert_eq!(lost(&mut flights, 8, &[true, false, true]), [0; 0]);
        assert_eq!(lost(&mut flights, 9, &[true, true, true]), [0; 0], "it came, and is spoken of again");
        assert_eq!(lost(&mut flights, 12, &[true]), [0; 0]);
    }

    #[test]
    fn when_a_packet_left_is_known_to_the_microsecond_even_when_the_short_clock_has_gone_round() {
        let (start, mut flights) = (Instant::now(), Flights::default());
        let hours = Duration::from_secs(7_200);
        for number in 0..=600u16 {
            let sent = start + if number == 0 { Duration::ZERO } else { hours } + Duration::from_nanos(u64::from(number) * 1_700_300);
            flights.sent(number, Flight { stream: Ssrc(9), sequence: number, sent });
        }
        for number in 150..600 {
            let flight = flights.take(number).unwrap();
            let sent = start + hours + Duration::from_nanos(u64::from(number) * 1_700_300);
            let late = flight.sent.checked_duration_since(sent).expect("never before it was");
            assert!(flight.sequence == number && late <= Duration::from_micros(2), "{late:?}");
        }
    }

    #[test]
    fn what_nobody_speaks_of_is_lost_once_it_is_overdue() {
        let start = Instant::now();
        let mut flights = sent(start, 20);
        let overdue = Some(start + Duration::from_micros(8_010));
        assert_eq!(lost_or_overdue(&mut flights, 1, &[true, true, true], overdue), [4, 5, 6, 7, 8]);
        assert_eq!(lost_or_overdue(&mut flights, 9, &[true; 12], overdue), [0; 0], "they only came late: nothing more");
        let mut flights = sent(start, 20);
        assert_eq!(lost_or_overdue(&mut flights, 40, &[true], overdue), [0; 0], "a report from the future");
    }
}
