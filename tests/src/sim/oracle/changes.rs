//! How the oracle's picture changes. What forbids something counts from the accepted command on, whether the relay says more or not;
//! what allows something (an admission, a role, a place) needs a reason of the oracle's own, or it is a violation.

use room::{Actor, Change, Command, Device, ParticipantId, Place, Role, Source, Time, WhenAbandoned};

use super::meeting::{Meeting, Resident, Standing};
use super::rules::{may_come_by_itself, must_wait, role_on_arrival};

/// How late the relay may be with what time alone changes: it looks every 100 ms.
const LATE_MS: u64 = 110;

/// Somebody whom the relay let into its tables, as the token said.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// Author number in every payload.
    pub author: u32,
    /// The id the relay gave.
    pub id: ParticipantId,
    /// The token's subject.
    pub identity: String,
    /// The token's name.
    pub name: String,
    /// The token's role was host.
    pub host_token: bool,
    /// Receives only.
    pub viewer: bool,
    /// What the person holds.
    pub device: Device,
}

/// Somebody came. `Err`: the relay must not have let them.
pub(super) fn enter(meeting: &mut Meeting, new: Newcomer) -> Result<(), String> {
    let role = role_on_arrival(meeting, &new.identity, new.host_token, new.viewer);
    let waits = must_wait(meeting, &new.identity, role, new.host_token, new.viewer);
    let place = meeting.place_for(&new.identity);
    let guest_muted = role == Role::Participant && meeting.settings.guest_microphone == room::GuestMicrophone::Muted;
    let memory = meeting.known.entry(new.identity.clone()).or_default();
    let removed = memory.removed;
    let (own, closed, hand) = memory.bits.unwrap_or(([!guest_muted, true, false, false], [false; 4], false));
    if role.is_staff() {
        meeting.seats[usize::from(role == Role::Deputy)] = Some(new.identity.clone());
        meeting.fallen = false;
    }
    let Newcomer { author, id, identity, name, host_token, viewer, device } = new;
    let standing = if waits { Standing::Waiting } else { Standing::In(place) };
    let resident = Resident { author, id, identity, name, host_token, viewer, device, role, standing, own, closed, hand };
    meeting.people.insert(author, resident);
    if removed { Err(format!("{author} was removed and is back")) } else { Ok(()) }
}

/// The relay carried a command out. `Err`: it must have refused.
pub(super) fn command(meeting: &mut Meeting, now: Time, actor: Option<u32>, command: &Command) -> Result<(), String> {
    let staff = match actor {
        None => true,
        Some(author) => {
            let person = meeting.people.get(&author).ok_or_else(|| format!("{author} is not here and was obeyed: {command:?}"))?;
            if !person.is_in() && !matches!(command, Command::SetSource { .. }) {
                return Err(format!("{author} waits and was obeyed: {command:?}"));
            }
            !person.is_guest()
        }
    };
    if let Some(author) = actor
        && own_command(meeting, author, command)?
    {
        return Ok(());
    }
    if let Command::LowerHand { participant: Some(id) } = command
        && meeting.by_id(*id).is_some_and(|person| Some(person.author) == actor)
    {
        return own_command(meeting, actor.unwrap_or_default(), &Command::LowerHand { participant: None }).map(|_| ());
    }
    if !staff {
        return Err(format!("{actor:?} is a guest and was obeyed: {command:?}"));
    }
    let role = actor.and_then(|author| meeting.people.get(&author)).map(|person| person.role);
    if role == Some(Role::Deputy) && matches!(command, Command::Delegate { .. } | Command::Undelegate {}) {
        return Err(format!("the deputy was obeyed: {command:?}"));
    }
    staff_command(meeting, now, command)
}

