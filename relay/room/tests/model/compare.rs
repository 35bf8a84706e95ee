//! Each answer of the room against the model's.

use std::fmt::Debug;

use room::{Change, Effect, ParticipantId, Reason, Role, Room, Scene, Settings, Source, Time};

use super::matrix::{KINDS, tiles};
use super::{Model, Person, Shadow, bit};

type Found = Result<(), String>;

fn same<T: PartialEq + Debug>(what: impl FnOnce() -> String, room: &T, model: &T) -> Found {
    if room == model { Ok(()) } else { Err(format!("{}: the room says {room:?}, the model {model:?}", what())) }
}

pub(crate) fn room(room: &Room, model: &Model, step: u64) -> Found {
    let present = model.present();
    let ids: Vec<ParticipantId> = present.iter().filter_map(|person| person.id).collect();
    same(|| "people".into(), &room.people().collect::<Vec<_>>(), &ids)?;
    same(|| "is_empty".into(), &room.is_empty(), &ids.is_empty())?;
    for (from, sender) in ids.iter().zip(&present) {
        person(room, model, *from, sender)?;
        for (to, receiver) in ids.iter().zip(&present) {
            for kind in KINDS {
                let expected = model.allow(sender, receiver, kind);
                if room.allow(*from, *to, kind) != expected {
                    return Err(format!("allow {kind:?} from {from:?} to {to:?} should be {expected}"));
                }
            }
            for source in Source::ALL {
                let expected = model.allow_source(sender, receiver, source);
                if room.allow_source(*from, *to, source) != expected {
                    return Err(format!("allow_source {source:?} from {from:?} to {to:?} should be {expected}"));
                }
            }
        }
    }
    timers(room, model)?;
    if ids.is_empty() {
        return Ok(());
    }
    let focus = step as usize % ids.len();
    viewer(room, model, ids[focus], present[focus])?;
    if step.is_multiple_of(3) { reasons(room, model, ids[focus], present[focus]) } else { Ok(()) }
}

fn person(room: &Room, model: &Model, id: ParticipantId, person: &Person) -> Found {
    let theirs = room.participant(id).ok_or_else(|| format!("{id:?} is missing"))?;
    let role = if person.inside { person.seat } else { Role::Participant };
    same(|| format!("role of {id:?}"), &theirs.role, &role)?;
    same(|| format!("identity of {id:?}"), &theirs.identity.as_str(), &person.identity)?;
    for source in Source::ALL {
        same(|| format!("flows {source:?} of {id:?}"), &room.flows(id, source), &model.flows(person, source))?;
        let state = theirs.sources.get(source);
        same(
            || format!("published, on {source:?} of {id:?}"),
            &(state.published, state.active),
            &(person.published[bit(source)], person.on[bit(source)]),
        )?;
    }
    let found: Vec<_> = room.by_identity(person.identity).collect();
    same(|| format!("by_identity of {id:?}"), &found, &vec![id])?;
    same(|| format!("known {id:?}"), &room.known(id).map(|(identity, _)| identity), &Some(person.identity))
}

fn timers(room: &Room, model: &Model) -> Found {
    let somebody = model.people.iter().any(Person::here);
    let end = model.settings.ends_at.filter(|_| model.settings.hard_end && somebody);
    let due: Option<Time> = [model.closes_at, model.abandoned_until, end].into_iter().flatten().filter(|at| *at > model.now).min();
    match (due, room.poll_timeout()) {
        (Some(due), Some(next)) if next <= due => Ok(()),
        (Some(due), next) => Err(format!("timer {next:?}, and something is due at {due:?}")),
        (None, _) => Ok(()),
    }
}

