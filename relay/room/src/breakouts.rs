//! Breakout rooms: a move is a new place, nothing else.

use crate::chat::check_text;
use crate::command::{Command, MAX_BREAKOUT_NAME, MAX_BREAKOUTS};
use crate::effect::Change;
use crate::ids::{BreakoutId, ParticipantId, Place, Time};
use crate::log::Log;
use crate::random::{mix, shuffle};
use crate::refusal::{Code, Refusal};
use crate::room::Room;

/// Longest timer, seconds: a day.
const MAX_TIMER: u32 = 86_400;
/// Longest countdown of a recall, seconds.
const MAX_COUNTDOWN: u32 = 300;

/// One breakout room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BreakoutRoom {
    pub(crate) id: BreakoutId,
    pub(crate) name: String,
}

/// All of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct BreakoutState {
    pub(crate) rooms: Vec<BreakoutRoom>,
    pub(crate) open: bool,
    pub(crate) self_choice: bool,
    pub(crate) closes_at: Option<Time>,
    /// How often they were closed; the next random assignment is another one.
    rounds: u64,
}

impl BreakoutState {
    pub(crate) fn has(&self, id: BreakoutId) -> bool {
        self.rooms.iter().any(|room| room.id == id)
    }

    fn check(&self, place: Place) -> Result<(), Refusal> {
        if place.is_none_or(|id| self.has(id)) { Ok(()) } else { Err(Refusal::no_breakout()) }
    }

    fn changed(&self) -> Change {
        Change::BreakoutsChanged { breakouts: self.rooms.iter().map(|room| room.id).collect() }
    }
}

impl Room {
    /// The staff's commands about breakouts.
    pub(crate) fn lead_breakouts(&mut self, log: &mut Log, command: Command) -> Result<(), Refusal> {
        match command {
            Command::CreateBreakouts { names } => self.create_breakouts(log, names),
            Command::RenameBreakout { breakout, name } => self.rename_breakout(log, breakout, name),
            Command::DeleteBreakout { breakout } => self.delete_breakout(log, breakout),
            Command::Assign { participant, breakout } => {
                self.course.breakouts.check(breakout)?;
                self.assign(log, participant, breakout);
                Ok(())
            }
            Command::AssignRandom {} => self.assign_random(log),
            Command::OpenBreakouts { self_choice, seconds } => self.open_breakouts(log, self_choice, seconds),
            Command::SetTimer { seconds } => self.set_timer(log, seconds),
            Command::Recall { participant } => {
                self.move_to(log, participant, None);
                Ok(())
            }
            Command::RecallAll { seconds } => self.recall_all(log, seconds),
            // Everything else is somebody's own, and services have no own.
            _ => Err(Refusal::forbidden()),
        }
    }

    /// Goes somewhere by oneself.
    pub(crate) fn go(&mut self, log: &mut Log, me: ParticipantId, place: Place) -> Result<(), Refusal> {
        let Some(person) = self.people.get(me) else { return Ok(()) };
        let state = &self.course.breakouts;
        let free = person.is_staff() || (state.open && state.self_choice);
        if !free {
            return Err(Refusal::not_here("breakout rooms are not chosen here"));
        }
        state.check(place)?;
        if place.is_some() && !state.open {
            return Err(closed());
        }
        self.move_to(log, me, place);
        Ok(())
    }

    pub(crate) fn ask_help(&mut self, log: &mut Log, me: ParticipantId, wanted: bool) -> Result<(), Refusal> {
        let Some(person) = self.people.get_mut(me) else { return Ok(()) };
        if wanted && person.place.is_none() {
            return Err(Refusal::not_here("help is asked for from a breakout room"));
        }
        if person.help != wanted {
            person.help = wanted;
            log.event(Change::HelpChanged { participant: me, wanted });
        }
        Ok(())
    }

