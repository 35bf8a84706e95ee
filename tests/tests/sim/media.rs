//! Layers, speakers and lip sync.

use std::time::Duration;

use signal::message::Source::{Camera, Microphone};
use tests::sim::{Layer, LinkSpec, PersonIx, Setup, Sim, SourceSetup};
use worker::ClientKind;

use crate::{JOIN, SECOND, assert_flows, longest_freeze};

fn simulcast(publisher: u32) -> Setup {
    let sources = vec![SourceSetup::microphone(), SourceSetup::camera(Layer::simulcast())];
    Setup { sources, ..Setup::meeting(publisher) }
}

/// Layer (0 is the lowest) and height of what the viewer decoded last of anybody's camera.
fn shown(sim: &Sim, viewer: PersonIx) -> Option<(u8, u16)> {
    let record = sim.people[viewer].records(false).find(|record| record.last_decoded.is_some())?;
    Some((record.author?.layer, record.size?.1))
}

#[test]
fn the_highest_layer_that_arrives_is_shown_and_when_it_stops_the_next_one_is() {
    let mut sim = Sim::new(20);
    let (anna, bo) = (sim.join("anna", simulcast(1)), sim.join("bo", Setup::meeting(2)));
    sim.run(JOIN + SECOND);
    assert_eq!(shown(&sim, bo), Some((2, 720)));

    sim.begin_window();
    sim.with_client(anna, |client, _| client.set_layer_active(Camera, 2, false));
    sim.run(2 * SECOND);
    assert_eq!(shown(&sim, bo), Some((1, 360)), "one layer down");
    assert!(longest_freeze(&sim, bo) < Duration::from_millis(1_200), "{:?}", longest_freeze(&sim, bo));
    let slots = &sim.people[bo].slots;
    assert!(slots.iter().any(|slot| slot.layer.as_deref() == Some("m")), "the client is told which layer it gets: {slots:?}");

    sim.with_client(anna, |client, _| client.set_layer_active(Camera, 1, false));
    sim.run(2 * SECOND);
    assert_eq!(shown(&sim, bo), Some((0, 180)), "and one more");

    sim.begin_window();
    sim.with_client(anna, |client, _| client.set_layer_active(Camera, 2, true));
    sim.run(3 * SECOND);
    assert_eq!(shown(&sim, bo), Some((2, 720)), "back at the top");
    assert!(longest_freeze(&sim, bo) < Duration::from_millis(200), "a switch upwards stops nothing: {:?}", longest_freeze(&sim, bo));
}

#[test]
fn a_late_viewer_gets_a_keyframe_without_a_storm() {
    let mut sim = Sim::new(21);
    let anna = sim.join("anna", simulcast(1));
    sim.run(JOIN);
    for publisher in 2..10 {
        sim.join(&format!("guest {publisher}"), Setup::viewer(publisher, 1, 1));
    }
    let asked = sim.people[anna].client.counters().keyframes_asked;
    sim.run(JOIN);
    for viewer in anna + 1..sim.people.len() {
        assert_flows(&sim, viewer, anna, Camera, 24);
    }
    let asked = sim.people[anna].client.counters().keyframes_asked - asked;
    assert!((1..=12).contains(&asked), "eight viewers at once cost {asked} keyframe requests");
}

#[test]
fn a_whep_viewer_with_one_slot_sees_who_speaks() {
    let mut sim = Sim::new(22);
    let (anna, bo) = (sim.join("anna", Setup::meeting(1)), sim.join("bo", Setup::meeting(2)));
    let good = LinkSpec::default;
    let viewer = sim.join_room("meeting", "viewer", Setup::viewer(3, 1, 1), good(), good(), ClientKind::Whep);
    sim.run(JOIN);
    assert_eq!(sim.people[anna].roster.len(), 2, "a viewer is not in the roster");
    for (speaker, silent) in [(anna, bo), (bo, anna), (anna, bo)] {
        sim.with_client(speaker, |client, _| client.set_speaking(true));
        sim.with_client(silent, |client, _| client.set_speaking(false));
        sim.run(3 * SECOND);
        sim.begin_window();
        sim.run(2 * SECOND);
        for source in [Camera, Microphone] {
            assert_flows(&sim, viewer, speaker, source, 40);
            let other = sim.people[viewer].packets(sim.people[silent].publisher, source);
            assert_eq!(other, 0, "one slot holds one person at a time");
        }
        assert_eq!(sim.people[silent].speaker, sim.people[speaker].participant, "everybody is told who speaks");
    }
}

/// The receiver's only clue is the sender reports: what they say of sound and picture of one person must agree, although each person's
/// clock is wrong by another amount, and what is in a slot changes.
#[test]
fn lips_stay_in_sync_whatever_the_clocks_say() {
    let mut sim = Sim::new(23);
    let setup = |publisher, offset| Setup { clock_offset: Duration::from_secs(offset), ..Setup::meeting(publisher) };
    let jitter = LinkSpec { jitter: Duration::from_millis(30), ..LinkSpec::default() };
    let viewer = sim.join("viewer", Setup::viewer(1, 2, 2));
    let anna = sim.join_over("anna", setup(2, 0), jitter.clone(), LinkSpec::default());
    let bo = sim.join_over("bo", setup(3, 86_400), jitter, LinkSpec::default());
    sim.run(JOIN + 4 * SECOND);
    for publisher in [anna, bo] {
        let (ahead, behind) = lip_sync_error(&sim, viewer, publisher);
        assert!(ahead.max(behind) < Duration::from_millis(100), "{}: {ahead:?} {behind:?}", sim.people[publisher].name);
    }
    let skewed = sim.people[bo].client.slots().count();
    assert!(skewed > 0, "bo's clock is a day ahead and bo is connected all the same");
}

/// How far the relay's mapping places the picture before and after the sound that was captured at the same moment.
fn lip_sync_error(sim: &Sim, viewer: PersonIx, publisher: PersonIx) -> (Duration, Duration) {
    let participant = sim.people[publisher].participant.expect("everybody was welcomed");
    let playout = |source| {
        let slot = sim.people[viewer].slot_of(participant, source).expect("it is in a slot");
        let (ntp, captured) = slot.playout.expect("sender reports came");
        // The relay's time at which the person's own capture clock stood at zero.
        ntp.minus(captured)
    };
    let (sound, picture) = (playout(Microphone), playout(Camera));
    (picture.since(sound).unwrap_or_default(), sound.since(picture).unwrap_or_default())
}
