//! Who a viewer may know of, and under which name.

use std::sync::Arc;

use crate::ids::ParticipantId;
use crate::matrix::Kind;
use crate::participant::{Participant, Role, Source};
use crate::room::Room;
use crate::scene::RosterEntry;
use crate::settings::Names;

impl Room {
    /// Everyone of whom `viewer` may know, themselves included (unless nobody may know of them), in order of arrival.
    #[must_use]
    pub fn roster(&self, viewer: ParticipantId) -> Vec<RosterEntry> {
        let Some(to) = self.people.get(viewer) else { return Vec::new() };
        let known = self.people.iter().filter(|person| self.knows(to, person));
        known.map(|person| self.entry(to, person)).collect()
    }

    /// Whether `person` is in the roster of `to`. The staff knows of all members; others of those in their place, as the list is open
    /// to them or sound, picture or words reach them anyway; those who wait only of themselves.
    pub(crate) fn knows(&self, to: &Participant, person: &Participant) -> bool {
        if !person.is_member() || to.id == person.id {
            return person.is_member();
        }
        if !to.admitted {
            return false;
        }
        if to.is_staff() {
            return true;
        }
        let listed = || self.settings.name_list && self.settings.names != Names::Hidden;
        let reaches = || [Kind::Audio, Kind::Camera, Kind::Screen, Kind::Chat].into_iter().any(|kind| self.rule(person, to, kind).is_ok());
        person.admitted && person.place == to.place && (person.is_staff() || listed() || reaches())
    }

    fn entry(&self, to: &Participant, person: &Participant) -> RosterEntry {
        let those = |holds: &dyn Fn(Source) -> bool| Source::ALL.into_iter().filter(|source| holds(*source)).collect();
        RosterEntry {
            id: person.id,
            name: self.name_for(to, person),
            role: if person.admitted { person.role } else { Role::Participant },
            // What a rule keeps from the viewer is not news for them either.
            sources: those(&|source| {
                self.lets_in(person, source) && (to.id == person.id || self.rule(person, to, Kind::of(source)).is_ok())
            }),
            locked: those(&|source| person.sources.get(source).locked),
            waiting: !person.admitted,
            breakout: person.place().flatten(),
        }
    }

    fn name_for(&self, to: &Participant, person: &Participant) -> Arc<str> {
        let full = to.id == person.id || to.is_staff() || person.is_staff();
        person.name.under(if full { Names::Full } else { self.settings.names })
    }
}
