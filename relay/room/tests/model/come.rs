//! Arrival, admission, leaving, and what time does.

use room::{Code, GuestMicrophone, ParticipantId, Role, Settings, Time, WaitingRoom, WhenAbandoned};

use super::{Model, Person, act::stop_screen};

impl Person {
    /// Nothing of the meeting is remembered but who they are, and that they were removed.
    pub(crate) fn forget(&mut self) {
        let fresh = Self::new(self.number, self.identity, self.name);
        let old = std::mem::replace(self, fresh);
        self.ids = old.ids;
        self.known = old.known;
        self.removed = old.removed;
    }
}

impl Model {
    /// Why somebody is not even let in to wait; empty: they are.
    pub(crate) fn refusals(&self, person: &Person) -> Vec<Code> {
        let host = person.token_host && !person.viewer;
        let too_early = self.settings.opens_at.is_some_and(|at| self.now.plus_seconds(u64::from(self.settings.early_seconds)) < at);
        let over = self.settings.hard_end && self.settings.ends_at.is_some_and(|at| self.now >= at);
        let mut codes = Vec::new();
        if self.people.iter().filter(|person| person.here()).count() >= self.limit {
            codes.push(Code::Full);
        }
        if person.removed {
            codes.push(Code::Removed);
        }
        if too_early && !host {
            codes.push(Code::NotOpen);
        }
        if over {
            codes.push(Code::Ended);
        }
        codes
    }

    pub(crate) fn join(&mut self, index: usize, id: ParticipantId) {
        let came = self.next();
        let seat = self.seat_for(&self.people[index]);
        let first_time = self.people[index].fresh;
        let fallen = self.fallen;
        let muted = self.settings.guest_microphone == GuestMicrophone::Muted;
        let person = &mut self.people[index];
        person.id = Some(id);
        person.ids.push(id);
        person.came = came;
        person.known = true;
        person.fresh = false;
        person.seat = seat;
        if first_time {
            person.on[0] = seat.is_staff() || !muted;
        }
        let host = person.token_host && !person.viewer;
        if seat.is_staff() || host || (person.admitted_before && !fallen) || self.may_enter(index) {
            self.enter(index);
        } else {
            let turn = self.people[index].queue.unwrap_or(came);
            self.people[index].queue = Some(turn);
        }
        self.settle();
    }

    fn seat_for(&self, person: &Person) -> Role {
        let host_free = self.holder(Role::Host).is_none();
        let deputy_free = self.holder(Role::Deputy).is_none();
        match () {
            () if person.viewer => Role::Participant,
            () if (person.token_host || person.seat == Role::Host) && host_free => Role::Host,
            () if (person.token_host || person.seat.is_staff()) && deputy_free => Role::Deputy,
            () => Role::Participant,
        }
    }

    /// May somebody who was not here before come in by themselves?
    fn may_enter(&self, _index: usize) -> bool {
        let begun = match self.settings.waiting_room {
            WaitingRoom::Off => true,
            WaitingRoom::UntilHost => self.has_staff(),
            WaitingRoom::Admit => false,
        };
        begun && !self.locked && !self.fallen && !self.full()
    }

    pub(crate) fn enter(&mut self, index: usize) {
        let first = !self.people[index].admitted_before;
        let home = self.home(if first { self.people[index].assigned } else { self.people[index].place });
        let person = &mut self.people[index];
        person.inside = true;
        person.admitted_before = true;
        person.queue = None;
        person.place = home;
    }

    fn queue(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = (0..self.people.len()).filter(|index| self.people[*index].waits()).collect();
        waiting.sort_by_key(|index| self.people[*index].queue);
        waiting
    }

    pub(crate) fn admit_all(&mut self) {
        for index in self.queue() {
            if !self.full() {
                self.enter(index);
            }
        }
    }

    pub(crate) fn leave(&mut self, index: usize) {
        let id = self.people[index].id;
        let person = &mut self.people[index];
        person.id = None;
        person.inside = false;
        person.published = [false; 4];
        person.help = false;
        stop_screen(person);
        if self.spotlight == id {
            self.spotlight = None;
        }
        self.settle();
    }

    /// What follows from every change: the meeting starts, is left alone, lets people in.
    pub(crate) fn settle(&mut self) {
        if self.has_staff() {
            self.started = true;
            self.fallen = false;
        }
        if self.has_staff() || !self.started || self.fallen {
            self.abandoned_until = None;
        } else if self.abandoned_until.is_none() {
            self.abandoned_until = Some(self.now.plus_seconds(u64::from(self.settings.grace_seconds)));
        }
        for index in self.queue() {
            // Whoever fell back to waiting was let in before: they waited for the host alone.
            if self.may_enter(index) || (self.people[index].admitted_before && !self.fallen) {
                self.enter(index);
            }
        }
        for index in 0..self.people.len() {
            let sharer = &self.people[index];
            if sharer.inside && sharer.on[2] && !self.may_send(sharer, room::Source::Screen) {
                stop_screen(&mut self.people[index]);
            }
            // Where two places became one: the staff goes on, then whoever shared first.
            let mut sharers = self.sharers(self.people[index].place);
            sharers.sort_by_key(|sharer| (self.people[*sharer].guest(), self.people[*sharer].shared));
            for late in sharers.into_iter().skip(self.settings.screens as usize) {
                stop_screen(&mut self.people[late]);
            }
        }
    }

    pub(crate) fn end(&mut self) {
        let people = std::mem::take(&mut self.people);
        let fresh = people.into_iter().map(|person| Person { ids: person.ids, ..Person::new(person.number, person.identity, person.name) });
        let settings = self.stored.clone();
        let (count, breakouts_ever) = (self.count, self.breakouts_ever);
        *self = Self { count, breakouts_ever, ..Self::new(&settings, self.limit, fresh.collect(), self.now) };
    }

    pub(crate) fn pass(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.closes_at.is_some_and(|at| at <= now) {
            self.close_breakouts();
        }
        if self.abandoned_until.is_some_and(|at| at <= now) {
            self.abandoned_until = None;
            match self.settings.when_abandoned {
                WhenAbandoned::End => self.end(),
                WhenAbandoned::Wait => self.fall_back(),
            }
        }
        if self.settings.hard_end && self.settings.ends_at.is_some_and(|at| at <= now) {
            self.end();
        }
        self.settle();
    }

    fn fall_back(&mut self) {
        self.fallen = true;
        self.close_breakouts();
        self.started = false;
        let mut inside: Vec<usize> = (0..self.people.len()).filter(|index| self.people[*index].inside).collect();
        // Whose token says host never waits, with a seat or without.
        inside.retain(|index| self.people[*index].viewer || !self.people[*index].token_host);
        inside.sort_by_key(|index| self.people[*index].came);
        for index in inside {
            let turn = self.people[index].came;
            let person = &mut self.people[index];
            person.inside = false;
            person.queue = Some(turn);
            if person.on[2] {
                stop_screen(person);
            }
        }
    }

    pub(crate) fn configure(&mut self, settings: &Settings) {
        let changed = settings.excerpt(&self.stored.differences(settings));
        self.stored = settings.clone();
        self.change(&changed);
        self.settle();
    }
}
