//! Scalable cameras: all sizes of a picture in one VP9 stream, of which each viewer gets as many layers as the tile and the line allow.

use std::time::{Duration, Instant};

use loadgen::light::Scalable;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use signal::message::Source::Camera;
use tests::sim::{Layer, LinkSpec, PersonIx, Setup, Sim, SourceSetup};
use wire::codec::Codec;

use crate::video::{LARGE, SMALL, camera_of, changes, freezes, join, line, percentile, record, show, shown};
use crate::{JOIN, SECOND};

const MS: Duration = Duration::from_millis(1);
/// A tile of 360 lines.
const MEDIUM: [u16; 2] = [640, 360];
/// One way of a signalling message in the simulation.
const SIGNALLING: Duration = Duration::from_millis(15);
/// One way of the publisher's line.
const FAR: Duration = Duration::from_millis(30);
/// Time between two pictures.
const PICTURE: Duration = Duration::from_micros(33_334);
/// What Chromium sends as `L3T3`, `L3T3_KEY`, `L3T1` and `L3T1_KEY`.
const KINDS: [(Scalable, u8); 4] = [(Scalable::Full, 3), (Scalable::Key, 3), (Scalable::Full, 1), (Scalable::Key, 1)];

/// Somebody who sees one other, in VP9 too.
fn reader(author: u32) -> Setup {
    Setup { reads: Codec::Vp9, ..Setup::viewer(author, 0, 1) }
}

/// A scalable camera, and viewers behind good lines who show it large.
fn watched(seed: u64, (scalable, temporal): (Scalable, u8), far: Duration, viewers: u32) -> (Sim, PersonIx, Vec<PersonIx>) {
    let mut sim = Sim::new(seed);
    let line = || LinkSpec::default().delayed(far);
    let camera = join(&mut sim, camera_of(1, SourceSetup::scalable(scalable, temporal)), line(), line());
    let viewers = (0..viewers).map(|nth| join(&mut sim, reader(nth + 2), LinkSpec::default(), LinkSpec::default())).collect();
    (sim, camera, viewers)
}

/// The same, after a while in which everybody got the whole picture; counts begin now.
fn settled(seed: u64, kind: (Scalable, u8), far: Duration, viewers: u32) -> (Sim, PersonIx, Vec<PersonIx>) {
    let (mut sim, camera, viewers) = watched(seed, kind, far, viewers);
    sim.run(JOIN);
    viewers.iter().for_each(|viewer| show(&mut sim, *viewer, &[(camera, LARGE)]));
    sim.run(8 * SECOND);
    sim.begin_window();
    (sim, camera, viewers)
}

fn lines(sim: &Sim, viewer: PersonIx, camera: PersonIx) -> Option<u16> {
    shown(sim, viewer, camera).map(|shown| shown.0)
}

fn asked(sim: &Sim, camera: PersonIx) -> u64 {
    sim.people[camera].client.counters().keyframes_asked
}

/// What a viewer who comes sees first and ten seconds later, with when; and the keyframes that were asked of the camera.
fn beginning(seed: u64, camera: SourceSetup) -> (Option<(u16, u16)>, Duration, u64) {
    let mut sim = Sim::new(seed);
    let far = || LinkSpec::default().delayed(FAR);
    let camera = join(&mut sim, camera_of(1, camera), far(), far());
    let viewer = join(&mut sim, reader(2), LinkSpec::default(), LinkSpec::default());
    sim.run_until("a picture", JOIN, |sim| sim.people[viewer].decoded(1, Camera) > 0);
    sim.run(10 * SECOND);
    let record = record(&sim, viewer, camera);
    let (first, last) = (record.shown[0], record.shown[record.shown.len() - 1]);
    assert_eq!((last.size, record.freeze_count), (Some((1280, 720)), 0), "seed {seed}: {record}");
    (first.size, last.at - first.at, asked(&sim, camera))
}

