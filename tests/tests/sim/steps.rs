//! Tiles that grow and shrink on a line that loses: between the two pictures there is none that stands.

use std::time::Duration;

use tests::sim::{LinkSpec, Setup};

use crate::SECOND;
use crate::video::{LARGE, SMALL, changes, freezes, record, show, watched};

/// Until the keyframe of the smaller picture is there the larger one is shown, and what is lost of it is sent again.
#[test]
fn a_tile_that_goes_large_and_small_over_a_lossy_line_never_stands() {
    for (seed, loss) in [(410, 0.1), (411, 0.1), (412, 0.05)] {
        let viewer = Setup { feedback_every: Duration::from_millis(50), ..Setup::viewer(2, 0, 1) };
        let (mut sim, publishers, viewer) = watched(seed, 1, LARGE, viewer, LinkSpec::default());
        sim.run(5 * SECOND);
        sim.network.access(viewer).down.spec = LinkSpec { loss, ..LinkSpec::default() };
        sim.begin_window();
        for step in 0..30 {
            show(&mut sim, viewer, &[(publishers[0], if step % 2 == 0 { SMALL } else { LARGE })]);
            sim.run(2 * SECOND);
        }
        let (lost, (count, longest)) = (sim.network.access(viewer).down.stats.lost, freezes(&sim, viewer));
        let (steps, decoded) = (changes(&sim, viewer)[0], record(&sim, viewer, publishers[0]).decoded_total());
        eprintln!("seed {seed}, {loss}: {lost} lost, {steps} steps, {decoded} pictures, {count} freezes up to {longest:?}");
        assert!(lost > 300 && steps >= 20, "the fault happened: {lost}, {steps}");
        assert!(count <= 6 && longest < Duration::from_millis(250), "seed {seed}: {count} {longest:?}");
    }
}
