//! The people who are connected, in order of arrival, found by id in logarithmic time.

use crate::ids::ParticipantId;
use crate::participant::Participant;

/// Everyone connected.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct People {
    arrived: Vec<Participant>,
    /// Position in `arrived`, sorted by id.
    index: Vec<(ParticipantId, usize)>,
}

impl People {
    pub(crate) fn len(&self) -> usize {
        self.arrived.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Participant> {
        self.arrived.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Participant> {
        self.arrived.iter_mut()
    }

    pub(crate) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        Some(&self.arrived[self.position(id)?])
    }

    pub(crate) fn get_mut(&mut self, id: ParticipantId) -> Option<&mut Participant> {
        let position = self.position(id)?;
        Some(&mut self.arrived[position])
    }

    pub(crate) fn push(&mut self, person: Participant) {
        self.arrived.push(person);
        self.reindex();
    }

    pub(crate) fn remove(&mut self, id: ParticipantId) -> Option<Participant> {
        let person = self.arrived.remove(self.position(id)?);
        self.reindex();
        Some(person)
    }

    pub(crate) fn take_all(&mut self) -> Vec<Participant> {
        self.index.clear();
        std::mem::take(&mut self.arrived)
    }

    /// Those for whom it holds, by id, so that they may be changed one by one.
    pub(crate) fn ids(&self, holds: impl Fn(&Participant) -> bool) -> Vec<ParticipantId> {
        self.iter().filter(|person| holds(person)).map(|person| person.id).collect()
    }

    fn position(&self, id: ParticipantId) -> Option<usize> {
        let found = self.index.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.index[found].1)
    }

    fn reindex(&mut self) {
        self.index.clear();
        self.index.extend(self.arrived.iter().enumerate().map(|(position, person)| (person.id, position)));
        self.index.sort_unstable();
    }
}
