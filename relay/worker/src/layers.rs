//! What viewers are told about layers, what they say about tiles, and who speaks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use media::allocator::{Grant, Reason};
use room::Change;
use signal::message::Limited;

use crate::command::ClientId;
use crate::event::{Event, RoomEvent};
use crate::keys::{HallKey, PeerKey};
use crate::peer::OutSlot;
use crate::worker::Worker;

/// The least time between two words about pictures alone.
const LAYERS_PAUSE: Duration = Duration::from_secs(1);

/// What a client knows of a slot's picture.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Told {
    /// The encoding that is forwarded.
    pub(crate) encoding: Option<usize>,
    pub(crate) limited: Option<Limited>,
}

impl OutSlot {
    /// What there is to tell of its picture now.
    pub(crate) fn news(&self) -> Told {
        if self.occupant.is_none_or(|occupant| occupant.wish.1.is_audio()) {
            return Told::default();
        }
        let limited = if self.media.unreadable() { Some(Limited::Codec) } else { self.grant.and_then(|grant| limited(&grant)) };
        Told { encoding: self.media.current_layer(), limited }
    }
}

impl Worker {
    /// Sends the slot table again when a slot's picture is another, or limited for another reason, than the client was told; not more than
    /// once a second, for a publisher may change his pictures as often as he likes.
    pub(crate) fn tell_layers(&mut self, now: Instant, viewer: PeerKey) {
        let Some(link) = self.link_mut(viewer) else { return };
        let rested = link.layers_told.is_none_or(|at| now.saturating_duration_since(at) >= LAYERS_PAUSE);
        if rested && link.slots.iter().any(|slot| slot.told != slot.news()) {
            link.layers_told = Some(now);
            self.tell_slots(viewer);
        }
    }

    /// Writes into the room's history when a viewer's line has limited his pictures for a while, and when it is well again.
    pub(crate) fn note_strain(&mut self, now: Instant, viewer: PeerKey) {
        let Some(link) = self.link_mut(viewer) else { return };
        let limited = link
            .slots
            .iter()
            .filter_map(|slot| slot.occupant.and(slot.grant))
            .any(|grant| matches!(grant.reason, Reason::Bandwidth | Reason::NoRoom));
        let Some(limited) = link.downlink.strain.observe(now, limited) else { return };
        let peer = &self.peers[viewer];
        let (hall, participant) = (peer.hall, peer.participant);
        let event = RoomEvent {
            room: self.halls[hall].id.clone(),
            at: self.time(now),
            actor: None,
            subject: self.who(hall, room::Actor::Person(participant)),
            change: Change::LineChanged { participant, limited },
        };
        self.events.push_back(Event::Room(event));
    }

    /// Follows the loudest voice of each place in a room.
    pub(crate) fn speakers_tick(&mut self, now: Instant, key: HallKey) {
        let Some(hall) = self.halls.get_mut(key) else { return };
        let mut changed = false;
        for speakers in hall.speakers.values_mut() {
            if let Some(label) = speakers.dominant(now) {
                changed |= hall.policy.spoke(room::ParticipantId(u64::from(label)));
            }
        }
        if changed {
            self.refresh(now, key);
        }
    }

    /// A client says how large it shows its slots; layers follow at once.
    pub(crate) fn tiles(&mut self, now: Instant, client: ClientId, tiles: &BTreeMap<String, [u16; 2]>) {
        let Some(key) = self.by_client.get(&client).copied() else { return };
        let Some(link) = self.link_mut(key) else { return };
        for slot in &mut link.slots {
            slot.tile.report(tiles.get(slot.line.mid.as_str()).copied());
        }
        self.share_by_report(now, key);
    }
}

/// The reason in the protocol's words; `None` where nothing limits.
pub(crate) fn limited(grant: &Grant) -> Option<Limited> {
    match grant.reason {
        Reason::Fits => None,
        Reason::Source => Some(Limited::Source),
        Reason::Hidden => Some(Limited::Hidden),
        Reason::Bandwidth => Some(Limited::Bandwidth),
        Reason::Waits => Some(Limited::Waits),
        Reason::NoRoom => Some(Limited::NoRoom),
        Reason::NoMedia => Some(Limited::NoMedia),
    }
}
