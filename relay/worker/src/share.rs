//! Shares each viewer's line out among the pictures in his slots, and asks for the keyframes that follow from it.

use std::time::{Duration, Instant};

use media::KeyframeCause;
use media::allocator::{Content, Demand, Grant, MAX_TILES, SPARE, allocate};
use room::Source;

use crate::downlink::Least;
use crate::keys::{HallKey, PeerKey};
use crate::peer::{Link, Occupant, OutSlot, Target};
use crate::worker::Worker;

/// A client's own reports are acted upon at once, but not more often than this; what comes in between follows with the next tick.
const MIN_BY_REPORT: Duration = Duration::from_millis(20);

/// The wish for a picture that is bounded by what its only viewer's line carries: so much more than the bound, as a divisor, is worth
/// asking the line about.
const BEYOND_CAP: u64 = 2;

/// Most encodings of a publication (the answerer accepts no more rids).
const MAX_ENCODINGS: usize = 4;

impl Worker {
    /// Something has changed in a room. The lines are shared out when the time comes next, at once but once for all that changed.
    pub(crate) fn share_soon(&mut self, now: Instant, hall: HallKey) {
        self.unshared_since.get_or_insert(now);
        if !self.unshared.contains(&hall) {
            self.unshared.push(hall);
        }
    }

    /// Does what [`Worker::share_soon`] put off.
    pub(crate) fn share_unshared(&mut self, now: Instant) {
        self.unshared_since = None;
        let mut unshared = std::mem::take(&mut self.unshared);
        for hall in unshared.drain(..) {
            self.share_room(now, hall);
        }
        self.unshared = unshared;
    }

    /// Looks at everything that arrives in a room, and shares every viewer's line out anew.
    pub(crate) fn share_room(&mut self, now: Instant, hall: HallKey) {
        let Some(mut members) = self.lend_members(hall) else { return };
        for key in &members {
            self.reorder(now, *key);
            if let Some(link) = self.link_mut(*key) {
                link.uplink.measure(now, &link.receiver);
            }
        }
        for key in &members {
            self.share(now, *key);
            self.want_keyframes(now, *key);
        }
        members.clear();
        self.members = members;
        self.ask_publishers(now, hall);
    }

    /// A publisher's encodings that do not lie as he named them change places, and whoever has one of them begins anew.
    fn reorder(&mut self, now: Instant, publisher: PeerKey) {
        while let Some(link) = self.link_mut(publisher)
            && let Some(label) = link.receiver.reorder(now)
        {
            let source = label as usize;
            link.uplink.reordered(now, source);
            let targets = link.routes.get(source).cloned().unwrap_or_default();
            for target in targets {
                self.begin_again(now, target);
            }
        }
    }

    /// The same source in the same slot, from a keyframe on.
    pub(crate) fn begin_again(&mut self, now: Instant, Target { peer, slot }: Target) -> Option<()> {
        let (occupant, open) = self.link(peer)?.slots.get(slot).map(|slot| (slot.occupant, slot.open))?;
        self.fill(now, peer, slot, occupant);
        self.link_mut(peer)?.slots.get_mut(slot)?.open = open;
        Some(())
    }

    /// A keyframe of an encoding that was not there arrives: whoever wants it shall start with this one, not ask for another.
    pub(crate) fn encoding_appears(&mut self, now: Instant, publisher: PeerKey, source: usize) {
        if let Some(link) = self.link_mut(publisher) {
            link.uplink.measure(now, &link.receiver);
        }
        let Some(routes) = self.routes(publisher, source).map(std::mem::take) else { return };
        for target in &routes {
            self.share(now, target.peer);
            // The slot chooses it; what it would ask for is here.
            let _ = self.wanted_keyframe(now, target.peer, target.slot);
        }
        if let Some(lent) = self.routes(publisher, source) {
            *lent = routes;
        }
    }

    /// The client has said how large its tiles are.
    pub(crate) fn share_by_report(&mut self, now: Instant, viewer: PeerKey) {
        let Some(peer) = self.peers.get_mut(viewer) else { return };
        let hall = peer.hall;
        let Some(link) = peer.link.as_deref_mut() else { return };
        if link.reported_at.is_none_or(|at| now.saturating_duration_since(at) >= MIN_BY_REPORT) {
            link.reported_at = Some(now);
            self.share(now, viewer);
            self.want_keyframes(now, viewer);
            self.ask_publishers(now, hall);
        }
    }

    /// Gives each picture of one viewer its layer. Allocates nothing once warm.
    pub(crate) fn share(&mut self, now: Instant, viewer: PeerKey) {
        let (voices, least) = (self.voices(now, viewer), self.least(now, viewer));
        let Some(link) = self.link_mut(viewer) else { return };
        link.follow_way(now);
        let sound = link.downlink.keep_for(voices);
        let budget = link.downlink.budget(now, sound, least);
        for slot in &mut link.slots {
            let height = slot.tile.height(now);
            slot.held.set_height(now, height);
        }
        let mut grants = std::mem::take(&mut self.grants);
        let mut demands = [NOTHING; MAX_TILES];
        let (count, beyond) = self.demands(now, viewer, &mut demands);
        let total = allocate(&demands[..count], budget, &mut grants);
        self.counters.allocations += 1;
        if let Some(link) = self.link_mut(viewer) {
            (link.downlink.total, link.downlink.sound) = (total, sound);
            link.downlink.wish(now, total.wished + beyond, sound);
            for grant in &grants {
                link.grant(now, grant);
            }
        }
        self.grants = grants;
        // What is wished for may be worth a question to the line.
        self.schedule(now, viewer);
    }

