//! Takes the snapshot of a room that operators and tests look at.

use std::time::Instant;

use media::MediaKind;
use room::{ParticipantId, Presence, Reason, Why};
use signal::message::Limited;

use crate::command::RoomId;
use crate::event::Event;
use crate::peer::{Link, OutSlot, Peer};
use crate::snapshot::{
    GrantSnapshot, LayerSnapshot, LineSnapshot, PersonSnapshot, PublicationSnapshot, RoomSnapshot, SlotSnapshot, WhyRow, WhySnapshot,
};
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
        let link = peer.link.as_deref();
        let person = self.halls.get(peer.hall).and_then(|hall| hall.policy.participant(peer.participant));
        PersonSnapshot {
            participant: peer.participant.0,
            identity: person.map(|person| person.identity.clone()).unwrap_or_default(),
            role: person.map_or(room::Role::Participant, |person| person.role),
            viewer: person.is_some_and(|person| person.presence == Presence::Viewer),
            waiting: person.is_some_and(|person| person.place().is_none()),
            breakout: peer.place.map(|breakout| breakout.0),
            connected: peer.is_reached(now),
            publications: link.map(|link| publications(now, link)).unwrap_or_default(),
            slots: link.map(|link| link.slots.iter().map(|slot| self.slot(now, slot)).collect()).unwrap_or_default(),
            line: link.map(line),
        }
    }

    /// For each source: whether the viewer gets it, and which rule decided. A source that the rules would show may still lack a slot, or a
    /// way for its media.
    pub(crate) fn why(&mut self, now: Instant, room: &RoomId, viewer: u64, request: u64) {
        let hall = self.by_room.get(room).and_then(|key| self.halls.get(*key));
        let found = hall.and_then(|hall| Some((hall, self.peers.get(*hall.members.get(&ParticipantId(viewer))?)?)));
        let answer = found.map(|(hall, peer)| {
            let rows = hall.policy.why(peer.participant).into_iter().map(|why| {
                let sender = hall.members.get(&why.participant).and_then(|key| self.peers.get(*key));
                self.why_row(now, sender, peer, why)
            });
            let rows = rows.collect();
            Box::new(WhySnapshot { viewer, rows })
        });
        self.events.push_back(Event::Why { request, answer });
    }

    fn why_row(&self, now: Instant, sender: Option<&Peer>, viewer: &Peer, why: Why) -> WhyRow {
        let wish = (why.participant, why.source);
        let mut slots = viewer.link.iter().flat_map(|link| &link.slots);
        let slot = slots.find(|slot| slot.occupant.is_some_and(|occupant| occupant.wish == wish));
        let reason = match why.reason {
            Reason::Shown if !viewer.is_reached(now) => Reason::ViewerUnreachable,
            Reason::Shown if !sender.is_some_and(|sender| sender.is_reached(now)) => Reason::SenderUnreachable,
            Reason::Shown if slot.is_none() => Reason::NoSlot,
            reason => reason,
        };
        let limited = slot.and_then(|slot| slot.news().limited);
        let nothing = slot.and_then(|slot| slot.grant).is_some_and(|grant| grant.layer.is_none());
        let nothing = nothing || matches!(limited, Some(Limited::NoMedia | Limited::Codec));
        WhyRow {
            participant: why.participant.0,
            source: why.source,
            shown: reason == Reason::Shown && !nothing,
            reason,
            slot: slot.map(|slot| slot.line.mid.as_str().to_owned()),
            layer: slot.and_then(|slot| self.layer_rid(slot.occupant, slot.media.current_layer()).map(|rid| rid.as_str().to_owned())),
            granted: slot.and_then(|slot| self.granted(slot)),
            limited,
        }
    }

    fn granted(&self, slot: &OutSlot) -> Option<GrantSnapshot> {
        let (occupant, layer) = (slot.occupant?, slot.grant?.layer?);
        let rungs = &self.link(occupant.publisher)?.uplink.picture(occupant.wish.1)?.rungs;
        let rung = rungs.iter().find(|rung| rung.layer == layer)?;
        let (spatial, temporal) = (layer.spatial, layer.temporal);
        Some(GrantSnapshot { height: rung.height, fps: rung.fps, spatial, temporal, bitrate: rung.bitrate })
    }

    fn slot(&self, now: Instant, slot: &OutSlot) -> SlotSnapshot {
        SlotSnapshot {
            mid: slot.line.mid.as_str().to_owned(),
            participant: slot.occupant.map(|occupant| occupant.wish.0.0),
            source: slot.occupant.map(|occupant| occupant.wish.1),
            layer: self.layer_rid(slot.occupant, slot.media.current_layer()).map(|rid| rid.as_str().to_owned()),
            granted: self.granted(slot),
            shown: slot.grant.and(slot.occupant).map(|_| slot.tile.height(now)),
            limited: slot.news().limited,
            packets: slot.media.counters().packets,
            resent: slot.media.counters().resent,
        }
    }
}

fn line(link: &Link) -> LineSnapshot {
    let downlink = &link.downlink;
    LineSnapshot {
        estimate: downlink.estimator.target(),
        limit: downlink.estimator.limit(),
        loss: downlink.estimator.loss(),
        rtt: downlink.estimator.rtt(),
        queue: downlink.pacer.delay(),
        granted: downlink.total.granted,
        wished: downlink.total.wished,
        sound: downlink.sound,
        copies: downlink.protection.plan().distances().len(),
    }
}

fn publications(now: Instant, link: &Link) -> Vec<PublicationSnapshot> {
    let lines = link.session.publishing.iter();
    let found = lines.filter_map(|line| {
        let (_, publication) = link.publication(line.source)?;
        let asked = link.uplink.picture(line.source).map(|picture| picture.asked);
        let told = asked.and_then(|asked| asked.told());
        let heights = link.uplink.picture(line.source).map_or(&[][..], |picture| &picture.rungs);
        let layers = publication.layers().iter().enumerate().map(|(index, layer)| LayerSnapshot {
            rid: layer.rid().map(|rid| rid.as_str().to_owned()),
            packets: layer.packets(),
            lost: layer.lost(),
            bitrate: layer.bitrate(now),
            height: heights
                .iter()
                .rfind(|rung| usize::from(rung.layer.encoding) == index)
                .map(|rung| rung.height)
                .filter(|height| *height > 0),
            wanted: publication.kind() == MediaKind::Audio || told.is_none_or(|told| told.encodings >> index.min(7) & 1 == 1),
            keyframe_requests: layer.keyframe_requests(),
            keyframe_wishes: layer.keyframe_wishes(),
        });
        Some(PublicationSnapshot {
            source: line.source,
            active: link.flows[line.source as usize],
            wanted_height: told.map(|told| told.height),
            max_bitrate: asked.and_then(|asked| asked.cap()),
            layers: layers.collect(),
        })
    });
    found.collect()
}
