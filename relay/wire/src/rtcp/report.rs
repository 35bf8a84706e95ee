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
