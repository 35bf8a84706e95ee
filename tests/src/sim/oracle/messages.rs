//! What may be said to whom: every message of the relay is held against the picture at the moment it was made.

use room::{ParticipantId, RosterEntry, Scene, Source};
use signal::message::{ServerMessage, Slot};

use super::meeting::{Meeting, Resident, Standing};
use super::rules::{may_get, may_know, may_read, may_see_hand, name_for};

/// `Err` says what the receiver must not have been told.
pub(super) fn judge(meeting: &Meeting, receiver: u32, message: &ServerMessage) -> Result<(), String> {
    let harmless = matches!(
        message,
        ServerMessage::Bye { .. }
            | ServerMessage::Answer { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Done { .. }
            | ServerMessage::Refused { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Left { .. }
    );
    if harmless {
        return Ok(());
    }
    let Some(person) = meeting.people.get(&receiver) else { return Err(format!("{receiver} is gone and was told {message:?}")) };
    let judged = if person.is_in() { to_present(meeting, person, message) } else { to_waiting(person, message) };
    judged.map_err(|what| format!("{receiver} was told {what}: {message:?}"))
}

/// Whoever waits is told of the waiting page and of themselves, nothing else.
fn to_waiting(person: &Resident, message: &ServerMessage) -> Result<(), String> {
    let own = |roster: &[RosterEntry]| roster.iter().all(|entry| entry.id == person.id);
    let fine = match message {
        ServerMessage::Welcome { roster, scene, .. } => own(roster) && matches!(scene, Scene::Waiting(_)),
        ServerMessage::Roster { roster } => own(roster),
        ServerMessage::Joined { participant } | ServerMessage::Updated { participant } => participant.id == person.id,
        ServerMessage::Scene { scene } => matches!(scene, Scene::Waiting(_)),
        ServerMessage::Slots { slots } => slots.iter().all(|slot| slot.participant.is_none()),
        ServerMessage::Speaker { participant } => participant.is_none(),
        // The least, whoever is inside.
        ServerMessage::Send { sources } => sources.iter().all(|needed| needed.height == 180 && needed.max_bitrate.is_none()),
        _ => false,
    };
    if fine { Ok(()) } else { Err("what nobody may know who waits".to_owned()) }
}

fn to_present(meeting: &Meeting, person: &Resident, message: &ServerMessage) -> Result<(), String> {
    match message {
        ServerMessage::Welcome { roster, scene, .. } => {
            roster_entries(meeting, person, roster)?;
            shown_scene(meeting, person, scene)
        }
        ServerMessage::Roster { roster } => roster_entries(meeting, person, roster),
        ServerMessage::Joined { participant } | ServerMessage::Updated { participant } => roster_entry(meeting, person, participant),
        ServerMessage::Scene { scene } => shown_scene(meeting, person, scene),
        ServerMessage::Slots { slots } => slots.iter().try_for_each(|slot| occupant(meeting, person, slot)),
        ServerMessage::Speaker { participant: Some(who) } => media(meeting, person, ParticipantId(*who), Source::Microphone),
        ServerMessage::Chat { message, earlier } => {
            if *earlier && !(meeting.settings.chat_history && person.standing == Standing::In(message.place)) {
                return Err("what was written before".to_owned());
            }
            if message.to.is_some_and(|to| ![to, message.from].contains(&person.id)) {
                return Err("what was meant for somebody else".to_owned());
            }
            let Some(writer) = meeting.by_id(message.from) else { return Ok(()) };
            if message.to_staff && person.is_guest() && writer.author != person.author {
                return Err("what was meant for the staff".to_owned());
            }
            let readable = may_read(meeting, writer, person, message.to.is_some());
            if readable || *earlier { Ok(()) } else { Err("what they may not read".to_owned()) }
        }
        _ => Ok(()),
    }
}

fn roster_entries(meeting: &Meeting, person: &Resident, roster: &[RosterEntry]) -> Result<(), String> {
    roster.iter().try_for_each(|entry| roster_entry(meeting, person, entry))
}

fn roster_entry(meeting: &Meeting, person: &Resident, entry: &RosterEntry) -> Result<(), String> {
    let Some(other) = meeting.by_id(entry.id) else { return Err(format!("of {:?}, who is not here", entry.id)) };
    if !may_know(meeting, person, other) {
        return Err(format!("that {} is here", other.author));
    }
    if name_for(meeting, person, other).is_some_and(|name| *name != *entry.name) {
        return Err(format!("{:?} as a name of {}", entry.name, other.author));
    }
    Ok(())
}

fn occupant(meeting: &Meeting, person: &Resident, slot: &Slot) -> Result<(), String> {
    match (slot.participant, slot.source) {
        (Some(who), Some(source)) => media(meeting, person, ParticipantId(who), source),
        _ => Ok(()),
    }
}

fn media(meeting: &Meeting, person: &Resident, from: ParticipantId, source: Source) -> Result<(), String> {
    let Some(other) = meeting.by_id(from) else { return Err(format!("of {from:?}, who is not here")) };
    if other.author == person.author && source == Source::Microphone || may_get(meeting, other, person, source) {
        return Ok(());
    }
    Err(format!("of the {source:?} of {}", other.author))
}

fn shown_scene(meeting: &Meeting, person: &Resident, scene: &Scene) -> Result<(), String> {
    let Scene::Present(scene) = scene else { return Err("to wait, though let in".to_owned()) };
    for tile in &scene.tiles {
        media(meeting, person, tile.participant, tile.source)?;
    }
    if let Some(hand) = scene.hands.iter().find(|hand| !may_see_hand(meeting, person, **hand)) {
        return Err(format!("of the hand of {hand:?}"));
    }
    for named in [scene.spotlight, scene.you.pin].into_iter().flatten() {
        if !meeting.by_id(named).is_some_and(|other| may_know(meeting, person, other)) {
            return Err(format!("of {named:?}, who is spotlit or pinned"));
        }
    }
    if (Standing::In(scene.you.breakout), scene.you.role) != (person.standing, person.role) {
        return Err(format!("another place or role than {:?}, {:?}", person.standing, person.role));
    }
    if person.is_guest() { guests_scene(meeting, person, scene) } else { Ok(()) }
}

/// What a scene must not show to guests.
fn guests_scene(meeting: &Meeting, person: &Resident, scene: &room::Meeting) -> Result<(), String> {
    if scene.staff.is_some() {
        return Err("what only the staff may see".to_owned());
    }
    if !meeting.settings.name_list && !scene.absent.is_empty() {
        return Err("who is invited".to_owned());
    }
    let Some(breakouts) = &scene.breakouts else { return Ok(()) };
    for breakout in &breakouts.rooms {
        let own = person.standing == Standing::In(Some(breakout.id));
        let foreign_help = breakout.help.iter().any(|who| *who != person.id);
        if !(own || meeting.self_choice) || !breakout.assigned.is_empty() || foreign_help {
            return Err(format!("of breakout {:?}", breakout.id));
        }
    }
    Ok(())
}
