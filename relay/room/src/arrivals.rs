//! Coming and going.

use crate::effect::{Change, Effect};
use crate::ids::{ParticipantId, Time};
use crate::log::Log;
use crate::memory::Absence;
use crate::name::PersonName;
use crate::participant::{Participant, Presence, Role, Source, Sources};
use crate::random::{MAX_ARRIVALS, participant_id};
use crate::refusal::{Code, Refusal};
use crate::room::{Arrival, Room};
use crate::settings::GuestMicrophone;

impl Room {
    /// Somebody comes: in, or to wait. Whoever was here before finds seat, bits, hand and place again.
    ///
    /// # Errors
    /// `Full` (the node's limit, not the room's), `Ended`, `Removed`, `NotOpen`.
    pub fn join(&mut self, now: Time, arrival: Arrival) -> Result<(ParticipantId, Vec<Effect>), Refusal> {
        self.check_door(now, &arrival)?;
        self.arrivals += 1;
        let id = participant_id(self.arrivals, self.salt);
        let person = self.arrive(id, arrival);
        let (role, waiting) = (person.role, !person.admitted);
        let mut log = Log::new(now, Some(crate::Actor::Person(id)));
        log.event(Change::Joined { participant: id, role, waiting });
        self.people.push(person);
        Ok((id, self.settle(log)))
    }

    /// Somebody left, or their connection is lost. An id of nobody changes nothing.
    pub fn leave(&mut self, now: Time, id: ParticipantId) -> Vec<Effect> {
        let mut log = Log::new(now, None);
        if self.take_out(&mut log, id, Absence::Left) {
            log.event(Change::Left { participant: id });
        }
        self.settle(log)
    }

    /// Ends somebody's presence. False when there was none.
    pub(crate) fn take_out(&mut self, log: &mut Log, id: ParticipantId, absence: Absence) -> bool {
        let Some(person) = self.people.remove(id) else { return false };
        self.memory.remember(person, absence);
        for person in self.people.iter_mut().filter(|person| person.pin == Some(id)) {
            person.pin = None;
        }
        if self.course.spotlight == Some(id) {
            self.course.spotlight = None;
            log.follows(Change::SpotlightChanged { participant: None });
        }
        true
    }

    fn check_door(&self, now: Time, arrival: &Arrival) -> Result<(), Refusal> {
        let may_lead = arrival.host && arrival.presence == Presence::Member;
        let early = |opens_at| now.plus_seconds(u64::from(self.settings.early_seconds)) < opens_at;
        if self.people.len() >= self.limits.people || self.arrivals >= MAX_ARRIVALS {
            return Err(Refusal::new(Code::Full, format!("this relay holds at most {} people in a room", self.limits.people)));
        }
        if self.is_over(now) {
            return Err(Refusal::new(Code::Ended, "the meeting is over"));
        }
        if self.memory.is_removed(&arrival.identity) {
            return Err(Refusal::new(Code::Removed, "removed from this meeting"));
        }
        if !may_lead && self.settings.opens_at.is_some_and(early) {
            return Err(Refusal::new(Code::NotOpen, "the meeting is not open yet"));
        }
        Ok(())
    }

    fn arrive(&mut self, id: ParticipantId, arrival: Arrival) -> Participant {
        let came = self.next();
        let before = self.memory.take(&arrival.identity, arrival.presence);
        let was_admitted = self.memory.was_admitted(&arrival.identity);
        let mut person = self.first_impression(id, arrival, before);
        person.came = came;
        // A second client of the same person: let in like the first, and as muted as the first.
        for first in self.people.iter().filter(|other| other.identity == person.identity) {
            person.admitted_before |= first.admitted;
            for source in Source::ALL {
                person.sources.get_mut(source).locked |= first.sources.get(source).locked;
            }
        }
        person.admitted_before |= was_admitted;
        if self.may_enter(&person) {
            self.enter(&mut person);
        } else {
            person.turn.get_or_insert(came);
        }
        person
    }

    /// Somebody as they are before anybody did anything to them, or as they were when they left.
    fn first_impression(&self, id: ParticipantId, arrival: Arrival, before: Option<Participant>) -> Participant {
        let Arrival { identity, name, host, presence, device } = arrival;
        let name = PersonName::new(&name);
        let may_lead = host && presence == Presence::Member;
        let first_time = before.is_none();
        let seat = before.as_ref().map_or(Role::Participant, |person| person.role);
        let role = self.seat_for(&identity, may_lead, seat, presence);
        let mut person = before.unwrap_or_else(|| Participant {
            id,
            identity,
            name: name.clone(),
            role,
            presence,
            device,
            sources: Sources::default(),
            may_lead,
            admitted: false,
            admitted_before: false,
            came: 0,
            turn: None,
            place: None,
            assigned: None,
            hand: None,
            help: false,
            pin: None,
            asked: false,
            shared: 0,
            always_heard: None,
            spoke: 0,
            words_paid: Time::default(),
        });
        // The token of today counts, not the one of then.
        (person.id, person.name, person.role, person.device, person.may_lead) = (id, name, role, device, may_lead);
        if first_time && !role.is_staff() && self.settings.guest_microphone == GuestMicrophone::Muted {
            person.sources.get_mut(Source::Microphone).active = false;
        }
        person
    }
}
