//! What a command that succeeds changes.

use room::{Actor, Chat, ChatMessage, Command, HostUnmute, Kind, ParticipantId, Place, Role, Source};

use super::{Model, Person, Said, bit};

const MIC: usize = 0;
const CAMERA: usize = 1;

impl Model {
    /// Carries out what was judged to succeed. `random` holds what the room drew for [`Command::AssignRandom`].
    pub(crate) fn act(&mut self, actor: Actor, command: &Command, random: &[(ParticipantId, Place)]) {
        let who = match actor {
            Actor::Service => None,
            Actor::Person(id) => self.find(id),
        };
        match (command, who) {
            (Command::SetSource { source, active }, Some(index)) => self.set_source(index, *source, *active),
            (Command::RaiseHand {}, Some(index)) if self.people[index].hand.is_none() => self.people[index].hand = Some(self.next()),
            (Command::LowerHand { participant: None }, Some(index)) => self.people[index].hand = None,
            (Command::LowerHand { participant: Some(id) }, _) => self.on(*id, |person| person.hand = None),
            (Command::Say { text, to }, Some(index)) => self.say(index, text, *to),
            (Command::Pin { participant }, Some(index)) => self.people[index].pin = *participant,
            (Command::AskHelp { wanted }, Some(index)) => self.people[index].help = *wanted,
            (Command::Go { breakout }, Some(index)) => self.go(index, *breakout),
            _ => self.act_staff(command, random),
        }
        self.settle();
    }

    fn on(&mut self, id: ParticipantId, change: impl FnOnce(&mut Person)) {
        if let Some(index) = self.find(id) {
            change(&mut self.people[index]);
        }
    }

    fn guests(&mut self, change: impl Fn(&mut Person)) {
        self.people.iter_mut().filter(|person| person.visible() && person.guest()).for_each(change);
    }

    fn set_source(&mut self, index: usize, source: Source, active: bool) {
        let place = self.people[index].place;
        if source == Source::Screen && active && !self.people[index].on[bit(source)] {
            let sharers = self.sharers(place);
            let free = self.settings.screens as usize - 1;
            for other in sharers.iter().take(sharers.len().saturating_sub(free)) {
                stop_screen(&mut self.people[*other]);
            }
            self.people[index].shared = self.next();
        }
        if source == Source::Screen && !active {
            stop_screen(&mut self.people[index]);
        }
        self.people[index].on[bit(source)] = active;
    }

    fn say(&mut self, index: usize, text: &str, to: Option<ParticipantId>) {
        let left = self.words_left(&self.people[index]);
        self.people[index].words = (left - 1000, self.now);
        let id = self.next();
        let person = &self.people[index];
        let to_staff = to.is_none() && self.settings.chat == Chat::ToStaff && person.guest() && !person.invited_as_staff(&self.settings);
        let readers = self.readers(person, to).into_iter().filter_map(|id| self.find(id)).map(|index| self.people[index].number);
        let said = Said {
            readers: readers.collect(),
            message: ChatMessage {
                id,
                from: person.id.unwrap_or(ParticipantId(0)),
                to,
                to_staff,
                place: person.place,
                at: self.now,
                text: text.into(),
            },
        };
        self.said.push(said);
    }

    /// Those who get a message: the sender, and whom it is for.
    pub(crate) fn readers(&self, from: &Person, to: Option<ParticipantId>) -> Vec<ParticipantId> {
        let gets = |other: &&Person| match to {
            _ if other.viewer => false,
            _ if other.number == from.number => true,
            Some(id) => other.id == Some(id) && self.allow(from, other, Kind::Chat),
            None => other.place == from.place && self.allow(from, other, Kind::Chat),
        };
        let mut ids: Vec<_> = self.people.iter().filter(gets).filter_map(|person| person.id).collect();
        ids.sort();
        ids
    }

    pub(crate) fn go(&mut self, index: usize, place: Place) {
        let person = &mut self.people[index];
        if person.place != place {
            person.place = place;
            person.help = false;
        }
    }

    fn act_staff(&mut self, command: &Command, random: &[(ParticipantId, Place)]) {
        let open_too = self.settings.host_unmute == HostUnmute::Open;
        let unmute = move |person: &mut Person| {
            person.locked[MIC] = false;
            person.on[MIC] |= open_too;
        };
        match command {
            Command::Mute { participant } => self.on(*participant, |person| person.locked[MIC] = true),
            Command::Unmute { participant } => self.on(*participant, unmute),
            Command::MuteAll {} => self.guests(|person| person.locked[MIC] = true),
            Command::UnmuteAll {} => self.guests(unmute),
            Command::DenyCamera { participant } => self.on(*participant, |person| person.locked[CAMERA] = true),
            Command::AllowCamera { participant } => self.on(*participant, |person| person.locked[CAMERA] = false),
            Command::DenyCameras {} => self.guests(|person| person.locked[CAMERA] = true),
            Command::AllowCameras {} => self.guests(|person| person.locked[CAMERA] = false),
            Command::StopScreen { participant } => self.on(*participant, stop_screen),
            Command::SetAlwaysHeard { participant, on } => self.on(*participant, |person| person.always_heard = Some(*on)),
            Command::SetLayout { layout } => self.chosen_layout = Some(*layout),
            Command::SetDirection { direction } => self.settings.direction = *direction,
            Command::Change { settings } => self.change(settings),
            Command::Lock {} => self.locked = true,
            Command::Unlock {} => self.locked = false,
            Command::LowerHands {} => self.people.iter_mut().for_each(|person| person.hand = None),
            Command::Spotlight { participant } => self.spotlight = *participant,
            Command::Delegate { participant } => self.delegate(Some(*participant)),
            Command::Undelegate {} => self.delegate(None),
            Command::Admit { participant } => {
                if let Some(index) = self.find(*participant).filter(|index| self.people[*index].waits()) {
                    self.enter(index);
                }
            }
            Command::AdmitAll {} => self.admit_all(),
            Command::Deny { participant } | Command::Remove { participant } => {
                let removes = matches!(command, Command::Remove { .. });
                if let Some(index) = self
                    .find(*participant)
                    .or(self.ever(*participant).filter(|index| removes && self.people[*index].ids.last() == Some(participant)))
                {
                    if self.people[index].here() {
                        self.leave(index);
                    }
                    let person = &mut self.people[index];
                    person.queue = None;
                    person.removed |= removes;
                    if removes {
                        person.forget();
                    }
                }
            }
            Command::AllowBack { participant } => {
                if let Some(index) = self.ever(*participant) {
                    self.people[index].removed = false;
                }
            }
            Command::EndMeeting {} => self.end(),
            _ => self.act_breakouts(command, random),
        }
    }

