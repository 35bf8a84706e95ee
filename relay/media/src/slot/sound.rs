//! Sound towards a viewer: at once, plain or with copies of earlier packets (RFC 2198), and the same again for whoever misses it.

use std::time::Instant;

use wire::ext::ExtMap;

use super::Slot;
use crate::audio::{Copies, Plan, Shelf};
use crate::rewrite::{Stamps, translate, write_head};
use crate::{Packet, Publication, Ticket};

impl Slot {
    /// [`Slot::write`] for sound that need not wait: with the earlier packets that `plan` names beside it, as far as the viewer takes
    /// redundancy and `publication`, from which the packet is, still has them. Nothing from before the slot was attached goes along.
    #[expect(clippy::too_many_arguments, reason = "what one packet is made of")]
    pub fn write_sound(
        &mut self,
        now: Instant,
        ticket: &Ticket,
        packet: &Packet<'_>,
        publication: &Publication,
        plan: Plan,
        exts: &ExtMap,
        twcc: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        if ticket.attach != self.attach || packet.ext_seq != ticket.origin.ext_seq {
            return None;
        }
        let route = &self.attached.as_ref()?.route;
        let (codec, payload) = translate(route, packet)?;
        let shelf = self.shelf(ticket, packet, publication).filter(|_| plan != Plan::NONE && !payload.is_empty());
        let copies = shelf.map_or(0, |shelf| shelf.copies(route, plan, payload));
        if copies == 0 || !self.sent.is_fresh(ticket.out_seq) {
            return self.write_first(now, ticket, packet, (codec, payload), exts, twcc, out);
        }
        let (head, body) = self.write_copies(ticket, packet, publication, copies, (exts, *twcc), out)?;
        self.count_start(now, ticket);
        self.count_first(ticket, body, head + body);
        self.counters.redundant += 1;
        self.remember(codec, exts, ticket.out_seq, twcc);
        if let Some(same_again) = &mut self.same_again {
            same_again.with(ticket.out_seq, copies);
        }
        Some(head + body)
    }

    /// Whether the viewer takes copies of earlier packets with what is in the slot.
    #[must_use]
    pub fn takes_copies(&self) -> bool {
        self.attached.as_ref().is_some_and(|attached| attached.route.red().is_some())
    }

    /// [`Slot::resend`] for sound: byte for byte the same packet again, copies and all. `None` if that cannot be.
    pub fn resend_sound(
        &mut self,
        now: Instant,
        out_seq: u16,
        publication: &Publication,
        exts: &ExtMap,
        twcc: &mut u16,
        out: &mut [u8],
    ) -> Option<usize> {
        let (mut ticket, run) = self.again(out_seq)?;
        let stored = publication.stored(ticket.origin.layer, ticket.origin.ext_seq)?;
        let copies = self.same_again.as_ref().map_or(0, |same_again| same_again.copies(ticket.out_seq));
        if copies == 0 || self.sent.is_fresh(ticket.out_seq) {
            return self.resend(now, out_seq, &stored, exts, twcc, out);
        }
        if !self.is_useful(now, ticket.out_seq, stored.arrival) {
            self.counters.refused += 1;
            return None;
        }
        let transport = self.same_again.as_ref()?.transport(exts, ticket.out_seq, self.sent.highest()?)?;
        let packet = Packet::from(&stored);
        ticket.marked = self.attached.as_ref()?.segment?.marks(self.config.kind, stored.ext_seq, &run, &stored.frame);
        let (head, body) = self.write_copies(&ticket, &packet, publication, copies, (exts, transport), out)?;
        self.limit.spend(head + body);
        self.counters.resent += 1;
        Some(head + body)
    }

    /// Writes a packet with exactly these copies; gives the lengths of header and payload.
    fn write_copies(
        &self,
        ticket: &Ticket,
        packet: &Packet<'_>,
        publication: &Publication,
        copies: Copies,
        (exts, transport): (&ExtMap, u16),
        out: &mut [u8],
    ) -> Option<(usize, usize)> {
        let route = &self.attached.as_ref()?.route;
        let primary = translate(route, packet)?;
        let fields = self.config.fields(ticket, route.red()?, packet);
        let stamps = Stamps { exts, mid: self.config.mid, transport, sent: None };
        let head = write_head(&fields, packet, &ticket.shift, &stamps, out)?;
        let body = self.shelf(ticket, packet, publication)?.write(route, copies, primary, out.get_mut(head..)?)?;
        Some((head, body))
    }

    /// What may go along with a packet; `None` if the viewer takes no redundancy.
    fn shelf<'a>(&self, ticket: &Ticket, packet: &Packet<'_>, publication: &'a Publication) -> Option<Shelf<'a>> {
        let attached = self.attached.as_ref()?;
        attached.route.red()?;
        let first = attached.segment?.first_in;
        Some(Shelf { publication, layer: ticket.origin.layer, ext_seq: packet.ext_seq, timestamp: packet.timestamp, first })
    }
}