fn viewer(room: &Room, model: &Model, id: ParticipantId, viewer: &Person) -> Found {
    let mut roster = room.roster(id);
    roster.sort_by_key(|entry| entry.id);
    same(|| format!("roster of {id:?}"), &roster, &model.roster(viewer))?;
    let view = room.view(id);
    if viewer.inside {
        let pictures = model.pictures(viewer);
        let (mains, pips) = tiles(model.layout(viewer.place));
        same(|| format!("number of tiles of {id:?}"), &view.video.len(), &pictures.len().min(mains + pips))?;
        let mut voices: Vec<_> = view.audio.iter().copied().filter(|(sender, source)| room.flows(*sender, *source)).collect();
        voices.sort();
        same(|| format!("voices for {id:?}"), &voices, &model.voices(viewer))?;
        let mut kept: Vec<_> = view.audio[..view.kept].to_vec();
        kept.sort();
        same(|| format!("sounds that {id:?} keeps"), &kept, &model.kept(viewer))?;
    }
    scene(room, model, id, viewer)?;
    history(room, model, id, viewer)
}

fn scene(room: &Room, model: &Model, id: ParticipantId, viewer: &Person) -> Found {
    let mut theirs = room.scene(id);
    let mut tiles = Vec::new();
    if let Scene::Present(meeting) = &mut theirs {
        tiles.clone_from(&meeting.tiles);
        if let Some(breakouts) = &mut meeting.breakouts {
            for breakout in &mut breakouts.rooms {
                breakout.assigned.sort();
                breakout.help.sort();
            }
        }
        if let Some(staff) = &mut meeting.staff {
            staff.removed.sort();
            same(|| "settings in the scene".into(), &model.settings.clone().with(&staff.settings), &model.settings)?;
            staff.settings = room::Template::default();
        }
    }
    same(|| format!("scene of {id:?}"), &theirs, &model.scene(viewer, tiles))
}

fn history(room: &Room, model: &Model, id: ParticipantId, viewer: &Person) -> Found {
    let history = room.history(id);
    let key = |message: &room::ChatMessage| (message.at, message.from, message.text.clone());
    for message in &history {
        let said = model.said.iter().find(|said| key(&said.message) == key(message)).ok_or_else(|| format!("nobody said {message:?}"))?;
        let here =
            model.settings.chat_history && message.to.is_none() && message.place == viewer.place && (!message.to_staff || viewer.staff());
        if !viewer.inside || !(here || said.readers.contains(&viewer.number)) {
            return Err(format!("{id:?} may not read {message:?}"));
        }
    }
    let public = |said: &&super::Said| said.message.to.is_none() && !said.message.to_staff && said.message.place == viewer.place;
    let last: Vec<_> = model.said.iter().rev().filter(public).take(100).collect();
    let complete = last.iter().all(|said| history.iter().any(|message| key(message) == key(&said.message)));
    if viewer.inside && model.settings.chat_history && !viewer.viewer && !complete {
        return Err(format!("{id:?} misses messages: {history:?}"));
    }
    Ok(())
}

fn reasons(room: &Room, model: &Model, id: ParticipantId, viewer: &Person) -> Found {
    let view = room.view(id);
    for row in room.why(id) {
        let person = model.find(row.participant).map(|index| &model.people[index]).ok_or("a reason about nobody")?;
        let shown = view.video.iter().any(|tile| (tile.participant, tile.source) == (row.participant, row.source))
            || view.audio.contains(&(row.participant, row.source));
        same(
            || format!("why {id:?} gets {:?} of {:?}", row.source, row.participant),
            &row.reason,
            &model.reason(viewer, person, row.source, shown),
        )?;
        if row.reason == Reason::Shown && !(room.allow_source(row.participant, id, row.source) && room.flows(row.participant, row.source)) {
            return Err(format!("{row:?} for {id:?}, and it is not allowed"));
        }
    }
    Ok(())
}

