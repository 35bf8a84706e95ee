//! The largest group: 33 people, eight breakouts, one recall.

use std::time::{Duration, Instant};

use room::{Command, Layout, Settings};
use signal::message::Source::{Camera, Microphone};
use tests::sim::{Layer, PersonIx, Setup, Sim, SourceSetup};

use crate::{JOIN, SECOND};

/// Round trip of the simulated network: 10 ms each way.
const RTT: Duration = Duration::from_millis(20);

/// A host and 32 guests, each with eight slots of either kind and content with them. The first six send their picture in three layers.
fn group(seed: u64) -> (Sim, PersonIx) {
    let mut sim = Sim::with_settings(seed, Settings::default());
    for publisher in 1..=33 {
        let layers = if publisher <= 6 { Layer::simulcast() } else { vec![Layer::single()] };
        let sources = vec![SourceSetup::microphone(), SourceSetup::camera(layers)];
        let setup = Setup { sources, audio_slots: 8, video_slots: 8, ..Setup::meeting(publisher) };
        let who = sim.join_as(&format!("person {publisher}"), publisher == 1, setup);
        sim.people[who].takes_more = false;
    }
    sim.run(JOIN);
    (sim, 0)
}

fn keyframes_asked(sim: &Sim) -> Vec<Vec<u64>> {
    sim.people.iter().map(|person| person.client.keyframes_asked(Camera)).collect()
}

/// Each layer of each publication was asked for a keyframe at most once since `before`; gives how many were asked.
fn assert_asked_once(before: &[Vec<u64>], after: &[Vec<u64>]) -> u64 {
    let asked: Vec<u64> = before.iter().flatten().zip(after.iter().flatten()).map(|(before, after)| after - before).collect();
    assert!(asked.iter().all(|count| *count <= 1), "keyframes asked per publication and layer: {asked:?}");
    asked.iter().sum()
}

/// When each person first heard somebody who was not in their breakout.
fn first_heard(sim: &Sim, before: &[Option<u32>]) -> Vec<Option<Instant>> {
    let stranger = |who: PersonIx, publisher: u32| before[who].is_none() || before[who] != before[publisher as usize - 1];
    let first = |who: PersonIx| {
        let heard = sim
            .first_packets
            .iter()
            .filter(|((viewer, publisher, source), _)| *viewer == who && *source == Microphone && stranger(who, *publisher));
        heard.map(|(_, at)| *at).min()
    };
    (0..sim.people.len()).map(first).collect()
}

#[test]
fn thirty_three_people_in_eight_breakouts_are_recalled_at_once() {
    let (mut sim, host) = group(130);
    let names = (1..=8).map(|number| format!("Room {number}")).collect();
    sim.obey(host, Command::CreateBreakouts { names });
    sim.obey(host, Command::AssignRandom {});
    let (offers, secured) = (sim.people.iter().map(|person| person.offers).sum::<u32>(), sim.node.worker.counters().secured);
    sim.obey(host, Command::OpenBreakouts { self_choice: false, seconds: None });
    sim.run(2 * SECOND);
    let places: Vec<Option<u32>> =
        sim.people.iter().map(|person| person.meeting().and_then(|meeting| meeting.you.breakout).map(|breakout| breakout.0)).collect();
    for breakout in 1..=8 {
        assert_eq!(places.iter().filter(|place| **place == Some(breakout)).count(), 4, "evenly: {places:?}");
    }

    let asked = keyframes_asked(&sim);
    sim.begin_window();
    let recalled = sim.now;
    assert_eq!(sim.serve(Command::RecallAll { seconds: 0 }), Ok(()));
    sim.run(SECOND / 2);
    let waits: Vec<Duration> = first_heard(&sim, &places).into_iter().flatten().map(|at| at - recalled).collect();
    let worst = waits.iter().max().copied().unwrap_or_default();
    println!("first sound of the new room: {} of 33 people, worst after {worst:?} (10 ms each way)", waits.len());
    assert_eq!(waits.len(), 33, "everybody hears somebody new");
    assert!(worst <= RTT + Duration::from_millis(20), "{worst:?}");
    let asked = assert_asked_once(&asked, &keyframes_asked(&sim));
    assert!(asked > 0, "somebody new is seen");

    sim.run(SECOND);
    assert_eq!(sim.people.iter().map(|person| person.offers).sum::<u32>(), offers, "0 SDP messages");
    assert_eq!(sim.node.worker.counters().secured, secured, "0 DTLS handshakes");
    assert!(sim.people.iter().all(|person| person.client.checks_refused() == 0 && person.client.failure().is_none()), "0 ICE restarts");
}

#[test]
fn a_change_of_layout_costs_each_publication_at_most_one_keyframe() {
    let (mut sim, host) = group(131);
    sim.run(SECOND);
    let mut total = 0;
    for layout in [Layout::HostOnly, Layout::Equal, Layout::OneMainZeroPips, Layout::NineMainsZeroPips, Layout::HostLarge] {
        let asked = keyframes_asked(&sim);
        sim.obey(host, Command::SetLayout { layout });
        sim.run(SECOND);
        total += assert_asked_once(&asked, &keyframes_asked(&sim));
    }
    assert!(total > 0, "the layouts differ in whom they show");
}
