//! Meetings in virtual time: the real worker, simulated people, seeded faults. Each scenario asserts that its fault really happened, and
//! important checks have a twin that must fail.

mod hostile;
mod media;
mod meeting;
mod network;
mod signalling;

use std::time::Duration;

use signal::message::Source::{self, Camera, Microphone};
use tests::sim::{PersonIx, Setup, Sim};

const SECOND: Duration = Duration::from_secs(1);
/// ICE, DTLS and the first keyframe over 10 ms of delay take less than this.
const JOIN: Duration = Duration::from_secs(2);

/// Two people who see and hear each other; counts begin now.
fn meeting_of_two(seed: u64) -> (Sim, PersonIx, PersonIx) {
    let mut sim = Sim::new(seed);
    let (anna, bo) = (sim.join("anna", Setup::meeting(1)), sim.join("bo", Setup::meeting(2)));
    sim.run(JOIN);
    sim.begin_window();
    (sim, anna, bo)
}

/// Sound and picture of every publisher reach every viewer at full rate over the coming seconds.
fn assert_meeting(sim: &mut Sim, people: &[PersonIx], seconds: u32) {
    sim.begin_window();
    sim.run(seconds * SECOND);
    for viewer in people {
        for publisher in people.iter().filter(|publisher| *publisher != viewer) {
            assert_flows(sim, *viewer, *publisher, Camera, u64::from(seconds) * 24);
            assert_flows(sim, *viewer, *publisher, Microphone, u64::from(seconds) * 49);
        }
    }
}

/// At least this much was decoded of one source in this window.
fn assert_flows(sim: &Sim, viewer: PersonIx, publisher: PersonIx, source: Source, least: u64) {
    let (viewer, publisher) = (&sim.people[viewer], &sim.people[publisher]);
    let decoded = viewer.decoded(publisher.publisher, source);
    assert!(decoded >= least, "{} got {decoded} of {}'s {source:?}, expected {least}", viewer.name, publisher.name);
}

/// Nothing at all came of one source in this window.
fn assert_silence(sim: &Sim, viewer: PersonIx, publisher: PersonIx, source: Source) {
    let (viewer, publisher) = (&sim.people[viewer], &sim.people[publisher]);
    let packets = viewer.packets(publisher.publisher, source);
    assert_eq!(packets, 0, "{} got packets of {}'s {source:?}", viewer.name, publisher.name);
}

/// The longest time without a new picture of anybody in this window.
fn longest_freeze(sim: &Sim, viewer: PersonIx) -> Duration {
    sim.people[viewer].records(false).map(|record| record.freeze_until(sim.now)).max().unwrap_or_default()
}
