//! RTCP: reads a (possibly reduced-size) compound packet without allocation, and writes one in place.
//!
//! Reports and transport feedback are read by `rtcp-types`. The walk over the compound is ours, as are the lists and all writing: it
//! allocates for every SDES packet it passes and in nearly every builder, and takes the padding of feedback packets for data.

mod bye;
mod ccfb;
mod fir;
mod nack;
mod pli;
mod remb;
mod report;
mod sdes;
mod transport_cc;
mod writer;

pub use bye::ByeSources;
pub use ccfb::{Ccfb, CcfbArrival, CcfbPacket};
pub use fir::FirTargets;
pub use nack::LostSeqs;
pub use report::{ReportBlock, ReportBlocks, SenderInfo};
pub use transport_cc::{MAX_STATUSES, TransportCc, TransportCcInfo};
pub use writer::{RtcpWriter, WriteError};

use crate::ids::Ssrc;
use crate::ntp::Ntp;

/// One RTCP message. SSRCs are as the sender wrote them: check that they are the sender's to speak about.
#[derive(Clone, Copy, Debug)]
pub enum Rtcp<'a> {
    /// RFC 3550 section 6.4.1.
    SenderReport {
        /// The stream that is reported.
        ssrc: Ssrc,
        /// Sending time on the sender's clock.
        ntp: Ntp,
        /// The same instant on the stream's RTP clock.
        rtp: u32,
        /// Packets sent so far, wraps.
        packets: u32,
        /// Payload bytes sent so far, wraps.
        octets: u32,
        /// What the sender receives.
        blocks: ReportBlocks<'a>,
    },
    /// RFC 3550 section 6.4.2.
    ReceiverReport {
        /// Who reports.
        ssrc: Ssrc,
        /// What it receives.
        blocks: ReportBlocks<'a>,
    },
    /// Generic NACK, RFC 4585 section 6.2.1.
    Nack {
        /// Who misses packets.
        sender: Ssrc,
        /// Of which stream.
        media: Ssrc,
        /// Which ones.
        lost: LostSeqs<'a>,
    },
    /// Picture loss indication, RFC 4585 section 6.3.1.
    Pli {
        /// Who needs a keyframe.
        sender: Ssrc,
        /// Of which stream.
        media: Ssrc,
    },
    /// Full intra request, RFC 5104 section 4.3.1.
    Fir {
        /// Who needs keyframes.
        sender: Ssrc,
        /// Of which streams.
        media: FirTargets<'a>,
    },
    /// Transport-wide congestion control feedback.
    TransportCc(TransportCc<'a>),
    /// Congestion control feedback by stream, RFC 8888.
    Ccfb(Ccfb<'a>),
    /// Receiver estimated maximum bitrate, draft-alvestrand-rmcat-remb.
    Remb {
        /// Who estimates.
        sender: Ssrc,
        /// For all streams together, bit/s.
        bitrate: u64,
    },
    /// RFC 3550 section 6.6.
    Bye {
        /// Streams that end.
        ssrcs: ByeSources<'a>,
    },
    /// Anything else (SDES, APP, XR ...), of which only the length was checked.
    Other {
        /// RTCP packet type, 192 to 223.
        packet_type: u8,
    },
}

/// Why a datagram is not RTCP. The sender is to blame in every case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtcpError {
    /// Empty, or a length field reaches beyond the datagram.
    #[error("length does not match")]
    Truncated,
    /// A version is not 2, or a packet type is outside the range of RFC 5761.
    #[error("not RTCP")]
    NotRtcp,
    /// A padding count of zero or beyond the message.
    #[error("bad padding")]
    Padding,
    /// The message is too short for its packet type, given here.
    #[error("malformed message of packet type {0}")]
    Malformed(u8),
}

/// Checks a whole datagram and iterates over its messages. Decrypt it first.
///
/// # Errors
/// [`RtcpError`] for the first message that is wrong: a datagram is taken as a whole or not at all.
pub fn parse(datagram: &[u8]) -> Result<Packets<'_>, RtcpError> {
    if datagram.is_empty() {
        return Err(RtcpError::Truncated);
    }
    let mut rest = datagram;
    while !rest.is_empty() {
        let (packet, after) = Packet::split(rest)?;
        packet.read()?;
        rest = after;
    }
    Ok(Packets { rest: datagram, statuses_left: MAX_STATUSES })
}

