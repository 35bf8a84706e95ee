//! Meetings in virtual time: the real worker, simulated people, seeded faults. Each scenario asserts that its fault really happened, and
//! important checks have a twin that must fail.

mod audio;
mod bandwidth;
mod bits;
mod breakouts;
mod congestion;
mod constant;
mod crowd;
mod door;
mod floor;
mod hostile;
mod layers;
mod lines;
mod media;
mod meeting;
mod network;
mod pacing;
mod publisher;
mod queue;
mod recall;
mod recovery;
mod roles;
mod screens;
mod signalling;
mod steps;
mod storms;
mod svc;
mod twins;
mod video;
mod walk;
mod ways;

use std::time::Duration;

use room::Settings;
use signal::message::Source::{self, Camera, Microphone};
use tests::sim::{LinkSpec, PersonIx, Setup, Sim};

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

/// A host and some guests who have all met, under these settings; counts begin now.
fn hosted(seed: u64, settings: Settings, guests: u32) -> (Sim, PersonIx, Vec<PersonIx>) {
    let mut sim = Sim::with_settings(seed, settings);
    let host = sim.join_as("Hanna Host", true, setup(1, guests));
    let guests = (0..guests).map(|guest| sim.join(&format!("Guest{guest} Surname"), setup(guest + 2, guests))).collect();
    sim.run(JOIN);
    sim.begin_window();
    (sim, host, guests)
}

/// Room for everybody from the start, so that no offer is needed later.
fn setup(publisher: u32, others: u32) -> Setup {
    Setup { audio_slots: others as usize, video_slots: others as usize, ..Setup::meeting(publisher) }
}

/// Loss, jitter, reordering and duplication both ways for everybody from now on.
fn roughen(sim: &mut Sim, loss: f64) {
    let spec = LinkSpec { loss, jitter: Duration::from_millis(8), reorder: 0.03, duplicate: 0.03, ..LinkSpec::default() };
    for who in 0..sim.people.len() {
        sim.network.set_both_ways(who, spec.clone());
    }
}

/// The network did to these people what [`roughen`] says.
fn assert_rough(sim: &mut Sim, people: &[PersonIx]) {
    for who in people {
        let access = sim.network.access(*who);
        for stats in [access.up.stats, access.down.stats] {
            assert!(stats.lost > 5 && stats.reordered > 1 && stats.duplicated > 1, "the faults happened: {stats:?}");
        }
    }
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