/// Whether the camera costs less than what is tried first on any line, or 2 Mbit/s: its first keyframe alone is large, so that the top layer
/// waits until it is known how little the pictures behind it cost, or how much the line carries.
#[test]
fn the_whole_picture_is_there_within_a_second_and_one_keyframe() {
    for (cheaper, seeds) in [(5, 700..708), (1, 708..716)] {
        for (seed, (scalable, temporal)) in seeds.zip(KINDS.into_iter().cycle()) {
            let whole = SourceSetup::scalable(scalable, temporal);
            let layers = whole.layers.iter().map(|layer| Layer { bitrate: layer.bitrate / cheaper, ..*layer }).collect();
            let (first, grown, asked) = beginning(seed, SourceSetup { layers, ..whole });
            eprintln!("seed {seed} {scalable:?} {temporal}, 1/{cheaper}: {first:?}, 720 lines {grown:?} later, {asked} keyframes asked");
            assert!(first >= Some((640, 360)), "seed {seed} {scalable:?} {temporal}: {first:?}");
            assert!(grown < SECOND && asked <= 1, "seed {seed} {scalable:?} {temporal}: {grown:?} {asked}");
        }
    }
}

/// When the viewer first saw so many lines in this window.
fn seen(sim: &Sim, viewer: PersonIx, camera: PersonIx, lines: u16) -> Option<Instant> {
    let shown = record(sim, viewer, camera).shown.iter().skip(1);
    shown.filter(|shown| shown.size.is_some_and(|size| size.1 == lines)).map(|shown| shown.at).next()
}

#[test]
fn layers_follow_the_tile_down_at_once_and_up_at_a_keyframe() {
    for (seed, kind) in (720..724).zip(KINDS) {
        let (mut sim, camera, viewers) = settled(seed, kind, FAR, 2);
        let viewer = viewers[0];
        let (mut down, mut up) = (Vec::new(), Vec::new());
        for round in 0..12_u32 {
            for (size, expected) in [(MEDIUM, 360), (SMALL, 180), (MEDIUM, 360), (LARGE, 720)] {
                // Keyframes are bounded by their cost, so nobody changes more often; the odd part moves the moment within the picture.
                sim.run(3 * SECOND + round * Duration::from_micros(1_777));
                let before = lines(&sim, viewer, camera).expect("a picture");
                sim.begin_window();
                let keyframes = asked(&sim, camera);
                show(&mut sim, viewer, &[(camera, size)]);
                let heard = sim.now + SIGNALLING;
                sim.run(2 * SECOND);
                let at = seen(&sim, viewer, camera, expected).unwrap_or_else(|| panic!("seed {seed} {kind:?}: {before} to {expected}"));
                let keyframes = asked(&sim, camera) - keyframes;
                // Of what it takes, 10 ms are the viewer's line.
                let took = (at - heard).saturating_sub(10 * MS);
                if expected < before {
                    assert_eq!(keyframes, 0, "seed {seed} {kind:?}: down costs nobody anything");
                    down.push(took);
                } else {
                    assert!(keyframes <= 1, "seed {seed} {kind:?}: {keyframes} keyframes");
                    up.push(took);
                }
                assert_eq!(freezes(&sim, viewer).0 + freezes(&sim, viewers[1]).0, 0, "seed {seed} {kind:?}");
                assert_eq!(lines(&sim, viewers[1], camera), Some(720), "the other notices nothing");
            }
        }
        let (down, up) = (percentile(&mut down, 1.0), percentile(&mut up, 1.0));
        eprintln!("seed {seed} {kind:?}: down within {down:?}, up within {up:?}");
        // Up, a keyframe of twenty packets has to pass the pacer as well.
        assert!(down <= 2 * PICTURE && up <= 2 * FAR + PICTURE + 60 * MS, "seed {seed} {kind:?}: {down:?} {up:?}");
    }
}

/// The keyframe that takes a viewer up says once that it ends, behind its highest layer (RFC 9628 section 4.1): else a browser shows the small
/// picture of the keyframe first.
#[test]
fn the_way_up_is_one_picture() {
    for (seed, kind) in (770..774).zip(KINDS) {
        let (mut sim, camera, viewers) = settled(seed, kind, FAR, 1);
        show(&mut sim, viewers[0], &[(camera, SMALL)]);
        sim.run(5 * SECOND);
        assert_eq!(lines(&sim, viewers[0], camera), Some(180), "seed {seed} {kind:?}");
        sim.begin_window();
        show(&mut sim, viewers[0], &[(camera, LARGE)]);
        sim.run(2 * SECOND);
        assert_eq!(lines(&sim, viewers[0], camera), Some(720), "seed {seed} {kind:?}");
        assert_eq!(record(&sim, viewers[0], camera).resumed, 0, "seed {seed} {kind:?}: pictures that went on behind their end");
    }
}

