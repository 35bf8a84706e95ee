//! What people do in a meeting: come, mute, switch off, share, leave, come back.

use signal::message::Source::{Camera, Microphone, Screen};
use tests::sim::{LinkSpec, Numbering, ROOM, Setup, Sim, SourceSetup};
use worker::ClientKind;

use crate::{JOIN, SECOND, assert_flows, assert_meeting, assert_silence, meeting_of_two};

#[test]
fn two_people_meet() {
    let mut sim = Sim::new(1);
    let (anna, bo) = (sim.join("anna", Setup::meeting(1)), sim.join("bo", Setup::meeting(2)));
    let took = sim.run_until("both see somebody", JOIN, |sim| {
        [anna, bo].iter().all(|who| sim.people[*who].records(false).any(|record| record.first_decoded.is_some()))
    });
    assert!(took <= SECOND / 2, "offer to first picture took {took:?} over 10 ms links");
    assert_meeting(&mut sim, &[anna, bo], 5);
    for person in &sim.people {
        assert_eq!(person.roster.len(), 2);
        assert!(person.client.counters().feedback > 20, "congestion feedback reaches {}", person.name);
        assert!(person.records(true).chain(person.records(false)).all(|record| record.missing + record.duplicates == 0));
    }
    let (judged, anonymous) = (sim.oracle.judged, sim.oracle.anonymous);
    // Padding of the first questions to the lines has no author.
    assert!(judged > 1_000 && anonymous * 10 < judged, "the oracle knew the author of {judged} packets, not of {anonymous}");
}

#[test]
fn three_people_meet() {
    let mut sim = Sim::new(2);
    let people = ["anna", "bo", "cleo"].map(|name| {
        let publisher = sim.people.len() as u32 + 1;
        sim.join(name, Setup::meeting(publisher))
    });
    sim.run(JOIN);
    assert_meeting(&mut sim, &people, 5);
}

#[test]
fn sound_and_picture_of_one_person_share_a_slot_index() {
    let mut sim = Sim::new(3);
    let viewer = sim.join("anna", Setup::meeting(1));
    for (name, publisher) in [("bo", 2), ("cleo", 3), ("dan", 4)] {
        sim.join(name, Setup::meeting(publisher));
    }
    sim.run(JOIN);
    let person = &sim.people[viewer];
    for other in person.roster.iter().filter(|other| Some(other.id.0) != person.participant) {
        let index = |source, audio| {
            let mid = person.slot_of(other.id.0, source).expect("it is in a slot").mid;
            person.client.slots().filter(|slot| slot.audio == audio).position(|slot| slot.mid == mid)
        };
        assert_eq!(index(Microphone, true), index(Camera, false), "{}", other.name);
    }
}

#[test]
fn two_clients_with_other_numbers_understand_each_other() {
    let mut sim = Sim::new(4);
    let anna = sim.join("anna", Setup::meeting(1));
    let bo = sim.join("bo", Setup { numbering: Numbering::shifted(), ..Setup::meeting(2) });
    sim.run(JOIN);
    assert_meeting(&mut sim, &[anna, bo], 3);
}

#[test]
fn two_clients_that_chose_the_same_ssrcs_are_kept_apart() {
    let mut sim = Sim::new(5);
    let people = [("anna", 1), ("bo", 2), ("cleo", 3)].map(|(name, publisher)| {
        let setup = Setup { seed: 99, ..Setup::meeting(publisher) };
        sim.join(name, setup)
    });
    sim.run(JOIN);
    assert_meeting(&mut sim, &people, 3);
}

#[test]
fn no_packet_passes_a_mute_even_if_the_client_goes_on_sending() {
    let (mut sim, anna, bo) = meeting_of_two(6);
    sim.pretend_muted(anna, Microphone);
    sim.run(SECOND / 5);
    sim.begin_window();
    let sent = sim.people[anna].client.counters().packets_sent;
    sim.run(3 * SECOND);
    assert!(sim.people[anna].client.counters().packets_sent - sent > 150, "anna goes on sending");
    assert!(sim.node.worker.counters().dropped_muted > 100, "the relay drops it");
    assert_silence(&sim, bo, anna, Microphone);
    assert_flows(&sim, bo, anna, Camera, 3 * 24);

    sim.set_source(anna, Microphone, true);
    sim.run(SECOND / 2);
    assert_meeting(&mut sim, &[anna, bo], 2);
}

#[test]
fn a_mute_does_not_look_like_loss() {
    let (mut sim, anna, bo) = meeting_of_two(7);
    sim.begin_window();
    sim.run(SECOND);
    sim.pretend_muted(anna, Microphone);
    sim.run(SECOND);
    sim.set_source(anna, Microphone, true);
    sim.run(SECOND);
    assert!(sim.node.worker.counters().dropped_muted > 30, "the relay held something back");
    let missing: u64 = sim.people[bo].records(true).map(|record| record.missing).sum();
    assert_eq!(missing, 0, "what was held back is not missed by whoever listens");
}

