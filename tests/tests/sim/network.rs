//! Bad networks: loss, bursts, reordering, duplication, address changes, silence.

use std::time::Duration;

use signal::message::Source::{Camera, Microphone};
use tests::sim::{Burst, LinkSpec, PersonIx, Setup, Sim, SourceSetup};

use crate::{JOIN, SECOND, assert_flows, assert_meeting, assert_silence, longest_freeze, meeting_of_two};

/// A meeting of two in which both directions of both people turn bad after they met; gives the datagrams that were lost.
fn meet_over(seed: u64, bad: &LinkSpec, seconds: u32) -> (Sim, [PersonIx; 2]) {
    let (mut sim, anna, bo) = meeting_of_two(seed);
    for who in [anna, bo] {
        sim.network.set_both_ways(who, bad.clone());
    }
    sim.begin_window();
    sim.run(seconds * SECOND);
    (sim, [anna, bo])
}

fn lost(sim: &mut Sim, who: PersonIx) -> u64 {
    let access = sim.network.access(who);
    access.up.stats.lost + access.down.stats.lost
}

#[test]
fn loss_freezes_nobody_for_a_second() {
    for (seed, share, least_lost) in [(30, 0.05, 150), (31, 0.1, 300)] {
        let (mut sim, people) = meet_over(seed, &LinkSpec::lossy(share), 20);
        for (viewer, publisher) in [(people[0], people[1]), (people[1], people[0])] {
            let lost = lost(&mut sim, viewer);
            assert!(lost > least_lost, "the fault happened: {lost} lost at {share}");
            let freeze = longest_freeze(&sim, viewer);
            assert!(freeze < SECOND, "{share} loss: {} saw a picture stand for {freeze:?}", sim.people[viewer].name);
            assert_flows(&sim, viewer, publisher, Camera, 20 * 25 * 8 / 10);
            let recovered: u64 = sim.people[viewer].records(false).map(|record| record.recovered).sum();
            assert!(recovered > 20, "lost packets were sent again: {recovered}");
        }
    }
}

/// A publisher on a bad line: the relay asks again for what it misses, so that the viewers notice little.
#[test]
fn a_publisher_who_loses_a_fifth_of_everything_freezes_nobody_for_a_second() {
    let (mut sim, anna, bo) = meeting_of_two(41);
    sim.network.set_both_ways(anna, LinkSpec::lossy(0.2));
    sim.run(20 * SECOND);
    let lost = sim.network.access(anna).up.stats.lost;
    assert!(lost > 300, "the fault happened: {lost} lost");
    assert!(longest_freeze(&sim, bo) < SECOND, "{:?}", longest_freeze(&sim, bo));
    assert_flows(&sim, bo, anna, Camera, 20 * 25 * 8 / 10);
    assert!(sim.people[anna].client.counters().resent > 50, "the relay asked again");
}

/// Twin: the measure used above notices a picture that stands still.
#[test]
fn twin_two_seconds_of_silence_are_a_freeze() {
    let (mut sim, anna, bo) = meeting_of_two(33);
    sim.network.access(anna).up.spec = LinkSpec::dead();
    sim.run(2 * SECOND);
    assert!(longest_freeze(&sim, bo) > SECOND);
    assert!(sim.network.access(anna).up.stats.blacked_out > 100);
}

#[test]
fn bursts_are_survived() {
    let burst = Some(Burst { enter: 0.005, leave: 0.15 });
    let (mut sim, people) = meet_over(34, &LinkSpec { burst, ..LinkSpec::default() }, 20);
    for (viewer, publisher) in [(people[0], people[1]), (people[1], people[0])] {
        let access = sim.network.access(viewer);
        assert!(access.down.stats.lost_in_burst > 15, "the fault happened: {:?}", access.down.stats);
        assert!(longest_freeze(&sim, viewer) < SECOND, "{:?}", longest_freeze(&sim, viewer));
        assert_flows(&sim, viewer, publisher, Camera, 20 * 25 * 8 / 10);
    }
}

#[test]
fn reordering_duplication_and_jitter_are_invisible() {
    let spec = LinkSpec { reorder: 0.05, duplicate: 0.05, jitter: Duration::from_millis(15), ..LinkSpec::default() };
    let (mut sim, people) = meet_over(35, &spec, 10);
    for (viewer, publisher) in [(people[0], people[1]), (people[1], people[0])] {
        let stats = sim.network.access(viewer).up.stats;
        assert!(stats.reordered > 20 && stats.duplicated > 20, "the faults happened: {stats:?}");
        assert_flows(&sim, viewer, publisher, Camera, 10 * 24);
        assert_flows(&sim, viewer, publisher, Microphone, 10 * 49);
        assert!(longest_freeze(&sim, viewer) < Duration::from_millis(200), "{:?}", longest_freeze(&sim, viewer));
        let missing: u64 = sim.people[viewer].records(false).map(|record| record.missing).sum();
        assert_eq!(missing, 0, "nothing was lost, so nothing may be missing");
    }
}

#[test]
fn what_is_duplicated_on_the_way_in_is_forwarded_once() {
    let (mut sim, anna, bo) = meeting_of_two(36);
    sim.network.access(anna).up.spec.duplicate = 0.3;
    sim.run(6 * SECOND);
    assert!(sim.network.access(anna).up.stats.duplicated > 100, "the fault happened");
    let duplicates: u64 = sim.people[bo].client.slots().map(|slot| slot.record.duplicates).sum();
    assert_eq!(duplicates, 0);
}

