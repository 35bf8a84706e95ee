//! A reference model of a room, written from the specification alone: one record per person, each rule a plain predicate.
//!
//! It is slow and obvious on purpose. What the specification leaves open it takes from the room ([`Verdict::May`]).

pub(crate) mod act;
pub(crate) mod come;
pub(crate) mod compare;
pub(crate) mod eyes;
pub(crate) mod hunt;
pub(crate) mod judge;
pub(crate) mod matrix;
pub(crate) mod run;
pub(crate) mod script;
pub(crate) mod tally;
pub(crate) mod watch;

use room::{BreakoutId, Code, Layout, ParticipantId, Place, Role, Settings, Source, Time};

/// What the specification says of a command before it is carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It succeeds.
    Done,
    /// It is refused with one of these.
    Refused(&'static [Code]),
    /// Either; if refused, with one of these.
    May(&'static [Code]),
}

/// Somebody the model knows, here or not; the record stays for the whole meeting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Person {
    /// Their place in the cast.
    pub(crate) number: usize,
    pub(crate) identity: &'static str,
    pub(crate) name: &'static str,
    pub(crate) token_host: bool,
    pub(crate) viewer: bool,
    pub(crate) mobile: bool,
    /// The connection they have now.
    pub(crate) id: Option<ParticipantId>,
    /// Every id they ever had.
    pub(crate) ids: Vec<ParticipantId>,
    /// Counts arrivals: the order of the people who are here.
    pub(crate) came: u64,
    pub(crate) inside: bool,
    /// They came in this meeting.
    pub(crate) known: bool,
    /// Nothing of theirs is remembered: their bits are as the room has them at the start.
    pub(crate) fresh: bool,
    pub(crate) admitted_before: bool,
    pub(crate) removed: bool,
    /// What they are, or were when they left.
    pub(crate) seat: Role,
    /// Their turn among those who wait, kept while they are away.
    pub(crate) queue: Option<u64>,
    pub(crate) published: [bool; 4],
    pub(crate) on: [bool; 4],
    pub(crate) locked: [bool; 4],
    /// When the screen was shared: a counter.
    pub(crate) shared: u64,
    /// When the hand went up: a counter.
    pub(crate) hand: Option<u64>,
    pub(crate) pin: Option<ParticipantId>,
    pub(crate) place: Place,
    pub(crate) assigned: Place,
    pub(crate) help: bool,
    /// What the staff said of it, if anything.
    pub(crate) always_heard: Option<bool>,
    /// Messages they may write now, in thousandths, and when that was counted.
    pub(crate) words: (u64, Time),
}

impl Person {
    pub(crate) fn new(number: usize, identity: &'static str, name: &'static str) -> Self {
        Self {
            number,
            identity,
            name,
            token_host: number < 3,
            viewer: number >= 10,
            mobile: number == 9,
            id: None,
            ids: Vec::new(),
            came: 0,
            inside: false,
            known: false,
            fresh: true,
            admitted_before: false,
            removed: false,
            seat: Role::Participant,
            queue: None,
            published: [false; 4],
            on: [true, true, false, false],
            locked: [false; 4],
            shared: 0,
            hand: None,
            pin: None,
            place: None,
            assigned: None,
            help: false,
            always_heard: None,
            words: (5000, Time(0)),
        }
    }

    pub(crate) fn here(&self) -> bool {
        self.id.is_some()
    }

    pub(crate) fn waits(&self) -> bool {
        self.here() && !self.inside
    }

    /// Host or deputy, and in the room.
    pub(crate) fn staff(&self) -> bool {
        self.inside && !self.viewer && self.seat.is_staff()
    }

    pub(crate) fn guest(&self) -> bool {
        !self.staff()
    }

    /// Inside, and the others may know.
    pub(crate) fn visible(&self) -> bool {
        self.inside && !self.viewer
    }

    pub(crate) fn first_name(&self) -> String {
        self.name.split_whitespace().next().unwrap_or_default().into()
    }

    pub(crate) fn is_always_heard(&self, settings: &Settings) -> bool {
        let invited = settings.invitees.iter().any(|invitee| invitee.id == self.identity && invitee.always_heard);
        self.always_heard.unwrap_or(invited)
    }

