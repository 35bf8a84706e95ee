//! Writes what was admitted, and padding.

use std::time::Instant;

use wire::ext::{Ext, ExtMap};
use wire::rtp::RtpFields;

use super::{Slot, SlotConfig};
use crate::history::SameAgain;
use crate::rewrite::{Stamps, translate, write_head, write_payload};
use crate::segment::Pictures;
use crate::window::Window;
use crate::{CodecOut, Inbound, Packet, Ticket};

/// Bytes of padding in one packet: its count has one byte, and Chromium sends so many at most.
pub(super) const MAX_PADDING: usize = 224;

impl Slot {
    /// [`Slot::admit`] and [`Slot::write`] in one, for a packet that need not wait.
    #[inline]
    pub fn forward(&mut self, now: Instant, inbound: &Inbound<'_>, exts: &ExtMap, twcc: &mut u16, out: &mut [u8]) -> Option<usize> {
        let packet = Packet::from(inbound);
        let (codec, payload) = self.read(&packet)?;
        let ticket = self.admit_packet(now, inbound, &packet, codec)?;
        self.write_first(now, &ticket, &packet, (codec, payload), exts, twcc, out)
    }

    /// Writes the complete outgoing packet to `out` and returns its length. `packet` is the one the ticket was given for, out of the store
    /// if it had to wait. `twcc` is the leg's transport-wide counter: the number of the next packet, advanced when it was used.
    ///
    /// `None` if it may not be sent any more (something else was put into the slot, or it was sent already), if `packet` is another one,
    /// or if it does not fit.
    pub fn write(
        &mut self,
        now: Instant,
        ticket: &Ticket,
        packet: &Packet<'_>,
        exts: &ExtMap,
        twcc: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        if ticket.attach != self.attach || packet.ext_seq != ticket.origin.ext_seq {
            return None;
        }
        let translated = translate(&self.attached.as_ref()?.route, packet)?;
        self.write_first(now, ticket, packet, translated, exts, twcc, out)
    }

    /// The packet of this ticket will not be written: there was no room, or it has waited too long. When the viewer misses it and there is
    /// room, [`Slot::resend`] sends it for the first time.
    pub fn forgo(&mut self, ticket: &Ticket) {
        if ticket.attach == self.attach && self.sent.is_fresh(ticket.out_seq) {
            self.forgone.get_or_insert_with(|| Box::new(Window::new())).insert(ticket.out_seq);
        }
    }

    /// Writes one packet of padding on the retransmission stream, which carries nothing and disturbs nobody: `len` bytes, at most 224, of
    /// padding behind the header. Returns the packet's length. `None` without such a stream, while nothing is in the slot, or if it does
    /// not fit.
    pub fn write_padding(&mut self, now: Instant, len: usize, exts: &ExtMap, twcc: &mut u16, out: &mut [u8]) -> Option<usize> {
        let ssrc = self.config.rtx?;
        let payload_type = self.attached.as_ref()?.route.rtx()?;
        let sent = self.config.send_time(now, exts, Some(payload_type));
        let len = len.clamp(1, MAX_PADDING);
        let fields = RtpFields { marker: false, payload_type, sequence: self.rtx_seq, timestamp: self.newest.timestamp(), ssrc };
        let transport = twcc.to_be_bytes();
        let mid = self.config.mid;
        let values = [
            (Ext::TransportCc, Some(&transport[..])),
            (Ext::AbsSendTime, sent.as_ref().map(<[u8; 3]>::as_slice)),
            (Ext::Mid, Some(mid.as_bytes())),
        ];
        let mut elements: [(u8, &[u8]); 3] = [(0, &[]); 3];
        let count = exts.elements(values, &mut elements);
        let head = wire::rtp::write_padding(out, &fields, &elements[..count], len as u8)?;
        self.rtx_seq = self.rtx_seq.wrapping_add(1);
        *twcc = twcc.wrapping_add(u16::from(exts.id(Ext::TransportCc).is_some()));
        Some(head)
    }

