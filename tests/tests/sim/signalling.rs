//! The WebSocket breaks and comes back, or does not.

use std::time::Duration;

use signal::message::Source::{Camera, Microphone};
use tests::sim::{Setup, Sim};
use worker::Limits;

use crate::{JOIN, SECOND, assert_flows, assert_meeting, assert_silence, longest_freeze, meeting_of_two};

#[test]
fn media_flows_on_without_a_websocket() {
    let (mut sim, anna, bo) = meeting_of_two(50);
    sim.set_attached(anna, false);
    sim.run(10 * SECOND);
    assert_flows(&sim, bo, anna, Camera, 240);
    assert_flows(&sim, anna, bo, Camera, 240);
    assert_eq!(sim.people[bo].roster.len(), 2, "nobody is told that anna left");

    // While anna was away, bo switched the camera off and cleo came.
    sim.set_source(bo, Camera, false);
    let cleo = sim.join("cleo", Setup::meeting(3));
    sim.run(JOIN);
    assert_eq!(sim.people[anna].roster.len(), 2, "anna cannot know");
    sim.set_attached(anna, true);
    sim.run(SECOND);
    assert_eq!((sim.people[anna].resumed, sim.people[anna].roster.len()), (1, 3), "the present state comes with the resumed session");
    let who = sim.people[bo].participant.expect("bo was welcomed");
    assert!(sim.people[anna].slot_of(who, Camera).is_none());
    sim.set_source(bo, Camera, true);
    sim.run(SECOND);
    assert_meeting(&mut sim, &[anna, bo, cleo], 2);
}

#[test]
fn a_short_break_is_not_even_seen() {
    let (mut sim, anna, bo) = meeting_of_two(51);
    for _ in 0..5 {
        sim.set_attached(anna, false);
        sim.run(SECOND / 2);
        sim.set_attached(anna, true);
        sim.run(SECOND / 2);
    }
    assert_eq!(sim.people[anna].resumed, 5);
    for viewer in [anna, bo] {
        assert!(longest_freeze(&sim, viewer) < Duration::from_millis(100));
    }
}

#[test]
fn whoever_does_not_come_back_is_gone_after_the_grace_period() {
    let limits = Limits { grace: 5 * SECOND, ..Limits::default() };
    let mut sim = Sim::with_limits(52, limits);
    let (anna, bo) = (sim.join("anna", Setup::meeting(1)), sim.join("bo", Setup::meeting(2)));
    sim.run(JOIN);
    sim.set_attached(anna, false);
    sim.run(4 * SECOND);
    assert_eq!(sim.people[bo].roster.len(), 2, "not yet");
    sim.run(2 * SECOND);
    assert_eq!(sim.people[bo].roster.len(), 1);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, bo, anna, Camera);
    assert_silence(&sim, bo, anna, Microphone);
}

#[test]
fn an_operator_sees_the_room_as_it_is() {
    let (mut sim, anna, bo) = meeting_of_two(53);
    sim.run(SECOND);
    let now = sim.now;
    let room = sim.node.inspect(now, "meeting").expect("the room is there");
    assert_eq!(room.people.len(), 2);
    assert!(room.people.iter().all(|person| person.connected && person.publications.len() == 2), "{room:#?}");
    let rates = room.people.iter().flat_map(|person| &person.publications).flat_map(|publication| &publication.layers);
    assert!(rates.clone().all(|layer| layer.packets > 0 && layer.lost == 0 && layer.bitrate > 10_000), "{room:#?}");
    assert!(sim.node.inspect(now, "no such room").is_none());
    sim.leave(anna);
    sim.leave(bo);
    sim.run(SECOND);
    let now = sim.now;
    assert!(sim.node.inspect(now, "meeting").is_none(), "an empty room is forgotten");
}
