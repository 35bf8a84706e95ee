//! Meetings in virtual time: the real worker, simulated people, seeded faults. Each scenario asserts that its fault really happened.

use std::time::Duration;

use signal::message::Source::{Camera, Microphone};
use tests::sim::{Setup, Sim};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn two_people_meet() {
    let mut sim = Sim::new(1);
    let (anna, bo) = (sim.join("anna", Setup::meeting(1)), sim.join("bo", Setup::meeting(2)));
    sim.run(5 * SECOND);
    for (viewer, publisher) in [(anna, 2), (bo, 1)] {
        let person = &sim.people[viewer];
        assert!(person.decoded(publisher, Camera) > 100, "{}", person.decoded(publisher, Camera));
        assert!(person.decoded(publisher, Microphone) > 200);
    }
}