    fn delegate(&mut self, to: Option<ParticipantId>) {
        for person in self.people.iter_mut().filter(|person| person.seat == Role::Deputy && (to.is_none() || person.id != to)) {
            person.seat = Role::Participant;
        }
        if let Some(id) = to {
            self.on(id, |person| person.seat = Role::Deputy);
        }
    }

    fn act_breakouts(&mut self, command: &Command, random: &[(ParticipantId, Place)]) {
        match command {
            Command::CreateBreakouts { names } => {
                for name in names {
                    if !self.breakouts.iter().any(|(_, other)| other == name) {
                        self.breakouts_ever += 1;
                        self.breakouts.push((room::BreakoutId(self.breakouts_ever), name.clone()));
                    }
                }
            }
            Command::RenameBreakout { breakout, name } => {
                self.breakouts.iter_mut().filter(|(id, _)| id == breakout).for_each(|(_, old)| old.clone_from(name));
            }
            Command::DeleteBreakout { breakout } => self.delete_breakout(*breakout),
            Command::Assign { participant, breakout } => self.assign(*participant, *breakout),
            Command::AssignRandom {} => {
                let guests: Vec<_> = self
                    .people
                    .iter()
                    .filter(|person| person.visible() && person.guest())
                    .map(|person| (person.id, person.assigned))
                    .collect();
                for (id, old) in guests.into_iter().filter_map(|(id, old)| Some((id?, old))) {
                    let drawn = random.iter().find(|(other, _)| *other == id).map_or(old, |(_, place)| *place);
                    self.assign(id, drawn);
                }
            }
            Command::OpenBreakouts { self_choice, seconds } => {
                let opens = !self.open;
                self.open = true;
                self.self_choice = *self_choice;
                if let Some(seconds) = seconds {
                    self.closes_at = Some(self.now.plus_seconds(u64::from(*seconds)));
                } else if opens {
                    self.closes_at = None;
                }
                for index in (0..self.people.len()).filter(|_| opens) {
                    if let Some(place) = self.people[index].assigned {
                        self.go(index, Some(place));
                    }
                }
            }
            Command::SetTimer { seconds } => self.closes_at = seconds.map(|seconds| self.now.plus_seconds(u64::from(seconds))),
            Command::Recall { participant } => {
                if let Some(index) = self.find(*participant) {
                    self.go(index, None);
                }
            }
            Command::RecallAll { seconds: 0 } => self.close_breakouts(),
            Command::RecallAll { seconds } if self.open => self.closes_at = Some(self.now.plus_seconds(u64::from(*seconds))),
            _ => {}
        }
    }

    fn delete_breakout(&mut self, breakout: room::BreakoutId) {
        self.breakouts.retain(|(id, _)| *id != breakout);
        for index in 0..self.people.len() {
            if self.people[index].assigned == Some(breakout) {
                self.people[index].assigned = None;
            }
            if self.people[index].place == Some(breakout) {
                self.go(index, None);
            }
        }
        if self.breakouts.is_empty() {
            self.close_breakouts();
        }
    }

    fn assign(&mut self, id: ParticipantId, place: Place) {
        if let Some(index) = self.find(id) {
            self.people[index].assigned = place;
            if self.open && self.people[index].inside {
                self.go(index, place);
            }
        }
    }

    pub(crate) fn close_breakouts(&mut self) {
        self.open = false;
        self.self_choice = false;
        self.closes_at = None;
        for index in 0..self.people.len() {
            self.go(index, None);
        }
    }

    pub(crate) fn change(&mut self, template: &room::Template) {
        let after = self.settings.clone().with(template);
        if after.layout != self.settings.layout || after.layout_rules != self.settings.layout_rules {
            self.chosen_layout = None;
        }
        self.settings = after;
        if !self.settings.hands {
            self.people.iter_mut().for_each(|person| person.hand = None);
        }
    }
}

pub(crate) fn stop_screen(person: &mut Person) {
    person.on[bit(Source::Screen)] = false;
    person.on[bit(Source::ScreenAudio)] = false;
}