/// Every change of somebody who stayed has its event, and there is no event without a change.
pub(crate) fn effects(before: &Shadow, after: &Model, effects: &[Effect]) -> Found {
    let mut expected = Vec::new();
    for (old, new) in before.people.iter().zip(&after.people) {
        match (old.id, new.id) {
            (Some(id), Some(now)) if id == now => changes(id, (old, new), &after.settings, &mut expected),
            _ => {}
        }
    }
    let mut told: Vec<Change> =
        effects.iter().filter_map(|effect| if let Effect::Event(event) = effect { Some(event.change.clone()) } else { None }).collect();
    let stayed = |id: &ParticipantId| before.people.iter().any(|person| person.id == Some(*id)) && after.find(*id).is_some();
    // Opened again while they are open: a new timer, or another rule.
    if before.open && after.open {
        for change in &mut told {
            if let Change::BreakoutsOpened { closes_at } = *change {
                *change = Change::TimerChanged { closes_at };
            }
        }
    }
    told.retain(|change| match change {
        // The sound of a screen goes with the screen: told apart only when its owner switches it.
        Change::SourceSet { source: Source::ScreenAudio, .. } => false,
        Change::RoleChanged { participant, .. }
        | Change::SourceSet { participant, .. }
        | Change::SourceLocked { participant, .. }
        | Change::AlwaysHeardChanged { participant, .. }
        | Change::HandChanged { participant, .. }
        | Change::Admitted { participant }
        | Change::Waiting { participant }
        | Change::Moved { participant, .. }
        | Change::Left { participant }
        | Change::Joined { participant, .. } => stayed(participant),
        Change::DirectionChanged { .. } | Change::LockChanged { .. } | Change::SpotlightChanged { .. } => true,
        Change::BreakoutsOpened { .. } | Change::BreakoutsClosed | Change::TimerChanged { .. } => true,
        _ => false,
    });
    let direction = after.settings.direction;
    let ended = effects.iter().any(|effect| matches!(effect, Effect::Event(room::Event { change: Change::MeetingEnded, .. })));
    if ended {
        return Ok(());
    }
    if before.direction != direction {
        expected.push(Change::DirectionChanged { direction });
    }
    if before.locked != after.locked {
        expected.push(Change::LockChanged { locked: after.locked });
    }
    if before.spotlight != after.spotlight {
        expected.push(Change::SpotlightChanged { participant: after.spotlight });
    }
    match (before.open, after.open) {
        (false, true) => expected.push(Change::BreakoutsOpened { closes_at: after.closes_at }),
        (true, false) => expected.push(Change::BreakoutsClosed),
        (true, true) if before.self_choice != after.self_choice => expected.push(Change::TimerChanged { closes_at: after.closes_at }),
        _ if before.closes_at != after.closes_at => expected.push(Change::TimerChanged { closes_at: after.closes_at }),
        _ => {}
    }
    let sorted = |changes: Vec<Change>| {
        let mut lines: Vec<String> = changes.iter().map(|change| format!("{change:?}")).collect();
        lines.sort();
        lines
    };
    same(|| "events".into(), &sorted(told), &sorted(expected))
}

fn changes(participant: ParticipantId, (old, new): (&Person, &Person), settings: &Settings, into: &mut Vec<Change>) {
    if old.seat != new.seat {
        into.push(Change::RoleChanged { participant, role: new.seat });
    }
    for source in Source::ALL {
        let (active, locked) = (new.on[bit(source)], new.locked[bit(source)]);
        if old.on[bit(source)] != active && source != Source::ScreenAudio {
            into.push(Change::SourceSet { participant, source, active });
        }
        if old.locked[bit(source)] != locked {
            into.push(Change::SourceLocked { participant, source, locked });
        }
    }
    // What a new invitation changes is told as a changed setting.
    let on = new.is_always_heard(settings);
    if old.is_always_heard(settings) != on {
        into.push(Change::AlwaysHeardChanged { participant, on });
    }
    if old.hand.is_some() != new.hand.is_some() {
        into.push(Change::HandChanged { participant, raised: new.hand.is_some() });
    }
    match (old.inside, new.inside) {
        (false, true) => into.push(Change::Admitted { participant }),
        (true, false) => into.push(Change::Waiting { participant }),
        _ => {}
    }
    if old.inside && old.place != new.place {
        into.push(Change::Moved { participant, breakout: new.place });
    }
}