#[test]
fn a_nat_that_forgets_costs_one_consent_interval() {
    let (mut sim, anna, bo) = meeting_of_two(37);
    let old = sim.network.access(anna).public;
    sim.network.rebind(anna);
    sim.run(4 * SECOND);
    assert_ne!(sim.network.access(anna).public, old, "the fault happened");
    assert!(sim.network.access(anna).misdirected > 0, "for a moment the relay sent to the old address");
    // The next connectivity check, 2.5 s after the last one at the latest, shows the relay the new address.
    assert!(longest_freeze(&sim, bo) < Duration::from_millis(2_900), "{:?}", longest_freeze(&sim, bo));
    assert!(longest_freeze(&sim, anna) < Duration::from_millis(2_900), "{:?}", longest_freeze(&sim, anna));
    let misdirected = sim.network.access(anna).misdirected;
    assert_meeting(&mut sim, &[anna, bo], 2);
    assert_eq!(sim.network.access(anna).misdirected, misdirected, "nothing goes to the old address any more");
}

#[test]
fn an_ice_restart_stops_nothing() {
    let (mut sim, anna, bo) = meeting_of_two(38);
    sim.with_client(anna, |client, _| client.restart_ice());
    sim.offer_again(anna);
    sim.run(3 * SECOND);
    for viewer in [anna, bo] {
        assert!(longest_freeze(&sim, viewer) < Duration::from_millis(100), "{:?}", longest_freeze(&sim, viewer));
    }
    assert_eq!(sim.people[anna].client.checks_refused(), 0);
    assert_meeting(&mut sim, &[anna, bo], 2);
}

#[test]
fn an_ice_restart_moves_a_call_to_another_network() {
    let (mut sim, anna, bo) = meeting_of_two(39);
    sim.network.rebind(anna);
    sim.with_client(anna, |client, _| client.restart_ice());
    sim.offer_again(anna);
    sim.run(SECOND);
    assert!(longest_freeze(&sim, bo) < SECOND / 2, "a restart is faster than waiting for consent: {:?}", longest_freeze(&sim, bo));
    assert_meeting(&mut sim, &[anna, bo], 2);
}

#[test]
fn nobody_who_fell_silent_gets_media_for_longer_than_consent_lasts() {
    let (mut sim, anna, bo) = meeting_of_two(40);
    sim.network.access(anna).up.spec = LinkSpec::dead();
    sim.run(25 * SECOND);
    let sent = sim.network.access(anna).down.stats.offered;
    sim.run(7 * SECOND);
    assert!(sim.network.access(anna).down.stats.offered > sent, "consent of the last check still holds for a while");
    let sent = sim.network.access(anna).down.stats.offered;
    sim.run(5 * SECOND);
    assert_eq!(sim.network.access(anna).down.stats.offered, sent, "RFC 7675: 30 s after the last authentic check nothing is sent");

    sim.network.access(anna).up.spec = LinkSpec::default();
    sim.run(2 * SECOND);
    assert_meeting(&mut sim, &[anna, bo], 2);
}

/// A quarter of an hour without a way for media, the WebSocket being up, while somebody speaks: what is not sent takes no numbers. There
/// are so many of them that a listener would take what comes then for something old, and refuse it.
#[test]
fn sound_is_back_after_a_quarter_of_an_hour_without_a_way() {
    let mut sim = Sim::new(42);
    let speaker = sim.join("speaker", Setup { sources: vec![SourceSetup::microphone()], ..Setup::viewer(1, 0, 0) });
    let listener = sim.join("listener", Setup::viewer(2, 1, 0));
    sim.run(JOIN);
    sim.begin_window();
    sim.run(SECOND);
    assert_flows(&sim, listener, speaker, Microphone, 49);
    let newest = |sim: &Sim| sim.people[listener].client.slots().find_map(|slot| slot.newest).expect("something came");
    let refused = |sim: &Sim| sim.people[listener].client.counters().refused;
    let (before, refused_before, sent) = (newest(&sim), refused(&sim), sim.people[speaker].client.counters().packets_sent);
    sim.network.set_both_ways(listener, LinkSpec::dead());
    // What is on its way arrives.
    sim.run(SECOND / 5);
    sim.begin_window();
    sim.run(900 * SECOND);
    let sent = sim.people[speaker].client.counters().packets_sent - sent;
    let stats = sim.network.access(listener).down.stats;
    assert!(sent > 44_000 && stats.blacked_out > 1_000, "the fault happened: {sent} sent, {stats:?}");
    assert_silence(&sim, listener, speaker, Microphone);
    assert!(!sim.people[listener].ended, "the listener is still in the room");

    sim.network.set_both_ways(listener, LinkSpec::default());
    sim.begin_window();
    let back = sim.run_until("a sound", 5 * SECOND, |sim| sim.people[listener].decoded(1, Microphone) > 0);
    let skipped = newest(&sim).wrapping_sub(before);
    eprintln!("{sent} sounds were not heard; the next {back:?} after the return, {skipped} numbers later");
    assert!(back <= 2 * SECOND && skipped < 10_000, "{back:?} {skipped}");
    sim.begin_window();
    sim.run(10 * SECOND);
    assert_flows(&sim, listener, speaker, Microphone, 10 * 49);
    assert_eq!(refused(&sim), refused_before, "every packet could be opened");
}
