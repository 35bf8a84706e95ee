//! Tells publishers what anybody needs of their pictures (`send`), so that they do not send what nobody looks at.

use std::time::Instant;

use room::Source;
use signal::message::{Needed, NeededLayer, ServerMessage};
use wire::ids::Rid;

use crate::keys::{HallKey, PeerKey};
use crate::peer::{Link, Occupant};
use crate::uplink::Need;
use crate::worker::Worker;

/// What is needed of whoever waits to be let in, and of whom nobody sees before.
const WAITING: Need = Need { height: 180, encodings: 1 };
/// Sources of pictures.
const PICTURES: [Source; 2] = [Source::Camera, Source::Screen];

impl Worker {
    /// Gathers what all viewers of a room need, and tells the publishers for whom it has changed.
    pub(crate) fn ask_publishers(&mut self, now: Instant, hall: HallKey) {
        let Some(mut members) = self.lend_members(hall) else { return };
        for key in &members {
            if let Some(link) = self.link_mut(*key) {
                link.uplink.begin();
            }
        }
        for key in &members {
            self.gather(now, *key);
        }
        let expected = members.iter().any(|key| self.waits(*key));
        for key in &members {
            self.ask(now, *key, expected);
        }
        members.clear();
        self.members = members;
    }

    /// Adds what one viewer needs to what is needed of those in his slots. Whoever was reached and is no longer needs nothing; whoever has yet
    /// to connect does.
    fn gather(&mut self, now: Instant, viewer: PeerKey) {
        let link = self.link(viewer).filter(|link| !link.secure || link.path(now).is_some());
        let slots = link.map_or(0, |link| link.slots.len());
        for index in 0..slots {
            self.gather_slot(now, viewer, index);
        }
    }

    fn gather_slot(&mut self, now: Instant, viewer: PeerKey, index: usize) -> Option<()> {
        let link = self.link(viewer)?;
        let slot = link.slots.get(index)?;
        let Occupant { wish: (_, source), publisher } = slot.occupant.filter(|_| slot.open)?;
        let (height, grant, flowing) = (slot.tile.height(now), slot.grant, slot.media.current_layer());
        let (encodings, rate) = {
            let publisher = self.link(publisher)?;
            let rate = publisher.uplink.picture(source)?.rate(grant.and_then(|grant| grant.layer));
            (publisher.publication(source)?.1.layers().len(), rate)
        };
        let line = link.downlink.room_for(rate);
        let picture = self.link_mut(publisher)?.uplink.picture_mut(source)?;
        picture.wishes.add(height, grant.as_ref(), (flowing, encodings), (line, rate));
        Some(())
    }

    /// Decides what one publisher should be told, and tells it. Whoever waits goes on sending the least, although nobody gets it, and so do
    /// those whom nobody sees yet while somebody is `expected`: so the first pictures after the admission are one keyframe away.
    fn ask(&mut self, now: Instant, publisher: PeerKey, expected: bool) {
        let waits = expected && self.waits(publisher);
        let Some(link) = self.link_mut(publisher) else { return };
        let mut news = false;
        for source in PICTURES {
            let Some((index, encodings)) = link.publication(source).map(|(index, publication)| (index, publication.layers().len())) else {
                continue;
            };
            let Some(picture) = link.uplink.picture_mut(source) else { continue };
            let need = match picture.wishes.need(encodings) {
                _ if waits => WAITING,
                Need { encodings: 0, .. } if expected && source == Source::Camera => WAITING,
                need => need,
            };
            let cap = picture.wishes.cap(encodings, picture.asked.cap());
            let changed = picture.asked.decide(now, need, cap, encodings);
            if let Some(told) = picture.asked.told().filter(|_| changed) {
                let wanted = [0, 1, 2, 3].map(|encoding| told.encodings >> encoding & 1 == 1);
                link.receiver.set_wanted(now, index, &wanted);
            }
            news |= changed;
        }
        if news {
            let message = needed(link);
            self.counters.publishers_asked += 1;
            self.tell(publisher, message);
        }
    }

    /// Whether somebody waits to be let in.
    fn waits(&self, key: PeerKey) -> bool {
        let person = self.peers.get(key).and_then(|peer| self.halls.get(peer.hall)?.policy.participant(peer.participant));
        person.is_none_or(|person| person.place().is_none())
    }
}

/// The message: all sources of which anything was said.
fn needed(link: &Link) -> ServerMessage {
    let sources = PICTURES.into_iter().filter_map(|source| {
        let (line, picture) = (link.line(source)?, link.uplink.picture(source)?);
        let told = picture.asked.told()?;
        let (_, publication) = link.publication(source)?;
        let active = |rid: &Rid| {
            let encoding = publication.layers().iter().position(|layer| layer.rid() == Some(*rid));
            encoding.is_none_or(|encoding| told.encodings >> encoding & 1 == 1)
        };
        // In the client's order.
        let layers = line.rids.iter().map(|rid| NeededLayer { rid: rid.as_str().to_owned(), active: active(rid) });
        Some(Needed { source, height: told.height, layers: layers.collect(), max_bitrate: picture.asked.cap() })
    });
    ServerMessage::Send { sources: sources.collect() }
}