    /// Everyone is back in the main room at once. The rooms stay, and so do the assignments.
    pub(crate) fn close_breakouts(&mut self, log: &mut Log) {
        let state = &mut self.course.breakouts;
        if !std::mem::take(&mut state.open) {
            return;
        }
        state.rounds += 1;
        state.self_choice = false;
        state.closes_at = None;
        self.bring_back(log, |_| true);
        log.event(Change::BreakoutsClosed);
    }

    /// Moves to the main room whoever is in such a breakout, and whoever would come back to it.
    fn bring_back(&mut self, log: &mut Log, from: impl Fn(BreakoutId) -> bool) {
        for person in self.memory.people_mut().filter(|person| person.place.is_some_and(&from)) {
            person.place = None;
        }
        for id in self.people.ids(|person| person.place.is_some_and(&from)) {
            self.move_to(log, id, None);
        }
    }

    fn move_to(&mut self, log: &mut Log, id: ParticipantId, place: Place) {
        let Some(person) = self.people.get_mut(id) else { return };
        if std::mem::replace(&mut person.place, place) == place {
            return;
        }
        person.help = false;
        if person.admitted {
            log.event(Change::Moved { participant: id, breakout: place });
        }
    }

    /// Names that exist already are not created again.
    fn create_breakouts(&mut self, log: &mut Log, names: Vec<String>) -> Result<(), Refusal> {
        if !self.settings.breakouts {
            return Err(Refusal::not_here("there are no breakout rooms in this room"));
        }
        let mut fresh: Vec<String> = Vec::new();
        for name in names {
            check_text("names", &name, MAX_BREAKOUT_NAME)?;
            let known = self.course.breakouts.rooms.iter().any(|room| room.name == name) || fresh.contains(&name);
            if !known {
                fresh.push(name);
            }
            if self.course.breakouts.rooms.len() + fresh.len() > MAX_BREAKOUTS {
                return Err(Refusal::field("names", Code::Full, format!("at most {MAX_BREAKOUTS} breakout rooms")));
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        for name in fresh {
            self.breakouts_ever += 1;
            self.course.breakouts.rooms.push(BreakoutRoom { id: BreakoutId(self.breakouts_ever), name });
        }
        log.event(self.course.breakouts.changed());
        Ok(())
    }

    fn rename_breakout(&mut self, log: &mut Log, id: BreakoutId, name: String) -> Result<(), Refusal> {
        self.course.breakouts.check(Some(id))?;
        check_text("name", &name, MAX_BREAKOUT_NAME)?;
        let rooms = &mut self.course.breakouts.rooms;
        if rooms.iter().any(|room| room.name == name && room.id != id) {
            return Err(Refusal::invalid("name", "another breakout room has that name"));
        }
        if let Some(room) = rooms.iter_mut().find(|room| room.id == id && room.name != name) {
            room.name = name;
            log.event(self.course.breakouts.changed());
        }
        Ok(())
    }

    fn delete_breakout(&mut self, log: &mut Log, id: BreakoutId) -> Result<(), Refusal> {
        let state = &mut self.course.breakouts;
        if !state.has(id) {
            let existed = (1..=self.breakouts_ever).contains(&id.0);
            return if existed { Ok(()) } else { Err(Refusal::no_breakout()) };
        }
        state.rooms.retain(|room| room.id != id);
        let last = state.rooms.is_empty();
        let changed = state.changed();
        let everyone = self.people.iter_mut().chain(self.memory.people_mut());
        for person in everyone.filter(|person| person.assigned == Some(id)) {
            person.assigned = None;
        }
        self.bring_back(log, |place| place == id);
        log.event(changed);
        if last {
            self.close_breakouts(log);
        }
        Ok(())
    }

    fn assign(&mut self, log: &mut Log, id: ParticipantId, place: Place) {
        let Some(person) = self.people.get_mut(id) else { return };
        if person.assigned != place {
            person.assigned = place;
            log.event(Change::Assigned { participant: id, breakout: place });
        }
        let goes = self.course.breakouts.open && person.admitted;
        if goes {
            self.move_to(log, id, place);
        }
    }

    /// All guests who are in, evenly. The same people, rooms and round give the same draw, so that asking twice changes nothing.
    fn assign_random(&mut self, log: &mut Log) -> Result<(), Refusal> {
        let state = &self.course.breakouts;
        if state.rooms.is_empty() {
            return Err(none());
        }
        let rooms: Vec<BreakoutId> = state.rooms.iter().map(|room| room.id).collect();
        let mut guests = self.people.ids(crate::Participant::is_guest);
        shuffle(&mut guests, mix(self.salt ^ mix(state.rounds)));
        for (guest, room) in guests.into_iter().zip(rooms.iter().cycle()) {
            self.assign(log, guest, Some(*room));
        }
        Ok(())
    }

    fn open_breakouts(&mut self, log: &mut Log, self_choice: bool, seconds: Option<u32>) -> Result<(), Refusal> {
        if !self.settings.breakouts {
            return Err(Refusal::not_here("there are no breakout rooms in this room"));
        }
        check_timer(seconds)?;
        let state = &mut self.course.breakouts;
        if state.rooms.is_empty() {
            return Err(none());
        }
        let closes_at = seconds.map(|seconds| log.at.plus_seconds(u64::from(seconds))).or(state.closes_at);
        if state.open && state.self_choice == self_choice && state.closes_at == closes_at {
            return Ok(());
        }
        let opens = !state.open;
        (state.open, state.self_choice, state.closes_at) = (true, self_choice, closes_at);
        log.event(Change::BreakoutsOpened { closes_at });
        if opens {
            self.scatter(log);
        }
        Ok(())
    }

    /// Everyone with an assignment goes there; those who wait or are away when they come in.
    fn scatter(&mut self, log: &mut Log) {
        for person in self.memory.people_mut().filter(|person| person.assigned.is_some()) {
            person.place = person.assigned;
        }
        for id in self.people.ids(|person| person.assigned.is_some()) {
            let place = self.people.get(id).and_then(|person| person.assigned);
            self.move_to(log, id, place);
        }
    }

    fn set_timer(&mut self, log: &mut Log, seconds: Option<u32>) -> Result<(), Refusal> {
        check_timer(seconds)?;
        if !self.course.breakouts.open {
            return if seconds.is_some() { Err(closed()) } else { Ok(()) };
        }
        self.set_closing(log, seconds.map(|seconds| log.at.plus_seconds(u64::from(seconds))));
        Ok(())
    }

    fn recall_all(&mut self, log: &mut Log, seconds: u32) -> Result<(), Refusal> {
        if seconds > MAX_COUNTDOWN {
            return Err(Refusal::invalid("seconds", format!("must be 0 to {MAX_COUNTDOWN}")));
        }
        if seconds == 0 {
            self.close_breakouts(log);
        } else if self.course.breakouts.open {
            self.set_closing(log, Some(log.at.plus_seconds(u64::from(seconds))));
        }
        Ok(())
    }

    fn set_closing(&mut self, log: &mut Log, closes_at: Option<Time>) {
        if self.course.breakouts.closes_at != closes_at {
            self.course.breakouts.closes_at = closes_at;
            log.event(Change::TimerChanged { closes_at });
        }
    }
}

fn check_timer(seconds: Option<u32>) -> Result<(), Refusal> {
    if seconds.is_none_or(|seconds| (1..=MAX_TIMER).contains(&seconds)) {
        Ok(())
    } else {
        Err(Refusal::invalid("seconds", format!("must be 1 to {MAX_TIMER}")))
    }
}

fn none() -> Refusal {
    Refusal::not_found("there are no breakout rooms yet")
}

fn closed() -> Refusal {
    Refusal::not_here("the breakout rooms are closed")
}
