//! What waits in a viewer's queue when a rule changes never leaves it. In each scenario the queue provably holds pictures at that moment,
//! and the oracle judges every packet by when it was sent.

use std::time::Duration;

use room::{BreakoutId, Command, Direction, ParticipantId, Settings};
use signal::message::Source::Camera;
use tests::sim::{Layer, LinkSpec, PersonIx, Rate, Setup, Sim, SourceSetup, Ticket};

use crate::{SECOND, assert_flows, setup};

/// Carries the lowest layer and little else, so that each keyframe has to wait.
const SLOW: Rate = Rate { bits_per_second: 300_000, queue: Duration::from_millis(400) };

/// A host and a guest. The one who watches is behind a slow line, for which the other's pictures have to wait.
fn congested(seed: u64, host_watches: bool) -> (Sim, PersonIx, PersonIx) {
    let mut sim = Sim::with_settings(seed, Settings::default());
    let sources = vec![SourceSetup::microphone(), SourceSetup::camera(Layer::simulcast())];
    let seen = Setup { sources, ..setup(1, 1) };
    let slow = LinkSpec { rate: Some(SLOW), ..LinkSpec::default() };
    let (host, guest) = if host_watches {
        let host = sim.enter(Ticket::host("host").over(LinkSpec::default(), slow), setup(2, 1));
        (host, sim.join("guest", seen))
    } else {
        (sim.join_as("host", true, seen), sim.join_over("guest", setup(2, 1), LinkSpec::default(), slow))
    };
    let (watched, viewer) = if host_watches { (guest, host) } else { (host, guest) };
    sim.run(10 * SECOND);
    let participant = sim.id(guest);
    sim.obey(host, Command::CreateBreakouts { names: vec!["Aside".to_owned()] });
    sim.obey(host, Command::Assign { participant, breakout: Some(BreakoutId(1)) });
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, viewer, watched, Camera, 10);
    (sim, watched, viewer)
}

/// How long the newest picture in the relay's queue to somebody will wait.
fn queue(sim: &mut Sim, who: PersonIx) -> Duration {
    let participant = sim.id(who).0;
    let room = sim.node.inspect(sim.now, "meeting").expect("the room is there");
    let person = room.people.into_iter().find(|person| person.participant == participant);
    person.and_then(|person| person.line).map(|line| line.queue).unwrap_or_default()
}

/// Changes a rule while pictures wait for the viewer.
fn nothing_leaves(seed: u64, host_watches: bool, rule: impl Fn(ParticipantId) -> Command) {
    let (mut sim, watched, viewer) = congested(seed, host_watches);
    // The time moves in steps of 10 ms; some of them end while a frame is on its way.
    sim.run_until("pictures wait", 20 * SECOND, |sim| queue(sim, viewer) > Duration::ZERO);
    let command = rule(sim.id(watched));
    assert_eq!(sim.serve(command), Ok(()));
    sim.run(3 * SECOND);
    sim.begin_window();
    sim.run(SECOND);
    let packets = sim.people[viewer].packets(1, Camera);
    assert_eq!(packets, 0, "seed {seed}: {packets} packets of a picture that the rule forbids");
}

#[test]
fn of_a_camera_that_is_denied() {
    nothing_leaves(400, true, |participant| Command::DenyCamera { participant });
}

#[test]
fn when_pictures_go_one_way() {
    nothing_leaves(401, false, |_| Command::SetDirection { direction: Direction::OneWay });
}

#[test]
fn when_the_breakouts_open() {
    nothing_leaves(402, true, |_| Command::OpenBreakouts { self_choice: false, seconds: None });
}

#[test]
fn of_somebody_who_is_removed() {
    nothing_leaves(403, true, |participant| Command::Remove { participant });
}