/// What everybody may do for themselves. `Ok(false)`: it is nothing of that kind.
fn own_command(meeting: &mut Meeting, author: u32, command: &Command) -> Result<bool, String> {
    let (self_choice, exists) = (meeting.open && meeting.self_choice, meeting.breakouts.clone());
    let Some(person) = meeting.people.get_mut(&author) else { return Ok(false) };
    match command {
        Command::SetSource { source, active } => {
            if *active && person.closed[*source as usize] && person.is_guest() {
                return Err(format!("{author} cleared the staff's bit of {source:?}"));
            }
            person.set_own(*source, *active);
        }
        Command::RaiseHand {} => person.hand = true,
        Command::LowerHand { participant: None } => person.hand = false,
        Command::Say { .. } | Command::Pin { .. } | Command::AskHelp { .. } => {}
        Command::Go { breakout } => {
            if person.is_guest() && !self_choice {
                return Err(format!("{author} went to {breakout:?} where nobody may choose"));
            }
            if breakout.is_some_and(|breakout| !exists.contains(&breakout)) {
                return Err(format!("{author} went to {breakout:?}, which does not exist"));
            }
            person.standing = Standing::In(*breakout);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn staff_command(meeting: &mut Meeting, now: Time, command: &Command) -> Result<(), String> {
    match command {
        Command::Mute { participant } => close(meeting, *participant, Source::Microphone),
        Command::Unmute { participant } => reopen(meeting, *participant, Source::Microphone),
        Command::DenyCamera { participant } => close(meeting, *participant, Source::Camera),
        Command::AllowCamera { participant } => reopen(meeting, *participant, Source::Camera),
        Command::MuteAll {} => all_guests(meeting, |id| Command::Mute { participant: id }, now),
        Command::UnmuteAll {} => all_guests(meeting, |id| Command::Unmute { participant: id }, now),
        Command::DenyCameras {} => all_guests(meeting, |id| Command::DenyCamera { participant: id }, now),
        Command::AllowCameras {} => all_guests(meeting, |id| Command::AllowCamera { participant: id }, now),
        Command::StopScreen { participant } => {
            let person = known(meeting, *participant)?;
            person.set_own(Source::Screen, false);
            person.set_own(Source::ScreenAudio, false);
            Ok(())
        }
        Command::SetLayout { layout } => {
            meeting.settings.layout = *layout;
            meeting.settings.layout_rules.clear();
            Ok(())
        }
        Command::SetDirection { direction } => {
            meeting.settings.direction = *direction;
            Ok(())
        }
        Command::Change { settings } => {
            meeting.settings = meeting.settings.clone().with(settings);
            Ok(())
        }
        Command::Lock {} | Command::Unlock {} => {
            meeting.locked = matches!(command, Command::Lock {});
            Ok(())
        }
        Command::Delegate { participant } => delegate(meeting, Some(*participant)),
        Command::Undelegate {} => delegate(meeting, None),
        Command::LowerHand { participant: Some(participant) } => {
            known(meeting, *participant)?.hand = false;
            Ok(())
        }
        Command::LowerHands {} => {
            meeting.people.values_mut().for_each(|person| person.hand = false);
            Ok(())
        }
        _ => door_command(meeting, command).or_else(|| breakout_command(meeting, now, command)).unwrap_or(Ok(())),
    }
}

/// Who comes in and who goes. `None`: it is nothing of that kind.
fn door_command(meeting: &mut Meeting, command: &Command) -> Option<Result<(), String>> {
    match command {
        // Who it was is claimed by the relay, and the claim is judged.
        Command::Admit { .. } | Command::AdmitAll {} => {}
        Command::Deny { participant } => {
            if let Some(author) = meeting.by_id(*participant).map(|person| person.author) {
                meeting.take_out(author);
            }
        }
        Command::Remove { participant } => {
            if let Some(person) = meeting.by_id(*participant) {
                let (author, identity) = (person.author, person.identity.clone());
                if person.role == Role::Host {
                    return Some(Err("the host was removed".to_owned()));
                }
                meeting.take_out(author);
                let memory = meeting.known.entry(identity).or_default();
                (memory.removed, memory.admitted) = (true, false);
            }
        }
        Command::EndMeeting {} => end(meeting),
        _ => return None,
    }
    Some(Ok(()))
}

fn breakout_command(meeting: &mut Meeting, now: Time, command: &Command) -> Option<Result<(), String>> {
    match command {
        // Which there are now is told; that they exist allows nothing yet.
        Command::CreateBreakouts { .. } => {}
        Command::DeleteBreakout { breakout } => {
            meeting.breakouts.remove(breakout);
            meeting.assigned.retain(|_, to| to != breakout);
            let there = Standing::In(Some(*breakout));
            for person in meeting.people.values_mut().filter(|person| person.standing == there) {
                person.standing = Standing::In(None);
            }
            if meeting.breakouts.is_empty() {
                meeting.close_breakouts();
            }
        }
        Command::Assign { participant, breakout } => return Some(assign(meeting, *participant, *breakout)),
        Command::OpenBreakouts { self_choice, seconds } => {
            meeting.self_choice = *self_choice;
            // Asked again while they are open, it changes what it names.
            meeting.closes_at = seconds.map(|seconds| now.plus_seconds(u64::from(seconds))).or(meeting.closes_at);
            if !meeting.open {
                meeting.open = true;
                let assigned = meeting.assigned.clone();
                for person in meeting.people.values_mut().filter(|person| person.is_in()) {
                    person.standing = Standing::In(assigned.get(&person.identity).copied());
                }
            }
        }
        Command::SetTimer { seconds } => meeting.closes_at = seconds.map(|seconds| now.plus_seconds(u64::from(seconds))),
        Command::Recall { participant } => return Some(recall(meeting, *participant)),
        Command::RecallAll { seconds: 0 } => meeting.close_breakouts(),
        Command::RecallAll { seconds } if meeting.open => meeting.closes_at = Some(now.plus_seconds(u64::from(*seconds))),
        Command::RecallAll { .. } => {}
        _ => return None,
    }
    Some(Ok(()))
}

fn assign(meeting: &mut Meeting, who: ParticipantId, breakout: Place) -> Result<(), String> {
    let open = meeting.open;
    let person = known(meeting, who)?;
    let identity = person.identity.clone();
    if open && person.is_in() {
        person.standing = Standing::In(breakout);
    }
    match breakout {
        Some(breakout) => meeting.assigned.insert(identity, breakout),
        None => meeting.assigned.remove(&identity),
    };
    Ok(())
}

fn recall(meeting: &mut Meeting, who: ParticipantId) -> Result<(), String> {
    let person = known(meeting, who)?;
    if person.is_in() {
        person.standing = Standing::In(None);
    }
    Ok(())
}

fn close(meeting: &mut Meeting, who: ParticipantId, source: Source) -> Result<(), String> {
    let person = known(meeting, who)?;
    person.set_closed(source, true);
    Ok(())
}

fn reopen(meeting: &mut Meeting, who: ParticipantId, source: Source) -> Result<(), String> {
    let opens = source == Source::Microphone && meeting.settings.host_unmute == room::HostUnmute::Open;
    let person = known(meeting, who)?;
    person.set_closed(source, false);
    person.own[source as usize] |= opens;
    Ok(())
}

fn all_guests(meeting: &mut Meeting, of: impl Fn(ParticipantId) -> Command, now: Time) -> Result<(), String> {
    let guests = meeting.people.values().filter(|person| person.is_guest() && !person.viewer && person.is_in());
    let ids: Vec<ParticipantId> = guests.map(|person| person.id).collect();
    ids.into_iter().try_for_each(|id| staff_command(meeting, now, &of(id)))
}

/// Asks about somebody who may just have gone: the relay remembers them, the oracle need not.
fn known(meeting: &mut Meeting, who: ParticipantId) -> Result<&mut Resident, String> {
    meeting.by_id_mut(who).ok_or_else(|| format!("a command about {who:?}, who is not here, was obeyed"))
}

fn delegate(meeting: &mut Meeting, to: Option<ParticipantId>) -> Result<(), String> {
    if let Some(to) = to {
        let person = known(meeting, to)?;
        if person.role == Role::Host || person.viewer || !person.is_in() {
            return Err(format!("{} cannot be deputy", person.author));
        }
    }
    for person in meeting.people.values_mut().filter(|person| person.role == Role::Deputy) {
        person.role = Role::Participant;
    }
    meeting.seats[1] = None;
    if let Some(person) = to.and_then(|to| meeting.by_id_mut(to)) {
        person.role = Role::Deputy;
        meeting.seats[1] = Some(person.identity.clone());
    }
    Ok(())
}

/// What comes now is another meeting, with the settings as they were given.
fn end(meeting: &mut Meeting) {
    *meeting = Meeting::new(meeting.definition.clone());
}

/// What the relay says happened. `Err`: nothing gave it the right.
pub(super) fn claim(meeting: &mut Meeting, now: Time, actor: Option<Actor>, change: &Change) -> Result<(), String> {
    let Some(who) = change.participant() else { return room_claim(meeting, now, actor, change) };
    let by_itself = may_come_by_itself(meeting);
    let staff = match actor {
        Some(Actor::Service) => true,
        Some(Actor::Person(id)) => meeting.by_id(id).is_some_and(|actor| !actor.is_guest()),
        None => false,
    };
    if let Change::AllowedBack { .. } = change {
        return if staff { Ok(()) } else { Err(format!("{who:?} was allowed back by {actor:?}")) };
    }
    let Some(person) = meeting.by_id(who).cloned() else { return Ok(()) };
    let author = person.author;
    let wrong = |what: &str| Err(format!("{what}: {change:?} by {actor:?}, but the rules say {person:?}"));
    match change {
        Change::Joined { role, waiting, .. } if (*role, *waiting) != (person.role, !person.is_in()) => wrong("another arrival"),
        Change::RoleChanged { role, .. } if *role != person.role => wrong("another role"),
        // The timer moves people one by one before it says that the breakouts are closed.
        Change::Moved { breakout: None, .. } if actor.is_none() && is_due(meeting, now) => {
            meeting.close_breakouts();
            Ok(())
        }
        Change::Moved { breakout, .. } if Standing::In(*breakout) != person.standing => wrong("another place"),
        Change::Admitted { .. } if !person.is_in() => admit(meeting, author, staff || by_itself),
        Change::Left { .. } | Change::Removed { .. } | Change::Denied { .. } => {
            meeting.take_out(author);
            Ok(())
        }
        Change::Waiting { .. } => {
            fall_back(meeting, author);
            Ok(())
        }
        Change::SourceSet { source, active: false, .. } => {
            if let Some(person) = meeting.people.get_mut(&author) {
                person.set_own(*source, false);
            }
            Ok(())
        }
        Change::Assigned { breakout, .. } => assign(meeting, who, *breakout),
        _ => Ok(()),
    }
}

fn admit(meeting: &mut Meeting, author: u32, allowed: bool) -> Result<(), String> {
    let place = meeting.people.get(&author).map(|person| meeting.place_for(&person.identity)).unwrap_or_default();
    let fallen = meeting.fallen;
    let Some(person) = meeting.people.get_mut(&author) else { return Ok(()) };
    person.standing = Standing::In(place);
    // Whoever was in when the meeting fell back to waiting comes in again with the staff.
    let was_in = !fallen && meeting.known.get(&person.identity).is_some_and(|memory| memory.admitted);
    if allowed || was_in { Ok(()) } else { Err(format!("{author} was let in by no rule and by nobody")) }
}

fn fall_back(meeting: &mut Meeting, author: u32) {
    meeting.fallen = true;
    if let Some(person) = meeting.people.get_mut(&author) {
        person.standing = Standing::Waiting;
        meeting.known.entry(person.identity.clone()).or_default().admitted = true;
    }
}

fn room_claim(meeting: &mut Meeting, now: Time, actor: Option<Actor>, change: &Change) -> Result<(), String> {
    match change {
        Change::MeetingEnded => end(meeting),
        Change::BreakoutsChanged { breakouts } => meeting.breakouts = breakouts.iter().copied().collect(),
        Change::BreakoutsClosed if meeting.open => {
            let (in_time, due) = (is_due(meeting, now), meeting.closes_at);
            meeting.close_breakouts();
            if actor.is_none() && !in_time {
                return Err(format!("breakouts closed at {now:?}, due {due:?}"));
            }
        }
        Change::LayoutChanged { layout } if *layout != meeting.settings.layout => {
            return Err(format!("{change:?}, but the rules say {:?}", meeting.settings.layout));
        }
        Change::DirectionChanged { direction } if *direction != meeting.settings.direction => {
            return Err(format!("{change:?}, but the rules say {:?}", meeting.settings.direction));
        }
        _ => {}
    }
    Ok(())
}

/// Whether the breakouts close by themselves now: their time is over, or the staff did not come back and everybody waits.
fn is_due(meeting: &Meeting, now: Time) -> bool {
    let gives_up = !meeting.has_staff() && meeting.settings.when_abandoned == WhenAbandoned::Wait;
    meeting.open && (gives_up || meeting.closes_at.is_some_and(|due| (due.0..=due.0 + LATE_MS).contains(&now.0)))
}

/// What time alone should have changed and has not. Looked at whenever the simulation stops.
pub(super) fn overdue(meeting: &Meeting, now: Time) -> Result<(), String> {
    match meeting.closes_at {
        Some(due) if meeting.open && due.0 + LATE_MS < now.0 => Err(format!("breakouts should have closed at {due:?}, it is {now:?}")),
        _ => Ok(()),
    }
}
