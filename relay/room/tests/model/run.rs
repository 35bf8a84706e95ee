//! Plays a script to the room and to the model, and compares.

use room::{Actor, Arrival, Change, Code, Command, Device, Effect, Limits, ParticipantId, Place, Presence, Room, Time};

use super::script::{NOBODY, Op, START, Setup, Whom, cast, resolve};
use super::tally::{Tally, name};
use super::{Model, Verdict, compare, watch};

pub(crate) struct Play {
    pub(crate) room: Room,
    pub(crate) model: Model,
    pub(crate) tally: Tally,
    /// Chooses what is looked at closely; apart from the script, so that a shorter script is looked at in the same way.
    steps: u64,
}

type Found = Result<(), String>;

impl Play {
    pub(crate) fn new(setup: &Setup) -> Self {
        let room = Room::new(setup.settings.clone(), Limits { people: setup.limit }, setup.salt);
        Self { room, model: Model::new(&setup.settings, setup.limit, cast(), START), tally: Tally::default(), steps: 0 }
    }

    fn id(&self, whom: Whom) -> ParticipantId {
        let index = (whom % 100) as usize;
        let ids = self.model.people.get(index).map_or(&[][..], |person| &person.ids[..]);
        let id = if whom < 100 { ids.last() } else { ids.first() };
        id.copied().filter(|_| whom != NOBODY).unwrap_or(ParticipantId(4_444_444_444 + whom))
    }

    pub(crate) fn step(&mut self, op: &Op) -> Found {
        self.steps += 1;
        let before = self.room.clone();
        let shadow = self.model.shadow();
        let effects = match op {
            Op::Join(index) => self.join(*index, &before)?,
            Op::Leave(whom) => self.leave(self.id(*whom))?,
            Op::Publish(whom, bits) => self.publish(self.id(*whom), *bits, &before)?,
            Op::Spoke(whom) => self.spoke(self.id(*whom), &before)?,
            Op::Act(who, command) => self.act(*who, command, &before)?,
            Op::Configure(template) => {
                let settings = self.model.stored.clone().with(template);
                let effects = self.room.configure(self.model.now, settings.clone());
                self.model.configure(&settings);
                effects
            }
            Op::Pass(millis) => self.pass(self.model.now.plus_millis(*millis))?,
            Op::Due => self.pass(self.room.poll_timeout().unwrap_or(self.model.now).max(self.model.now))?,
        };
        watch::effects(&before, &self.room, &effects, matches!(op, Op::Leave(_)))?;
        compare::effects(&shadow, &self.model, &effects)?;
        watch::room(&self.room, &self.model, self.steps)?;
        compare::room(&self.room, &self.model, self.steps)?;
        self.note_states();
        Ok(())
    }

    fn join(&mut self, index: usize, before: &Room) -> Result<Vec<Effect>, String> {
        let person = self.model.people[index].clone();
        if person.here() {
            return Ok(Vec::new());
        }
        let arrival = Arrival {
            identity: person.identity.into(),
            name: person.name.into(),
            host: person.token_host,
            presence: if person.viewer { Presence::Viewer } else { Presence::Member },
            device: if person.mobile { Device::Mobile } else { Device::Desktop },
        };
        let codes = self.model.refusals(&person);
        let result = self.room.join(self.model.now, arrival);
        self.tally.note("join", result.as_ref().map(|_| ()));
        match result {
            Ok((id, _)) if !codes.is_empty() => Err(format!("{id:?} came in; expected {codes:?}")),
            Ok((id, _)) if self.model.ever(id).is_some() => Err(format!("{id:?} was used twice")),
            Ok((id, _)) if id.0 > 1 << 31 => Err(format!("{id:?} is too large")),
            Ok((id, effects)) => {
                self.model.join(index, id);
                Ok(effects)
            }
            Err(refusal) if codes.contains(&refusal.code) => unchanged(before, &self.room),
            Err(refusal) => Err(format!("join refused with {refusal:?}; expected {codes:?}")),
        }
    }

    fn leave(&mut self, id: ParticipantId) -> Result<Vec<Effect>, String> {
        let effects = self.room.leave(self.model.now, id);
        match self.model.find(id) {
            Some(index) => self.model.leave(index),
            None if !effects.is_empty() => return Err(format!("nobody left, and yet {effects:?}")),
            None => {}
        }
        Ok(effects)
    }

