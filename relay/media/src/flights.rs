//! Which packets of pictures are on their way to one viewer, so that a loss that transport feedback tells of is repaired without being
//! asked: requests for retransmission are lost as well.

use std::time::Instant;

use wire::ids::Ssrc;
use wire::rtcp::TransportCc;

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
    /// When it was sent.
    pub sent: Instant,
}

/// The packets on their way, by transport-wide number.
#[derive(Debug, Default)]
pub struct Flights {
    sent: ByNumber<Flight, REMEMBERED>,
}

impl Flights {
    /// A packet goes out with this transport-wide number.
    #[inline]
    pub fn sent(&mut self, number: u16, flight: Flight) {
        self.sent.insert(number, flight);
    }

    /// Appends what surely did not arrive by this feedback, each packet once.
    pub fn take_lost(&mut self, feedback: &TransportCc<'_>, lost: &mut Vec<Flight>) {
        if self.sent.is_empty() {
            return;
        }
        let Some(newest) = feedback.packets().filter(|(_, arrival)| arrival.is_some()).map(|(number, _)| number).last() else { return };
        for (number, arrival) in feedback.packets() {
            let overtaken = newest.wrapping_sub(number) < OVERTAKEN;
            if arrival.is_none() && !overtaken {
                lost.extend(self.sent.take(number));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, clippy::unwrap_used)]
    use super::*;
    use wire::rtcp::{Rtcp, RtcpWriter, TransportCcInfo};

    /// What a report on packets from `base` on says to be lost.
    fn lost(flights: &mut Flights, base: u16, arrived: &[bool]) -> Vec<u16> {
        let mut buf = [0; 256];
        let mut writer = RtcpWriter::new(&mut buf);
        let info = TransportCcInfo { base, reference_time: 0, feedback_count: 0 };
        let statuses = arrived.iter().map(|arrived| arrived.then_some(4)).collect::<Vec<_>>();
        writer.transport_cc(Ssrc(1), Ssrc(2), &info, statuses).unwrap();
        let len = writer.finish();
        let mut lost = Vec::new();
        for packet in wire::rtcp::parse(&buf[..len]).unwrap() {
            if let Rtcp::TransportCc(feedback) = packet {
                flights.take_lost(&feedback, &mut lost);
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
}