/// Twin of every scenario: a leak must be noticed.
#[test]
#[should_panic(expected = "media oracle")]
fn twin_a_leak_is_noticed() {
    let (mut sim, _, _) = meeting_of_two(6);
    let when = sim.network.launched();
    sim.oracle.revise(when, ROOM, |meeting| {
        meeting.people.get_mut(&1).expect("anna is here").set_own(Microphone, false);
        Ok(())
    });
    sim.run(SECOND);
}

#[test]
fn a_camera_that_is_switched_off_leaves_its_slot_and_comes_back() {
    let (mut sim, anna, bo) = meeting_of_two(7);
    let who = sim.people[anna].participant.expect("anna was welcomed");
    sim.set_source(anna, Camera, false);
    sim.run(SECOND);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, bo, anna, Camera);
    assert!(sim.people[bo].slot_of(who, Camera).is_none());
    assert_flows(&sim, bo, anna, Microphone, 49);

    sim.set_source(anna, Camera, true);
    sim.run(SECOND);
    assert!(sim.people[bo].slot_of(who, Camera).is_some());
    assert_meeting(&mut sim, &[anna, bo], 2);
}

#[test]
fn somebody_leaves_and_comes_back() {
    let (mut sim, anna, bo) = meeting_of_two(8);
    sim.leave(anna);
    sim.run(SECOND / 2);
    assert_eq!(sim.people[bo].roster.len(), 1);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, bo, anna, Camera);
    assert_silence(&sim, bo, anna, Microphone);

    let again = sim.join("anna", Setup::meeting(11));
    sim.run(JOIN);
    assert_eq!(sim.people[bo].roster.len(), 2);
    assert_meeting(&mut sim, &[again, bo], 2);
}

#[test]
fn the_same_identity_takes_the_place_of_its_own_ghost() {
    let (mut sim, anna, bo) = meeting_of_two(9);
    let again = sim.join("anna", Setup::meeting(11));
    sim.run(JOIN);
    assert!(sim.people[anna].ended, "the old session is gone");
    assert_eq!(sim.people[bo].roster.len(), 2);
    assert_meeting(&mut sim, &[again, bo], 2);
}

#[test]
fn a_shared_screen_comes_beside_the_camera_and_goes_again() {
    let mut sim = Sim::new(10);
    let mut setup = Setup::meeting(1);
    setup.sources.push(SourceSetup::screen());
    let (anna, bo) = (sim.join("anna", setup), sim.join("bo", Setup::meeting(2)));
    sim.run(JOIN);
    let who = sim.people[anna].participant.expect("anna was welcomed");
    assert!(sim.people[bo].slot_of(who, Screen).is_none(), "a screen is shared only by an act of its own");

    sim.set_source(anna, Screen, true);
    sim.run(SECOND);
    sim.begin_window();
    sim.run(3 * SECOND);
    assert_flows(&sim, bo, anna, Screen, 3 * 9);
    assert_flows(&sim, bo, anna, Camera, 3 * 24);
    assert!(sim.people[bo].slot_of(who, Screen).is_some());

    sim.set_source(anna, Screen, false);
    sim.run(SECOND / 2);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, bo, anna, Screen);
    assert_flows(&sim, bo, anna, Camera, 24);
}

#[test]
fn whoever_has_too_few_slots_is_told_and_offers_more() {
    let mut sim = Sim::new(11);
    let viewer = sim.join("anna", Setup { audio_slots: 1, video_slots: 1, ..Setup::meeting(1) });
    let mut people = vec![viewer];
    for (name, publisher) in [("bo", 2), ("cleo", 3), ("dan", 4), ("eva", 5)] {
        people.push(sim.join(name, Setup { audio_slots: 4, video_slots: 4, ..Setup::meeting(publisher) }));
    }
    sim.run(JOIN);
    assert_meeting(&mut sim, &people, 2);
    assert_eq!(sim.people[viewer].client.slots().filter(|slot| !slot.audio).count(), 4, "exactly as many as are needed");
}

#[test]
fn two_rooms_know_nothing_of_each_other() {
    let mut sim = Sim::new(12);
    let mut enter = |room, name, publisher| {
        let good = LinkSpec::default;
        sim.join_room(room, name, Setup::meeting(publisher), good(), good(), ClientKind::Interactive)
    };
    let [anna, bo] = [enter("one", "anna", 1), enter("one", "bo", 2)];
    let [cleo, dan] = [enter("two", "cleo", 3), enter("two", "dan", 4)];
    sim.run(JOIN);
    for pair in [[anna, bo], [cleo, dan]] {
        assert_meeting(&mut sim, &pair, 1);
        for person in pair {
            assert_eq!(sim.people[person].roster.len(), 2);
        }
    }
    assert_silence(&sim, anna, cleo, Camera);
    assert_silence(&sim, dan, bo, Microphone);
}
