//! One command, whole or not at all: permission, then the module that knows, then what follows.

use crate::authority;
use crate::command::{Actor, Command};
use crate::effect::{Change, Effect};
use crate::ids::{ParticipantId, Time};
use crate::log::Log;
use crate::memory::Absence;
use crate::participant::Source;
use crate::refusal::Refusal;
use crate::room::Room;

impl Room {
    /// Carries out one command.
    ///
    /// # Errors
    /// The codes that [`crate::Code`] documents; then nothing changed.
    pub fn apply(&mut self, now: Time, actor: Actor, command: Command) -> Result<Vec<Effect>, Refusal> {
        authority::check(&self.people, actor, &command)?;
        let mut log = Log::new(now, Some(actor));
        match actor {
            Actor::Person(id) => self.apply_for(&mut log, id, command)?,
            Actor::Service => self.lead(&mut log, command)?,
        }
        Ok(self.settle(log))
    }

    /// What people do for themselves.
    fn apply_for(&mut self, log: &mut Log, me: ParticipantId, command: Command) -> Result<(), Refusal> {
        match command {
            Command::SetSource { source, active } => self.set_source(log, me, source, active),
            Command::RaiseHand {} => self.raise_hand(log, me),
            Command::LowerHand { participant: None } => {
                self.lower_hand(log, me);
                Ok(())
            }
            Command::Say { text, to } => self.say(log, me, text, to),
            Command::Pin { participant } => self.pin(me, participant),
            Command::AskHelp { wanted } => self.ask_help(log, me, wanted),
            Command::Go { breakout } => self.go(log, me, breakout),
            _ => self.lead(log, command),
        }
    }

    /// The host's powers.
    fn lead(&mut self, log: &mut Log, command: Command) -> Result<(), Refusal> {
        if let Some(id) = command.target() {
            self.check_target(log.actor, id, &command)?;
        }
        match command {
            Command::Mute { participant } => self.lock_source(log, participant, Source::Microphone),
            Command::Unmute { participant } => self.unmute(log, participant),
            Command::DenyCamera { participant } => self.lock_source(log, participant, Source::Camera),
            Command::AllowCamera { participant } => self.unlock_source(log, participant, Source::Camera),
            Command::MuteAll {} => self.for_guests(log, |room, log, id| room.lock_source(log, id, Source::Microphone)),
            Command::UnmuteAll {} => self.for_guests(log, Self::unmute),
            Command::DenyCameras {} => self.for_guests(log, |room, log, id| room.lock_source(log, id, Source::Camera)),
            Command::AllowCameras {} => self.for_guests(log, |room, log, id| room.unlock_source(log, id, Source::Camera)),
            Command::StopScreen { participant } => self.stop_screen(log, participant),
            Command::SetAlwaysHeard { participant, on } => self.set_always_heard(log, participant, on),
            Command::SetLayout { layout } => self.set_layout(log, layout),
            Command::SetDirection { direction } => self.set_direction(log, direction),
            Command::Change { settings } => return self.change(log, &settings),
            Command::Lock {} => self.set_lock(log, true),
            Command::Unlock {} => self.set_lock(log, false),
            Command::Admit { participant } => return self.admit(log, participant),
            Command::AdmitAll {} => self.admit_all(log),
            Command::Deny { participant } => return self.deny(log, participant),
            Command::Remove { participant } => return self.remove(log, participant),
            Command::AllowBack { participant } => self.allow_back(log, participant),
            Command::EndMeeting {} => self.end(log),
            Command::Spotlight { participant } => return self.spotlight(log, participant),
            Command::Delegate { participant } => return self.delegate(log, participant),
            Command::Undelegate {} => self.undelegate(log),
            Command::LowerHand { participant: Some(participant) } => self.lower_hand(log, participant),
            Command::LowerHands {} => self.lower_hands(log),
            Command::Broadcast { text } => return self.broadcast(log, text),
            command => return self.lead_breakouts(log, command),
        }
        Ok(())
    }

    /// Whom a host's command is about: members who are here; for some commands also those who are not any more, and for a service,
    /// which is told of them, viewers.
    fn check_target(&self, actor: Option<Actor>, id: ParticipantId, command: &Command) -> Result<(), Refusal> {
        let known = match (self.people.get(id), command) {
            (Some(person), Command::Deny { .. } | Command::Remove { .. }) => person.is_member() || actor == Some(Actor::Service),
            (Some(person), _) => person.is_member(),
            (None, Command::Deny { .. } | Command::Remove { .. }) => {
                self.memory.get(id).is_some_and(|(absence, _)| absence != Absence::Past)
            }
            (None, Command::AllowBack { .. }) => self.memory.get(id).is_some(),
            (None, _) => false,
        };
        if known { Ok(()) } else { Err(Refusal::nobody("participant")) }
    }

    fn for_guests(&mut self, log: &mut Log, act: impl Fn(&mut Self, &mut Log, ParticipantId)) {
        for id in self.people.ids(crate::Participant::is_guest) {
            act(self, log, id);
        }
    }

    fn pin(&mut self, me: ParticipantId, whom: Option<ParticipantId>) -> Result<(), Refusal> {
        let Some(viewer) = self.people.get(me) else { return Ok(()) };
        if let Some(id) = whom {
            let known = self.people.get(id).is_some_and(|person| self.knows(viewer, person));
            if !known || id == me {
                return Err(Refusal::nobody("participant"));
            }
        }
        if let Some(viewer) = self.people.get_mut(me) {
            viewer.pin = whom;
        }
        Ok(())
    }

    fn spotlight(&mut self, log: &mut Log, whom: Option<ParticipantId>) -> Result<(), Refusal> {
        if whom.is_some_and(|id| self.people.get(id).is_none_or(|person| !person.is_visible())) {
            return Err(Refusal::invalid("participant", "whoever waits cannot be shown"));
        }
        if self.course.spotlight != whom {
            self.course.spotlight = whom;
            log.event(Change::SpotlightChanged { participant: whom });
        }
        Ok(())
    }

    fn set_always_heard(&mut self, log: &mut Log, id: ParticipantId, on: bool) {
        let invited = self.people.get(id).is_some_and(|person| self.is_always_heard(person));
        if let Some(person) = self.people.get_mut(id) {
            person.always_heard = Some(on);
        }
        if invited != on {
            log.event(Change::AlwaysHeardChanged { participant: id, on });
        }
    }

    fn set_lock(&mut self, log: &mut Log, locked: bool) {
        if self.course.locked != locked {
            self.course.locked = locked;
            log.event(Change::LockChanged { locked });
        }
    }
}