#[test]
fn layers_follow_a_line_that_shrinks_and_grows_again() {
    for (seed, kind) in (730..738).zip(KINDS.into_iter().cycle()) {
        // The other's line is good, so that the camera goes on whole.
        let (mut sim, camera, viewers) = settled(seed, kind, FAR, 2);
        let viewer = viewers[0];
        sim.network.access(viewer).down.spec = LinkSpec::narrow(4_000);
        sim.run(10 * SECOND);
        assert_eq!(lines(&sim, viewer, camera), Some(720), "seed {seed} {kind:?}: the line carries it");
        sim.begin_window();
        sim.network.access(viewer).down.spec = LinkSpec::narrow(700);
        let fell = sim.run_until("fewer lines", 5 * SECOND, |sim| lines(sim, viewer, camera) < Some(720));
        sim.run(10 * SECOND);
        let (count, longest) = freezes(&sim, viewer);
        let estimate = line(&mut sim, viewer).estimate;
        assert!(estimate < 1_000_000, "the line did shrink: {estimate}");
        sim.begin_window();
        sim.run(20 * SECOND);
        let (calm, decoded) = (freezes(&sim, viewer), record(&sim, viewer, camera).decoded_total());
        let narrow = lines(&sim, viewer, camera);
        sim.network.access(viewer).down.spec = LinkSpec::narrow(4_000);
        sim.begin_window();
        let rose = sim.run_until("720 lines", 60 * SECOND, |sim| lines(sim, viewer, camera) == Some(720));
        sim.run(10 * SECOND);
        let grown = (changes(&sim, viewer)[0], freezes(&sim, viewer).1);
        eprintln!(
            "seed {seed} {kind:?}: fell after {fell:?}, {count} freezes up to {longest:?}; then {narrow:?} lines, {decoded} pictures in 20 s, \
             {calm:?}; rose after {rose:?} with {grown:?}"
        );
        assert_eq!(lines(&sim, viewer, camera), Some(720), "seed {seed} {kind:?}");
        assert!(narrow >= Some(180) && narrow <= Some(360), "seed {seed} {kind:?}: {narrow:?}");
        assert!(fell < 3 * SECOND && 2 * longest < 3 * SECOND, "seed {seed} {kind:?}: {fell:?} {longest:?}");
        assert!(calm.0 == 0 && decoded >= 20 * 14, "seed {seed} {kind:?}: {calm:?} {decoded}");
        assert!(rose < 13 * SECOND && grown.1 < Duration::from_millis(300), "seed {seed} {kind:?}: {rose:?} {grown:?}");
    }
}

/// A viewer both of whose directions lose a tenth, let packets overtake each other, and deliver some twice, for two minutes: freezes and how
/// much of the time they took, and the pictures.
fn rough(seed: u64, kind: (Scalable, u8), asks_again: bool) -> (u64, Duration, f64, u64) {
    let mut sim = Sim::new(seed);
    let good = LinkSpec::default;
    let camera = join(&mut sim, camera_of(1, SourceSetup::scalable(kind.0, kind.1)), good(), good());
    let viewer = join(&mut sim, Setup { asks_again, feedback_every: 50 * MS, ..reader(2) }, good(), good());
    sim.run(JOIN);
    show(&mut sim, viewer, &[(camera, LARGE)]);
    sim.run(3 * SECOND);
    let spec = LinkSpec { loss: 0.1, jitter: 8 * MS, reorder: 0.03, duplicate: 0.03, ..good() };
    sim.network.set_both_ways(viewer, spec);
    sim.begin_window();
    sim.run(120 * SECOND);
    let stats = sim.network.access(viewer).down.stats;
    assert!(stats.lost > 1_000 && stats.reordered > 300 && stats.duplicated > 300, "the faults happened: {stats:?}");
    let record = record(&sim, viewer, camera);
    let stood: Duration = record.freezes.iter().map(|freeze| freeze.1).sum();
    let (count, longest) = freezes(&sim, viewer);
    eprintln!("seed {seed} {kind:?}, asks again: {asks_again}: {count} freezes up to {longest:?}, {stood:?} in all; {record}");
    assert_eq!(record.error_count, 0);
    (count, longest, stood.as_secs_f64() / 120.0, record.decoded_total())
}

#[test]
fn loss_jitter_and_reordering_break_no_picture() {
    for (seed, kind) in (740..744).zip(KINDS) {
        let (count, longest, share, decoded) = rough(seed, kind, true);
        assert!(count <= 12 && longest < SECOND && share < 0.05, "seed {seed} {kind:?}: {count} {longest:?} {share}");
        assert!(decoded > 120 * 20, "seed {seed} {kind:?}: {decoded} pictures");
    }
}

