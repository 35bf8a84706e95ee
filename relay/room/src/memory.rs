//! Who was here and is not: remembered by identity, so that whoever returns finds seat, bits, hand and place again, and whoever was
//! removed stays out.
//!
//! Bounded: of those who left, the one who left longest ago is forgotten first; of those who were removed, likewise. That a removal is
//! forgotten after 256 later ones is better than a host who cannot remove any more; the lock keeps newcomers out in any number.

use crate::ids::ParticipantId;
use crate::participant::{Participant, Presence, Role};

/// Most people remembered who may come back.
const MAX_LEFT: usize = 256;
/// Most people remembered who may not.
const MAX_REMOVED: usize = 256;

/// What somebody is to the meeting who is not connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Absence {
    /// May come back as what they were.
    Left,
    /// May not come back.
    Removed,
    /// Of an earlier meeting, or allowed back as if new: the name behind an id, nothing more.
    Past,
}

/// Everyone remembered, whoever left last at the end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Memory(Vec<(Absence, Participant)>);

impl Memory {
    /// Somebody is gone. Their screen share is over, and what their client sends has to be announced again.
    pub(crate) fn remember(&mut self, mut person: Participant, absence: Absence) {
        for source in crate::Source::ALL {
            person.sources.get_mut(source).published = false;
        }
        drop(person.stop_screen());
        person.admitted = false;
        person.help = false;
        person.asked = false;
        self.0.retain(|(other, old)| *other != Absence::Left || !same(old, &person.identity, person.presence));
        self.0.push((absence, person));
        self.forget_beyond(MAX_REMOVED, |absence| absence == Absence::Removed);
        self.forget_beyond(MAX_LEFT, |absence| absence != Absence::Removed);
    }

    fn forget_beyond(&mut self, most: usize, counts: impl Fn(Absence) -> bool) {
        if self.0.iter().filter(|(absence, _)| counts(*absence)).count() > most
            && let Some(oldest) = self.0.iter().position(|(absence, _)| counts(*absence))
        {
            self.0.remove(oldest);
        }
    }

    /// Takes out what is remembered of somebody who returns.
    pub(crate) fn take(&mut self, identity: &str, presence: Presence) -> Option<Participant> {
        let found = self.0.iter().position(|(absence, person)| *absence == Absence::Left && same(person, identity, presence))?;
        Some(self.0.remove(found).1)
    }

    /// Whether this identity was let in before and may come back, with whatever kind of client.
    pub(crate) fn was_admitted(&self, identity: &str) -> bool {
        self.0.iter().any(|(absence, person)| *absence == Absence::Left && person.admitted_before && person.identity == identity)
    }

    pub(crate) fn is_removed(&self, identity: &str) -> bool {
        self.removed().any(|person| person.identity == identity)
    }

    /// Those who may not come back, whoever was removed last at the end.
    pub(crate) fn removed(&self) -> impl Iterator<Item = &Participant> {
        self.0.iter().filter(|(absence, _)| *absence == Absence::Removed).map(|(_, person)| person)
    }

    /// Somebody who is not connected, by the id they had last.
    pub(crate) fn get(&self, id: ParticipantId) -> Option<(Absence, &Participant)> {
        self.0.iter().rev().find(|(_, person)| person.id == id).map(|(absence, person)| (*absence, person))
    }

    /// Changes what somebody is to the meeting.
    pub(crate) fn set(&mut self, id: ParticipantId, absence: Absence) {
        if let Some(found) = self.0.iter().rposition(|(_, person)| person.id == id) {
            let (_, person) = self.0.remove(found);
            self.remember(person, absence);
        }
    }

    /// Nobody with this identity has been here, as far as coming back goes.
    pub(crate) fn forget(&mut self, identity: &str) {
        for (absence, _) in self.0.iter_mut().filter(|(absence, person)| *absence == Absence::Left && person.identity == identity) {
            *absence = Absence::Past;
        }
    }

    pub(crate) fn people_mut(&mut self) -> impl Iterator<Item = &mut Participant> {
        self.0.iter_mut().map(|(_, person)| person)
    }

    /// Nobody who is away is the deputy any more.
    pub(crate) fn forget_deputies(&mut self) {
        for person in self.people_mut().filter(|person| person.role == Role::Deputy) {
            person.role = Role::Participant;
        }
    }

    /// The meeting is over: nothing of it is remembered but who had which id.
    pub(crate) fn end(&mut self) {
        for (absence, _) in &mut self.0 {
            *absence = Absence::Past;
        }
    }

    /// Whether nobody of this meeting is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|(absence, _)| *absence == Absence::Past)
    }
}

fn same(person: &Participant, identity: &str, presence: Presence) -> bool {
    person.presence == presence && person.identity == identity
}