    /// One demand for each picture in a slot, and what should be wished for beyond what is measured, bit/s.
    fn demands<'w>(&'w self, now: Instant, viewer: PeerKey, demands: &mut [Demand<'w>; MAX_TILES]) -> (usize, u64) {
        let Some(link) = self.link(viewer) else { return (0, 0) };
        let (mut count, mut beyond) = (0, 0);
        for (index, slot) in link.slots.iter().enumerate() {
            let Some(occupant) = slot.occupant.filter(|occupant| !occupant.wish.1.is_audio()) else { continue };
            let picture = self.link(occupant.publisher).and_then(|link| link.uplink.picture(occupant.wish.1));
            let (Some(place), Some(picture)) = (demands.get_mut(count), picture) else { continue };
            *place = demand(now, index, slot, occupant, &picture.rungs);
            beyond += picture.asked.cap().map_or(0, |cap| cap / BEYOND_CAP);
            count += 1;
        }
        (count, beyond)
    }

    fn least(&self, now: Instant, viewer: PeerKey) -> Least {
        let (mut least, mut rank) = (Least::default(), u16::MAX);
        for slot in self.link(viewer).iter().flat_map(|link| &link.slots).filter(|slot| slot.tile.height(now) > 0) {
            let Some(occupant) = slot.occupant else { continue };
            let picture = self.link(occupant.publisher).and_then(|link| link.uplink.picture(occupant.wish.1));
            let Some(rate) = picture.and_then(|picture| picture.rungs.first()).map(|rung| rung.bitrate) else { continue };
            if slot.grant.is_some_and(|grant| grant.layer.is_some()) {
                least.shown += rate;
            }
            least.all += rate + rate / SPARE;
            if slot.tile.rank < rank {
                rank = slot.tile.rank;
                least.first = rate + rate / SPARE;
            }
        }
        least
    }

    /// Asks for the keyframes that a viewer's slots need now.
    pub(crate) fn want_keyframes(&mut self, now: Instant, viewer: PeerKey) {
        let Some(link) = self.link(viewer).filter(|link| link.path(now).is_some()) else { return };
        for index in 0..link.slots.len() {
            let Some((occupant, encoding, cause)) = self.wanted_keyframe(now, viewer, index) else { continue };
            self.request_keyframe(now, occupant, encoding, cause);
        }
    }

    fn wanted_keyframe(&mut self, now: Instant, viewer: PeerKey, index: usize) -> Option<(Occupant, usize, KeyframeCause)> {
        let slot = self.link(viewer)?.slots.get(index)?;
        let occupant = slot.occupant.filter(|occupant| slot.open && !occupant.wish.1.is_audio())?;
        let (_, publication) = self.link(occupant.publisher)?.publication(occupant.wish.1)?;
        let mut active = [false; MAX_ENCODINGS];
        let count = publication.layers().len().min(MAX_ENCODINGS);
        for (index, active) in active.iter_mut().take(count).enumerate() {
            *active = publication.active(index, now);
        }
        let Link { slots, starts, .. } = self.link_mut(viewer)?;
        let slot = slots.get_mut(index)?;
        let wanted = slot.media.want(now, &active[..count]);
        if slot.media.current_layer().is_some() || slot.media.target().is_none() {
            slot.begins = None;
        }
        match wanted? {
            (encoding, KeyframeCause::Start) => {
                Some((occupant, encoding, *slot.begins.get_or_insert_with(|| starts.begin(now, occupant.wish))))
            }
            (encoding, cause) => Some((occupant, encoding, cause)),
        }
    }

    pub(crate) fn request_keyframe(&mut self, now: Instant, occupant: Occupant, encoding: usize, cause: KeyframeCause) {
        let Some(link) = self.link_mut(occupant.publisher) else { return };
        let Some(index) = link.publication(occupant.wish.1).map(|(index, _)| index) else { return };
        link.receiver.request_keyframe(now, index, encoding, cause);
        self.schedule(now, occupant.publisher);
    }

    /// The members of a room, in memory that is kept; the caller gives it back.
    pub(crate) fn lend_members(&mut self, hall: HallKey) -> Option<Vec<PeerKey>> {
        let mut members = std::mem::take(&mut self.members);
        members.clear();
        members.extend(self.halls.get(hall)?.members.values());
        Some(members)
    }
}

impl Link {
    /// One slot's picture is to be what was granted.
    fn grant(&mut self, now: Instant, grant: &Grant) {
        let Self { slots, downlink, .. } = self;
        let slot = &mut slots[grant.slot];
        slot.held.granted(now, slot.grant.and_then(|before| before.layer), grant.layer);
        if downlink.is_another(now) {
            slot.held.set_free(now);
        }
        slot.media.set_target(grant.layer);
        slot.media.fit_resends(downlink.estimator.target() / 8);
        slot.grant = Some(*grant);
        if slot.media.goes_down() && downlink.is_jammed() {
            slot.media.give_up(now);
            downlink.forget(slot.line.ssrc);
        }
    }
}

/// Fills the places of an array that no demand takes.
const NOTHING: Demand<'static> =
    Demand { slot: 0, content: Content::Camera, rank: 0, main: false, height: 0, rungs: &[], granted: None, held: false, pauses: 0 };

fn demand<'w>(now: Instant, index: usize, slot: &OutSlot, occupant: Occupant, rungs: &'w [media::Rung]) -> Demand<'w> {
    Demand {
        slot: index,
        content: if occupant.wish.1 == Source::Screen { Content::Screen } else { Content::Camera },
        rank: slot.tile.rank,
        main: slot.tile.is_large(),
        height: slot.tile.height(now),
        rungs,
        granted: slot.grant.and_then(|grant| grant.layer),
        held: slot.held.holds(now),
        pauses: slot.held.pauses(now),
    }
}
