//! Whose voices a viewer hears who has fewer slots for sound than there are people: whoever speaks, from the first syllable on.
//!
//! Whoever begins to speak takes the slot of whoever has been silent longest, on the very packet in which the voice is heard, and what
//! was said in the last moments before goes first. Whoever speaks keeps the slot for a while: a pause for breath is no reason to go. Only
//! the loudest of all is heard in any case, for that is whom the layouts show.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use media::audio::{MISSED, ONSET, onset, replay, speaks};
use media::{Inbound, MediaKind, Receiver};
use room::{ParticipantId, Source, View};

use crate::assign::Wish;
use crate::keys::{HallKey, PeerKey};
use crate::outbox::Outbox;
use crate::peer::{Link, Occupant, Target};
use crate::refresh::slots_of_kind;
use crate::sound::send_sound;
use crate::worker::Worker;

/// How long a slot is kept after the last word: longer than a pause within a sentence.
const HOLD: Duration = Duration::from_millis(1500);

/// One peer's part in who is heard, as somebody who speaks and as somebody who listens.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    /// When the microphone last held speech.
    voice: Option<Instant>,
    /// Its client has a detector of voices, for it has found one.
    detects: bool,
    /// Who may hear this microphone and has no slot for it.
    unheard: Vec<PeerKey>,
    /// What this peer may hear, in the room's order; empty while there is a slot for everything.
    audible: Vec<Audible>,
}

/// A sound that somebody may hear.
#[derive(Clone, Copy, Debug)]
struct Audible {
    wish: Wish,
    /// Since when: what was said before is not for these ears.
    since: Instant,
    /// It keeps its slot whoever else speaks.
    kept: bool,
    /// It was the loudest voice last.
    leads: bool,
}

/// What decides about a sound's slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Standing {
    kept: bool,
    leads: bool,
    /// It has a slot now.
    held: bool,
    /// It is not muted.
    flows: bool,
    /// When it last held speech.
    voice: Option<Instant>,
}

impl Standing {
    fn speaks(&self, now: Instant) -> bool {
        self.flows && self.voice.is_some_and(|voice| now.saturating_duration_since(voice) <= HOLD)
    }

    /// May be given up for somebody who begins to speak.
    fn yields(&self, now: Instant) -> bool {
        !(self.speaks(now) || self.flows && self.kept)
    }

    /// Lowest first; of equals the one that the room names first.
    fn rank(&self, now: Instant) -> (u8, Reverse<Option<Instant>>) {
        match (self.flows, self.kept, self.speaks(now), self.held) {
            (false, ..) => (6, Reverse(None)),
            (_, true, ..) => (0, Reverse(None)),
            (_, _, true, _) if self.leads => (1, Reverse(None)),
            (_, _, true, true) => (2, Reverse(self.voice)),
            (_, _, true, false) => (3, Reverse(self.voice)),
            (_, _, false, true) => (4, Reverse(self.voice)),
            (_, _, false, false) => (5, Reverse(None)),
        }
    }
}

impl Worker {
    /// The sounds of a view in the order in which slots are given out; `held` are those that have one.
    pub(crate) fn audible(&mut self, now: Instant, hall: HallKey, viewer: PeerKey, view: &View, held: &[Option<Wish>]) -> Vec<Wish> {
        let Some(link) = self.link_mut(viewer) else { return Vec::new() };
        let before = std::mem::take(&mut link.floor.audible);
        if view.audio.len() <= held.len() {
            return view.audio.clone();
        }
        let since = |wish| before.iter().find(|known| known.wish == wish).map_or(now, |known| known.since);
        let entries = view.audio.iter().enumerate();
        // The room names those who are kept first, and then who spoke last.
        let audible =
            entries.map(|(index, wish)| Audible { wish: *wish, since: since(*wish), kept: index < view.kept, leads: index == view.kept });
        let audible: Vec<Audible> = audible.collect();
        let mut ranked: Vec<(Wish, Standing)> =
            audible.iter().map(|sound| (sound.wish, self.standing(hall, sound, held.contains(&Some(sound.wish))))).collect();
        ranked.sort_by_key(|(_, standing)| standing.rank(now));
        if let Some(link) = self.link_mut(viewer) {
            link.floor.audible = audible;
        }
        ranked.into_iter().map(|(wish, _)| wish).collect()
    }

