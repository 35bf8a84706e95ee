//! Whether a command succeeds.

use room::{Actor, Chat, Code, Command, Kind, MAX_BREAKOUT_NAME, MAX_BREAKOUTS, MAX_TEXT, ParticipantId, Place, Role, Source};

use super::{Model, Person, Verdict, bit};
use Verdict::{Done, May, Refused};

const FORBIDDEN: Verdict = Refused(&[Code::Forbidden]);
const NOT_FOUND: Verdict = Refused(&[Code::NotFound]);
const NOT_HERE: Verdict = Refused(&[Code::NotAllowedHere]);
const INVALID: Verdict = Refused(&[Code::Invalid]);

impl Model {
    pub(crate) fn judge(&self, actor: Actor, command: &Command) -> Verdict {
        let who = match actor {
            Actor::Service => None,
            Actor::Person(id) => match self.find(id) {
                Some(index) => Some(&self.people[index]),
                None => return Refused(&[Code::NotFound, Code::Forbidden]),
            },
        };
        let lowers_own =
            matches!(command, Command::LowerHand { participant: Some(id) } if who.is_some_and(|person| person.id == Some(*id)));
        match (command, who) {
            (_, Some(person)) if person.viewer => FORBIDDEN,
            (Command::SetSource { source, active }, Some(person)) => self.judge_source(person, *source, *active),
            (_, Some(person)) if person.waits() => FORBIDDEN,
            (Command::LowerHand { .. }, Some(_)) if lowers_own => Done,
            _ if is_own(command) => who.map_or(Refused(&[Code::Forbidden, Code::Invalid]), |person| self.judge_own(person, command)),
            (_, Some(person)) if person.guest() => FORBIDDEN,
            _ => self.judge_staff(who, command),
        }
    }

    fn judge_source(&self, person: &Person, source: Source, active: bool) -> Verdict {
        let screen = matches!(source, Source::Screen | Source::ScreenAudio);
        if !active {
            return Done;
        }
        if person.waits() && screen {
            return Refused(&[Code::Forbidden, Code::NotAllowedHere]);
        }
        let on = person.on[bit(source)];
        let locked = person.locked[bit(source)];
        let closed = !self.may_send(person, source);
        match (locked, closed) {
            (true, true) => Refused(&[Code::LockedByHost, Code::NotAllowedHere]),
            (true, false) => Refused(&[Code::LockedByHost]),
            (false, true) => NOT_HERE,
            (false, false) if source == Source::Screen && !on && person.guest() && self.screens_taken(person) => Refused(&[Code::Taken]),
            (false, false) => Done,
        }
    }

