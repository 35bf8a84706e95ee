//! The room itself: its state, its questions, and what follows from every change. What each call does is in the module of that name.

use std::collections::BTreeMap;

use crate::breakouts::BreakoutState;
use crate::chat::Chronicle;
use crate::effect::Effect;
use crate::ids::{ParticipantId, Place, Time};
use crate::layout::Layout;
use crate::log::Log;
use crate::memory::Memory;
use crate::participant::{Device, Participant, Presence, Role, Source};
use crate::people::People;
use crate::settings::Settings;

/// Somebody who comes in, with what their token and client say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// The token's subject.
    pub identity: String,
    /// The token's name.
    pub name: String,
    /// The token says host.
    pub host: bool,
    /// Member or viewer.
    pub presence: Presence,
    /// What they hold.
    pub device: Device,
}

/// What the node allows whatever the settings say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most people connected, those who wait and viewers included.
    pub people: usize,
}

/// One room. Mutate with [`Room::join`], [`Room::leave`], [`Room::publish`], [`Room::spoke`], [`Room::apply`], [`Room::configure`] and
/// [`Room::handle_timeout`] (due at [`Room::poll_timeout`]); carry out the effects; then ask for flows, views, rosters and scenes again,
/// also where there were no effects: a pin is nobody else's business.
///
/// Invariant: a call is carried out whole or refused with nothing changed, and the same calls give the same state and effects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Room {
    /// As they are now.
    pub(crate) settings: Settings,
    /// As they were given; a new meeting begins with them.
    pub(crate) definition: Settings,
    pub(crate) limits: Limits,
    pub(crate) salt: u64,
    pub(crate) arrivals: u32,
    pub(crate) breakouts_ever: u32,
    /// For everything that has an order: counts up.
    count: u64,
    pub(crate) people: People,
    pub(crate) memory: Memory,
    pub(crate) course: Course,
    /// The layout of each place where somebody is; follows from the rest.
    layouts: BTreeMap<Place, Layout>,
    /// The `opens_at` that has come.
    pub(crate) opened: Option<Time>,
}

/// What belongs to one meeting and ends with it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Course {
    /// Somebody of the staff came.
    pub(crate) started: bool,
    /// The staff was gone too long; everyone waits until it is back.
    pub(crate) fallen_back: bool,
    /// The staff is gone: until when the meeting goes on.
    pub(crate) abandoned_until: Option<Time>,
    pub(crate) locked: bool,
    /// The staff's choice, above the rules by number of people.
    pub(crate) layout: Option<Layout>,
    pub(crate) spotlight: Option<ParticipantId>,
    pub(crate) breakouts: BreakoutState,
    pub(crate) chat: Chronicle,
}

impl Room {
    /// An empty room. The salt makes ids and draws unpredictable for those who do not know it.
    #[must_use]
    pub fn new(settings: Settings, limits: Limits, salt: u64) -> Self {
        Self {
            definition: settings.clone(),
            settings,
            limits,
            salt,
            arrivals: 0,
            breakouts_ever: 0,
            count: 0,
            people: People::default(),
            memory: Memory::default(),
            course: Course::default(),
            layouts: BTreeMap::new(),
            opened: None,
        }
    }

    /// True when nobody is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Everyone connected, those who wait and viewers included, in order of arrival.
    pub fn people(&self) -> impl Iterator<Item = ParticipantId> {
        self.people.iter().map(|person| person.id)
    }

