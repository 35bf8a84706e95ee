//! What is asked of publishers and told to viewers about layers, and who speaks.

use std::collections::BTreeMap;
use std::time::Instant;

use media::{KeyframeCause, LayerId};

use crate::command::ClientId;
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
        let mut active = [false; MAX_LAYERS];
        let count = publication.layers().len().min(MAX_LAYERS);
        for (index, active) in active.iter_mut().take(count).enumerate() {
            *active = publication.active(index, now);
        }
        let slot = self.peers.get_mut(viewer)?.link.as_mut()?.slots.get_mut(index)?;
        let encoding = layer_cap(slot.shown, count) as u8;
        slot.media.set_target(Some(LayerId { encoding, spatial: u8::MAX, temporal: u8::MAX }));
        let (layer, cause) = slot.media.want(now, &active[..count])?;
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
        let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_mut()) else { return };
        for slot in &mut link.slots {
            slot.shown = tiles.get(slot.line.mid.as_str()).copied();
        }
        self.want_layers(now, key);
    }
}

/// The highest layer of `count` that a tile of this size is worth.
///
/// Each layer doubles the one below, and the lowest has about 180 lines (the page's camera sends 720 in three layers).
fn layer_cap(shown: Option<[u16; 2]>, count: usize) -> usize {
    let highest = count.saturating_sub(1);
    match shown {
        None => highest,
        Some([_, height]) if height <= 240 => 0,
        Some([_, height]) if height <= 480 => highest.min(1),
        Some(_) => highest,
    }
}
