//! What scenarios with pictures share: who publishes what, who watches at which size, and how it is measured.

use std::time::{Duration, Instant};

use signal::message::Source::{self, Camera};
use tests::sim::{Layer, LinkSpec, Motion, PersonIx, Setup, Sim, SlotRecord, SourceSetup};
use worker::snapshot::LineSnapshot;

use crate::JOIN;

/// A large tile of 720 lines.
pub(crate) const LARGE: [u16; 2] = [1_280, 720];
/// A small tile of 180 lines.
pub(crate) const SMALL: [u16; 2] = [320, 180];
/// Not visible.
pub(crate) const HIDDEN: [u16; 2] = [0, 0];

/// Somebody who sends a camera like a browser's, and watches nobody.
pub(crate) fn webcam(author: u32) -> Setup {
    camera_of(author, SourceSetup::webcam())
}

/// Somebody who sends this camera alone, and watches nobody.
pub(crate) fn camera_of(author: u32, camera: SourceSetup) -> Setup {
    Setup { sources: vec![camera], ..Setup::viewer(author, 0, 0) }
}

/// One encoding of 720 lines with three temporal layers: enough to see a freeze.
pub(crate) fn plain_camera() -> SourceSetup {
    let layer = Layer { rid: None, width: 1280, height: 720, bitrate: 1_500_000 };
    SourceSetup { temporal: 3, motion: Motion::Natural, ..SourceSetup::camera(vec![layer]) }
}

/// Somebody joins who has no more slots than they said, however many the relay would like.
pub(crate) fn join(sim: &mut Sim, setup: Setup, up: LinkSpec, down: LinkSpec) -> PersonIx {
    let name = format!("person {}", setup.publisher);
    let who = sim.join_over(&name, setup, up, down);
    sim.people[who].takes_more = false;
    who
}

/// Publishers 1 to `cameras` on good lines, and a viewer who shows all of them at `size`; they have met, and counts begin now.
pub(crate) fn watched(seed: u64, cameras: u32, size: [u16; 2], viewer: Setup, down: LinkSpec) -> (Sim, Vec<PersonIx>, PersonIx) {
    let mut sim = Sim::new(seed);
    let good = LinkSpec::default;
    let publishers: Vec<PersonIx> = (1..=cameras).map(|author| join(&mut sim, webcam(author), good(), good())).collect();
    let viewer = join(&mut sim, viewer, good(), down);
    sim.run(JOIN);
    show(&mut sim, viewer, &publishers.iter().map(|publisher| (*publisher, size)).collect::<Vec<_>>());
    sim.begin_window();
    (sim, publishers, viewer)
}

/// The viewer shows these people's cameras at these sizes, and everybody else as the layout has it.
pub(crate) fn show(sim: &mut Sim, viewer: PersonIx, sizes: &[(PersonIx, [u16; 2])]) {
    let mid = |publisher: PersonIx| slot(sim, viewer, publisher, Camera).map(|slot| slot.mid.to_owned());
    let tiles = sizes.iter().filter_map(|(publisher, size)| Some((mid(*publisher)?, *size))).collect();
    sim.show_tiles(viewer, tiles);
}

fn slot(sim: &Sim, viewer: PersonIx, publisher: PersonIx, source: Source) -> Option<loadgen::light::SlotView<'_>> {
    sim.people[viewer].slot_of(sim.people[publisher].participant?, source)
}

/// What the viewer's slot with this publisher's camera saw.
pub(crate) fn record(sim: &Sim, viewer: PersonIx, publisher: PersonIx) -> &SlotRecord {
    slot(sim, viewer, publisher, Camera).expect("the publisher is in a slot").record
}

/// Lines and highest temporal layer of what the viewer sees of the publisher now.
pub(crate) fn shown(sim: &Sim, viewer: PersonIx, publisher: PersonIx) -> Option<(u16, u8)> {
    let shown = record(sim, viewer, publisher).shown.last()?;
    Some((shown.size?.1, shown.temporal))
}

/// Everything the viewer got in this window, bit/s.
pub(crate) fn bitrate(sim: &Sim, viewer: PersonIx) -> f64 {
    let person = &sim.people[viewer];
    let bytes = person.client.counters().bytes_received - person.before.bytes_received;
    bytes as f64 * 8.0 / (sim.now - sim.window).as_secs_f64()
}

/// What the viewer got of one source in this window, payload alone, bit/s.
pub(crate) fn bitrate_of(sim: &Sim, viewer: PersonIx, publisher: PersonIx, source: Source) -> f64 {
    let author = sim.people[publisher].publisher;
    let records = sim.people[viewer].client.slots().map(|slot| slot.record);
    let bytes = records.flat_map(|record| &record.bytes).filter(|(by, _)| (by.publisher, by.source) == (author, source));
    bytes.map(|(_, bytes)| bytes).sum::<u64>() as f64 * 8.0 / (sim.now - sim.window).as_secs_f64()
}

/// What the relay knows of the line to the viewer.
pub(crate) fn line(sim: &mut Sim, viewer: PersonIx) -> LineSnapshot {
    let (id, now) = (sim.people[viewer].participant, sim.now);
    let room = sim.node.inspect(now, tests::sim::ROOM).expect("the room is there");
    let person = room.people.into_iter().find(|person| Some(person.participant) == id).expect("the viewer is there");
    person.line.expect("the viewer's offer was answered")
}

/// Longest picture that stood still in this window, of everybody whom the viewer sees.
pub(crate) fn freezes(sim: &Sim, viewer: PersonIx) -> (u64, Duration) {
    let records: Vec<&SlotRecord> = sim.people[viewer].records(false).collect();
    let longest = records.iter().map(|record| record.freeze_until(sim.now)).max();
    (records.iter().map(|record| record.freeze_count).sum(), longest.unwrap_or_default())
}

/// Changes of the quality of each slot in this window.
pub(crate) fn changes(sim: &Sim, viewer: PersonIx) -> Vec<u64> {
    sim.people[viewer].records(false).map(|record| record.changes).collect()
}

/// The value below which this share of the others lies.
pub(crate) fn percentile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share).ceil() as usize).copied().unwrap_or_default()
}

/// Waits in the viewer's own bottleneck since a moment: 95 %, and the longest.
pub(crate) fn waits(sim: &mut Sim, viewer: PersonIx, since: Instant) -> (Duration, Duration) {
    let passed = &sim.network.access(viewer).down.bottleneck.passed;
    (passed.p95_wait(since), passed.max_wait(since))
}
