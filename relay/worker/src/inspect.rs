//! Takes the snapshot of a room that operators and tests look at.

use std::time::Instant;

use media::Publication;
use room::{ParticipantId, Presence, Reason, Why};

use crate::command::RoomId;
use crate::event::Event;
use crate::peer::{Link, OutSlot, Peer};
use crate::snapshot::{LayerSnapshot, PersonSnapshot, PublicationSnapshot, RoomSnapshot, SlotSnapshot, WhyRow, WhySnapshot};
use crate::worker::Worker;

impl Worker {
    pub(crate) fn inspect(&mut self, now: Instant, room: &RoomId, request: u64) {
        let hall = self.by_room.get(room).and_then(|key| self.halls.get(*key));
        let room = hall.filter(|hall| !hall.members.is_empty()).map(|hall| {
            let people = hall.members.values().filter_map(|key| self.peers.get(*key));
            Box::new(RoomSnapshot { people: people.map(|peer| self.person(now, peer)).collect() })
        });
        self.events.push_back(Event::Snapshot { request, room });
    }

    fn person(&self, now: Instant, peer: &Peer) -> PersonSnapshot {
        let link = peer.link.as_ref();
        let person = self.halls.get(peer.hall).and_then(|hall| hall.policy.participant(peer.participant));
        PersonSnapshot {
            participant: peer.participant.0,
            identity: person.map(|person| person.identity.clone()).unwrap_or_default(),
            role: person.map_or(room::Role::Participant, |person| person.role),
            viewer: person.is_some_and(|person| person.presence == Presence::Viewer),
            waiting: person.is_some_and(|person| person.place().is_none()),
            breakout: peer.place.map(|breakout| breakout.0),
            connected: link.is_some_and(|link| link.path(now).is_some()),
            publications: link.map(|link| publications(now, link)).unwrap_or_default(),
            slots: link.map(|link| link.slots.iter().map(|slot| self.slot(slot)).collect()).unwrap_or_default(),
        }
    }

    /// For each source: whether the viewer gets it, and which rule decided. A source that the rules would show may still lack a slot.
    pub(crate) fn why(&mut self, room: &RoomId, viewer: u64, request: u64) {
        let hall = self.by_room.get(room).and_then(|key| self.halls.get(*key));
        let found = hall.and_then(|hall| Some((hall, self.peers.get(*hall.members.get(&ParticipantId(viewer))?)?)));
        let answer = found.map(|(hall, peer)| {
            let rows = hall.policy.why(peer.participant).into_iter().map(|why| self.why_row(peer, why)).collect();
            Box::new(WhySnapshot { viewer, rows })
        });
        self.events.push_back(Event::Why { request, answer });
    }

    fn why_row(&self, peer: &Peer, why: Why) -> WhyRow {
        let wish = (why.participant, why.source);
        let mut slots = peer.link.iter().flat_map(|link| &link.slots);
        let slot = slots.find(|slot| slot.occupant.is_some_and(|occupant| occupant.wish == wish));
        let reason = if why.reason == Reason::Shown && slot.is_none() { Reason::NoSlot } else { why.reason };
        WhyRow {
            participant: why.participant.0,
            source: why.source,
            shown: reason == Reason::Shown,
            reason,
            slot: slot.map(|slot| slot.line.mid.as_str().to_owned()),
            layer: slot.and_then(|slot| self.layer_name(slot.occupant, slot.media.current_layer())),
        }
    }

    fn slot(&self, slot: &OutSlot) -> SlotSnapshot {
        SlotSnapshot {
            mid: slot.line.mid.as_str().to_owned(),
            participant: slot.occupant.map(|occupant| occupant.wish.0.0),
            source: slot.occupant.map(|occupant| occupant.wish.1),
            layer: self.layer_name(slot.occupant, slot.media.current_layer()),
            packets: slot.media.counters().packets,
            resent: slot.media.counters().resent,
        }
    }
}

fn publications(now: Instant, link: &Link) -> Vec<PublicationSnapshot> {
    let lines = link.session.publishing.iter();
    let found = lines.filter_map(|line| {
        let (_, publication) = link.publication(line.source)?;
        Some(PublicationSnapshot { source: line.source, active: link.flows[line.source as usize], layers: layers(now, publication) })
    });
    found.collect()
}

fn layers(now: Instant, publication: &Publication) -> Vec<LayerSnapshot> {
    let layers = publication.layers().iter().map(|layer| LayerSnapshot {
        rid: layer.rid().map(|rid| rid.as_str().to_owned()),
        packets: layer.packets(),
        lost: layer.lost(),
        bitrate: layer.bitrate(now),
        keyframe_requests: layer.keyframe_requests(),
    });
    layers.collect()
}
