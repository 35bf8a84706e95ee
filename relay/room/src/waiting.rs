//! The waiting room: who comes in by a rule, who is let in, who is sent away, and who may never come back.

use crate::effect::{Change, Effect, Farewell};
use crate::ids::ParticipantId;
use crate::log::Log;
use crate::memory::Absence;
use crate::participant::{Participant, Role};
use crate::refusal::{Code, Refusal};
use crate::room::Room;
use crate::settings::WaitingRoom;

impl Room {
    /// Whether somebody goes in by themselves. The staff and those with a host's token never wait; those who were in before only
    /// while the meeting has fallen back to waiting.
    pub(crate) fn may_enter(&self, person: &Participant) -> bool {
        if person.is_staff() || person.may_lead {
            return true;
        }
        let open = match self.settings.waiting_room {
            WaitingRoom::Off => true,
            WaitingRoom::UntilHost => self.has_staff(),
            WaitingRoom::Admit => false,
        };
        !self.course.fallen_back && (person.admitted_before || open && !self.course.locked && !self.is_full())
    }

    /// As many are in as the room holds: it is locked by itself.
    pub(crate) fn is_full(&self) -> bool {
        let admitted = self.people.iter().filter(|person| person.admitted).count();
        admitted >= self.settings.max_participants as usize
    }

    /// Puts somebody in their place: where they were, or where they are assigned.
    pub(crate) fn enter(&self, person: &mut Participant) {
        let place = if person.admitted_before { person.place } else { person.assigned };
        person.place = place.filter(|breakout| self.course.breakouts.open && self.course.breakouts.has(*breakout));
        person.admitted = true;
        person.admitted_before = true;
        person.turn = None;
    }

    /// Those who wait, first come first.
    pub(crate) fn queue(&self) -> Vec<ParticipantId> {
        let mut waiting: Vec<_> = self.people.iter().filter(|person| !person.admitted).map(|person| (person.turn, person.id)).collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id)| id).collect()
    }

    /// Lets in whoever need not wait any longer.
    pub(crate) fn admit_by_rule(&mut self, log: &mut Log) {
        for id in self.queue() {
            if self.people.get(id).is_some_and(|person| self.may_enter(person)) {
                self.let_in(id);
                log.follows(Change::Admitted { participant: id });
            }
        }
    }

    pub(crate) fn admit(&mut self, log: &mut Log, id: ParticipantId) -> Result<(), Refusal> {
        if self.people.get(id).is_none_or(|person| person.admitted) {
            return Ok(());
        }
        if self.is_full() {
            let most = self.settings.max_participants;
            return Err(Refusal::new(Code::Full, format!("the room holds {most} people at most")));
        }
        self.let_in(id);
        log.event(Change::Admitted { participant: id });
        Ok(())
    }

    /// First come, first in, as far as there is room.
    pub(crate) fn admit_all(&mut self, log: &mut Log) {
        for id in self.queue() {
            if self.is_full() {
                break;
            }
            self.let_in(id);
            log.event(Change::Admitted { participant: id });
        }
    }

    fn let_in(&mut self, id: ParticipantId) {
        let Some(mut person) = self.people.get(id).cloned() else { return };
        self.enter(&mut person);
        if let Some(place) = self.people.get_mut(id) {
            *place = person;
        }
    }

    /// Sends somebody away who waits. They lose their place in the queue, nothing else.
    pub(crate) fn deny(&mut self, log: &mut Log, id: ParticipantId) -> Result<(), Refusal> {
        match self.people.get_mut(id) {
            Some(person) if person.admitted => return Err(Refusal::invalid("participant", "only those who wait can be denied")),
            Some(person) => person.turn = None,
            None => return Ok(()),
        }
        self.take_out(log, id, Absence::Left);
        log.event(Change::Denied { participant: id });
        log.effect(Effect::Close(id, Farewell::Denied));
        Ok(())
    }

    /// Removes somebody with all their clients, or keeps somebody out who is away.
    pub(crate) fn remove(&mut self, log: &mut Log, id: ParticipantId) -> Result<(), Refusal> {
        let Some(person) = self.people.get(id) else {
            if let Some((Absence::Left, person)) = self.memory.get(id) {
                if person.role == Role::Host {
                    return Err(Refusal::forbidden());
                }
                let identity = person.identity.clone();
                self.memory.set(id, Absence::Removed);
                self.memory.forget(&identity);
                log.event(Change::Removed { participant: id });
            }
            return Ok(());
        };
        let identity = person.identity.clone();
        if self.people.iter().any(|other| other.identity == identity && other.role == Role::Host) {
            return Err(Refusal::forbidden());
        }
        for id in self.people.ids(|person| person.identity == identity) {
            self.take_out(log, id, Absence::Removed);
            log.event(Change::Removed { participant: id });
            log.effect(Effect::Close(id, Farewell::Removed));
        }
        self.memory.forget(&identity);
        Ok(())
    }

    /// Lets a removed person come back, as somebody new: they wait where newcomers wait.
    pub(crate) fn allow_back(&mut self, log: &mut Log, id: ParticipantId) {
        let Some((Absence::Removed, person)) = self.memory.get(id) else { return };
        let identity = person.identity.clone();
        let clients: Vec<_> = self.memory.removed().filter(|person| person.identity == identity).map(|person| person.id).collect();
        for client in clients {
            self.memory.set(client, Absence::Past);
        }
        log.event(Change::AllowedBack { participant: id });
    }
}
