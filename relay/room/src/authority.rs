//! Who may do what: one table of operation by standing, and the one protection of a person.

use crate::command::{Actor, Command};
use crate::participant::{Participant, Role, Source};
use crate::people::People;
use crate::refusal::Refusal;

/// What the asker is to the room at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// The API's caller.
    Service,
    Host,
    Deputy,
    /// In, without a seat.
    Guest,
    Waiting,
    Viewer,
}

/// What kind of thing is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    /// One's own microphone and camera.
    OwnBits,
    /// Anything else for oneself, which needs to be in the meeting.
    Oneself,
    /// The host's powers.
    Lead,
    /// Who is the deputy.
    Seats,
}

impl Standing {
    fn of(person: &Participant) -> Self {
        match person.role {
            _ if !person.is_member() => Self::Viewer,
            _ if !person.admitted => Self::Waiting,
            Role::Host => Self::Host,
            Role::Deputy => Self::Deputy,
            Role::Participant => Self::Guest,
        }
    }
}

impl Operation {
    /// The operation of a command. One's own hand may be named by one's own id.
    fn of(command: &Command, actor: Actor) -> Self {
        match command {
            Command::SetSource { source: Source::Microphone | Source::Camera, .. } | Command::SetSource { active: false, .. } => {
                Self::OwnBits
            }
            Command::LowerHand { participant: Some(id) } if Actor::Person(*id) == actor => Self::Oneself,
            Command::LowerHand { participant: Some(_) } => Self::Lead,
            Command::SetSource { .. }
            | Command::RaiseHand {}
            | Command::LowerHand { participant: None }
            | Command::Say { .. }
            | Command::Pin { .. }
            | Command::AskHelp { .. }
            | Command::Go { .. } => Self::Oneself,
            Command::Delegate { .. } | Command::Undelegate {} => Self::Seats,
            _ => Self::Lead,
        }
    }
}

/// The table.
pub(crate) fn may(standing: Standing, operation: Operation) -> bool {
    use Standing::{Deputy, Guest, Host, Service, Viewer, Waiting};
    match standing {
        Service => matches!(operation, Operation::Lead | Operation::Seats),
        Host => true,
        Deputy => operation != Operation::Seats,
        Guest => matches!(operation, Operation::OwnBits | Operation::Oneself),
        Waiting => operation == Operation::OwnBits,
        Viewer => false,
    }
}

/// What nobody may do to the host.
fn is_against_somebody(command: &Command) -> bool {
    matches!(command, Command::Mute { .. } | Command::DenyCamera { .. } | Command::Deny { .. } | Command::Remove { .. })
}

/// Whether this may be asked at all, by this person, now. Whom it is about is looked at last, and only for those who may know.
pub(crate) fn check(people: &People, actor: Actor, command: &Command) -> Result<(), Refusal> {
    let standing = match actor {
        Actor::Service => Standing::Service,
        Actor::Person(id) => Standing::of(people.get(id).ok_or_else(|| Refusal::not_found("the asker is not here"))?),
    };
    if !may(standing, Operation::of(command, actor)) {
        return Err(Refusal::forbidden());
    }
    let target = command.target().filter(|_| is_against_somebody(command)).and_then(|id| people.get(id));
    if target.is_some_and(|person| person.role == Role::Host) { Err(Refusal::forbidden()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        use Operation::{Lead, Oneself, OwnBits, Seats};
        let standings = [Standing::Service, Standing::Host, Standing::Deputy, Standing::Guest, Standing::Waiting, Standing::Viewer];
        let rows = [
            (OwnBits, [false, true, true, true, true, false]),
            (Oneself, [false, true, true, true, false, false]),
            (Lead, [true, true, true, false, false, false]),
            (Seats, [true, true, false, false, false, false]),
        ];
        for (operation, allowed) in rows {
            for (standing, allowed) in standings.into_iter().zip(allowed) {
                assert_eq!(may(standing, operation), allowed, "{standing:?} {operation:?}");
            }
        }
    }

    #[test]
    fn commands_belong_to_their_operations() {
        let (me, other) = (crate::ParticipantId(1), crate::ParticipantId(2));
        let source = |source, active| Command::SetSource { source, active };
        let rows = [
            (source(Source::Microphone, true), Operation::OwnBits),
            (source(Source::Screen, false), Operation::OwnBits),
            (source(Source::Screen, true), Operation::Oneself),
            (source(Source::ScreenAudio, true), Operation::Oneself),
            (Command::LowerHand { participant: None }, Operation::Oneself),
            (Command::LowerHand { participant: Some(me) }, Operation::Oneself),
            (Command::LowerHand { participant: Some(other) }, Operation::Lead),
            (Command::Say { text: String::new(), to: None }, Operation::Oneself),
            (Command::Mute { participant: me }, Operation::Lead),
            (Command::EndMeeting {}, Operation::Lead),
            (Command::Broadcast { text: String::new() }, Operation::Lead),
            (Command::Recall { participant: me }, Operation::Lead),
            (Command::Delegate { participant: other }, Operation::Seats),
            (Command::Undelegate {}, Operation::Seats),
        ];
        for (command, operation) in rows {
            assert_eq!(Operation::of(&command, Actor::Person(me)), operation, "{command:?}");
        }
    }
}