    fn standing(&self, hall: HallKey, sound: &Audible, held: bool) -> Standing {
        let publisher = self.halls.get(hall).and_then(|hall| hall.members.get(&sound.wish.0)).and_then(|key| self.link(*key));
        let flows = publisher.is_some_and(|link| link.flows[sound.wish.1 as usize]);
        let voice = publisher.filter(|_| sound.wish.1 == Source::Microphone).and_then(|link| link.floor.voice);
        Standing { kept: sound.kept, leads: sound.leads, held, flows, voice }
    }

    /// Lets every speaker know who has no slot for the voice.
    pub(crate) fn note_unheard(&mut self, hall: HallKey, members: &[PeerKey]) {
        for key in members {
            if let Some(link) = self.link_mut(*key) {
                link.floor.unheard.clear();
            }
        }
        for viewer in members {
            let Some(link) = self.link(*viewer).filter(|link| !link.floor.audible.is_empty()) else { continue };
            // Slots are large and many: one look at each.
            let heard: Vec<Wish> = link.slots.iter().filter_map(|slot| Some(slot.occupant?.wish)).collect();
            let audible = link.floor.audible.iter().map(|sound| sound.wish);
            let unheard: Vec<ParticipantId> =
                audible.filter(|wish| wish.1 == Source::Microphone && !heard.contains(wish)).map(|(who, _)| who).collect();
            for who in unheard {
                let speaker = self.halls.get(hall).and_then(|hall| hall.members.get(&who).copied());
                if let Some(link) = speaker.and_then(|key| self.link_mut(key)) {
                    link.floor.unheard.push(*viewer);
                }
            }
        }
    }

    /// Whether somebody speaks in a packet of a microphone.
    pub(crate) fn is_speech(&mut self, speaker: PeerKey, inbound: &Inbound<'_>) -> bool {
        let Some(link) = self.link_mut(speaker) else { return false };
        link.floor.detects |= inbound.audio_level.is_some_and(|level| level.voice);
        speaks(inbound.audio_level, link.floor.detects, inbound.codec, inbound.payload)
    }

    /// Somebody speaks in this packet. Whoever may hear it and has no slot for it gets one, if anybody who has one is silent.
    pub(crate) fn speaks(&mut self, now: Instant, speaker: PeerKey, inbound: &Inbound<'_>) {
        let Some(link) = self.link_mut(speaker) else { return };
        link.floor.voice = Some(now);
        if link.floor.unheard.is_empty() {
            return;
        }
        let mut unheard = std::mem::take(&mut link.floor.unheard);
        unheard.retain(|viewer| self.give_floor(now, speaker, *viewer, inbound).is_none());
        if let Some(link) = self.link_mut(speaker) {
            link.floor.unheard = unheard;
        }
    }

    /// Puts a speaker into a slot of one viewer; `None` if everybody there speaks as well.
    fn give_floor(&mut self, now: Instant, speaker: PeerKey, viewer: PeerKey, inbound: &Inbound<'_>) -> Option<()> {
        let peer = self.peers.get(speaker)?;
        let (hall, wish) = (peer.hall, (peer.participant, Source::Microphone));
        let since = self.link(viewer)?.floor.audible.iter().find(|sound| sound.wish == wish)?.since;
        let index = self.silent_slot(now, hall, viewer, wish)?;
        let before = self.link(viewer)?.slots[index].occupant;
        let occupant = self.admit(hall, viewer, wish)?;
        if let Some(before) = before {
            let target = |target: &Target| target.peer == viewer && target.slot == index;
            let link = self.link_mut(before.publisher)?;
            link.routes[before.wish.1 as usize].retain(|route| !target(route));
            if before.wish.1 == Source::Microphone {
                link.floor.unheard.push(viewer);
            }
        }
        self.fill(now, viewer, index, Some(occupant));
        self.link_mut(viewer)?.slots[index].open = true;
        self.link_mut(speaker)?.routes[Source::Microphone as usize].push(Target { peer: viewer, slot: index });
        self.tell_slots(viewer);
        let [from, to] = self.peers.get_disjoint_mut([speaker, viewer])?;
        let (from, to) = (&from.link.as_deref()?.receiver, to.link.as_deref_mut()?);
        self.counters.preroll(preroll(now, from, to, index, inbound, (since, ONSET), &mut self.outbox));
        Some(())
    }

