//! Congestion control feedback by stream: which packets of each stream arrived when, and with which ECN mark (RFC 8888 section 3.1).
//!
//! ```text
//! |                   SSRC of RTCP packet sender                  |
//! |                   SSRC of nth RTP Stream                      |
//! |          begin_seq            |          num_reports          |
//! |R|ECN|  Arrival time offset    | ...                           .
//! |                 Report Timestamp (32 bits)                    |
//! ```

use super::{Packet, Rtcp, RtcpError, RtcpWriter, TRANSPORT_FEEDBACK, WriteError};
use crate::ids::Ssrc;

/// A feedback message as received. What it can claim is bounded by its bytes: two for a packet.
#[derive(Clone, Copy, Debug)]
pub struct Ccfb<'a> {
    /// Who received the packets.
    pub sender: Ssrc,
    /// When this was written, on the receiver's clock: seconds in the upper 16 bits, fraction in the lower, as in the middle of an NTP
    /// timestamp.
    pub timestamp: u32,
    /// Blocks of streams, checked to be complete.
    blocks: &'a [u8],
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CcfbPacket {
    /// Stream.
    pub ssrc: Ssrc,
    /// RTP sequence number.
    pub sequence: u16,
    /// `None`: it did not arrive.
    pub arrival: Option<CcfbArrival>,
}

/// When and how a packet arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CcfbArrival {
    /// How long before [`Ccfb::timestamp`], in 1/1024 s: 0 to 8,189; `None` if that is too long ago or unknown.
    pub offset: Option<u16>,
    /// ECN bits of the IP header (RFC 3168): 3 is "congestion experienced".
    pub ecn: u8,
}

impl<'a> Ccfb<'a> {
    /// Every packet of every stream, in the order written.
    pub fn packets(&self) -> impl Iterator<Item = CcfbPacket> + Clone + use<'a> {
        Blocks { rest: self.blocks }.flat_map(|block| {
            let sequences = (0..=u16::MAX).map(move |nth| block.begin.wrapping_add(nth));
            let metrics = block.metrics.chunks_exact(2).map(|metric| arrival(u16::from_be_bytes([metric[0], metric[1]])));
            sequences.zip(metrics).map(move |(sequence, arrival)| CcfbPacket { ssrc: block.ssrc, sequence, arrival })
        })
    }
}

fn arrival(metric: u16) -> Option<CcfbArrival> {
    // "If the packet arrival is overrange, ATO is 0x1FFE. If unavailable, 0x1FFF."
    let offset = Some(metric & MAX_FIELD).filter(|&offset| offset <= MAX_OFFSET);
    (metric & RECEIVED != 0).then_some(CcfbArrival { offset, ecn: (metric >> 13 & 3) as u8 })
}

/// The part of one stream.
struct Block<'a> {
    ssrc: Ssrc,
    begin: u16,
    /// Two bytes for each packet.
    metrics: &'a [u8],
}

#[derive(Clone)]
struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&[a, b, c, d, begin_high, begin_low, count_high, count_low], rest) = self.rest.split_first_chunk::<8>()?;
        let len = 2 * usize::from(u16::from_be_bytes([count_high, count_low]));
        // "If num_reports is odd, 16 bits of zero padding are added."
        let (metrics, rest) = rest.split_at_checked(len.next_multiple_of(4))?;
        self.rest = rest;
        let ssrc = Ssrc(u32::from_be_bytes([a, b, c, d]));
        Some(Block { ssrc, begin: u16::from_be_bytes([begin_high, begin_low]), metrics: &metrics[..len] })
    }
}

pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let (sender, rest) = packet.body.split_first_chunk::<4>().ok_or(packet.malformed())?;
    let (blocks, timestamp) = rest.split_last_chunk::<4>().ok_or(packet.malformed())?;
    let mut walk = Blocks { rest: blocks };
    walk.by_ref().for_each(drop);
    if !walk.rest.is_empty() {
        return Err(packet.malformed());
    }
    Ok(Rtcp::Ccfb(Ccfb { sender: Ssrc(u32::from_be_bytes(*sender)), timestamp: u32::from_be_bytes(*timestamp), blocks }))
}

impl RtcpWriter<'_> {
    /// Reports for each stream the packets from a first sequence number on, as in [`Ccfb::packets`].
    ///
    /// # Errors
    /// [`WriteError::Full`] if the message does not fit: report fewer packets. [`WriteError::Range`] for a stream with more than 16,384
    /// packets, an offset above 8,189 or more than two ECN bits. Nothing is written then.
    pub fn ccfb(&mut self, sender: Ssrc, timestamp: u32, streams: &[(Ssrc, u16, &[Option<CcfbArrival>])]) -> Result<(), WriteError> {
        self.message(TRANSPORT_FEEDBACK, FORMAT, |body| {
            body.put(&sender.0.to_be_bytes())?;
            for (ssrc, begin, arrivals) in streams {
                let count = u16::try_from(arrivals.len()).ok().filter(|&count| count <= MAX_REPORTS).ok_or(WriteError::Range)?;
                body.put(&ssrc.0.to_be_bytes())?;
                body.put(&begin.to_be_bytes())?;
                body.put(&count.to_be_bytes())?;
                for arrival in *arrivals {
                    body.put(&metric(*arrival)?.to_be_bytes())?;
                }
                body.pad()?;
            }
            body.put(&timestamp.to_be_bytes())
        })
    }
}

fn metric(arrival: Option<CcfbArrival>) -> Result<u16, WriteError> {
    let Some(CcfbArrival { offset, ecn }) = arrival else { return Ok(0) };
    if ecn > 3 || offset.is_some_and(|offset| offset > MAX_OFFSET) {
        return Err(WriteError::Range);
    }
    Ok(RECEIVED | u16::from(ecn) << 13 | offset.unwrap_or(MAX_FIELD))
}

