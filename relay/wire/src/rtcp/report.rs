//! Sender and receiver reports with their report blocks (RFC 3550 section 6.4).

use std::time::Duration;

use rtcp_types::prelude::*;

use super::writer::Body;
use super::{Packet, RECEIVER_REPORT, Rtcp, RtcpError, RtcpWriter, SENDER_REPORT, WriteError};
use crate::ids::Ssrc;
use crate::ntp::Ntp;

/// How one stream is received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: Ssrc,
    /// Packets lost since the previous report, in 1/256 of those expected.
    pub fraction_lost: u8,
    /// Packets lost so far; negative with duplicates. 24 bits on the wire, written saturated.
    pub cumulative_lost: i32,
    /// Highest sequence number received, extended by the number of cycles.
    pub highest_sequence: u32,
    /// Interarrival jitter in ticks of the stream's clock.
    pub jitter: u32,
    /// [`Ntp::middle32`] of the last sender report, 0 without one.
    pub last_sr: u32,
    /// Time from its arrival to this report, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    /// Round trip between us and the reporter: `now - LSR - DLSR` (RFC 3550 section 6.4.1), to 1/65536 s, where LSR was stamped with
    /// the clock of `now`. `None` without a sender report, or if the times contradict each other.
    #[must_use]
    pub fn round_trip(&self, now: Ntp) -> Option<Duration> {
        if self.last_sr == 0 {
            return None;
        }
        let elapsed = now.middle32().wrapping_sub(self.last_sr);
        let round_trip = elapsed.wrapping_sub(self.delay_since_last_sr).cast_signed();
        // Each of the three values is rounded, so a very short round trip may come out a little below zero.
        (round_trip >= -ROUNDING).then(|| Duration::from_micros(round_trip.max(0).unsigned_abs().into()) * 15_625 / 1024)
    }

    fn read(block: &rtcp_types::ReportBlock<'_>) -> Self {
        Self {
            ssrc: Ssrc(block.ssrc()),
            fraction_lost: block.fraction_lost(),
            // 24-bit two's complement.
            cumulative_lost: (block.cumulative_lost() << 8).cast_signed() >> 8,
            highest_sequence: block.extended_sequence_number(),
            jitter: block.interarrival_jitter(),
            last_sr: block.last_sender_report_timestamp(),
            delay_since_last_sr: block.delay_since_last_sender_report_timestamp(),
        }
    }

    fn write(&self, body: &mut Body<'_>) -> Result<(), WriteError> {
        let lost = self.cumulative_lost.clamp(-(1 << 23), (1 << 23) - 1).to_be_bytes();
        body.put(&self.ssrc.0.to_be_bytes())?;
        body.put(&[self.fraction_lost, lost[1], lost[2], lost[3]])?;
        for field in [self.highest_sequence, self.jitter, self.last_sr, self.delay_since_last_sr] {
            body.put(&field.to_be_bytes())?;
        }
        Ok(())
    }
}

/// Iterator over the blocks of a report, at most 31.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a> {
    rest: &'a [u8],
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<Self::Item> {
        let (block, rest) = self.rest.split_at_checked(BLOCK_LEN)?;
        self.rest = rest;
        rtcp_types::ReportBlock::parse(block).ok().map(|block| ReportBlock::read(&block))
    }
}

pub(super) fn read_sender(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let report = rtcp_types::SenderReport::parse(packet.whole).map_err(|_| packet.malformed())?;
    Ok(Rtcp::SenderReport {
        ssrc: Ssrc(report.ssrc()),
        ntp: Ntp(report.ntp_timestamp()),
        rtp: report.rtp_timestamp(),
        packets: report.packet_count(),
        octets: report.octet_count(),
        blocks: blocks(packet, 4 + SENDER_INFO_LEN)?,
    })
}

pub(super) fn read_receiver(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let report = rtcp_types::ReceiverReport::parse(packet.whole).map_err(|_| packet.malformed())?;
    Ok(Rtcp::ReceiverReport { ssrc: Ssrc(report.ssrc()), blocks: blocks(packet, 4)? })
}

/// The announced blocks; profile-specific extensions may follow them.
fn blocks<'a>(packet: Packet<'a>, start: usize) -> Result<ReportBlocks<'a>, RtcpError> {
    let end = start + usize::from(packet.count) * BLOCK_LEN;
    packet.body.get(start..end).map(|rest| ReportBlocks { rest }).ok_or(packet.malformed())
}

/// The sender's part of a sender report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    /// Now.
    pub ntp: Ntp,
    /// Now on the stream's RTP clock.
    pub rtp: u32,
    /// Packets sent so far, wraps.
    pub packets: u32,
    /// Payload bytes sent so far, wraps.
    pub octets: u32,
}

impl RtcpWriter<'_> {
    /// A sender report with up to 31 report blocks.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn sender_report(&mut self, ssrc: Ssrc, info: &SenderInfo, blocks: &[ReportBlock]) -> Result<(), WriteError> {
        self.message(SENDER_REPORT, report_count(blocks)?, |body| {
            body.put(&ssrc.0.to_be_bytes())?;
            body.put(&info.ntp.0.to_be_bytes())?;
            for field in [info.rtp, info.packets, info.octets] {
                body.put(&field.to_be_bytes())?;
            }
            blocks.iter().try_for_each(|block| block.write(body))
        })
    }

    /// A receiver report with up to 31 report blocks; without any it serves as the first packet of a compound (RFC 3550 section 6.1).
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn receiver_report(&mut self, ssrc: Ssrc, blocks: &[ReportBlock]) -> Result<(), WriteError> {
        self.message(RECEIVER_REPORT, report_count(blocks)?, |body| {
            body.put(&ssrc.0.to_be_bytes())?;
            blocks.iter().try_for_each(|block| block.write(body))
        })
    }
}