/// Iterator over the messages of one datagram; made by [`parse`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
    /// Packet statuses that the transport feedback to come may still hold.
    statuses_left: usize,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Rtcp<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        // `parse` has been through all of them without an error.
        let (packet, rest) = Packet::split(self.rest).ok()?;
        self.rest = rest;
        let mut message = packet.read().ok()?;
        if let Rtcp::TransportCc(feedback) = &mut message {
            self.statuses_left -= feedback.limit_to(self.statuses_left);
        }
        Some(message)
    }
}

impl std::iter::FusedIterator for Packets<'_> {}

/// One message with its common header.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |V=2|P| count   |  packet type  |  length in words, minus one   |
/// ```
#[derive(Clone, Copy)]
struct Packet<'a> {
    /// Header and body as received.
    whole: &'a [u8],
    /// Report count, source count or feedback message type; 0 to 31.
    count: u8,
    packet_type: u8,
    /// Without header and padding.
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    fn split(datagram: &'a [u8]) -> Result<(Self, &'a [u8]), RtcpError> {
        let (head, _) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(RtcpError::Truncated)?;
        let (count, packet_type) = (head[0] & 0x1f, head[1]);
        if head[0] >> 6 != 2 || !PACKET_TYPES.contains(&packet_type) {
            return Err(RtcpError::NotRtcp);
        }
        let len = 4 * (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1);
        let (whole, rest) = datagram.split_at_checked(len).ok_or(RtcpError::Truncated)?;
        let mut body = &whole[HEADER_LEN..];
        if head[0] & PADDING_BIT != 0 {
            // RFC 3550 wants padding in the last message only and in multiples of four. Browsers set the bit on any transport feedback
            // and count just the 1 to 3 bytes that align it, so only what would be impossible is refused.
            let count = body.last().map_or(0, |&count| usize::from(count));
            if count == 0 || count > body.len() {
                return Err(RtcpError::Padding);
            }
            body = &body[..body.len() - count];
        }
        Ok((Self { whole, count, packet_type, body }, rest))
    }

    fn read(self) -> Result<Rtcp<'a>, RtcpError> {
        match (self.packet_type, self.count) {
            (SENDER_REPORT, _) => report::read_sender(self),
            (RECEIVER_REPORT, _) => report::read_receiver(self),
            (GOODBYE, _) => bye::read(self),
            (TRANSPORT_FEEDBACK, nack::FORMAT) => nack::read(self),
            (TRANSPORT_FEEDBACK, transport_cc::FORMAT) => transport_cc::read(self),
            (TRANSPORT_FEEDBACK, ccfb::FORMAT) => ccfb::read(self),
            (PAYLOAD_FEEDBACK, remb::FORMAT) => remb::read(self),
            (PAYLOAD_FEEDBACK, pli::FORMAT) => pli::read(self),
            (PAYLOAD_FEEDBACK, fir::FORMAT) => fir::read(self),
            (packet_type, _) => Ok(Rtcp::Other { packet_type }),
        }
    }

    const fn malformed(self) -> RtcpError {
        RtcpError::Malformed(self.packet_type)
    }

    /// Sender, media source and control information of a feedback message (RFC 4585 section 6.1).
    fn feedback(self) -> Result<(Ssrc, Ssrc, &'a [u8]), RtcpError> {
        let (ssrcs, control) = self.body.split_first_chunk::<8>().ok_or(self.malformed())?;
        let [a, b, c, d, e, f, g, h] = *ssrcs;
        Ok((Ssrc(u32::from_be_bytes([a, b, c, d])), Ssrc(u32::from_be_bytes([e, f, g, h])), control))
    }
}

