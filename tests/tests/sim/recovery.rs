//! Loss on a viewer's line: pictures do not freeze as long as retransmission can help. Other ways, and what comes after a storm, have files of
//! their own.

use std::time::Duration;

use tests::sim::{Layer, LinkSpec, PersonIx, Setup, Sim, SourceSetup};

use crate::video::{freezes, join, plain_camera, record};
use crate::{JOIN, SECOND};

/// Somebody who sees and hears one other, and tells how the line does as often as browsers do who send some 200 kbit/s or more.
pub(crate) fn viewer() -> Setup {
    Setup { feedback_every: Duration::from_millis(50), ..Setup::viewer(2, 1, 1) }
}

/// A tile's worth of picture: two packets each 66 ms, so that what is lost last of one is shown by nothing for long.
fn small_camera(temporal: u8) -> SourceSetup {
    let layer = Layer { rid: None, width: 480, height: 270, bitrate: 200_000 };
    SourceSetup { temporal, fps: 15, ..SourceSetup::camera(vec![layer]) }
}

/// Somebody who is seen and heard.
pub(crate) fn speaker(camera: SourceSetup) -> Setup {
    Setup { sources: vec![SourceSetup::microphone(), camera], ..Setup::viewer(1, 0, 0) }
}

/// The same, and a viewer both of whose directions turn bad after they met.
fn lossy(seed: u64, bad: &LinkSpec, viewer: Setup) -> (Sim, PersonIx, PersonIx) {
    lossy_with(seed, plain_camera(), bad, viewer)
}

fn lossy_with(seed: u64, camera: SourceSetup, bad: &LinkSpec, viewer: Setup) -> (Sim, PersonIx, PersonIx) {
    let mut sim = Sim::new(seed);
    let camera = join(&mut sim, speaker(camera), LinkSpec::default(), LinkSpec::default());
    let viewer = join(&mut sim, viewer, LinkSpec::default(), LinkSpec::default());
    sim.run(JOIN);
    let access = sim.network.access(viewer);
    // What the viewer tells is lost as often; a burst of several packets in a row would be half a second of it.
    let rows = bad.burst.map(|burst| burst.enter / (burst.enter + burst.leave));
    let fades = bad.fades.map(|fades| fades.bad.as_secs_f64() / (fades.good + fades.bad).as_secs_f64());
    let share = rows.or(fades).unwrap_or(bad.loss);
    (access.up.spec, access.down.spec) = (LinkSpec::lossy(share), bad.clone());
    sim.begin_window();
    (sim, camera, viewer)
}

/// The share of what was sent to the viewer that the line lost.
pub(crate) fn lost(sim: &mut Sim, viewer: PersonIx) -> f64 {
    let stats = sim.network.access(viewer).down.stats;
    stats.lost as f64 / stats.offered as f64
}

/// Ten minutes on a line that loses a tenth of everything, both ways: no more than `most` pictures stand for over 200 ms, none for over
/// 400 ms, and nine of ten are decoded.
///
/// A change that only shifts chance may bring a freeze: over 48 other seeds each, 480 minutes, there were none at random and in rows of 1.5 and
/// 2, and 3 in rows of 3 and of 4. Of small pictures, in 160 minutes, 2 at random and 20 in rows of 3, where it would be 7 without a round trip
/// and with nothing lost on the way back (the floor below).
fn assert_smooth(seed: u64, camera: SourceSetup, bad: &LinkSpec, most: u64) {
    let pictures = u64::from(camera.fps) * 600;
    let (mut sim, camera, viewer) = lossy_with(seed, camera, bad, viewer());
    sim.run(600 * SECOND);
    let lost = lost(&mut sim, viewer);
    assert!((0.085..0.115).contains(&lost), "the fault happened: {lost}");
    let record = record(&sim, viewer, camera);
    let (count, longest) = freezes(&sim, viewer);
    eprintln!("{bad:?}: {count} freezes in ten minutes, longest {longest:?}, {record}");
    assert_eq!(record.reordered, 0, "who has seen a number come late waits before asking for any");
    assert!(count <= most, "pictures stood for up to {longest:?}: {:?}", record.freezes);
    assert!(longest < Duration::from_millis(400), "{longest:?}");
    assert!(record.decoded_total() > pictures / 10 * 9, "{} of {pictures} pictures", record.decoded_total());
}

#[test]
fn a_tenth_lost_at_random_freezes_nothing_in_ten_minutes() {
    assert_smooth(300, plain_camera(), &LinkSpec::lossy(0.1), 0);
}

#[test]
fn a_tenth_lost_in_bursts_of_one_and_a_half_freezes_nothing_in_ten_minutes() {
    assert_smooth(301, plain_camera(), &LinkSpec::bursty(0.1, 1.5), 0);
}

#[test]
fn a_tenth_lost_in_bursts_of_two_freezes_nothing_in_ten_minutes() {
    assert_smooth(302, plain_camera(), &LinkSpec::bursty(0.1, 2.0), 0);
}

#[test]
fn a_tenth_lost_in_bursts_of_three_freezes_nothing_in_ten_minutes() {
    assert_smooth(303, plain_camera(), &LinkSpec::bursty(0.1, 3.0), 0);
}

#[test]
fn a_tenth_lost_in_bursts_of_four_freezes_nothing_in_ten_minutes() {
    assert_smooth(304, plain_camera(), &LinkSpec::bursty(0.1, 4.0), 0);
}