    fn publish(&mut self, id: ParticipantId, bits: u8, before: &Room) -> Result<Vec<Effect>, String> {
        let chosen: Vec<_> =
            room::Source::ALL.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, source)| source).collect();
        let result = self.room.publish(self.model.now, id, &chosen);
        self.tally.note("publish", result.as_ref().map(|_| ()));
        let index = self.model.find(id);
        let refused = index.is_none_or(|index| self.model.people[index].viewer && bits != 0);
        match (result, index) {
            (Ok(_), _) if refused => Err(format!("{id:?} published {chosen:?}")),
            (Ok(effects), Some(index)) => {
                for bit in 0..4 {
                    self.model.people[index].published[bit] = bits >> bit & 1 == 1;
                }
                self.model.settle();
                Ok(effects)
            }
            (Err(refusal), _) if refused && matches!(refusal.code, Code::NotFound | Code::Forbidden) => unchanged(before, &self.room),
            (other, _) => Err(format!("publish gave {other:?}")),
        }
    }

    fn spoke(&mut self, id: ParticipantId, before: &Room) -> Result<Vec<Effect>, String> {
        let changed = self.room.spoke(id);
        let audible = self.model.find(id).is_some_and(|index| self.model.flows(&self.model.people[index], room::Source::Microphone));
        if changed && !audible {
            return Err(format!("{id:?} is the speaker and not audible"));
        }
        if !changed {
            return unchanged(before, &self.room);
        }
        Ok(Vec::new())
    }

    fn pass(&mut self, now: Time) -> Result<Vec<Effect>, String> {
        let effects = self.room.handle_timeout(now);
        self.model.pass(now);
        match self.room.poll_timeout() {
            Some(next) if next <= now => Err(format!("timer {next:?} is still due at {now:?}")),
            _ => Ok(effects),
        }
    }

    fn act(&mut self, who: Option<Whom>, command: &Command, before: &Room) -> Result<Vec<Effect>, String> {
        let actor = who.map_or(Actor::Service, |whom| Actor::Person(self.id(whom)));
        let command = resolve(command, |whom| self.id(whom));
        let verdict = self.model.judge(actor, &command);
        let result = self.room.apply(self.model.now, actor, command.clone());
        self.tally.note(name(&command), result.as_ref().map(|_| ()));
        let told = || format!("{actor:?} {command:?}");
        let effects = match (verdict, result) {
            (Verdict::Done | Verdict::May(_), Ok(effects)) => effects,
            (Verdict::Refused(codes) | Verdict::May(codes), Err(refusal)) if codes.contains(&refusal.code) => {
                return unchanged(before, &self.room).map_err(|found| format!("{}: {found}", told()));
            }
            (verdict, result) => return Err(format!("{}: expected {verdict:?}, got {result:?}", told())),
        };
        if self.steps.is_multiple_of(8) {
            let mut twin = before.clone();
            let again = twin.apply(self.model.now, actor, command.clone());
            if again.as_ref() != Ok(&effects) || twin != self.room {
                return Err(format!("{}: not deterministic: {effects:?}, then {again:?}", told()));
            }
        }
        self.repeat(actor, &command).map_err(|found| format!("{}: {found}", told()))?;
        self.heard(actor, &command, &effects).map_err(|found| format!("{}: {found}", told()))?;
        self.model.act(actor, &command, &drawn(&effects));
        if command == (Command::AssignRandom {}) {
            self.even()?;
        }
        Ok(effects)
    }

    /// Asked twice, the second time changes nothing and succeeds.
    fn repeat(&self, actor: Actor, command: &Command) -> Found {
        let gone = matches!(actor, Actor::Person(id) if self.room.participant(id).is_none());
        if gone
            || self.steps.is_multiple_of(2)
            || matches!(command, Command::Say { .. } | Command::Broadcast { .. } | Command::AssignRandom {})
        {
            return Ok(());
        }
        let mut twin = self.room.clone();
        match twin.apply(self.model.now, actor, command.clone()) {
            Ok(effects) if effects.is_empty() && twin == self.room => Ok(()),
            Ok(effects) if effects.is_empty() => Err("the second time changed the state without an effect".into()),
            other => Err(format!("the second time gave {other:?}")),
        }
    }

    /// Texts reach exactly those for whom they are.
    fn heard(&self, actor: Actor, command: &Command, effects: &[Effect]) -> Found {
        let mut texts = 0;
        for effect in effects {
            let (text, got, expected) = match (effect, actor) {
                (Effect::Chat(message, got), Actor::Person(id)) => {
                    let from = &self.model.people[self.model.find(id).ok_or("a chat message of nobody")?];
                    let right = message.from == id && message.at == self.model.now && message.place == from.place;
                    if !right || !matches!(command, Command::Say { to, .. } if *to == message.to) {
                        return Err(format!("wrong stamp: {message:?}"));
                    }
                    (&message.text, got, self.model.readers(from, message.to))
                }
                (Effect::Announce(announcement, got), _) => {
                    let from = match actor {
                        Actor::Person(id) => Some(id),
                        Actor::Service => None,
                    };
                    if announcement.from != from || announcement.at != self.model.now {
                        return Err(format!("wrong stamp: {announcement:?}"));
                    }
                    let mut inside: Vec<_> =
                        self.model.people.iter().filter(|person| person.visible()).filter_map(|person| person.id).collect();
                    inside.sort();
                    (&announcement.text, got, inside)
                }
                _ => continue,
            };
            texts += 1;
            let mut got = got.clone();
            got.sort();
            // Whether those who only watch are told is nobody's concern; they are inside.
            got.retain(|id| self.model.find(*id).is_none_or(|index| !self.model.people[index].viewer));
            if got != expected {
                return Err(format!("reached {got:?}, meant for {expected:?}"));
            }
            if !matches!(command, Command::Say { text: said, .. } | Command::Broadcast { text: said } if said == text) {
                return Err(format!("nobody wrote {text:?}"));
            }
        }
        let meant = usize::from(matches!(command, Command::Say { .. } | Command::Broadcast { .. }));
        if texts == meant { Ok(()) } else { Err(format!("{texts} texts")) }
    }

    /// After `assign_random` no breakout has two guests more than another.
    fn even(&self) -> Found {
        let guests = || self.model.people.iter().filter(|person| person.visible() && person.guest());
        let counts: Vec<usize> =
            self.model.breakouts.iter().map(|(id, _)| guests().filter(|person| person.assigned == Some(*id)).count()).collect();
        let (most, least) = (counts.iter().max().unwrap_or(&0), counts.iter().min().unwrap_or(&0));
        let all = counts.is_empty() || counts.iter().sum::<usize>() == guests().count();
        if most - least <= 1 && all { Ok(()) } else { Err(format!("assigned unevenly: {counts:?}")) }
    }

    fn note_states(&mut self) {
        let model = &self.model;
        let people = &model.people;
        let states = [
            ("host and deputy", model.holder(room::Role::Host).is_some() && model.holder(room::Role::Deputy).is_some()),
            ("deputy alone", model.holder(room::Role::Host).is_none() && model.holder(room::Role::Deputy).is_some()),
            ("abandoned", model.abandoned_until.is_some()),
            ("fallen back to waiting", model.fallen && people.iter().any(super::Person::waits)),
            ("somebody waits", people.iter().any(super::Person::waits)),
            ("somebody waits at a lock", model.locked && people.iter().any(super::Person::waits)),
            ("somebody was removed", people.iter().any(|person| person.removed)),
            ("breakouts open, people in them", model.open && people.iter().any(|person| person.visible() && person.place.is_some())),
            ("a screen flows", people.iter().any(|person| model.flows(person, room::Source::Screen))),
            ("full", model.full() && people.iter().any(super::Person::waits)),
            ("hands of two", people.iter().filter(|person| person.inside && person.hand.is_some()).count() > 1),
            ("one way", model.settings.direction == room::Direction::OneWay && model.has_staff()),
            ("somebody watches", people.iter().any(|person| person.inside && person.viewer)),
        ];
        for (state, reached) in states {
            *self.tally.states.entry(state).or_default() += u64::from(reached);
        }
    }
}

fn unchanged(before: &Room, after: &Room) -> Result<Vec<Effect>, String> {
    if before == after { Ok(Vec::new()) } else { Err("refused or without effect, and yet the state changed".into()) }
}

/// What the room drew.
fn drawn(effects: &[Effect]) -> Vec<(ParticipantId, Place)> {
    let assigned = |effect: &Effect| match effect {
        Effect::Event(room::Event { change: Change::Assigned { participant, breakout }, .. }) => Some((*participant, *breakout)),
        _ => None,
    };
    effects.iter().filter_map(assigned).collect()
}
