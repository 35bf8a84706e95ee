//! The course of a meeting: it starts with the staff, is abandoned without it, and ends.

use crate::effect::{Change, Effect, Farewell};
use crate::ids::Time;
use crate::log::Log;
use crate::memory::{Absence, Memory};
use crate::people::People;
use crate::room::{Course, Room};
use crate::settings::WhenAbandoned;

impl Room {
    /// With host or deputy the meeting runs; without both, once it ran, the grace does.
    pub(crate) fn start_or_abandon(&mut self, log: &mut Log) {
        if self.has_staff() {
            if !self.course.started {
                log.follows(Change::MeetingStarted);
            }
            self.course.started = true;
            self.course.fallen_back = false;
            self.course.abandoned_until = None;
        } else if self.course.started && self.course.abandoned_until.is_none() {
            let until = log.at.plus_seconds(u64::from(self.settings.grace_seconds));
            self.course.abandoned_until = Some(until);
            log.follows(Change::Abandoned { until });
        }
    }

    /// The grace is over.
    pub(crate) fn give_up(&mut self, log: &mut Log) {
        match self.settings.when_abandoned {
            WhenAbandoned::End => self.end(log),
            WhenAbandoned::Wait => self.fall_back(log),
        }
    }

    /// Everyone waits until somebody of the staff is back; then those who were in come in again.
    fn fall_back(&mut self, log: &mut Log) {
        self.close_breakouts(log);
        self.course.abandoned_until = None;
        self.course.started = false;
        self.course.fallen_back = true;
        for person in self.people.iter_mut().filter(|person| person.admitted && !person.may_lead) {
            person.admitted = false;
            person.turn = Some(person.came);
            log.follows(Change::Waiting { participant: person.id });
        }
    }

    /// Whether the hard end has come.
    pub(crate) fn is_over(&self, now: Time) -> bool {
        self.settings.hard_end && self.settings.ends_at.is_some_and(|at| at <= now)
    }

    /// Ends the meeting for all and forgets it; what comes then is a new one, with the settings as they were given.
    pub(crate) fn end(&mut self, log: &mut Log) {
        let unchanged = self.course == Course::default() && self.settings == self.definition;
        if unchanged && self.people.is_empty() && self.memory.is_empty() {
            return;
        }
        log.event(Change::MeetingEnded);
        let Self { people, memory, .. } = self;
        end_sessions(log, people, memory);
        self.settings = self.definition.clone();
        self.course = Course::default();
    }
}

fn end_sessions(log: &mut Log, people: &mut People, memory: &mut Memory) {
    memory.end();
    for person in people.take_all() {
        log.follows(Change::Left { participant: person.id });
        log.effect(Effect::Close(person.id, Farewell::Ended));
        memory.remember(person, Absence::Past);
    }
}
