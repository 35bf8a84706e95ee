//! What must hold of a room whatever the model says: privacy, seats, agreement of the answers with each other.

use std::collections::BTreeSet;

use room::{Change, Effect, Event, Farewell, Kind, Names, ParticipantId, Role, Room, RosterEntry, Scene, Source};

use super::matrix::{KINDS, tiles};
use super::{Model, Person};

type Found = Result<(), String>;

/// Effects of one step: nobody outside is spoken to, nobody closed is still here, and whoever is gone was closed or left by themselves.
pub(crate) fn effects(before: &Room, after: &Room, effects: &[Effect], leaves: bool) -> Found {
    for id in before.people().filter(|id| after.participant(*id).is_none()) {
        let closes = effects.iter().filter(|effect| matches!(effect, Effect::Close(other, _) if *other == id)).count();
        if closes != usize::from(!leaves) {
            return Err(format!("{id:?} is gone, and {closes} times closed"));
        }
    }
    for effect in effects {
        match effect {
            Effect::Chat(_, ids) | Effect::Announce(_, ids) => {
                if let Some(id) = ids.iter().find(|id| waits(after, **id)) {
                    return Err(format!("{id:?} is not inside and was told {effect:?}"));
                }
                if ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
                    return Err(format!("told twice: {effect:?}"));
                }
            }
            Effect::AskUnmute(id) if after.participant(*id).is_some_and(|person| person.sources.get(Source::Microphone).active) => {
                return Err(format!("{id:?} is asked to open what is open"));
            }
            Effect::Close(id, farewell) if !announced(effects, *id, *farewell) => return Err(format!("no event goes with {effect:?}")),
            Effect::AskUnmute(id) if waits(after, *id) => return Err(format!("{id:?} is not inside and was asked to unmute")),
            Effect::Close(id, _) if after.participant(*id).is_some() || before.participant(*id).is_none() => {
                return Err(format!("wrong: {effect:?}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The log says why a session was closed.
fn announced(effects: &[Effect], id: ParticipantId, farewell: Farewell) -> bool {
    effects.iter().any(|effect| {
        let Effect::Event(Event { change, .. }) = effect else { return false };
        match (farewell, change) {
            (Farewell::Removed, Change::Removed { participant }) | (Farewell::Denied, Change::Denied { participant }) => *participant == id,
            (Farewell::Ended, Change::MeetingEnded) => true,
            _ => false,
        }
    })
}

fn waits(room: &Room, id: ParticipantId) -> bool {
    room.participant(id).is_none() || matches!(room.scene(id), Scene::Waiting(_))
}

pub(crate) fn room(room: &Room, model: &Model, step: u64) -> Found {
    let people: Vec<ParticipantId> = model.present().iter().filter_map(|person| person.id).collect();
    let gone = model.people.iter().flat_map(|person| &person.ids).filter(|id| !people.contains(id)).copied();
    let outside: Vec<ParticipantId> =
        people.iter().copied().filter(|id| waits(room, *id)).chain(gone).chain([ParticipantId(4_444_444_444)]).collect();
    for seat in [Role::Host, Role::Deputy] {
        let holders = people.iter().filter(|id| room.participant(**id).is_some_and(|person| person.role == seat)).count();
        if holders > 1 {
            return Err(format!("{holders} people are {seat:?}"));
        }
    }
    for id in &outside {
        nothing(room, *id, &people)?;
    }
    // One after the other is looked at closely, whoever waits always.
    let focus = people.get((step as usize) % people.len().max(1)).copied();
    for id in focus.into_iter().chain(outside.iter().copied().filter(|id| people.contains(id))) {
        words(room, model, &model.people[model.find(id).ok_or("nobody")?])?;
    }
    focus.map_or(Ok(()), |id| view(room, id, &people))
}

/// Somebody outside gets nothing, and nobody gets anything of them.
fn nothing(room: &Room, id: ParticipantId, people: &[ParticipantId]) -> Found {
    for other in people {
        for kind in KINDS {
            if room.allow(id, *other, kind) || room.allow(*other, id, kind) {
                return Err(format!("{kind:?} crosses between {id:?}, who is outside, and {other:?}"));
            }
        }
    }
    let flows = Source::ALL.into_iter().any(|source| room.flows(id, source));
    let view = room.view(id);
    let roster = room.roster(id);
    let others = roster.iter().any(|entry| entry.id != id);
    if flows || others || !view.audio.is_empty() || !view.video.is_empty() || room.speaker(id).is_some() || !room.history(id).is_empty() {
        return Err(format!("{id:?} is outside and gets something: flows {flows}, {view:?}, {roster:?}, {:?}", room.speaker(id)));
    }
    Ok(())
}

/// What a person is told, as it travels: no names and no ids that they may not know.
fn words(room: &Room, model: &Model, viewer: &Person) -> Found {
    let Some(id) = viewer.id else { return Ok(()) };
    if viewer.staff() {
        return Ok(());
    }
    let (scene, roster) = (room.scene(id), room.roster(id));
    let text = serde_json::to_string(&(&scene, &roster)).map_err(|error| error.to_string())?;
    let known: BTreeSet<u64> = roster.iter().map(|entry| entry.id.0).collect();
    let numbers: BTreeSet<u64> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    for person in model.people.iter().filter(|person| person.number != viewer.number) {
        if let Some(leaked) = person.ids.iter().find(|id| numbers.contains(&id.0) && !known.contains(&id.0)) {
            return Err(format!("{id:?} is told of {leaked:?}: {text}"));
        }
        let last = person.name.split_whitespace().last().unwrap_or_default();
        let first = person.first_name();
        let stranger = viewer.waits() || (person.guest() && !person.token_host);
        let hides_last = stranger && (viewer.waits() || model.settings.names != Names::Full);
        let hides_first = stranger && (viewer.waits() || model.settings.names == Names::Hidden);
        if text.contains(person.identity) || (hides_last && text.contains(last)) || (hides_first && text.contains(&first)) {
            return Err(format!("{id:?} is told the name of {}: {text}", person.name));
        }
    }
    Ok(())
}

/// Pictures and sounds of a view are allowed, flow, fit the layout, and come once.
fn view(room: &Room, id: ParticipantId, people: &[ParticipantId]) -> Found {
    let view = room.view(id);
    let roster: Vec<RosterEntry> = room.roster(id);
    let Scene::Present(scene) = room.scene(id) else {
        return if view.video.is_empty() && view.audio.is_empty() { Ok(()) } else { Err(format!("{id:?} waits and sees")) };
    };
    let (mains, pips) = tiles(scene.layout);
    let sorted = |tiles: &[room::Tile]| {
        tiles.iter().map(|tile| (tile.participant, tile.source, tile.main, tile.width, tile.height)).collect::<BTreeSet<_>>()
    };
    let same_tiles = sorted(&view.video) == sorted(&scene.tiles);
    let mut seen = BTreeSet::new();
    for tile in &view.video {
        let fine =
            room.allow_source(tile.participant, id, tile.source) && room.flows(tile.participant, tile.source) && !tile.source.is_audio();
        let sized = (1..=1280).contains(&tile.width) && (1..=720).contains(&tile.height);
        if !fine || !sized || !seen.insert((tile.participant, tile.source)) {
            return Err(format!("{id:?} has a tile that may not be: {tile:?}"));
        }
    }
    for (sender, source) in &view.audio {
        if !room.allow_source(*sender, id, *source) || !source.is_audio() || !seen.insert((*sender, *source)) {
            return Err(format!("{id:?} may not hear {source:?} of {sender:?}"));
        }
    }
    if view.video.len() > mains + pips || view.video.iter().filter(|tile| tile.main).count() > mains || !same_tiles {
        return Err(format!("too many tiles in {:?}, or scene and view differ: {:?}, {:?}", scene.layout, view.video, scene.tiles));
    }
    let mentioned = scene
        .tiles
        .iter()
        .map(|tile| tile.participant)
        .chain(scene.hands.iter().copied())
        .chain(scene.spotlight)
        .chain(scene.you.pin)
        .chain(room.speaker(id));
    for other in mentioned {
        if other != id && !roster.iter().any(|entry| entry.id == other) {
            return Err(format!("{id:?} is told of {other:?}, who is not in their roster"));
        }
    }
    if let Some(speaker) = room.speaker(id)
        && speaker != id
        && !(room.allow(speaker, id, Kind::Audio) && room.flows(speaker, Source::Microphone))
    {
        return Err(format!("{id:?} is told that {speaker:?} speaks, whom they may not hear"));
    }
    places(room, id, people)
}

/// Nothing crosses between places but what the staff is told.
fn places(room: &Room, id: ParticipantId, people: &[ParticipantId]) -> Found {
    let Scene::Present(mine) = room.scene(id) else { return Ok(()) };
    for other in people.iter().copied().filter(|other| *other != id) {
        let Scene::Present(theirs) = room.scene(other) else { continue };
        if mine.you.breakout == theirs.you.breakout {
            continue;
        }
        for kind in KINDS {
            let media = matches!(kind, Kind::Audio | Kind::Camera | Kind::Screen);
            let staff = mine.you.role.is_staff() || (kind == Kind::Chat && theirs.you.role.is_staff());
            if room.allow(other, id, kind) && (media || !staff) {
                return Err(format!("{kind:?} crosses from {other:?} to {id:?} between places"));
            }
        }
    }
    Ok(())
}
