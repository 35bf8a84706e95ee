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

/// Most packet statuses read from one message. Run lengths let 20 bytes claim 65,535 packets; a feedback interval of 250 ms at
/// 100 Mbit/s holds 2,600.
pub const MAX_STATUSES: usize = 8192;

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
}

impl<'a> TransportCc<'a> {
    /// One entry per packet, in the order of their transport-wide sequence numbers from `info.base`: `None` if it is lost, else the
    /// time since the previous received packet in units of 250 us.
    ///
    /// Ends at [`MAX_STATUSES`], and early at the first status that is cut off or of the reserved kind.
    pub fn packets(&self) -> impl Iterator<Item = (u16, Option<i16>)> + use<'a> {
        let statuses = Twcc::parse(self.control).ok().into_iter().flat_map(|feedback| feedback.packets());
        statuses.take(MAX_STATUSES).map_while(|status| match status.ok()? {
            (seq, TwccPacketStatus::NotReceived) => Some((seq, None)),
            (seq, TwccPacketStatus::Received { delta }) => Some((seq, Some(delta))),
        })
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
    Ok(Rtcp::TransportCc(TransportCc { sender, media, info, control }))
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