const HEADER_LEN: usize = 4;
const PADDING_BIT: u8 = 0x20;
/// What RFC 5761 section 4 leaves to RTCP on a shared port.
const PACKET_TYPES: std::ops::RangeInclusive<u8> = 192..=223;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A message of `packet_type` with `count` and a body.
    fn message(first: u8, packet_type: u8, body: &[u8]) -> Vec<u8> {
        [&[0x80 | first, packet_type, 0, (body.len() / 4) as u8], body].concat()
    }

    fn other(packet_type: u8) -> Vec<u8> {
        message(1, packet_type, b"bodybody")
    }

    #[test]
    fn compound_of_several() {
        let datagram = [other(SOURCE_DESCRIPTION), message(1, PAYLOAD_FEEDBACK, &[0, 0, 0, 1, 0, 0, 0, 2]), other(207)].concat();
        let mut packets = parse(&datagram).unwrap();
        assert!(matches!(packets.next(), Some(Rtcp::Other { packet_type: SOURCE_DESCRIPTION })));
        assert!(matches!(packets.next(), Some(Rtcp::Pli { sender: Ssrc(1), media: Ssrc(2) })));
        assert!(matches!(packets.next(), Some(Rtcp::Other { packet_type: 207 })));
        assert!(packets.next().is_none());
    }

    #[test]
    fn every_truncation_is_an_error() {
        let datagram = [other(200 + 4), other(207)].concat();
        for len in (0..datagram.len()).filter(|&len| len != 12) {
            assert_eq!(parse(&datagram[..len]).unwrap_err(), RtcpError::Truncated, "{len} bytes");
        }
        assert_eq!(parse(&datagram).unwrap().count(), 2);
    }

    /// The last message decides as much as the first: all or nothing.
    #[test]
    fn one_bad_message_spoils_all() {
        let short_pli = message(1, PAYLOAD_FEEDBACK, &[0; 4]);
        let error = parse(&[other(207), short_pli].concat()).unwrap_err();
        assert_eq!(error, RtcpError::Malformed(PAYLOAD_FEEDBACK));
    }

    #[test]
    fn versions_and_types() {
        for first in [0x00, 0x40, 0xc0] {
            let mut datagram = [other(207), other(207)].concat();
            datagram[12] = first;
            assert_eq!(parse(&datagram).unwrap_err(), RtcpError::NotRtcp, "also of the second message");
        }
        for packet_type in [0, 191, 224, 255] {
            assert_eq!(parse(&other(packet_type)).unwrap_err(), RtcpError::NotRtcp);
        }
    }

    #[test]
    fn padding() {
        let padded = |last: u8| message(PADDING_BIT | 1, PAYLOAD_FEEDBACK, &[&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0][..], &[last]].concat());
        assert!(matches!(parse(&padded(4)).unwrap().next(), Some(Rtcp::Pli { media: Ssrc(2), .. })));
        assert_eq!(parse(&padded(8)).unwrap_err(), RtcpError::Malformed(PAYLOAD_FEEDBACK), "eats an SSRC");
        for count in [0, 16, 255] {
            assert_eq!(parse(&padded(count)).unwrap_err(), RtcpError::Padding, "{count}");
        }
        assert_eq!(parse(&[padded(4), other(207)].concat()).unwrap().count(), 2, "browsers pad inside a compound packet");
        assert_eq!(parse(&message(PADDING_BIT, 207, &[])).unwrap_err(), RtcpError::Padding, "no room for a count");
    }

    /// Chromium's own bytes: the padding bit with a count of 3, which is no multiple of four.
    #[test]
    fn transport_feedback_of_a_browser() {
        let datagram = [
            0xaf, 0xcd, 0x00, 0x07, 0xb0, 0x29, 0x1b, 0xdc, 0x6a, 0xbd, 0x18, 0x7b, 0x26, 0x2e, 0x00, 0x07, 0x01, 0x06, 0x54, 0x00, 0x20,
            0x07, 0xc0, 0x4a, 0x37, 0x00, 0x00, 0x48, 0x1d, 0x00, 0x00, 0x03,
        ];
        let Some(Rtcp::TransportCc(feedback)) = parse(&datagram).unwrap().next() else { panic!("not transport feedback") };
        let received: Vec<u16> = feedback.packets().filter(|(_, delta)| delta.is_some()).map(|(sequence, _)| sequence).collect();
        assert_eq!(received, (0x262e..0x262e + 7).collect::<Vec<u16>>());
    }

    #[test]
    fn feedback_of_unknown_format_is_other() {
        for packet_type in [TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK] {
            let datagram = message(31, packet_type, &[0; 8]);
            assert!(matches!(parse(&datagram).unwrap().next(), Some(Rtcp::Other { .. })));
        }
    }
}