/// The twin: the same viewer who asks for nothing again sees little.
#[test]
fn without_retransmission_the_same_line_stands_still() {
    let (count, _, share, _) = rough(740, KINDS[0], false);
    assert!(count > 50 && share > 0.3, "{count} {share}");
}

#[test]
fn a_thousand_random_tiles_of_six_viewers_break_no_decoder() {
    for (seed, kind) in (750..754).zip(KINDS) {
        let (mut sim, camera, viewers) = settled(seed, kind, FAR, 6);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut tiles = 0;
        while tiles < 1_000 {
            for viewer in &viewers {
                let chance = random.next_u32() as usize;
                if chance.is_multiple_of(2) {
                    show(&mut sim, *viewer, &[(camera, [SMALL, MEDIUM, LARGE][chance / 2 % 3])]);
                    tiles += 1;
                }
                if chance.is_multiple_of(37) {
                    let spec = [LinkSpec::default(), LinkSpec::narrow(700), LinkSpec::lossy(0.05)][chance / 37 % 3].clone();
                    sim.network.access(*viewer).down.spec = spec;
                }
            }
            sim.run(SECOND / 3);
        }
        let switches: u64 = viewers.iter().flat_map(|viewer| changes(&sim, *viewer)).sum();
        let errors: u64 = viewers.iter().map(|viewer| record(&sim, *viewer, camera).error_count).sum();
        eprintln!(
            "seed {seed} {kind:?}: {tiles} tiles, {switches} switches in {:?}, {} keyframes asked",
            sim.elapsed(),
            asked(&sim, camera)
        );
        assert!(switches > 80, "seed {seed} {kind:?}: {switches} switches");
        assert_eq!(errors, 0, "seed {seed} {kind:?}");
        for viewer in &viewers {
            sim.network.access(*viewer).down.spec = LinkSpec::default();
            show(&mut sim, *viewer, &[(camera, LARGE)]);
        }
        sim.run(30 * SECOND);
        let sizes: Vec<_> = viewers.iter().map(|viewer| lines(&sim, *viewer, camera)).collect();
        assert_eq!(sizes, [Some(720); 6], "seed {seed} {kind:?}");
    }
}

/// The camera's encoder ends without a word, and another begins: its numbers have nothing to do with those before.
#[test]
fn another_encoder_takes_over() {
    for (seed, kind) in (760..764).zip(KINDS) {
        let (mut sim, camera, viewers) = settled(seed, kind, FAR, 2);
        show(&mut sim, viewers[1], &[(camera, SMALL)]);
        sim.run(3 * SECOND);
        for silence in [300, 1_000, 4_000] {
            sim.begin_window();
            let before = viewers.iter().map(|viewer| sim.people[*viewer].decoded(1, Camera)).sum::<u64>();
            sim.people[camera].client.set_active(Camera, false);
            sim.run(silence * MS);
            let silent = viewers.iter().map(|viewer| sim.people[*viewer].decoded(1, Camera)).sum::<u64>();
            assert!(silent - before < 10, "the silence happened: {silent} pictures");
            let keyframes = asked(&sim, camera);
            sim.people[camera].client.set_active(Camera, true);
            let begun = sim.now;
            sim.run(SECOND);
            let back = viewers.iter().map(|viewer| {
                let stood = record(&sim, *viewer, camera).freezes.first().copied();
                stood.map(|(from, span)| from + span - begun)
            });
            let back: Vec<_> = back.collect();
            eprintln!(
                "seed {seed} {kind:?}: {silence} ms of silence, back after {back:?}, {} keyframes asked",
                asked(&sim, camera) - keyframes
            );
            sim.run(5 * SECOND);
            let sizes: Vec<_> = viewers.iter().map(|viewer| lines(&sim, *viewer, camera)).collect();
            assert_eq!(sizes, [Some(720), Some(180)], "seed {seed} {kind:?}");
            for (viewer, back) in viewers.iter().zip(back) {
                let record = record(&sim, *viewer, camera);
                assert!(back.is_some_and(|back| back <= FAR + 10 * MS + 2 * PICTURE), "seed {seed} {kind:?}: {back:?}");
                assert_eq!((record.error_count, record.freeze_count), (0, 1), "seed {seed} {kind:?}");
            }
        }
    }
}
