//! The policy as its users would state it, and as properties over random command sequences.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use room::{Command, Effect, ParticipantId, Presence, Refusal, Role, Room, Source};

fn join(room: &mut Room, identity: &str, presence: Presence) -> ParticipantId {
    let command = Command::Join { identity: identity.into(), name: identity.into(), role: Role::Participant, presence };
    match room.apply(command).unwrap().as_slice() {
        [Effect::Joined(id)] => *id,
        other => panic!("expected one Joined, got {other:?}"),
    }
}

fn person(room: &mut Room, identity: &str) -> ParticipantId {
    let id = join(room, identity, Presence::Member);
    room.apply(Command::Publish(id, vec![Source::Microphone, Source::Camera, Source::Screen])).unwrap();
    id
}

#[test]
fn two_people_see_each_other_but_not_themselves() {
    let mut room = Room::new(8);
    let (anna, bo) = (person(&mut room, "anna"), person(&mut room, "bo"));
    assert!(room.allow(anna, bo, Source::Camera));
    assert!(!room.allow(anna, anna, Source::Camera));
    assert_eq!(room.view(bo).video, [(anna, Source::Camera)]);
    assert_eq!(room.view(bo).audio, [(anna, Source::Microphone)]);
}

#[test]
fn a_camera_that_is_off_is_in_no_view_and_a_muted_microphone_stands_last() {
    let mut room = Room::new(8);
    let (anna, bo, cleo) = (person(&mut room, "anna"), person(&mut room, "bo"), person(&mut room, "cleo"));
    room.apply(Command::SetSource(anna, Source::Camera, false)).unwrap();
    room.apply(Command::SetSource(anna, Source::Microphone, false)).unwrap();
    assert_eq!(room.view(cleo).video, [(bo, Source::Camera)]);
    assert_eq!(room.view(cleo).audio, [(bo, Source::Microphone), (anna, Source::Microphone)]);
}

#[test]
fn a_screen_flows_only_by_an_act_of_its_own_and_comes_first() {
    let mut room = Room::new(8);
    let (anna, bo) = (person(&mut room, "anna"), person(&mut room, "bo"));
    assert!(!room.view(anna).video.contains(&(bo, Source::Screen)));
    room.apply(Command::SetSource(bo, Source::Screen, true)).unwrap();
    assert_eq!(room.view(anna).video, [(bo, Source::Screen), (bo, Source::Camera)]);
}

#[test]
fn whoever_spoke_last_comes_first() {
    let mut room = Room::new(8);
    let (anna, bo, cleo) = (person(&mut room, "anna"), person(&mut room, "bo"), person(&mut room, "cleo"));
    assert_eq!(room.apply(Command::Spoke(bo)).unwrap(), [Effect::Speaker(bo)]);
    assert_eq!(room.apply(Command::Spoke(bo)).unwrap(), []);
    room.apply(Command::Spoke(anna)).unwrap();
    let order: Vec<_> = room.view(cleo).video.into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, [anna, bo]);
}

#[test]
fn a_viewer_is_in_nobodys_view_and_may_not_send() {
    let mut room = Room::new(8);
    let anna = person(&mut room, "anna");
    let screen = join(&mut room, "wall screen", Presence::Viewer);
    assert_eq!(room.apply(Command::Publish(screen, vec![Source::Camera])), Err(Refusal::Viewer));
    assert_eq!(room.apply(Command::Spoke(screen)), Err(Refusal::Viewer));
    assert!(room.view(anna).video.is_empty());
    assert_eq!(room.view(screen).video, [(anna, Source::Camera)]);
    assert_eq!(room.roster().count(), 1);
}

#[test]
fn a_full_room_refuses_and_stays_as_it_was() {
    let mut room = Room::new(1);
    person(&mut room, "anna");
    let before = room.clone();
    let refused = Command::Join { identity: "bo".into(), name: "Bo".into(), role: Role::Host, presence: Presence::Member };
    assert_eq!(room.apply(refused), Err(Refusal::Full { limit: 1 }));
    assert_eq!(room, before);
}

#[derive(Clone, Debug)]
enum Act {
    Join(bool),
    Leave(u64),
    Publish(u64, u8),
    Set(u64, usize, bool),
    Spoke(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        any::<bool>().prop_map(Act::Join),
        (1..12u64).prop_map(Act::Leave),
        (1..12u64, any::<u8>()).prop_map(|(id, bits)| Act::Publish(id, bits)),
        (1..12u64, 0..4usize, any::<bool>()).prop_map(|(id, source, on)| Act::Set(id, source, on)),
        (1..12u64).prop_map(Act::Spoke),
    ]
}

fn command(act: &Act) -> Command {
    match act {
        Act::Join(member) => Command::Join {
            identity: "x".into(),
            name: "x".into(),
            role: Role::Participant,
            presence: if *member { Presence::Member } else { Presence::Viewer },
        },
        Act::Leave(id) => Command::Leave(ParticipantId(*id)),
        Act::Publish(id, bits) => {
            let chosen = Source::ALL.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
            Command::Publish(ParticipantId(*id), chosen.map(|(_, source)| source).collect())
        }
        Act::Set(id, source, on) => Command::SetSource(ParticipantId(*id), Source::ALL[*source], *on),
        Act::Spoke(id) => Command::Spoke(ParticipantId(*id)),
    }
}

proptest! {
    /// Whatever happens: a refusal changes nothing, a view never holds what the matrix forbids, what is off, or anything twice.
    #[test]
    fn views_obey_the_matrix(acts in proptest::collection::vec(act(), 1..80)) {
        let mut room = Room::new(6);
        for act in &acts {
            let before = room.clone();
            if room.apply(command(act)).is_err() {
                prop_assert_eq!(&room, &before);
            }
            for viewer in (1..12).map(ParticipantId) {
                let view = room.view(viewer);
                let mut wishes: Vec<_> = view.audio.iter().chain(&view.video).collect();
                for (sender, source) in &wishes {
                    prop_assert!(room.allow(*sender, viewer, *source));
                }
                for (sender, source) in &view.video {
                    prop_assert!(room.participant(*sender).unwrap().sources.get(*source).flows());
                }
                wishes.sort();
                let count = wishes.len();
                wishes.dedup();
                prop_assert_eq!(wishes.len(), count);
            }
        }
    }
}