    /// One connected person.
    #[must_use]
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.people.get(id)
    }

    /// Everyone connected with this identity, in order of arrival; more than one where a person uses several kinds of client.
    pub fn by_identity(&self, identity: &str) -> impl Iterator<Item = ParticipantId> {
        self.people.iter().filter(move |person| person.identity == identity).map(|person| person.id)
    }

    /// Identity and role of somebody who is connected, or is remembered under the id they had last.
    #[must_use]
    pub fn known(&self, id: ParticipantId) -> Option<(&str, Role)> {
        let person = self.people.get(id).or_else(|| Some(self.memory.get(id)?.1))?;
        Some((&person.identity, person.role))
    }

    /// The settings as they are now, live changes included.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The speaker as this viewer may know them: whoever spoke last among those they can hear, themselves included.
    #[must_use]
    pub fn speaker(&self, viewer: ParticipantId) -> Option<ParticipantId> {
        let to = self.people.get(viewer).filter(|person| person.admitted)?;
        let heard = |from: &&Participant| {
            from.spoke > 0
                && self.lets_in(from, Source::Microphone)
                && (from.id == viewer || self.rule(from, to, crate::Kind::Audio).is_ok())
        };
        self.people.iter().filter(heard).max_by_key(|from| from.spoke).map(|from| from.id)
    }

    /// A person is the loudest in their place now. True when that is news.
    pub fn spoke(&mut self, id: ParticipantId) -> bool {
        let Some(person) = self.people.get(id).filter(|person| self.lets_in(person, Source::Microphone)) else { return false };
        let mut others = self.people.iter().filter(|other| other.id != id && other.admitted && other.place == person.place);
        if person.spoke > 0 && others.all(|other| other.spoke < person.spoke) {
            return false;
        }
        let spoke = self.next();
        if let Some(person) = self.people.get_mut(id) {
            person.spoke = spoke;
        }
        true
    }

    /// A person's client has lines for exactly these sources.
    ///
    /// # Errors
    /// Viewers send nothing; nobody has that id.
    pub fn publish(&mut self, _now: Time, id: ParticipantId, sources: &[Source]) -> Result<Vec<Effect>, crate::Refusal> {
        let person = self.people.get_mut(id).ok_or_else(|| crate::Refusal::not_found("nobody has that id here"))?;
        if !person.is_member() && !sources.is_empty() {
            return Err(crate::Refusal::forbidden());
        }
        for source in Source::ALL {
            person.sources.get_mut(source).published = sources.contains(&source);
        }
        Ok(Vec::new())
    }

    /// When [`Room::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let settings = &self.settings;
        let someone = !self.people.is_empty();
        let opening = settings.opens_at.filter(|at| someone && self.opened != Some(*at));
        let end = settings.ends_at.filter(|_| settings.hard_end && (someone || self.course.started));
        [self.course.abandoned_until, self.course.breakouts.closes_at, opening, end].into_iter().flatten().min()
    }

    /// What time alone changes.
    pub fn handle_timeout(&mut self, now: Time) -> Vec<Effect> {
        let mut log = Log::new(now, None);
        if self.course.breakouts.closes_at.is_some_and(|at| at <= now) {
            self.close_breakouts(&mut log);
        }
        if self.course.abandoned_until.is_some_and(|at| at <= now) {
            self.give_up(&mut log);
        }
        if self.is_over(now) {
            self.end(&mut log);
        }
        self.settle(log)
    }

    /// The next number of everything that has an order.
    pub(crate) fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// The layout in a place.
    pub(crate) fn layout(&self, place: Place) -> Layout {
        self.layouts.get(&place).copied().unwrap_or(self.course.layout.unwrap_or(self.settings.layout))
    }

    /// What follows from every change: the meeting starts or is abandoned, people come in, what is not allowed any more ends.
    pub(crate) fn settle(&mut self, mut log: Log) -> Vec<Effect> {
        let log_to = &mut log;
        if self.settings.opens_at.is_some_and(|at| at <= log_to.at) {
            self.opened = self.settings.opens_at;
        }
        self.start_or_abandon(log_to);
        self.admit_by_rule(log_to);
        if !self.settings.breakouts {
            self.close_breakouts(log_to);
        }
        if !self.settings.hands {
            self.lower_hands(log_to);
        }
        self.end_screens(log_to);
        self.arrange();
        log.effects
    }

    fn arrange(&mut self) {
        let mut crowds: BTreeMap<Place, u32> = BTreeMap::new();
        for person in self.people.iter().filter(|person| person.is_visible()) {
            *crowds.entry(person.place).or_default() += 1;
        }
        let (course, settings) = (&self.course, &self.settings);
        let layout =
            |people| course.layout.unwrap_or_else(|| crate::layout::by_rule(&settings.layout_rules, people).unwrap_or(settings.layout));
        self.layouts = crowds.into_iter().map(|(place, people)| (place, layout(people))).collect();
    }
}