const RECEIVED: u16 = 1 << 15;
/// Longest time that can be told, 1/1024 s.
const MAX_OFFSET: u16 = 0x1ffd;
const MAX_FIELD: u16 = 0x1fff;
/// "The report for a stream must not include more than 16384 metric blocks": so that sequence numbers are never ambiguous.
const MAX_REPORTS: u16 = 16_384;

pub(super) const FORMAT: u8 = 11;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtcp::parse;
    use proptest::prelude::*;

    type Stream = (Ssrc, u16, Vec<Option<CcfbArrival>>);

    fn written(streams: &[Stream]) -> Vec<u8> {
        let mut buf = vec![0xee; 1 << 17];
        let mut writer = RtcpWriter::new(&mut buf);
        let streams: Vec<_> = streams.iter().map(|(ssrc, begin, arrivals)| (*ssrc, *begin, &arrivals[..])).collect();
        writer.ccfb(Ssrc(1), 0x1234_5678, &streams).unwrap();
        let len = writer.finish();
        buf.truncate(len);
        buf
    }

    fn read(datagram: &[u8]) -> Vec<CcfbPacket> {
        let Some(Rtcp::Ccfb(feedback)) = parse(datagram).unwrap().next() else { panic!() };
        assert_eq!((feedback.sender, feedback.timestamp), (Ssrc(1), 0x1234_5678));
        feedback.packets().collect()
    }

    fn at(offset: u16) -> Option<CcfbArrival> {
        Some(CcfbArrival { offset: Some(offset), ecn: 0 })
    }

    #[test]
    fn bytes() {
        let datagram = written(&[(Ssrc(7), 65_535, vec![at(5), None, Some(CcfbArrival { offset: None, ecn: 3 })]), (Ssrc(8), 1, vec![])]);
        let expected = [
            0x8b, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 3, 0x80, 5, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 8, 0, 1, 0, 0, 0x12, 0x34,
            0x56, 0x78,
        ];
        assert_eq!(datagram, expected);
        let packets = read(&datagram);
        assert_eq!(packets.iter().map(|packet| packet.sequence).collect::<Vec<_>>(), [65_535, 0, 1], "padding is no packet");
        assert_eq!(packets[2], CcfbPacket { ssrc: Ssrc(7), sequence: 1, arrival: Some(CcfbArrival { offset: None, ecn: 3 }) });
    }

    #[test]
    fn too_long_ago_is_received_all_the_same() {
        let mut datagram = written(&[(Ssrc(7), 1, vec![at(MAX_OFFSET)])]);
        datagram[17] = 0xfe;
        assert_eq!(read(&datagram)[0].arrival, Some(CcfbArrival { offset: None, ecn: 0 }));
    }

    /// A count beyond the bytes, a block cut off, no timestamp.
    #[test]
    fn lies() {
        let mut claims = written(&[(Ssrc(7), 1, vec![at(1); 4])]);
        claims[14..16].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(parse(&claims).unwrap_err(), RtcpError::Malformed(TRANSPORT_FEEDBACK));
        claims[14..16].copy_from_slice(&[0, 1]);
        assert_eq!(parse(&claims).unwrap_err(), RtcpError::Malformed(TRANSPORT_FEEDBACK), "half a block is left");
        assert_eq!(parse(&[0x8b, 205, 0, 1, 0, 0, 0, 1]).unwrap_err(), RtcpError::Malformed(TRANSPORT_FEEDBACK));
        assert_eq!(parse(&[0x8b, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]).unwrap().count(), 1, "nothing to report");
    }

    #[test]
    fn ranges_and_room() {
        let write =
            |room: usize, arrivals: &[Option<CcfbArrival>]| RtcpWriter::new(&mut vec![0; room]).ccfb(Ssrc(1), 2, &[(Ssrc(3), 4, arrivals)]);
        assert_eq!(write(1 << 17, &[at(1); 16_385]), Err(WriteError::Range));
        assert_eq!(write(1 << 17, &[at(1); 16_384]), Ok(()));
        assert_eq!(write(100, &[at(MAX_OFFSET + 1)]), Err(WriteError::Range));
        assert_eq!(write(100, &[Some(CcfbArrival { offset: None, ecn: 4 })]), Err(WriteError::Range));
        assert_eq!(write(24, &[at(1)]), Ok(()));
        assert_eq!(write(23, &[at(1)]), Err(WriteError::Full));
    }

    fn any_arrival() -> impl Strategy<Value = Option<CcfbArrival>> {
        let offset = proptest::option::weighted(0.9, 0..=MAX_OFFSET);
        proptest::option::weighted(0.8, (offset, 0..4u8).prop_map(|(offset, ecn)| CcfbArrival { offset, ecn }))
    }

    proptest! {
        #![proptest_config(crate::testing::seeded())]

        #[test]
        fn any_streams_survive(streams in proptest::collection::vec((any::<u32>(), any::<u16>(), proptest::collection::vec(any_arrival(), 0..40)), 0..8)) {
            let streams: Vec<Stream> = streams.into_iter().map(|(ssrc, begin, arrivals)| (Ssrc(ssrc), begin, arrivals)).collect();
            let expected: Vec<CcfbPacket> = streams
                .iter()
                .flat_map(|(ssrc, begin, arrivals)| {
                    (0..).zip(arrivals).map(|(nth, arrival)| CcfbPacket { ssrc: *ssrc, sequence: begin.wrapping_add(nth), arrival: *arrival })
                })
                .collect();
            prop_assert_eq!(read(&written(&streams)), expected);
        }
    }
}
