//! What is asked of publishers and told to viewers about layers, and who speaks.

use std::time::Instant;

use media::{KeyframeCause, LayerState};

use crate::keys::{HallKey, PeerKey};
use crate::peer::Occupant;
use crate::worker::Worker;

/// Most simulcast layers of a publication (the answerer accepts no more rids).
const MAX_LAYERS: usize = 4;

impl Worker {
    /// Lets each filled video slot of a viewer choose its layer, and asks for the keyframes they need.
    pub(crate) fn want_layers(&mut self, now: Instant, viewer: PeerKey) {
        let Some(link) = self.peers.get(viewer).and_then(|peer| peer.link.as_ref()) else { return };
        if !link.secure {
            return;
        }
        for index in 0..link.slots.len() {
            let Some((occupant, layer, cause)) = self.want_layer(now, viewer, index) else { continue };
            self.request_keyframe(now, occupant, layer, cause);
        }
    }

    fn want_layer(&mut self, now: Instant, viewer: PeerKey, index: usize) -> Option<(Occupant, usize, KeyframeCause)> {
        let occupant = self.peers.get(viewer)?.link.as_ref()?.slots.get(index)?.occupant?;
        if occupant.wish.1.is_audio() {
            return None;
        }
        let (_, publication) = self.peers.get(occupant.publisher)?.link.as_ref()?.publication(occupant.wish.1)?;
        let mut states = [LayerState::default(); MAX_LAYERS];
        let count = publication.layers().len().min(MAX_LAYERS);
        for (index, (state, layer)) in states.iter_mut().zip(publication.layers()).enumerate() {
            *state = LayerState { active: publication.active(index, now), bitrate: layer.bitrate(now) };
        }
        let slot = self.peers.get_mut(viewer)?.link.as_mut()?.slots.get_mut(index)?;
        let layer = slot.media.want(now, &states[..count])?;
        let cause = if slot.media.current_layer().is_some() { KeyframeCause::Switch } else { KeyframeCause::Start };
        Some((occupant, layer, cause))
    }

    pub(crate) fn request_keyframe(&mut self, now: Instant, occupant: Occupant, layer: usize, cause: KeyframeCause) {
        let Some(link) = self.peers.get_mut(occupant.publisher).and_then(|peer| peer.link.as_mut()) else { return };
        let Some(index) = link.publication(occupant.wish.1).map(|(index, _)| index) else { return };
        link.receiver.request_keyframe(now, index, layer, cause);
        self.schedule(now, occupant.publisher);
    }

    /// Sends the slot table again when a slot's layer is another than the client was told.
    pub(crate) fn tell_layers(&mut self, viewer: PeerKey) {
        let Some(link) = self.peers.get(viewer).and_then(|peer| peer.link.as_ref()) else { return };
        let news = link.slots.iter().any(|slot| {
            slot.occupant.is_some_and(|occupant| !occupant.wish.1.is_audio() && occupant.told_layer != slot.media.current_layer())
        });
        if news {
            self.tell_slots(viewer);
        }
    }

    /// Follows the loudest voice of each room.
    pub(crate) fn speakers_tick(&mut self, now: Instant) {
        let halls: Vec<HallKey> = self.halls.keys().collect();
        for key in halls {
            let hall = &mut self.halls[key];
            let Some(label) = hall.speakers.dominant(now) else { continue };
            let id = room::ParticipantId(u64::from(label));
            if hall.policy.latest_speaker() != Some(id) && hall.members.contains_key(&id) {
                self.apply(key, room::Command::Spoke(id));
                self.refresh(now, key);
            }
        }
    }
}