    pub(crate) fn invited_as_staff(&self, settings: &Settings) -> bool {
        settings.invitees.iter().any(|invitee| invitee.id == self.identity && invitee.chat_as_staff)
    }
}

/// A chat message and who may have read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    pub(crate) message: room::ChatMessage,
    /// Who got it.
    pub(crate) readers: Vec<usize>,
}

/// What of a model decides about events.
pub(crate) struct Shadow {
    pub(crate) people: Vec<Person>,
    pub(crate) direction: room::Direction,
    pub(crate) locked: bool,
    pub(crate) spotlight: Option<ParticipantId>,
    pub(crate) open: bool,
    pub(crate) self_choice: bool,
    pub(crate) closes_at: Option<Time>,
}

/// The meeting as the specification knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Model {
    pub(crate) now: Time,
    pub(crate) limit: usize,
    pub(crate) settings: Settings,
    /// What the store says; a later definition is compared with it.
    pub(crate) stored: Settings,
    pub(crate) people: Vec<Person>,
    pub(crate) chosen_layout: Option<Layout>,
    pub(crate) locked: bool,
    pub(crate) started: bool,
    /// Fell back to waiting: until a host comes.
    pub(crate) fallen: bool,
    pub(crate) abandoned_until: Option<Time>,
    pub(crate) breakouts: Vec<(BreakoutId, String)>,
    pub(crate) breakouts_ever: u32,
    pub(crate) open: bool,
    pub(crate) self_choice: bool,
    pub(crate) closes_at: Option<Time>,
    pub(crate) spotlight: Option<ParticipantId>,
    pub(crate) said: Vec<Said>,
    /// For everything that has an order.
    pub(crate) count: u64,
}

impl Model {
    pub(crate) fn new(settings: &Settings, limit: usize, people: Vec<Person>, now: Time) -> Self {
        Self {
            now,
            limit,
            settings: settings.clone(),
            stored: settings.clone(),
            people,
            chosen_layout: None,
            locked: false,
            started: false,
            fallen: false,
            abandoned_until: None,
            breakouts: Vec::new(),
            breakouts_ever: 0,
            open: false,
            self_choice: false,
            closes_at: None,
            spotlight: None,
            said: Vec::new(),
            count: 0,
        }
    }

    pub(crate) fn shadow(&self) -> Shadow {
        Shadow {
            people: self.people.clone(),
            direction: self.settings.direction,
            locked: self.locked,
            spotlight: self.spotlight,
            open: self.open,
            self_choice: self.self_choice,
            closes_at: self.closes_at,
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Who is connected with this id.
    pub(crate) fn find(&self, id: ParticipantId) -> Option<usize> {
        self.people.iter().position(|person| person.id == Some(id))
    }

    /// Who ever had this id.
    pub(crate) fn ever(&self, id: ParticipantId) -> Option<usize> {
        self.people.iter().position(|person| person.ids.contains(&id))
    }

    /// Those who are connected, in order of arrival.
    pub(crate) fn present(&self) -> Vec<&Person> {
        let mut people: Vec<_> = self.people.iter().filter(|person| person.here()).collect();
        people.sort_by_key(|person| person.came);
        people
    }

    pub(crate) fn holder(&self, seat: Role) -> Option<usize> {
        self.people.iter().position(|person| person.staff() && person.seat == seat)
    }

    pub(crate) fn has_staff(&self) -> bool {
        self.people.iter().any(Person::staff)
    }

    /// People who count for `max_participants`.
    pub(crate) fn admitted(&self) -> usize {
        self.people.iter().filter(|person| person.inside).count()
    }

    pub(crate) fn full(&self) -> bool {
        self.admitted() >= self.settings.max_participants as usize
    }

    pub(crate) fn has_breakout(&self, id: BreakoutId) -> bool {
        self.breakouts.iter().any(|(other, _)| *other == id)
    }

    /// Where they would be put now: where they are assigned or were, as long as that exists and is open.
    pub(crate) fn home(&self, place: Place) -> Place {
        place.filter(|id| self.open && self.has_breakout(*id))
    }
}

pub(crate) fn bit(source: Source) -> usize {
    Source::ALL.iter().position(|other| *other == source).unwrap_or_default()
}
