//! From policy to packets: slots are filled by the room's views, routes are compiled from the slots.

use std::time::Instant;

use media::MediaKind;
use room::{Place, View};
use signal::message::{ServerMessage, ShortName, Slot};
use wire::ids::Rid;

use crate::assign::{Walk, Wish, assign};
use crate::command::ClientKind;
use crate::hall::speaker_label;
use crate::keys::{HallKey, PeerKey};
use crate::peer::{Link, Occupant, Target};
use crate::translate;
use crate::worker::Worker;

/// Whom a client is told to make room for at most: the relay's largest room plus a screen.
const MAX_SLOTS_WANTED: usize = 34;

/// Voices for which a client is told to make room at most: more at once nobody understands, and whoever begins to speak gets a slot with
/// the first syllable. A client that does not know of silence would else be sent 32 of them.
const VOICES: usize = 8;
/// The same beside those who are always heard.
const LEAST_VOICES: usize = 3;

impl Worker {
    /// Brings every slot, route and flow bit of a room in line with its policy. Called after every change of policy or of lines;
    /// media follow from the next packet on.
    pub(crate) fn refresh(&mut self, now: Instant, hall: HallKey) {
        let Some(members) = self.halls.get(hall).map(|hall| hall.members.values().copied().collect::<Vec<_>>()) else { return };
        let mut resumed = Vec::new();
        for key in &members {
            self.refresh_place(hall, *key);
            resumed.extend(self.refresh_flows(hall, *key));
        }
        let places: Vec<Place> = members.iter().filter_map(|key| Some(self.peers.get(*key)?.place)).collect();
        self.halls[hall].speakers.retain(|place, _| places.contains(place));
        let mut scenes = Vec::with_capacity(members.len());
        let mut changed = false;
        for key in &members {
            let Some(peer) = self.peers.get(*key) else { continue };
            let (view, scene) = self.halls[hall].policy.view_and_scene(peer.participant);
            scenes.push((*key, scene));
            changed |= self.begin_anew(now, *key, &resumed);
            if self.refresh_slots(now, hall, *key, &view) {
                changed = true;
                self.tell_slots(*key);
            }
            changed |= self.lay_out(now, *key, &view);
        }
        self.compile_routes(hall, &members);
        self.note_unheard(hall, &members);
        self.repeat_asked(&resumed, hall);
        if changed {
            self.share_soon(now, hall);
        }
        self.tell_room(hall, scenes);
    }

    /// Counts a person's voice where the person is now.
    fn refresh_place(&mut self, hall: HallKey, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let hall = &mut self.halls[hall];
        let place = hall.policy.participant(peer.participant).and_then(room::Participant::place).flatten();
        if peer.place != place
            && let Some(speakers) = hall.speakers.get_mut(&peer.place)
        {
            speakers.remove(speaker_label(peer.participant));
        }
        peer.place = place;
        hall.speakers.entry(place).or_default();
    }

    /// Sets one peer's flow bits; gives the sources that flow again.
    fn refresh_flows(&mut self, hall: HallKey, key: PeerKey) -> Vec<Wish> {
        let policy = &self.halls[hall].policy;
        let Some(peer) = self.peers.get_mut(key) else { return Vec::new() };
        let Some(link) = peer.link.as_deref_mut() else { return Vec::new() };
        let before = link.flows;
        link.flows = room::Source::ALL.map(|source| policy.flows(peer.participant, source));
        for source in room::Source::ALL {
            link.receiver.set_open(source as u32, link.flows[source as usize]);
        }
        let again = room::Source::ALL.into_iter().filter(|source| !before[*source as usize] && link.flows[*source as usize]);
        again.map(|source| (peer.participant, source)).collect()
    }