    /// The slot for sound that can be spared best: beside the speaker's picture if it is silent, else whoever was silent longest.
    fn silent_slot(&self, now: Instant, hall: HallKey, viewer: PeerKey, wish: Wish) -> Option<usize> {
        let link = self.link(viewer)?;
        let beside = slots_of_kind(link, MediaKind::Video)
            .position(|(_, slot)| slot.occupant.is_some_and(|occupant| occupant.wish == (wish.0, wish.1.partner())));
        let sounds = slots_of_kind(link, MediaKind::Audio).enumerate();
        let silent = sounds.filter_map(|(place, (index, slot))| {
            let Some(occupant) = slot.occupant else { return Some(((u8::MAX, Reverse(None)), place, index)) };
            let known = link.floor.audible.iter().find(|sound| sound.wish == occupant.wish)?;
            let standing = self.standing(hall, known, true);
            standing.yields(now).then(|| (standing.rank(now), place, index))
        });
        silent.max_by_key(|(rank, place, _)| (Some(*place) == beside, *rank)).map(|(.., index)| index)
    }

    /// Notes for a slot that somebody has got who speaks already that the beginning is still to be sent, with the next packet.
    pub(crate) fn note_missed(&mut self, now: Instant, viewer: PeerKey, index: usize, occupant: Occupant) {
        let voice = self.link(occupant.publisher).and_then(|link| link.floor.voice);
        let speaks = voice.is_some_and(|voice| now.saturating_duration_since(voice) <= MISSED);
        let Some(link) = self.link_mut(viewer).filter(|_| speaks && occupant.wish.1 == Source::Microphone) else { return };
        let since = link.floor.audible.iter().find(|sound| sound.wish == occupant.wish).map(|sound| sound.since);
        if let Some(slot) = link.slots.get_mut(index) {
            slot.missed = since;
        }
    }
}

/// Sends what was said just before, from the first sound on, as fast as it goes: nothing from before a moment, and not further back than so
/// long. Gives how many packets that were.
pub(crate) fn preroll(
    now: Instant,
    from: &Receiver,
    to: &mut Link,
    slot: usize,
    inbound: &Inbound<'_>,
    (since, back): (Instant, Duration),
    outbox: &mut Outbox,
) -> u64 {
    let Some(publication) = from.publication(inbound.publication) else { return 0 };
    let earlier = (onset(publication, inbound, since, back)..inbound.ext_seq).filter_map(|ext_seq| replay(publication, inbound, ext_seq));
    earlier.filter_map(|earlier| send_sound(now, from, to, slot, &earlier, outbox)).count() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    /// What is known of a sound: `k`ept, `l`oudest, `h`eld, `m`uted, and how many ms ago it spoke.
    fn standing(now: Instant, text: &str, ago: Option<u64>) -> Standing {
        let is = |letter| text.contains(letter);
        Standing { kept: is('k'), leads: is('l'), held: is('h'), flows: !is('m'), voice: ago.map(|ms| now - Duration::from_millis(ms)) }
    }

    #[test]
    fn slots_go_to_whoever_is_kept_then_speaks_then_has_one() {
        let now = Instant::now() + Duration::from_secs(60);
        let order = [
            ("k", None),
            ("l", Some(0)),
            ("h", Some(0)),
            ("h", Some(1400)),
            ("", Some(0)),
            ("", Some(800)),
            ("lh", Some(1600)),
            ("h", Some(30_000)),
            ("h", None),
            ("", Some(2000)),
            ("km", Some(0)),
        ];
        for pair in order.windows(2) {
            let [first, second] = [pair[0], pair[1]].map(|(text, ago)| standing(now, text, ago).rank(now));
            assert!(first < second, "{pair:?}");
        }
    }

    #[test]
    fn who_speaks_or_is_kept_yields_to_nobody() {
        let now = Instant::now() + Duration::from_secs(60);
        for (text, ago, yields) in [
            ("h", Some(1500), false),
            ("h", Some(1501), true),
            ("h", None, true),
            ("hk", None, false),
            ("hkm", None, true),
            ("hm", Some(0), true),
        ] {
            assert_eq!(standing(now, text, ago).yields(now), yields, "{text} {ago:?}");
        }
    }
}
