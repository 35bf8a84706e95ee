//! Microphones, cameras and screens: two bits each, the owner's and the staff's, and one screen at a time.

use crate::effect::{Change, Effect};
use crate::ids::ParticipantId;
use crate::log::Log;
use crate::participant::{Participant, Source};
use crate::refusal::{Code, Refusal};
use crate::room::Room;
use crate::settings::HostUnmute;

impl Room {
    /// The owner's bit. Off is always possible; on needs the staff's bit and the settings, and for a screen a free place.
    pub(crate) fn set_source(&mut self, log: &mut Log, me: ParticipantId, source: Source, active: bool) -> Result<(), Refusal> {
        let Some(person) = self.people.get(me) else { return Ok(()) };
        let bits = person.sources.get(source);
        if active && bits.locked {
            return Err(Refusal::field("source", Code::LockedByHost, "the host closed it"));
        }
        if active && !self.may_send(person, source) {
            return Err(Refusal::field("source", Code::NotAllowedHere, "the room's settings, or the device, do not allow it"));
        }
        if active && !bits.active && source == Source::Screen {
            self.take_the_screen(log, me)?;
        }
        let Some(person) = self.people.get_mut(me) else { return Ok(()) };
        person.asked &= source != Source::Microphone;
        if source == Source::Screen && !active {
            self.stop_screen(log, me);
        } else if bits.active != active {
            person.sources.get_mut(source).active = active;
            log.event(Change::SourceSet { participant: me, source, active });
        }
        Ok(())
    }

    /// Makes room for one more screen: the staff takes over from whoever shared first, others wait for a free place.
    fn take_the_screen(&mut self, log: &mut Log, me: ParticipantId) -> Result<(), Refusal> {
        let Some(person) = self.people.get(me) else { return Ok(()) };
        let sharers = self.sharers(|other| other.place == person.place);
        let most = self.settings.screens.max(1) as usize;
        let excess = (sharers.len() + 1).saturating_sub(most);
        if excess > 0 && !person.is_staff() {
            return Err(Refusal::field("source", Code::Taken, "somebody else shares a screen"));
        }
        for other in &sharers[..excess] {
            self.stop_screen(log, *other);
        }
        let shared = self.next();
        if let Some(person) = self.people.get_mut(me) {
            person.shared = shared;
        }
        Ok(())
    }

    /// Admitted people who share, the one who shared first at the front.
    fn sharers(&self, holds: impl Fn(&Participant) -> bool) -> Vec<ParticipantId> {
        let shares = |person: &&Participant| person.is_visible() && person.sources.get(Source::Screen).active && holds(person);
        let mut sharers: Vec<_> = self.people.iter().filter(shares).map(|person| (person.shared, person.id)).collect();
        sharers.sort_unstable();
        sharers.into_iter().map(|(_, id)| id).collect()
    }

    pub(crate) fn stop_screen(&mut self, log: &mut Log, id: ParticipantId) {
        for source in self.people.get_mut(id).into_iter().flat_map(Participant::stop_screen) {
            log.event(Change::SourceSet { participant: id, source, active: false });
        }
    }

    /// Ends screens that are not allowed any more: by settings or role, of those who wait, or too many in one place after a move (there
    /// the staff's stay, then those that were shared first).
    pub(crate) fn end_screens(&mut self, log: &mut Log) {
        let shares = |person: &Participant| person.sources.get(Source::Screen).active;
        if !self.people.iter().any(shares) {
            return;
        }
        let mut ending = self.people.ids(|person| shares(person) && (!person.admitted || !self.may_send(person, Source::Screen)));
        let mut sharing: Vec<&Participant> = self.people.iter().filter(|person| shares(person) && !ending.contains(&person.id)).collect();
        sharing.sort_by_key(|person| (person.place, !person.is_staff(), person.shared));
        let most = self.settings.screens.max(1) as usize;
        for group in sharing.chunk_by(|one, other| one.place == other.place) {
            ending.extend(group.iter().skip(most).map(|person| person.id));
        }
        let actor = log.actor.take();
        for id in ending {
            self.stop_screen(log, id);
        }
        log.actor = actor;
    }

    /// Sets the staff's bit.
    pub(crate) fn lock_source(&mut self, log: &mut Log, id: ParticipantId, source: Source) {
        self.set_lock_bit(log, id, source, true);
    }

    /// Takes the staff's bit back. What the owner wants then counts again.
    pub(crate) fn unlock_source(&mut self, log: &mut Log, id: ParticipantId, source: Source) {
        self.set_lock_bit(log, id, source, false);
    }

    /// Takes the lock off a microphone. One that its owner keeps closed opens only where the room says so; else its owner is asked, once.
    pub(crate) fn unmute(&mut self, log: &mut Log, id: ParticipantId) {
        self.unlock_source(log, id, Source::Microphone);
        let Some(person) = self.people.get(id) else { return };
        if person.sources.get(Source::Microphone).active || !person.is_member() {
            return;
        }
        let opens = self.settings.host_unmute == HostUnmute::Open;
        let asks = !opens && person.admitted && !person.asked && self.may_send(person, Source::Microphone);
        let Some(person) = self.people.get_mut(id) else { return };
        if opens {
            person.sources.get_mut(Source::Microphone).active = true;
            log.event(Change::SourceSet { participant: id, source: Source::Microphone, active: true });
        } else if asks {
            person.asked = true;
            log.effect(Effect::AskUnmute(id));
        }
    }

    fn set_lock_bit(&mut self, log: &mut Log, id: ParticipantId, source: Source, locked: bool) {
        let Some(person) = self.people.get_mut(id) else { return };
        if locked {
            person.asked &= source != Source::Microphone;
        }
        let bits = person.sources.get_mut(source);
        if bits.locked != locked {
            bits.locked = locked;
            log.event(Change::SourceLocked { participant: id, source, locked });
        }
    }
}