    /// What was dropped while a source was off must not look like loss: slots that still hold it continue their own numbering.
    /// True when there are any.
    fn begin_anew(&mut self, now: Instant, viewer: PeerKey, resumed: &[Wish]) -> bool {
        let Some(link) = self.link(viewer).filter(|_| !resumed.is_empty()) else { return false };
        let held = link.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.occupant?)));
        let held: Vec<(usize, Occupant)> = held.filter(|(_, occupant)| resumed.contains(&occupant.wish)).collect();
        for (index, occupant) in &held {
            self.fill(now, viewer, *index, Some(*occupant));
        }
        !held.is_empty()
    }

    /// Gives each filled slot its place on the viewer's screen. True when any place changed.
    fn lay_out(&mut self, now: Instant, viewer: PeerKey, view: &View) -> bool {
        let Some(link) = self.link_mut(viewer) else { return false };
        let (mut changed, mut walk) = (false, Walk::default());
        for slot in &mut link.slots {
            let Some(wish) = slot.occupant.map(|occupant| occupant.wish).filter(|wish| !wish.1.is_audio()) else { continue };
            if let Some(rank) = walk.find(&view.video, |tile| (tile.participant, tile.source) == wish) {
                let before = slot.tile;
                slot.tile.lay_out(now, u16::try_from(rank).unwrap_or(u16::MAX), &view.video[rank]);
                changed |= before != slot.tile;
            }
        }
        changed
    }

    /// Clients are told again what is needed of sources that flow again.
    fn repeat_asked(&mut self, resumed: &[Wish], hall: HallKey) {
        for (participant, _) in resumed.iter().filter(|(_, source)| !source.is_audio()) {
            let key = self.halls.get(hall).and_then(|hall| hall.members.get(participant).copied());
            if let Some(link) = key.and_then(|key| self.link_mut(key)) {
                link.uplink.repeat();
            }
        }
    }

    /// Re-points one peer's slots. True when something changed.
    fn refresh_slots(&mut self, now: Instant, hall: HallKey, key: PeerKey, view: &View) -> bool {
        let Some(link) = self.peers.get(key).and_then(|peer| peer.link.as_deref()) else { return false };
        let tiles: Vec<Wish> = view.video.iter().map(|tile| (tile.participant, tile.source)).collect();
        let (pictures, sounds) = (table(link, MediaKind::Video), table(link, MediaKind::Audio));
        let next_pictures = assign(&pictures, &tiles, |_| None);
        let wishes = self.audible(now, hall, key, view, &sounds);
        let next_sounds =
            assign(&sounds, &wishes, |(who, source)| next_pictures.iter().position(|slot| *slot == Some((who, source.partner()))));
        let voices = view.audio.len().min(VOICES.max(view.kept + LEAST_VOICES));
        if tiles.len() > pictures.len() || voices > sounds.len() {
            self.tell_slots_wanted(key, voices, tiles.len());
        }
        if next_pictures == pictures && next_sounds == sounds {
            return false;
        }
        self.repoint(now, hall, key, MediaKind::Video, &next_pictures);
        self.repoint(now, hall, key, MediaKind::Audio, &next_sounds);
        true
    }

    fn tell_slots_wanted(&mut self, key: PeerKey, audio: usize, video: usize) {
        let wanted = (audio.min(MAX_SLOTS_WANTED), video.min(MAX_SLOTS_WANTED));
        let Some(peer) = self.peers.get_mut(key) else { return };
        if peer.kind == ClientKind::Interactive && peer.told_wanted != Some(wanted) {
            peer.told_wanted = Some(wanted);
            self.tell(key, ServerMessage::SlotsWanted { audio: wanted.0, video: wanted.1 });
        }
    }

    fn repoint(&mut self, now: Instant, hall: HallKey, viewer: PeerKey, kind: MediaKind, next: &[Option<Wish>]) {
        let Some(link) = self.peers.get(viewer).and_then(|peer| peer.link.as_deref()) else { return };
        let indices: Vec<usize> = slots_of_kind(link, kind).map(|(index, _)| index).collect();
        for (index, wish) in indices.into_iter().zip(next.iter().copied()) {
            let before = self.occupant(viewer, index).map(|occupant| occupant.wish);
            if before != wish {
                let occupant = wish.and_then(|wish| self.admit(hall, viewer, wish));
                self.fill(now, viewer, index, occupant);
                if let Some(occupant) = occupant {
                    self.note_missed(now, viewer, index, occupant);
                }
            }
        }
    }

    /// The last look at the matrix before media flow: the views must never ask for what it forbids.
    pub(crate) fn admit(&mut self, hall: HallKey, viewer: PeerKey, wish: Wish) -> Option<Occupant> {
        let hall = &self.halls[hall];
        let receiver = self.peers.get(viewer)?.participant;
        if !hall.policy.allow_source(wish.0, receiver, wish.1) {
            self.counters.crossed_zero_bit += 1;
            return None;
        }
        hall.members.get(&wish.0).map(|publisher| Occupant { wish, publisher: *publisher })
    }

    pub(crate) fn fill(&mut self, now: Instant, viewer: PeerKey, index: usize, occupant: Option<Occupant>) {
        let Self { peers, router, .. } = self;
        let route = occupant.and_then(|occupant| {
            let publisher = peers.get(occupant.publisher)?.link.as_deref()?;
            let line = &peers.get(viewer)?.link.as_deref()?.slots.get(index)?.line;
            Some(router.route(publisher.line(occupant.wish.1)?, line))
        });
        let Some(Link { slots, downlink, .. }) = self.link_mut(viewer) else { return };
        let Some(slot) = slots.get_mut(index) else { return };
        downlink.forget(slot.line.ssrc);
        slot.turn_over(now, occupant.filter(|_| route.is_some()));
        match route {
            Some(route) => slot.media.attach(now, route),
            None => slot.media.detach(),
        }
    }

    /// From the slots to the tables by which packets go. What waits for slots whose source may not flow any more is thrown away.
    fn compile_routes(&mut self, hall: HallKey, members: &[PeerKey]) {
        for key in members {
            if let Some(link) = self.peers.get_mut(*key).and_then(|peer| peer.link.as_deref_mut()) {
                link.routes.iter_mut().for_each(Vec::clear);
            }
        }
        for viewer in members {
            let Some(link) = self.peers.get(*viewer).and_then(|peer| peer.link.as_deref()) else { continue };
            let occupied: Vec<(usize, Occupant)> =
                link.slots.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.occupant?))).collect();
            for (slot, occupant) in occupied {
                debug_assert!(self.halls[hall].members.values().any(|member| *member == occupant.publisher));
                let source = occupant.wish.1 as usize;
                let Some(publisher) = self.link_mut(occupant.publisher) else { continue };
                publisher.routes[source].push(Target { peer: *viewer, slot });
                let open = publisher.flows[source];
                if let Some(link) = self.link_mut(*viewer) {
                    link.slots[slot].open = open;
                }
            }
            if let Some(link) = self.link_mut(*viewer) {
                link.purge();
            }
        }
    }

    /// Sends the whole slot table.
    pub(crate) fn tell_slots(&mut self, key: PeerKey) {
        let Some(link) = self.peers.get(key).and_then(|peer| peer.link.as_deref()) else { return };
        let slots = link.slots.iter().map(|slot| Slot {
            mid: short(slot.line.mid.as_str()),
            participant: slot.occupant.map(|occupant| occupant.wish.0.0),
            source: slot.occupant.map(|occupant| occupant.wish.1),
            layer: self.layer_rid(slot.occupant, slot.media.current_layer()).map(|rid| short(rid.as_str())),
            limited: slot.news().limited,
        });
        let message = ServerMessage::Slots { slots: slots.collect() };
        if let Some(link) = self.link_mut(key) {
            link.slots.iter_mut().for_each(|slot| slot.told = slot.news());
        }
        self.tell(key, message);
    }

    pub(crate) fn layer_rid(&self, occupant: Option<Occupant>, layer: Option<usize>) -> Option<Rid> {
        let (occupant, layer) = (occupant?, layer?);
        let publisher = self.peers.get(occupant.publisher)?.link.as_deref()?;
        publisher.publication(occupant.wish.1)?.1.layers().get(layer)?.rid()
    }

    fn occupant(&self, viewer: PeerKey, index: usize) -> Option<Occupant> {
        self.peers.get(viewer)?.link.as_deref()?.slots.get(index)?.occupant
    }
}

pub(crate) fn slots_of_kind(link: &Link, kind: MediaKind) -> impl Iterator<Item = (usize, &crate::peer::OutSlot)> {
    link.slots.iter().enumerate().filter(move |(_, slot)| translate::kind(slot.line.kind) == kind)
}

fn table(link: &Link, kind: MediaKind) -> Vec<Option<Wish>> {
    slots_of_kind(link, kind).map(|(_, slot)| slot.occupant.map(|occupant| occupant.wish)).collect()
}

fn short(text: &str) -> ShortName {
    ShortName::from(text).unwrap_or_default()
}
