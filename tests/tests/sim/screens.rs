//! Screens, and what a viewer sees large: take-over, spotlight, pin, tiles and their layers.

use std::collections::BTreeMap;

use room::{Code, Command, Device, ScreenShare, Settings};
use signal::message::Source::{Camera, Screen};
use tests::sim::{Layer, PersonIx, Setup, Sim, SourceSetup, Ticket};

use crate::{JOIN, SECOND, assert_flows, assert_rough, assert_silence, roughen, setup};

fn sharer(publisher: u32) -> Setup {
    let mut setup = setup(publisher, 4);
    setup.sources.push(SourceSetup::screen());
    setup
}

#[test]
fn one_screen_at_a_time_and_the_host_takes_over() {
    let mut sim = Sim::with_settings(150, Settings::default());
    let host = sim.join_as("host", true, sharer(1));
    let guests = [2, 3].map(|publisher| sim.join(&format!("guest {publisher}"), sharer(publisher)));
    let phone = sim.enter(Ticket { device: Device::Mobile, ..Ticket::guest("phone") }, sharer(4));
    sim.run(JOIN);
    roughen(&mut sim, 0.06);
    let share = |active| Command::SetSource { source: Screen, active };
    for who in 0..sim.people.len() {
        sim.with_client(who, |client, _| client.set_active(Screen, true));
    }
    assert_eq!(sim.command(phone, share(true)), Err(Code::NotAllowedHere), "not from mobile devices");
    sim.obey(guests[0], share(true));
    assert_eq!(sim.command(guests[1], share(true)), Err(Code::Taken));
    sim.run(SECOND);
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, phone, guests[0], Screen, 10);
    assert_silence(&sim, phone, guests[1], Screen);
    sim.obey(host, share(true));
    sim.run(SECOND);
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, phone, host, Screen, 10);
    assert_silence(&sim, phone, guests[0], Screen);
    sim.obey(host, share(false));
    sim.obey(guests[1], share(true));
    let participant = sim.id(guests[1]);
    sim.obey(host, Command::StopScreen { participant });
    sim.run(SECOND / 5);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, phone, guests[1], Screen);
    let settings = room::Template { screen_share: Some(ScreenShare::Staff), ..room::Template::default() };
    sim.obey(host, Command::Change { settings: Box::new(settings) });
    assert_eq!(sim.command(guests[0], share(true)), Err(Code::NotAllowedHere));
    assert_rough(&mut sim, &[host, phone]);
}

/// A host and three guests; the viewer is the last and has one slot for pictures.
fn one_slot(seed: u64) -> (Sim, PersonIx, [PersonIx; 2], PersonIx) {
    let mut sim = Sim::with_settings(seed, Settings::default());
    let host = sim.join_as("host", true, setup(1, 3));
    let guests = [2, 3].map(|publisher| sim.join(&format!("guest {publisher}"), setup(publisher, 3)));
    let viewer = sim.join("viewer", Setup { video_slots: 1, ..setup(4, 3) });
    sim.people[viewer].takes_more = false;
    sim.run(JOIN);
    (sim, host, guests, viewer)
}

fn assert_shows(sim: &mut Sim, viewer: PersonIx, shown: PersonIx, others: &[PersonIx]) {
    sim.run(SECOND / 2);
    sim.begin_window();
    sim.run(SECOND);
    assert_flows(sim, viewer, shown, Camera, 12);
    others.iter().for_each(|other| assert_silence(sim, viewer, *other, Camera));
}

#[test]
fn a_spotlight_and_a_pin_decide_who_is_in_the_only_slot() {
    let (mut sim, host, [one, two], viewer) = one_slot(151);
    roughen(&mut sim, 0.06);
    let spotlight = |participant| Command::Spotlight { participant };
    assert_eq!(sim.command(one, spotlight(Some(sim.id(one)))), Err(Code::Forbidden));
    let (first, second) = (sim.id(one), sim.id(two));
    sim.obey(host, spotlight(Some(first)));
    assert_shows(&mut sim, viewer, one, &[host, two]);
    sim.obey(host, spotlight(Some(second)));
    assert_shows(&mut sim, viewer, two, &[host, one]);
    sim.obey(host, spotlight(None));
    sim.obey(viewer, Command::Pin { participant: Some(first) });
    assert_shows(&mut sim, viewer, one, &[host, two]);
    // A pin within what may be seen: a camera that is off leaves the slot to others.
    sim.set_source(one, Camera, false);
    sim.run(SECOND / 2);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, viewer, one, Camera);
    assert_rough(&mut sim, &[viewer, host]);
}

#[test]
fn a_small_tile_gets_the_lowest_layer_within_a_tick_and_a_large_one_the_highest_again() {
    let mut sim = Sim::with_settings(152, Settings::default());
    let sources = vec![SourceSetup::microphone(), SourceSetup::camera(Layer::simulcast())];
    let anna = sim.join("anna", Setup { sources, ..Setup::meeting(1) });
    let bo = sim.join("bo", Setup::meeting(2));
    sim.run(JOIN + SECOND);
    let layer = |sim: &Sim| sim.people[bo].records(false).find_map(|record| Some(record.author?.layer));
    assert_eq!(layer(&sim), Some(2));
    let who = sim.people[anna].participant.expect("anna was welcomed");
    let mid = sim.people[bo].slot_of(who, Camera).expect("anna is in a slot").mid.to_owned();
    for (size, expected) in [([160, 90], 0), ([640, 360], 1), ([0, 0], 0), ([1280, 720], 2)] {
        sim.show_tiles(bo, BTreeMap::from([(mid.clone(), size)]));
        // 15 ms to the relay, one tick of 100 ms, and the way of a keyframe: 10 ms up and down and a picture's 40 ms.
        let took = sim.run_until("another layer", SECOND / 4, |sim| layer(sim) == Some(expected));
        println!("{size:?} to layer {expected}: {took:?}");
        sim.run(SECOND);
        assert_eq!(layer(&sim), Some(expected), "and it stays");
    }
}