    /// Those who share in somebody's place, whoever shared first at the front.
    pub(crate) fn sharers(&self, place: Place) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.people.len()).filter(|index| self.people[*index].visible()).collect();
        all.retain(|index| self.people[*index].on[bit(Source::Screen)] && self.people[*index].place == place);
        all.sort_by_key(|index| self.people[*index].shared);
        all
    }

    fn screens_taken(&self, person: &Person) -> bool {
        self.sharers(person.place).len() >= self.settings.screens as usize
    }

    fn judge_own(&self, person: &Person, command: &Command) -> Verdict {
        match command {
            Command::RaiseHand {} if self.settings.hands => Done,
            Command::RaiseHand {} => NOT_HERE,
            Command::Say { text, to } => self.judge_words(person, text, *to),
            Command::Pin { participant: None } => Done,
            Command::Pin { participant: Some(id) } => match self.find(*id) {
                Some(index) if self.people[index].number == person.number => May(&[Code::Invalid, Code::NotFound]),
                Some(index) if self.people[index].waits() && person.staff() => May(&[Code::NotFound]),
                Some(index) if self.knows(person, &self.people[index]) => Done,
                _ => NOT_FOUND,
            },
            Command::AskHelp { wanted: false } => Done,
            Command::AskHelp { .. } if person.place.is_some() => Done,
            Command::AskHelp { .. } => Refused(&[Code::NotAllowedHere, Code::Forbidden, Code::Invalid]),
            Command::Go { breakout } => self.judge_go(person, *breakout),
            _ => Done,
        }
    }

    fn judge_words(&self, person: &Person, text: &str, to: Option<ParticipantId>) -> Verdict {
        let bad = text_is_bad(text, MAX_TEXT);
        let poor = self.words_left(person) < 1000;
        let off = self.settings.chat == Chat::Off;
        let target = to.and_then(|id| self.find(id)).map(|index| &self.people[index]);
        let known = target.is_some_and(|other| self.knows(person, other));
        let allowed = target.is_some_and(|other| self.allow(person, other, Kind::Chat));
        match () {
            () if off => Refused(&[Code::NotAllowedHere, Code::Invalid]),
            () if bad => Refused(&[Code::Invalid, Code::RateLimited, Code::NotFound]),
            () if to.is_some() && !known => Refused(&[Code::NotFound, Code::RateLimited]),
            () if to.is_some() && !allowed => {
                Refused(&[Code::NotAllowedHere, Code::Forbidden, Code::Invalid, Code::RateLimited, Code::NotFound])
            }
            () if poor => Refused(&[Code::RateLimited]),
            () => Done,
        }
    }

    pub(crate) fn words_left(&self, person: &Person) -> u64 {
        let (left, at) = person.words;
        (left + self.now.0.saturating_sub(at.0)).min(5000)
    }

    fn judge_go(&self, person: &Person, breakout: Place) -> Verdict {
        let exists = breakout.is_none_or(|id| self.has_breakout(id));
        match () {
            () if person.guest() && !(self.open && self.self_choice) && breakout == person.place => {
                May(&[Code::Forbidden, Code::NotAllowedHere])
            }
            () if person.guest() && !(self.open && self.self_choice) => Refused(&[Code::Forbidden, Code::NotAllowedHere]),
            () if !exists => NOT_FOUND,
            () if !self.open && breakout.is_some() => NOT_HERE,
            () => Done,
        }
    }

    /// Whether this is the latest id of somebody in this meeting, not one of an earlier connection or meeting.
    fn latest(&self, id: ParticipantId) -> bool {
        self.people.iter().any(|person| person.known && person.ids.last() == Some(&id))
    }

    fn target(&self, id: ParticipantId) -> Option<&Person> {
        self.find(id).map(|index| &self.people[index]).filter(|person| !person.viewer)
    }

    /// Those who only watch are in no roster: the staff knows nothing of them; a service may let them in, move them, send them away.
    fn judge_about_viewer(&self, who: Option<&Person>, command: &Command) -> Option<Verdict> {
        use Command::{Admit, AllowBack, Assign, Deny, Recall, Remove};
        let mut about = None;
        super::script::resolve(command, |id| {
            about = about.or(self.find(ParticipantId(id))).filter(|index| self.people[*index].viewer);
            ParticipantId(id)
        });
        let moves = matches!(command, Admit { .. } | Deny { .. } | Remove { .. } | AllowBack { .. } | Assign { .. } | Recall { .. });
        about.map(|_| if who.is_none() && moves { May(&[Code::NotFound, Code::Full, Code::Forbidden, Code::Invalid]) } else { NOT_FOUND })
    }

    fn judge_staff(&self, who: Option<&Person>, command: &Command) -> Verdict {
        if matches!(command, Command::Delegate { .. } | Command::Undelegate {}) && who.is_some_and(|person| person.seat != Role::Host) {
            return FORBIDDEN;
        }
        if let Some(verdict) = self.judge_about_viewer(who, command) {
            return verdict;
        }
        match command {
            Command::Mute { participant } | Command::DenyCamera { participant } => match self.target(*participant) {
                None => NOT_FOUND,
                Some(person) if person.staff() && person.seat == Role::Host => FORBIDDEN,
                Some(_) => Done,
            },
            Command::Unmute { participant }
            | Command::AllowCamera { participant }
            | Command::StopScreen { participant }
            | Command::SetAlwaysHeard { participant, .. } => self.target(*participant).map_or(NOT_FOUND, |_| Done),
            Command::LowerHand { participant: Some(id) } => self.target(*id).map_or(NOT_FOUND, |_| Done),
            Command::Admit { participant } => match self.target(*participant) {
                None => NOT_FOUND,
                Some(person) if person.waits() && self.full() => Refused(&[Code::Full]),
                Some(_) => Done,
            },
            Command::Deny { participant } => match self.target(*participant) {
                Some(person) if person.waits() => Done,
                Some(_) => Refused(&[Code::Forbidden, Code::Invalid, Code::NotAllowedHere, Code::NotFound]),
                None if self.ever(*participant).is_some() => May(&[Code::NotFound]),
                None => NOT_FOUND,
            },
            Command::Remove { participant }
                if !self.latest(*participant) && self.ever(*participant).is_some_and(|index| !self.people[index].removed) =>
            {
                NOT_FOUND
            }
            Command::Remove { participant } if !self.latest(*participant) && self.ever(*participant).is_some() => May(&[Code::NotFound]),
            Command::Remove { participant } => match (self.target(*participant), self.ever(*participant)) {
                (Some(person), _) if person.staff() && person.seat == Role::Host => FORBIDDEN,
                (Some(_), _) => Done,
                (None, Some(index)) if self.people[index].removed => Done,
                (None, Some(_)) => May(&[Code::NotFound, Code::Forbidden]),
                (None, None) => NOT_FOUND,
            },
            Command::AllowBack { participant } => {
                let latest = self.latest(*participant);
                if !latest && self.ever(*participant).is_some() {
                    // An id of an earlier connection or meeting.
                    May(&[Code::NotFound])
                } else if latest {
                    Done
                } else {
                    NOT_FOUND
                }
            }
            Command::Spotlight { participant: Some(id) } | Command::Delegate { participant: id } => match self.target(*id) {
                None => NOT_FOUND,
                Some(person) if person.waits() => Refused(&[Code::NotFound, Code::Forbidden, Code::Invalid, Code::NotAllowedHere]),
                Some(person) if matches!(command, Command::Delegate { .. }) && person.seat == Role::Host => {
                    Refused(&[Code::Forbidden, Code::Invalid])
                }
                Some(_) => Done,
            },
            Command::Broadcast { text } if text_is_bad(text, MAX_TEXT) => INVALID,
            Command::Change { settings } => self.judge_change(settings),
            _ => self.judge_breakouts(command),
        }
    }

    fn judge_breakouts(&self, command: &Command) -> Verdict {
        let seconds_bad = |seconds: &Option<u32>| seconds.is_some_and(|seconds| !(1..=86_400).contains(&seconds));
        match command {
            Command::CreateBreakouts { names } => {
                let fresh = names.iter().filter(|name| !self.breakouts.iter().any(|(_, other)| other == *name)).count();
                match () {
                    () if !self.settings.breakouts => Refused(&[Code::NotAllowedHere, Code::Invalid]),
                    () if names.iter().any(|name| text_is_bad(name, MAX_BREAKOUT_NAME)) => INVALID,
                    () if self.breakouts.len() + fresh > MAX_BREAKOUTS => Refused(&[Code::Full]),
                    () => Done,
                }
            }
            Command::RenameBreakout { breakout, name } => match () {
                () if !self.has_breakout(*breakout) => Refused(&[Code::NotFound, Code::Invalid]),
                () if text_is_bad(name, MAX_BREAKOUT_NAME) => INVALID,
                () if self.breakouts.iter().any(|(id, other)| id != breakout && other == name) => May(&[Code::Invalid, Code::Taken]),
                () => Done,
            },
            Command::DeleteBreakout { breakout } if self.has_breakout(*breakout) => Done,
            Command::DeleteBreakout { breakout } if breakout.0 >= 1 && breakout.0 <= self.breakouts_ever => Done,
            Command::DeleteBreakout { .. } => NOT_FOUND,
            Command::Assign { participant, breakout } => match self.target(*participant) {
                None => NOT_FOUND,
                Some(_) if breakout.is_some_and(|id| !self.has_breakout(id)) => NOT_FOUND,
                Some(person) if person.waits() => May(&[Code::NotFound, Code::Forbidden, Code::Invalid]),
                Some(_) => Done,
            },
            Command::Recall { participant } => match self.target(*participant) {
                None => NOT_FOUND,
                Some(person) if person.waits() => May(&[Code::NotFound, Code::Forbidden, Code::Invalid]),
                Some(_) => Done,
            },
            Command::AssignRandom {} if self.breakouts.is_empty() => May(&[Code::NotFound, Code::NotAllowedHere, Code::Invalid]),
            Command::OpenBreakouts { seconds, .. } if seconds_bad(seconds) => {
                Refused(&[Code::Invalid, Code::NotFound, Code::NotAllowedHere])
            }
            Command::OpenBreakouts { .. } if self.breakouts.is_empty() => Refused(&[Code::NotFound, Code::NotAllowedHere, Code::Invalid]),
            Command::SetTimer { seconds } if seconds_bad(seconds) => Refused(&[Code::Invalid, Code::NotAllowedHere]),
            Command::SetTimer { seconds: Some(_) } if !self.open => Refused(&[Code::NotAllowedHere, Code::NotFound, Code::Invalid]),
            Command::SetTimer { seconds: None } if !self.open => May(&[Code::NotAllowedHere, Code::NotFound, Code::Invalid]),
            Command::RecallAll { seconds } if *seconds > 300 => INVALID,
            _ => Done,
        }
    }

    fn judge_change(&self, template: &room::Template) -> Verdict {
        let after = self.settings.clone().with(template);
        if template == &room::Template::default() || after == self.settings {
            return May(&[Code::NotAllowedHere, Code::Invalid]);
        }
        May(&[Code::NotAllowedHere, Code::Invalid])
    }
}

fn is_own(command: &Command) -> bool {
    use Command::{AskHelp, Go, LowerHand, Pin, RaiseHand, Say, SetSource};
    matches!(
        command,
        SetSource { .. } | RaiseHand {} | LowerHand { participant: None } | Say { .. } | Pin { .. } | AskHelp { .. } | Go { .. }
    )
}

fn text_is_bad(text: &str, most: usize) -> bool {
    text.trim().is_empty() || text.chars().count() > most
}