    #[expect(clippy::too_many_arguments, reason = "what one packet is made of")]
    #[inline]
    pub(super) fn write_first(
        &mut self,
        now: Instant,
        ticket: &Ticket,
        packet: &Packet<'_>,
        (codec, payload): (CodecOut, &[u8]),
        exts: &ExtMap,
        twcc: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        if !self.sent.is_fresh(ticket.out_seq) {
            return None;
        }
        let emptied;
        let (packet, payload) = if ticket.fills {
            emptied = packet.emptied();
            (&emptied, &[][..])
        } else {
            (packet, payload)
        };
        let fields = self.config.fields(ticket, codec, packet);
        let stamps = Stamps { exts, mid: self.config.mid, transport: *twcc, sent: self.config.send_time(now, exts, codec.rtx) };
        let head = write_head(&fields, packet, &ticket.shift, &stamps, out)?;
        let body = write_payload(packet, payload, &ticket.shift, &mut out[head..])?;
        self.waited = now.saturating_duration_since(packet.arrival);
        if ticket.keyframe {
            self.keyframe = self.keyframe.max(ticket.out_seq);
            self.key_picture = Some((fields.timestamp, now));
        } else if let Some((timestamp, left)) = &mut self.key_picture
            && *timestamp == fields.timestamp
        {
            *left = now;
        }
        self.newest.wrote(&ticket.shift, if ticket.fills { Pictures::default() } else { packet.pictures() });
        self.count_start(now, ticket);
        self.count_first(ticket, body, head + body);
        self.remember(codec, exts, ticket.out_seq, twcc);
        Some(head + body)
    }

    #[inline]
    pub(super) fn count_start(&mut self, now: Instant, ticket: &Ticket) {
        if let Some(attached) = self.attached.as_ref().filter(|_| ticket.starts) {
            self.counters.starts += 1;
            self.counters.last_start = now.saturating_duration_since(attached.since);
        }
    }

    #[inline]
    pub(super) fn count_first(&mut self, ticket: &Ticket, payload: usize, earned: usize) {
        self.sent.insert(ticket.out_seq);
        if ticket.fills {
            self.filled.get_or_insert_with(|| Box::new(Window::new())).insert(ticket.out_seq);
        }
        self.counters.packets += 1;
        self.counters.bytes += payload as u64;
        self.limit.earn(earned);
    }

    /// Uses up the transport-wide number, and keeps it where the packet may have to be sent the same again.
    #[inline]
    pub(super) fn remember(&mut self, codec: CodecOut, exts: &ExtMap, out_seq: u64, twcc: &mut u16) {
        if self.config.rtx.is_none() || codec.rtx.is_none() {
            self.same_again.get_or_insert_with(|| Box::new(SameAgain::new(*exts, out_seq))).sent(exts, out_seq, *twcc);
        }
        if exts.id(Ext::TransportCc).is_some() {
            *twcc = twcc.wrapping_add(1);
        }
    }
}

impl SlotConfig {
    /// When a packet is sent, in 6.18 fixed point seconds, where the viewer has nothing better to estimate his line by. What may have to be
    /// sent the same again cannot tell it: one nonce, one packet.
    #[inline]
    pub(super) fn send_time(&self, now: Instant, exts: &ExtMap, rtx: Option<u8>) -> Option<[u8; 3]> {
        if exts.id(Ext::TransportCc).is_some() { None } else { self.time_of(now, exts, rtx) }
    }

    #[cold]
    fn time_of(&self, now: Instant, exts: &ExtMap, rtx: Option<u8>) -> Option<[u8; 3]> {
        exts.id(Ext::AbsSendTime).and(self.rtx).and(rtx)?;
        let micros = now.saturating_duration_since(self.epoch).as_micros() as u64;
        let [_, time @ ..] = (((micros << 18) / 1_000_000) as u32).to_be_bytes();
        Some(time)
    }

    #[inline]
    pub(super) fn fields(&self, ticket: &Ticket, codec: CodecOut, packet: &Packet<'_>) -> RtpFields {
        RtpFields {
            marker: packet.marker || ticket.marked,
            payload_type: codec.pt,
            sequence: ticket.out_seq as u16,
            timestamp: ticket.shift.timestamp(packet.timestamp),
            ssrc: self.ssrc,
        }
    }
}
