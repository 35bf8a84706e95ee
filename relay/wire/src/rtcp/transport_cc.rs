//! Transport-wide congestion control feedback: which packets of all streams arrived when
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
//!
//! ```text
//! |      base sequence number     |      packet status count      |
//! |                 reference time                | fb pkt. count |
//! |          packet chunk         |         packet chunk          |
//! |         packet chunk          |  recv delta   |  recv delta   |
//! ```

use rtcp_types::{FciParser, Twcc, TwccPacketStatus};

use super::writer::Body;
use super::{Packet, Rtcp, RtcpError, RtcpWriter, TRANSPORT_FEEDBACK, WriteError};
use crate::ids::Ssrc;

/// Most packet statuses read from one datagram. Run lengths let 20 bytes claim 65,535 packets, and a datagram has room for dozens of such
/// messages; a feedback interval of 250 ms at 100 Mbit/s holds 2,600.
pub const MAX_STATUSES: usize = 4096;

/// The fixed part of a feedback message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransportCcInfo {
    /// Transport-wide sequence number of the first status.
    pub base: u16,
    /// In units of 64 ms on the receiver's clock, modulo 2^24. The first delta counts from here.
    pub reference_time: u32,
    /// One more than in the previous message, modulo 256.
    pub feedback_count: u8,
}

/// A feedback message as received.
#[derive(Clone, Copy, Debug)]
pub struct TransportCc<'a> {
    /// Who received the packets.
    pub sender: Ssrc,
    /// Any one of the streams; without meaning.
    pub media: Ssrc,
    /// The fixed part.
    pub info: TransportCcInfo,
    control: &'a [u8],
    /// Statuses that are read: as many as are claimed, as far as the datagram's limit allows.
    statuses: usize,
}

impl<'a> TransportCc<'a> {
    /// One entry per packet, in the order of their transport-wide sequence numbers from `info.base`: `None` if it is lost, else the
    /// time since the previous received packet in units of 250 us.
    ///
    /// Ends early at the limit of [`MAX_STATUSES`] for all messages of a datagram, and at a status that is cut off or of the reserved kind.
    pub fn packets(&self) -> impl Iterator<Item = (u16, Option<i16>)> + use<'a> {
        let statuses = Twcc::parse(self.control).ok().into_iter().flat_map(|feedback| feedback.packets());
        statuses.take(self.statuses).map_while(|status| match status.ok()? {
            (seq, TwccPacketStatus::NotReceived) => Some((seq, None)),
            (seq, TwccPacketStatus::Received { delta }) => Some((seq, Some(delta))),
        })
    }

    /// Allows at most `left` statuses and gives how many of them this message takes.
    pub fn limit_to(&mut self, left: usize) -> usize {
        self.statuses = self.statuses.min(left);
        self.statuses
    }
}

pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let (sender, media, control) = packet.feedback()?;
    let feedback = Twcc::parse(control).map_err(|_| packet.malformed())?;
    let info = TransportCcInfo {
        base: feedback.base_sequence_number(),
        reference_time: feedback.reference_time(),
        feedback_count: feedback.feedback_packet_count(),
    };
    // Behind the base sequence number; `Twcc::parse` checked that the fixed part is there.
    let statuses = control.get(2..4).map_or(0, |count| usize::from(u16::from_be_bytes([count[0], count[1]])));
    Ok(Rtcp::TransportCc(TransportCc { sender, media, info, control, statuses }))
}

impl RtcpWriter<'_> {
    /// Reports the packets from `info.base` on, one status each, as in [`TransportCc::packets`]. Only the low 24 bits of the reference
    /// time are written.
    ///
    /// # Errors
    /// [`WriteError::Full`] if the message does not fit: report fewer packets. [`WriteError::Range`] without statuses or with more
    /// than 65,535. Nothing is written then.
    pub fn transport_cc<I>(&mut self, sender: Ssrc, media: Ssrc, info: &TransportCcInfo, statuses: I) -> Result<(), WriteError>
    where
        I: IntoIterator<Item = Option<i16>>,
        I::IntoIter: Clone,
    {
        let statuses = statuses.into_iter();
        let count = u16::try_from(statuses.clone().take(1 << 16).count()).ok().filter(|&count| count > 0);
        let count = count.ok_or(WriteError::Range)?;
        let [_, time @ ..] = info.reference_time.to_be_bytes();
        self.message(TRANSPORT_FEEDBACK, FORMAT, |body| {
            body.feedback(sender, media)?;
            body.put(&info.base.to_be_bytes())?;
            body.put(&count.to_be_bytes())?;
            body.put(&time)?;
            body.put(&[info.feedback_count])?;
            write_chunks(body, statuses.clone().map(Symbol::of))?;
            for delta in statuses.flatten() {
                match u8::try_from(delta) {
                    Ok(small) => body.put(&[small])?,
                    Err(_) => body.put(&delta.to_be_bytes())?,
                }
            }
            body.pad()
        })
    }
}

