//! Takes the snapshot of a room that operators and tests look at.

use std::time::Instant;

use media::Publication;

use crate::command::RoomId;
use crate::event::Event;
use crate::peer::{Link, OutSlot, Peer};
use crate::snapshot::{LayerSnapshot, PersonSnapshot, PublicationSnapshot, RoomSnapshot, SlotSnapshot};
use crate::translate;
use crate::worker::Worker;

impl Worker {
    pub(crate) fn inspect(&mut self, now: Instant, room: &RoomId, request: u64) {
        let hall = self.by_room.get(room).and_then(|key| self.halls.get(*key));
        let room = hall.map(|hall| {
            let people = hall.members.values().filter_map(|key| self.peers.get(*key));
            Box::new(RoomSnapshot { people: people.map(|peer| self.person(now, peer)).collect() })
        });
        self.events.push_back(Event::Snapshot { request, room });
    }

    fn person(&self, now: Instant, peer: &Peer) -> PersonSnapshot {
        let link = peer.link.as_ref();
        PersonSnapshot {
            participant: peer.participant.0,
            connected: link.is_some_and(|link| link.path(now).is_some()),
            publications: link.map(|link| publications(now, link)).unwrap_or_default(),
            slots: link.map(|link| link.slots.iter().map(|slot| self.slot(slot)).collect()).unwrap_or_default(),
        }
    }

    fn slot(&self, slot: &OutSlot) -> SlotSnapshot {
        SlotSnapshot {
            mid: slot.line.mid.as_str().to_owned(),
            participant: slot.occupant.map(|occupant| occupant.wish.0.0),
            source: slot.occupant.map(|occupant| translate::source_to_signal(occupant.wish.1)),
            layer: self.layer_name(slot.occupant, slot.media.current_layer()),
            packets: slot.media.counters().packets,
            resent: slot.media.counters().resent,
        }
    }
}

fn publications(now: Instant, link: &Link) -> Vec<PublicationSnapshot> {
    let lines = link.session.publishing.iter();
    let found = lines.filter_map(|line| {
        let source = translate::source_to_room(line.source);
        let (_, publication) = link.publication(source)?;
        Some(PublicationSnapshot { source: line.source, active: link.flows[source as usize], layers: layers(now, publication) })
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