fn report_count(blocks: &[ReportBlock]) -> Result<u8, WriteError> {
    u8::try_from(blocks.len()).ok().filter(|&count| count <= MAX_BLOCKS).ok_or(WriteError::Range)
}

/// The report count has five bits.
const MAX_BLOCKS: u8 = 31;
const BLOCK_LEN: usize = rtcp_types::ReportBlock::EXPECTED_SIZE;
/// NTP time, RTP time, packets, octets; bytes.
const SENDER_INFO_LEN: usize = 20;
/// In 1/65536 s.
const ROUNDING: i32 = 2;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtcp::parse;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: Ssrc(0x0102_0304),
        fraction_lost: 64,
        cumulative_lost: -2,
        highest_sequence: 0x0001_ffff,
        jitter: 900,
        last_sr: 0xb705_2000,
        delay_since_last_sr: 0x0005_4000,
    };

    #[test]
    fn bytes_of_a_receiver_report() {
        let mut buf = [0; 64];
        let mut writer = RtcpWriter::new(&mut buf);
        writer.receiver_report(Ssrc(0x0a0b_0c0d), &[BLOCK]).unwrap();
        let len = writer.finish();
        let expected = [
            0x81, 201, 0, 7, 0x0a, 0x0b, 0x0c, 0x0d, 1, 2, 3, 4, 64, 0xff, 0xff, 0xfe, 0, 1, 0xff, 0xff, 0, 0, 3, 0x84, 0xb7, 5, 0x20, 0,
            0, 5, 0x40, 0,
        ];
        assert_eq!(buf[..len], expected);
        let Some(Rtcp::ReceiverReport { ssrc, mut blocks }) = parse(&buf[..len]).unwrap().next() else { panic!() };
        assert_eq!((ssrc, blocks.next(), blocks.next()), (Ssrc(0x0a0b_0c0d), Some(BLOCK), None));
    }

    #[test]
    fn sender_report_survives() {
        let info = SenderInfo { ntp: Ntp(0x0123_4567_89ab_cdef), rtp: 0xffff_fff0, packets: 7, octets: 8 };
        let mut buf = [0; 1000];
        for count in 0..=31 {
            let blocks: Vec<_> = (0..count).map(|index| ReportBlock { ssrc: Ssrc(index), ..BLOCK }).collect();
            let mut writer = RtcpWriter::new(&mut buf);
            writer.sender_report(Ssrc(5), &info, &blocks).unwrap();
            let len = writer.finish();
            let Some(Rtcp::SenderReport { ssrc, ntp, rtp, packets, octets, blocks: read }) = parse(&buf[..len]).unwrap().next() else {
                panic!()
            };
            assert_eq!((ssrc, ntp, rtp, packets, octets), (Ssrc(5), info.ntp, info.rtp, 7, 8));
            assert_eq!(read.collect::<Vec<_>>(), blocks);
        }
        assert_eq!(RtcpWriter::new(&mut buf).sender_report(Ssrc(5), &info, &[BLOCK; 32]), Err(WriteError::Range));
    }

    #[test]
    fn announced_blocks_must_be_there() {
        let mut buf = [0; 100];
        let mut writer = RtcpWriter::new(&mut buf);
        writer.receiver_report(Ssrc(1), &[BLOCK]).unwrap();
        let len = writer.finish();
        buf[0] += 1;
        assert_eq!(parse(&buf[..len]).unwrap_err(), RtcpError::Malformed(RECEIVER_REPORT));
        buf[0] -= 2;
        let Some(Rtcp::ReceiverReport { blocks, .. }) = parse(&buf[..len]).unwrap().next() else { panic!() };
        assert_eq!(blocks.count(), 0, "the rest is a profile-specific extension");
    }

    #[test]
    fn cumulative_loss_saturates() {
        for (lost, written) in [(i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000), (-1, -1), (0x7f_ffff, 0x7f_ffff)] {
            let mut buf = [0; 32];
            RtcpWriter::new(&mut buf).receiver_report(Ssrc(1), &[ReportBlock { cumulative_lost: lost, ..BLOCK }]).unwrap();
            let Some(Rtcp::ReceiverReport { mut blocks, .. }) = parse(&buf).unwrap().next() else { panic!() };
            assert_eq!(blocks.next().unwrap().cumulative_lost, written);
        }
    }

    /// The example of RFC 3550 section 6.4.1, figure 2: 6.125 s.
    #[test]
    fn round_trip_of_the_rfc() {
        let now = Ntp(0xb710_8000 << 16);
        assert_eq!(BLOCK.round_trip(now), Some(Duration::from_millis(6125)));
    }

    #[test]
    fn round_trip_at_the_edges() {
        let at = |middle: u32, last_sr, delay_since_last_sr| {
            ReportBlock { last_sr, delay_since_last_sr, ..BLOCK }.round_trip(Ntp(u64::from(middle) << 16))
        };
        assert_eq!(at(100, 0, 0), None, "no sender report yet");
        assert_eq!(at(100, 90, 10), Some(Duration::ZERO));
        assert_eq!(at(100, 90, 12), Some(Duration::ZERO), "rounding");
        assert_eq!(at(100, 90, 13), None, "claims a delay longer than the time that passed");
        assert_eq!(at(0x8000, u32::MAX - 0x7fff, 0), Some(Duration::from_secs(1)), "across the wrap");
        assert_eq!(at(100, 200, 0), None, "stamped in the future");
    }
}