/// How a packet's status is announced in a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
enum Symbol {
    NotReceived = 0,
    /// Delta in one byte, 0 to 63.75 ms.
    Small = 1,
    /// Delta in two bytes, signed.
    Large = 2,
}

impl Symbol {
    fn of(status: Option<i16>) -> Self {
        match status {
            None => Self::NotReceived,
            Some(0..=255) => Self::Small,
            Some(_) => Self::Large,
        }
    }
}

/// Each chunk takes the form that covers most packets: a run of equal symbols, 14 one-bit symbols, or 7 two-bit symbols. Linear in the
/// number of symbols: a run that was counted is either written or shorter than 14.
fn write_chunks(body: &mut Body<'_>, mut symbols: impl Iterator<Item = Symbol> + Clone) -> Result<(), WriteError> {
    while let Some(first) = symbols.clone().next() {
        let run = symbols.clone().take(MAX_RUN).take_while(|&symbol| symbol == first).count();
        let window = symbols.clone().take(ONE_BIT_SLOTS);
        let (prefix, slots) = if window.clone().any(|symbol| symbol == Symbol::Large) {
            (TWO_BIT_VECTOR, TWO_BIT_SLOTS)
        } else {
            (ONE_BIT_VECTOR, ONE_BIT_SLOTS)
        };
        let in_vector = window.clone().take(slots).count();
        let (chunk, covered) = if run >= in_vector {
            ((first as u16) << 13 | run as u16, run)
        } else {
            (prefix | vector(window.take(slots), slots), in_vector)
        };
        body.put(&chunk.to_be_bytes())?;
        symbols.by_ref().take(covered).for_each(drop);
    }
    Ok(())
}

/// Fourteen bits for `slots` symbols, the first on top; empty slots read as not received and lie beyond the status count.
fn vector(symbols: impl Iterator<Item = Symbol>, slots: usize) -> u16 {
    let width = ONE_BIT_SLOTS / slots;
    (1..).zip(symbols).fold(0, |bits, (nth, symbol)| bits | (symbol as u16) << (ONE_BIT_SLOTS - nth * width))
}

const MAX_RUN: usize = (1 << 13) - 1;
const ONE_BIT_VECTOR: u16 = 0b10 << 14;
const ONE_BIT_SLOTS: usize = 14;
const TWO_BIT_VECTOR: u16 = 0b11 << 14;
const TWO_BIT_SLOTS: usize = 7;