/// Rows by time, as radio has them: whatever is sent in 10 ms goes, four packets or thirty.
#[test]
fn a_tenth_of_the_time_faded_lets_no_picture_stand_for_long() {
    assert_smooth(306, plain_camera(), &LinkSpec::fading(0.1, Duration::from_millis(10)), 3);
}

#[test]
fn a_tenth_lost_of_a_small_picture_freezes_hardly_anything_in_ten_minutes() {
    assert_smooth(308, small_camera(3), &LinkSpec::lossy(0.1), 1);
    assert_smooth(309, small_camera(1), &LinkSpec::lossy(0.1), 1);
}

#[test]
fn a_tenth_lost_of_a_small_picture_in_bursts_of_three_never_lets_it_stand_for_long() {
    assert_smooth(514, small_camera(3), &LinkSpec::bursty(0.1, 3.0), 5);
    assert_smooth(504, small_camera(1), &LinkSpec::bursty(0.1, 3.0), 5);
}

/// Whoever joins over a line that has always lost a tenth sees what others see: sixteen calls of fifteen seconds.
#[test]
fn a_tenth_lost_from_the_first_second_freezes_hardly_anything() {
    let (mut frozen, mut pictures) = (0, 0);
    for seed in 310..326 {
        let mut sim = Sim::new(seed);
        let camera = join(&mut sim, speaker(small_camera(3)), LinkSpec::default(), LinkSpec::default());
        sim.run(JOIN);
        sim.begin_window();
        let viewer = join(&mut sim, viewer(), LinkSpec::lossy(0.1), LinkSpec::lossy(0.1));
        sim.run(15 * SECOND);
        assert!(lost(&mut sim, viewer) > 0.05, "the fault happened");
        let record = record(&sim, viewer, camera);
        assert!(record.first_decoded.is_some_and(|at| at - sim.window < 2 * SECOND), "{record}");
        frozen += freezes(&sim, viewer).0;
        pictures += record.decoded_total();
    }
    eprintln!("joined over a line that loses a tenth: {frozen} freezes in 16 calls of 15 s, {pictures} pictures of 3,600");
    assert!(frozen <= 2 && pictures > 3_400, "{frozen} freezes, {pictures} pictures");
}

/// Where only what is sent to the viewer is lost, and nothing of what he tells. Over 48 other seeds for each length of the rows there was one
/// freeze in 2,400 minutes, before repairs went three times.
#[test]
fn a_tenth_lost_one_way_freezes_nothing_in_ten_minutes() {
    let losses = [LinkSpec::lossy(0.1)].into_iter().chain([1.5, 2.0, 3.0, 4.0].map(|row| LinkSpec::bursty(0.1, row)));
    for (bad, seed) in losses.flat_map(|bad| (522..526).map(move |seed| (bad.clone(), seed))) {
        let (mut sim, camera, viewer) = lossy(seed, &bad, viewer());
        sim.network.access(viewer).up.spec = LinkSpec::default();
        sim.run(600 * SECOND);
        assert!((0.085..0.115).contains(&lost(&mut sim, viewer)), "the fault happened");
        let record = record(&sim, viewer, camera);
        assert_eq!(record.freezes, [], "{bad:?}, seed {seed}: {record}");
    }
}

/// Floor: where requests are never lost and nothing takes any time, rows of three freeze hardly anything. What is above it is the way.
#[test]
fn floor_without_a_round_trip_rows_of_three_freeze_hardly_anything() {
    let (mut sim, _, viewer) = lossy_with(514, small_camera(3), &LinkSpec::bursty(0.1, 3.0), viewer());
    let near = Duration::from_micros(100);
    let access = sim.network.access(viewer);
    (access.up.spec, access.down.spec.delay) = (LinkSpec { delay: near, ..LinkSpec::default() }, near);
    sim.run(600 * SECOND);
    let (count, longest) = freezes(&sim, viewer);
    eprintln!("without a round trip: {count} freezes in ten minutes, longest {longest:?}");
    assert!(lost(&mut sim, viewer) > 0.085, "the fault happened");
    assert!(count <= 1, "{count} {longest:?}");
}

/// Twin: a viewer who does not ask again sees the picture freeze, so the measure above can fail.
#[test]
fn twin_without_retransmission_a_tenth_lost_freezes() {
    let viewer = Setup { asks_again: false, ..viewer() };
    let (mut sim, _, viewer) = lossy(305, &LinkSpec::lossy(0.1), viewer);
    sim.run(60 * SECOND);
    let (count, longest) = freezes(&sim, viewer);
    assert!(count > 5 && longest > Duration::from_millis(400), "{count} freezes of up to {longest:?}");
}

/// For the record: how often and how long pictures stand at other rates of loss.
#[test]
fn figures_of_freezes_by_loss() {
    let ms = Duration::from_millis;
    for (loss, most, longest_allowed, least) in
        [(0.0, 0, ms(100), 2_990), (0.05, 0, ms(200), 2_900), (0.2, 60, SECOND, 1_500), (0.3, 200, 5 * SECOND, 600)]
    {
        let (mut sim, camera, viewer) = lossy(306, &LinkSpec::lossy(loss), viewer());
        sim.run(120 * SECOND);
        let (count, longest) = freezes(&sim, viewer);
        let decoded = record(&sim, viewer, camera).decoded_total();
        eprintln!(
            "loss {:>4.0} %: {count} freezes over 200 ms in two minutes, longest {longest:?}, {decoded} of 3000 pictures",
            loss * 100.0
        );
        assert!(count <= most && longest <= longest_allowed, "{count} freezes, longest {longest:?}");
        assert!(decoded >= least, "{decoded} pictures");
    }
}
