//! The room itself: commands in, effects out, and the visibility matrix.

use std::collections::BTreeMap;

use crate::participant::{Participant, ParticipantId, Presence, Role, Source, Sources};
use crate::refusal::Refusal;
use crate::view::View;

/// Something that shall happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// A person comes in.
    Join {
        /// The token's subject.
        identity: String,
        /// Display name.
        name: String,
        /// Role.
        role: Role,
        /// Member or viewer.
        presence: Presence,
    },
    /// A person goes.
    Leave(ParticipantId),
    /// The person's client has m-lines for exactly these sources.
    Publish(ParticipantId, Vec<Source>),
    /// The person switches a source of their own on or off.
    SetSource(ParticipantId, Source, bool),
    /// The person is the loudest now.
    Spoke(ParticipantId),
}

/// Something that happened. The caller tells everyone who may know, then asks for the views again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A person came in.
    Joined(ParticipantId),
    /// A person's visible state changed.
    Updated(ParticipantId),
    /// A person is gone.
    Left(Participant),
    /// Somebody else speaks now.
    Speaker(ParticipantId),
}

/// One room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Room {
    limit: usize,
    next: u64,
    people: BTreeMap<ParticipantId, Participant>,
    /// Members by how recently they spoke, latest first; bounded by the number of people.
    spoke: Vec<ParticipantId>,
}

impl Room {
    /// An empty room that holds at most `limit` people, viewers included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, next: 1, people: BTreeMap::new(), spoke: Vec::new() }
    }

    /// True when nobody is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// One person.
    #[must_use]
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.people.get(&id)
    }

    /// Everyone present with this identity, in order of arrival; more than one where a person uses several kinds of client.
    pub fn by_identity(&self, identity: &str) -> impl Iterator<Item = ParticipantId> {
        self.people.values().filter(move |person| person.identity == identity).map(|person| person.id)
    }

    /// Everyone the others know of, in order of arrival.
    pub fn roster(&self) -> impl Iterator<Item = &Participant> {
        self.people.values().filter(|person| person.presence == Presence::Member)
    }

    /// Who spoke last.
    #[must_use]
    pub fn latest_speaker(&self) -> Option<ParticipantId> {
        self.spoke.first().copied()
    }

    /// Carries out one command, whole or not at all.
    pub fn apply(&mut self, command: Command) -> Result<Vec<Effect>, Refusal> {
        match command {
            Command::Join { identity, name, role, presence } => self.join(identity, name, role, presence),
            Command::Leave(id) => self.leave(id),
            Command::Publish(id, sources) => self.publish(id, &sources),
            Command::SetSource(id, source, active) => self.set_source(id, source, active),
            Command::Spoke(id) => self.spoke(id),
        }
    }

    /// The visibility matrix: may `receiver` get this source of `sender`? Everything else in the relay asks here.
    #[must_use]
    pub fn allow(&self, sender: ParticipantId, receiver: ParticipantId, source: Source) -> bool {
        let (Some(from), Some(_)) = (self.people.get(&sender), self.people.get(&receiver)) else { return false };
        sender != receiver && from.presence == Presence::Member && from.sources.get(source).published
    }

    /// What `receiver` should get, most important first: screens, then whoever spoke last, then order of arrival.
    #[must_use]
    pub fn view(&self, receiver: ParticipantId) -> View {
        let mut view = View::default();
        let mut muted = Vec::new();
        for sender in self.by_importance() {
            for source in Source::ALL.into_iter().filter(|source| self.allow(sender.id, receiver, *source)) {
                let wish = (sender.id, source);
                match (source.is_audio(), sender.sources.get(source).flows()) {
                    (true, true) => view.audio.push(wish),
                    (true, false) => muted.push(wish),
                    (false, true) => view.video.push(wish),
                    (false, false) => {}
                }
            }
        }
        // A silent microphone keeps its place behind the live ones; screen sound that is not shared needs none.
        view.audio.extend(muted.into_iter().filter(|(_, source)| *source == Source::Microphone));
        // Stable sort: within each group the order of importance stays.
        view.video.sort_by_key(|(_, source)| *source != Source::Screen);
        view
    }

    fn by_importance(&self) -> impl Iterator<Item = &Participant> {
        let spoke = self.spoke.iter().filter_map(|id| self.people.get(id));
        let silent = self.people.values().filter(|person| !self.spoke.contains(&person.id));
        spoke.chain(silent)
    }

    fn join(&mut self, identity: String, name: String, role: Role, presence: Presence) -> Result<Vec<Effect>, Refusal> {
        if self.people.len() >= self.limit {
            return Err(Refusal::Full { limit: self.limit });
        }
        let id = ParticipantId(self.next);
        self.next += 1;
        self.people.insert(id, Participant { id, identity, name, role, presence, sources: Sources::default() });
        Ok(vec![Effect::Joined(id)])
    }

    fn leave(&mut self, id: ParticipantId) -> Result<Vec<Effect>, Refusal> {
        let person = self.people.remove(&id).ok_or(Refusal::Unknown(id))?;
        self.spoke.retain(|other| *other != id);
        Ok(vec![Effect::Left(person)])
    }

    fn publish(&mut self, id: ParticipantId, sources: &[Source]) -> Result<Vec<Effect>, Refusal> {
        self.change(id, |state| {
            for source in Source::ALL {
                state.get_mut(source).published = sources.contains(&source);
            }
        })
    }

    fn set_source(&mut self, id: ParticipantId, source: Source, active: bool) -> Result<Vec<Effect>, Refusal> {
        self.change(id, |state| state.get_mut(source).active = active)
    }

    fn change(&mut self, id: ParticipantId, change: impl FnOnce(&mut Sources)) -> Result<Vec<Effect>, Refusal> {
        let person = self.people.get_mut(&id).ok_or(Refusal::Unknown(id))?;
        let mut sources = person.sources;
        change(&mut sources);
        let sends = sources.flowing().next().is_some() || Source::ALL.iter().any(|source| sources.get(*source).published);
        if person.presence == Presence::Viewer && sends {
            return Err(Refusal::Viewer);
        }
        let changed = sources != person.sources;
        person.sources = sources;
        Ok(if changed { vec![Effect::Updated(id)] } else { Vec::new() })
    }

    fn spoke(&mut self, id: ParticipantId) -> Result<Vec<Effect>, Refusal> {
        let person = self.people.get(&id).ok_or(Refusal::Unknown(id))?;
        if person.presence == Presence::Viewer {
            return Err(Refusal::Viewer);
        }
        if self.spoke.first() == Some(&id) {
            return Ok(Vec::new());
        }
        self.spoke.retain(|other| *other != id);
        self.spoke.insert(0, id);
        Ok(vec![Effect::Speaker(id)])
    }
}