pub(super) const FORMAT: u8 = 15;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    // Binary literals are grouped as the fields are.
    #![allow(clippy::unusual_byte_groupings)]
    use super::*;
    use crate::rtcp::parse;
    use proptest::prelude::*;

    const INFO: TransportCcInfo = TransportCcInfo { base: 65_530, reference_time: 0x00ab_cdef, feedback_count: 9 };

    fn written(statuses: &[Option<i16>]) -> Vec<u8> {
        let mut buf = vec![0xee; 1 << 18];
        let mut writer = RtcpWriter::new(&mut buf);
        writer.transport_cc(Ssrc(1), Ssrc(2), &INFO, statuses.iter().copied()).unwrap();
        let len = writer.finish();
        buf.truncate(len);
        buf
    }

    fn read(datagram: &[u8]) -> TransportCc<'_> {
        let Some(Rtcp::TransportCc(feedback)) = parse(datagram).unwrap().next() else { panic!() };
        feedback
    }

    fn statuses(datagram: &[u8]) -> Vec<Option<i16>> {
        read(datagram).packets().map(|(_, status)| status).collect()
    }

    #[test]
    fn fixed_part_and_numbering() {
        let datagram = written(&[Some(1); 10]);
        let feedback = read(&datagram);
        assert_eq!((feedback.sender, feedback.media, feedback.info), (Ssrc(1), Ssrc(2), INFO));
        let seqs: Vec<u16> = feedback.packets().map(|(seq, _)| seq).collect();
        assert_eq!(seqs, [65_530, 65_531, 65_532, 65_533, 65_534, 65_535, 0, 1, 2, 3]);
    }

    /// The first chunk follows 12 bytes of feedback header and 8 of the fixed part. It takes the form that covers most packets.
    #[test]
    fn first_chunk() {
        let chunk = |statuses: &[Option<i16>]| {
            let datagram = written(statuses);
            u16::from_be_bytes([datagram[20], datagram[21]])
        };
        let mut alternating = [Some(4), None].repeat(7);
        assert_eq!(chunk(&[Some(4); 20]), 1 << 13 | 20, "a run of small deltas");
        assert_eq!(chunk(&[Some(-1); 20]), 2 << 13 | 20, "a run of large deltas");
        assert_eq!(chunk(&[None; 9000]), 8191, "the longest run");
        assert_eq!(chunk(&[Some(4), None, None]), 0b10_1000_0000_0000_00, "one bit each");
        assert_eq!(chunk(&alternating), 0b10_1010_1010_1010_10);
        alternating[13] = Some(256);
        assert_eq!(chunk(&alternating), 0b11_0100_0100_0100_01, "a large delta in reach: two bits each");
    }

    #[test]
    fn smallest_and_largest_deltas() {
        let all = [Some(0), Some(255), Some(256), Some(-1), Some(i16::MAX), Some(i16::MIN), None, Some(0)];
        assert_eq!(statuses(&written(&all)), all);
    }

    /// 65,535 packets claimed in 20 bytes of control information are read as far as the limit, however often a datagram repeats that.
    #[test]
    fn hostile_claims_are_bounded_per_datagram() {
        let mut message = vec![0x8f, 205, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
        message.extend([0x1f, 0xff].repeat(6));
        assert_eq!(statuses(&message), vec![None; MAX_STATUSES]);

        let honest = written(&[Some(1); 1000]);
        let datagram = [&honest[..], &message.repeat(30), &honest].concat();
        let counts: Vec<usize> = parse(&datagram)
            .unwrap()
            .map(|message| {
                let Rtcp::TransportCc(feedback) = message else { panic!() };
                feedback.packets().count()
            })
            .collect();
        assert_eq!(counts[..2], [1000, MAX_STATUSES - 1000]);
        assert_eq!(counts[2..], [0; 30]);
    }

    #[test]
    fn ends_early_at_what_is_missing() {
        let with = |chunk: u16, deltas: [u8; 2]| {
            let [high, low] = chunk.to_be_bytes();
            let datagram = [0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, high, low, deltas[0], deltas[1]];
            statuses(&datagram)
        };
        assert_eq!(with(1 << 13 | 5, [7, 8]), [Some(7), Some(8)], "three deltas are missing");
        assert_eq!(with(2 << 13 | 5, [0xff, 0xfe]), [Some(-2)], "four deltas are missing");
        assert_eq!(with(0b11_01_11_00_00_00_00_00, [7, 8]), [Some(7)], "reserved symbol");
        assert_eq!(with(2, [0, 3]), [None; 5]);
        assert_eq!(with(0, [0, 0]), [], "empty runs");
    }

    #[test]
    fn too_short_for_the_fixed_part() {
        let datagram = [0x8f, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5];
        assert_eq!(parse(&datagram).unwrap_err(), RtcpError::Malformed(TRANSPORT_FEEDBACK));
    }

    #[test]
    fn ranges_and_room() {
        let write = |room: usize, count: usize| {
            let mut buf = vec![0; room];
            let mut writer = RtcpWriter::new(&mut buf);
            let result = writer.transport_cc(Ssrc(1), Ssrc(2), &INFO, vec![Some(1); count]);
            result.map(|()| writer.finish())
        };
        assert_eq!(write(1000, 0), Err(WriteError::Range));
        assert_eq!(write(1 << 18, 65_536), Err(WriteError::Range));
        assert_eq!(write(1 << 17, 65_535), Ok(20 + 2 * 9 + 65_535 + 3));
        assert_eq!(write(28, 6), Ok(28));
        assert_eq!(write(27, 6), Err(WriteError::Full), "padding counts");
    }

    fn status() -> impl Strategy<Value = Option<i16>> {
        prop_oneof![3 => Just(None), 6 => (0..256i16).prop_map(Some), 1 => any::<i16>().prop_map(Some)]
    }

    proptest! {
        #![proptest_config(crate::testing::seeded())]

        #[test]
        fn any_statuses_survive(list in proptest::collection::vec((status(), 1..40usize), 1..60)) {
            // Runs, as real traffic has them.
            let list: Vec<Option<i16>> = list.into_iter().flat_map(|(status, run)| std::iter::repeat_n(status, run)).collect();
            let datagram = written(&list);
            prop_assert_eq!(statuses(&datagram), list.clone());
            // No chunk form covers fewer than seven packets, except the last.
            let deltas: usize = list.iter().flatten().map(|delta| if (0..256).contains(delta) { 1 } else { 2 }).sum();
            prop_assert!(datagram.len() <= 20 + 2 * list.len().div_ceil(7) + deltas + 3);
        }
    }
}
