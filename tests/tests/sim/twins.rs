//! Twins of the scenarios: each breaks one rule on purpose, by making the oracle stricter than the relay, and must fail.

use room::{BreakoutId, Change, Command, Direction, Layout, Settings, WaitingRoom};
use signal::message::Source::{Camera, Microphone};
use tests::sim::{Meeting, ROOM, Sim, Standing};

use crate::{SECOND, hosted};

/// How many violations a second brings after the oracle's picture changed like this, and nothing at the relay.
fn violations(settings: Settings, change: impl FnOnce(&mut Meeting)) -> (u64, String) {
    let (mut sim, _, _) = hosted(160, settings, 3);
    let when = sim.network.launched();
    sim.oracle.revise(when, ROOM, |meeting| {
        change(meeting);
        Ok(())
    });
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sim.run(SECOND)));
    let violations = sim.oracle.violations;
    assert_eq!(outcome.is_err(), violations > 0, "the simulation fails whenever the oracle complains");
    (violations, sim.oracle.reported().join("\n"))
}

fn person(meeting: &mut Meeting, author: u32) -> &mut tests::sim::Resident {
    meeting.people.get_mut(&author).expect("somebody is there")
}

/// What it is called, and how the oracle's picture changes.
type Row = (&'static str, fn(&mut Meeting));

#[test]
fn twin_every_rule_that_the_relay_does_not_follow_is_noticed() {
    let nothing = violations(Settings::default(), |_| {});
    assert_eq!(nothing.0, 0, "nothing is broken: {}", nothing.1);
    let rows: [Row; 10] = [
        ("one-way", |meeting| meeting.settings.direction = Direction::OneWay),
        ("layout A", |meeting| meeting.settings.layout = Layout::HostOnly),
        ("guests are muted", |meeting| meeting.settings.guest_microphone = room::GuestMicrophone::Off),
        ("guests have no camera", |meeting| meeting.settings.guest_camera = false),
        ("the host muted one", |meeting| person(meeting, 2).set_closed(Microphone, true)),
        ("one switched a camera off", |meeting| person(meeting, 3).set_own(Camera, false)),
        ("one waits", |meeting| person(meeting, 2).standing = Standing::Waiting),
        ("one is in a breakout", |meeting| person(meeting, 4).standing = Standing::In(Some(BreakoutId(1)))),
        ("one was removed", |meeting| meeting.take_out(3)),
        ("one is host, not guest", |meeting| person(meeting, 2).role = room::Role::Deputy),
    ];
    for (name, change) in rows {
        let (violations, reported) = violations(Settings::default(), change);
        assert!(violations > 0, "{name} went unnoticed");
        // A difference between the two pictures is one thing, packets that crossed the line are the other.
        let packets = reported.contains("packet ");
        assert!(packets || name == "one is host, not guest", "{name}: {reported}");
    }
}

#[test]
#[should_panic(expected = "media oracle")]
fn twin_an_admission_without_a_reason_is_noticed() {
    let (mut sim, _, guests) = hosted(161, Settings { waiting_room: WaitingRoom::Admit, ..Settings::default() }, 1);
    let (when, now, participant) = (sim.network.launched(), sim.time(), sim.id(guests[0]));
    sim.oracle.claim(when, now, ROOM, None, &Change::Admitted { participant });
    sim.run(SECOND / 10);
}

#[test]
#[should_panic(expected = "media oracle")]
fn twin_a_guest_who_is_obeyed_is_noticed() {
    let (mut sim, _, _) = hosted(162, Settings::default(), 2);
    let (when, now) = (sim.network.launched(), sim.time());
    sim.oracle.command(when, now, ROOM, Some(2), &Command::MuteAll {});
    sim.run(SECOND / 10);
}

/// The oracle sees packets that the network lost as well: of everything that leaves the relay nothing is left out.
#[test]
#[should_panic(expected = "media oracle")]
fn twin_a_leak_that_is_lost_on_the_way_is_noticed() {
    let (mut sim, _, guests): (Sim, _, _) = hosted(163, Settings::default(), 1);
    sim.network.access(0).down.spec.blackout = true;
    sim.network.access(guests[0]).down.spec.blackout = true;
    let when = sim.network.launched();
    sim.oracle.revise(when, ROOM, |meeting| {
        person(meeting, 2).set_closed(Microphone, true);
        Ok(())
    });
    // The relay still reports the difference of the two pictures; only packets count here.
    let violations = |sim: &Sim| sim.oracle.reported().iter().filter(|what| what.starts_with("packet ")).count();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sim.run(SECOND / 2)));
    assert!(outcome.is_err() && violations(&sim) > 0, "lost packets were not looked at");
    sim.oracle.assert_clean();
}
