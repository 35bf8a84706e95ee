//! One outgoing RTP stream: numbering, header extensions, what was sent lately, and its retransmission stream (RFC 4588).

use std::collections::VecDeque;
use std::time::Duration;

use wire::ext::Ext;
use wire::ids::{Mid, Rid, Ssrc};
use wire::ntp::Ntp;
use wire::rtcp::SenderInfo;
use wire::rtp::{RtpFields, write_header};

use super::entropy::Entropy;
use super::setup::Numbering;

/// Packets kept for retransmission; about 3 s of 1.2 Mbit/s.
const MAX_SENT: usize = 400;
/// Whole packets kept of sound: as long as a copy may be of use, 300 ms and some.
const MAX_SAME: usize = 16;
/// Extensions that one packet carries at most.
const MAX_EXTENSIONS: usize = 4;

/// What never changes about a stream.
#[derive(Clone, Debug)]
pub(super) struct StreamSetup {
    pub(super) mid: Mid,
    pub(super) rid: Option<Rid>,
    pub(super) ssrc: Ssrc,
    pub(super) payload_type: u8,
    pub(super) clock_rate: u32,
    /// SSRC and payload type of the retransmission stream.
    pub(super) rtx: Option<(Ssrc, u8)>,
    /// Without one: whether the same packet goes out again.
    pub(super) again: bool,
}

/// One outgoing stream.
#[derive(Debug)]
pub(super) struct OutStream {
    pub(super) setup: StreamSetup,
    sequence: u16,
    rtx_sequence: u16,
    first_timestamp: u32,
    packets: u32,
    octets: u32,
    sent: VecDeque<Sent>,
    /// Whole packets with their numbers, of a stream that has no retransmission stream: the same goes out again.
    same: VecDeque<(u16, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Sent {
    sequence: u16,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

/// What differs from packet to packet.
pub(super) struct Packet<'a> {
    pub(super) captured: Duration,
    pub(super) marker: bool,
    /// RFC 6464 byte: voice flag and level.
    pub(super) audio_level: Option<u8>,
    pub(super) payload: &'a [u8],
}

impl OutStream {
    pub(super) fn new(setup: StreamSetup, entropy: &mut Entropy) -> Self {
        let numbers = entropy.next();
        Self {
            setup,
            sequence: numbers as u16,
            rtx_sequence: (numbers >> 16) as u16,
            first_timestamp: (numbers >> 32) as u32,
            packets: 0,
            octets: 0,
            sent: VecDeque::new(),
            same: VecDeque::new(),
        }
    }

    /// Writes the next packet and remembers it. `None` when it does not fit.
    pub(super) fn write(&mut self, numbering: &Numbering, transport_seq: &mut u16, packet: &Packet<'_>, out: &mut [u8]) -> Option<usize> {
        let fields = RtpFields {
            marker: packet.marker,
            payload_type: self.setup.payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp(packet.captured),
            ssrc: self.setup.ssrc,
        };
        let rid = self.setup.rid.map(|rid| (Ext::Rid, rid));
        let header = self.header(numbering, &fields, rid, packet.audio_level, transport_seq, out)?;
        out.get_mut(header..header + packet.payload.len())?.copy_from_slice(packet.payload);
        self.remember(&fields, packet.payload);
        self.remember_whole(out.get(..header + packet.payload.len())?);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        Some(header + packet.payload.len())
    }

    /// Writes the retransmission of a packet sent lately: on the RTX stream, the original number in front of the payload
    /// (RFC 4588 section 4). `None` when the packet is forgotten or there is no RTX stream.
    pub(super) fn resend(&mut self, numbering: &Numbering, transport_seq: &mut u16, sequence: u16, out: &mut [u8]) -> Option<usize> {
        let Some((ssrc, payload_type)) = self.setup.rtx else {
            // One nonce, one packet: to the last byte.
            let (_, packet) = self.same.iter().find(|(number, _)| *number == sequence)?;
            out.get_mut(..packet.len())?.copy_from_slice(packet);
            return Some(packet.len());
        };
        let index = self.sent.iter().position(|sent| sent.sequence == sequence)?;
        let (timestamp, marker) = (self.sent[index].timestamp, self.sent[index].marker);
        let fields = RtpFields { marker, payload_type, sequence: self.rtx_sequence, timestamp, ssrc };
        let rid = self.setup.rid.map(|rid| (Ext::RepairedRid, rid));
        let header = self.header(numbering, &fields, rid, None, transport_seq, out)?;
        let payload = &self.sent[index].payload;
        let end = header + 2 + payload.len();
        out.get_mut(header..header + 2)?.copy_from_slice(&sequence.to_be_bytes());
        out.get_mut(header + 2..end)?.copy_from_slice(payload);
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        Some(end)
    }

    /// RTP time of a capture time.
    pub(super) fn timestamp(&self, captured: Duration) -> u32 {
        let ticks = captured.as_nanos() * u128::from(self.setup.clock_rate) / 1_000_000_000;
        self.first_timestamp.wrapping_add(ticks as u32)
    }

    /// A sender report for this moment; `None` before the first packet.
    pub(super) fn sender_report(&self, elapsed: Duration, ntp: Ntp) -> Option<SenderInfo> {
        let (packets, octets) = (self.packets, self.octets);
        (packets > 0).then(|| SenderInfo { ntp, rtp: self.timestamp(elapsed), packets, octets })
    }

    fn header(
        &self,
        numbering: &Numbering,
        fields: &RtpFields,
        rid: Option<(Ext, Rid)>,
        audio_level: Option<u8>,
        transport_seq: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        let id = |ext| numbering.extensions.iter().find(|(_, known)| *known == ext).map(|(id, _)| *id);
        let counter = transport_seq.to_be_bytes();
        let level = [audio_level.unwrap_or_default()];
        let mut extensions: [(u8, &[u8]); MAX_EXTENSIONS] = [(0, &[]); MAX_EXTENSIONS];
        let mut count = 0;
        let mut add = |ext, value| {
            if let (Some(id), Some(place)) = (id(ext), extensions.get_mut(count)) {
                *place = (id, value);
                count += 1;
            }
        };
        add(Ext::TransportCc, &counter);
        add(Ext::Mid, self.setup.mid.as_str().as_bytes());
        if let Some((ext, rid)) = &rid {
            add(*ext, rid.as_str().as_bytes());
        }
        if audio_level.is_some() {
            add(Ext::AudioLevel, &level);
        }
        let len = write_header(out, fields, &extensions[..count])?;
        *transport_seq = transport_seq.wrapping_add(1);
        Some(len)
    }

    fn remember_whole(&mut self, packet: &[u8]) {
        if self.setup.rtx.is_some() || !self.setup.again {
            return;
        }
        let mut whole = if self.same.len() < MAX_SAME { Vec::new() } else { self.same.pop_front().unwrap_or_default().1 };
        whole.clear();
        whole.extend_from_slice(packet);
        self.same.push_back((self.sequence, whole));
    }

    fn remember(&mut self, fields: &RtpFields, payload: &[u8]) {
        if self.setup.rtx.is_none() {
            return;
        }
        let mut entry = if self.sent.len() < MAX_SENT { None } else { self.sent.pop_front() }.unwrap_or_default();
        entry.payload.clear();
        entry.payload.extend_from_slice(payload);
        (entry.sequence, entry.timestamp, entry.marker) = (fields.sequence, fields.timestamp, fields.marker);
        self.sent.push_back(entry);
    }
}
