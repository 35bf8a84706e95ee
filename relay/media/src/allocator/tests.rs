//! The allocator's specification as rows: ladders, tiles and a budget in, layers and reasons out.

use super::*;
use proptest::prelude::*;

/// Three encodings of three frame rates: 90/180, 360 and 720 lines; a quarter less of everything at T0.
const SIMULCAST: [(u8, u16, u64); 3] = [(0, 180, 150_000), (1, 360, 500_000), (2, 720, 1_500_000)];

/// A ladder of encodings (index, lines, bit/s) with frame rates 7.5, 15 and 30 at 40, 60 and 100 % of the rate.
fn temporal(encodings: &[(u8, u16, u64)]) -> Vec<Rung> {
    let rungs = encodings.iter().flat_map(|(encoding, height, bitrate)| {
        [(0, 8, 40), (1, 15, 60), (2, 30, 100)].map(|(temporal, fps, percent)| Rung {
            layer: LayerId { encoding: *encoding, spatial: 0, temporal },
            height: *height,
            fps,
            bitrate: bitrate * percent / 100,
            flows: true,
        })
    });
    rungs.collect()
}

/// A ladder of encodings (index, lines, bit/s) without temporal layers.
fn plain(encodings: &[(u8, u16, u64)]) -> Vec<Rung> {
    let rungs = encodings.iter().map(|(encoding, height, bitrate)| Rung {
        layer: LayerId { encoding: *encoding, spatial: 0, temporal: 0 },
        height: *height,
        fps: 30,
        bitrate: *bitrate,
        flows: true,
    });
    rungs.collect()
}

/// The tile number `slot`, ranked by it, small and new.
fn tile(slot: usize, height: u16, rungs: &[Rung]) -> Demand<'_> {
    Demand { slot, content: Content::Camera, rank: slot as u16, main: false, height, rungs, granted: None, held: false, pauses: 0 }
}

fn main_tile(slot: usize, height: u16, rungs: &[Rung]) -> Demand<'_> {
    Demand { main: true, ..tile(slot, height, rungs) }
}

fn screen(slot: usize, height: u16, rungs: &[Rung]) -> Demand<'_> {
    Demand { content: Content::Screen, ..tile(slot, height, rungs) }
}

const fn line(bitrate: u64) -> Budget {
    Budget { now: bitrate, steady: bitrate }
}

const fn layer(encoding: u8, temporal: u8) -> Option<LayerId> {
    Some(LayerId { encoding, spatial: 0, temporal })
}

/// (encoding, temporal) of each grant, or nothing, with the reason.
fn give(demands: &[Demand<'_>], budget: Budget) -> Vec<(Option<(u8, u8)>, Reason)> {
    let mut grants = Vec::new();
    allocate(demands, budget, &mut grants);
    grants.iter().map(|grant| (grant.layer.map(|layer| (layer.encoding, layer.temporal)), grant.reason)).collect()
}

/// As [`give`], without reasons.
fn layers(demands: &[Demand<'_>], budget: Budget) -> Vec<Option<(u8, u8)>> {
    give(demands, budget).into_iter().map(|(layer, _)| layer).collect()
}

#[test]
fn a_tile_gets_the_least_picture_that_fills_it() {
    let rungs = temporal(&SIMULCAST);
    let rows: [(u16, u8, Reason); 10] = [
        (90, 0, Reason::Fits),
        (180, 0, Reason::Fits),
        (225, 0, Reason::Fits),
        (226, 1, Reason::Fits),
        (240, 1, Reason::Fits),
        (450, 1, Reason::Fits),
        (451, 2, Reason::Fits),
        (720, 2, Reason::Fits),
        (900, 2, Reason::Fits),
        (1_080, 2, Reason::Source),
    ];
    for (height, encoding, reason) in rows {
        assert_eq!(give(&[tile(0, height, &rungs)], line(10_000_000)), [(Some((encoding, 2)), reason)], "{height} lines");
    }
}

#[test]
fn less_bandwidth_costs_frames_first_then_resolution() {
    let rungs = temporal(&SIMULCAST);
    // 720 lines at 7.5 pictures a second are left out for a face; a step up leaves a sixteenth to spare.
    let rows: [(u64, (u8, u8), Reason); 8] = [
        (1_700_000, (2, 2), Reason::Fits),
        (1_550_000, (2, 1), Reason::Waits),
        (1_050_000, (2, 1), Reason::Bandwidth),
        (700_000, (1, 2), Reason::Bandwidth),
        (400_000, (1, 1), Reason::Bandwidth),
        (250_000, (0, 2), Reason::Bandwidth),
        (110_000, (0, 1), Reason::Bandwidth),
        (20_000, (0, 0), Reason::Bandwidth),
    ];
    for (bitrate, expected, reason) in rows {
        assert_eq!(give(&[tile(0, 720, &rungs)], line(bitrate)), [(Some(expected), reason)], "{bitrate} bit/s");
    }
}

#[test]
fn a_face_is_never_sharper_at_the_price_of_motion() {
    // The best encoding's slowest pictures cost less than all of the middle one: cameras that hardly move are like that.
    let rungs = temporal(&[(0, 135, 60_000), (1, 270, 130_000), (2, 540, 300_000)]);
    assert_eq!(give(&[tile(0, 275, &rungs)], line(5_000_000)), [(Some((1, 2)), Reason::Fits)]);
    assert_eq!(layers(&[screen(0, 275, &rungs)], line(5_000_000)), [Some((2, 0))]);
    // On the way up as well: 135 lines at 30 pictures a second before 270 at 7.5, which cost less.
    assert_eq!(layers(&[tile(0, 275, &rungs)], line(65_000)), [Some((0, 2))]);
    // Whose camera is slow in bad light loses no sharpness for it.
    let dark: Vec<Rung> = rungs.iter().map(|rung| Rung { fps: rung.fps / 4, ..*rung }).collect();
    assert_eq!(layers(&[tile(0, 540, &dark)], line(150_000)), [Some((1, 2))]);
}

#[test]
fn nothing_was_ever_sent_and_nobody_looks() {
    assert_eq!(give(&[tile(0, 0, &[])], line(1_000_000)), [(None, Reason::NoMedia)]);
}

#[test]
fn a_screen_stays_sharp_and_gets_slow() {
    let rungs = temporal(&[(0, 360, 400_000), (1, 1_080, 1_500_000)]);
    let rows: [(u64, (u8, u8)); 4] = [(1_700_000, (1, 2)), (1_100_000, (1, 1)), (700_000, (1, 0)), (600_000, (0, 2))];
    for (bitrate, expected) in rows {
        assert_eq!(layers(&[screen(0, 1_080, &rungs)], line(bitrate)), [Some(expected)], "{bitrate} bit/s");
    }
    // Beside a face of equal size the screen is served first, up to its resolution.
    let both = [tile(0, 1_080, &rungs), screen(1, 1_080, &rungs)];
    assert_eq!(layers(&both, line(900_000)), [Some((0, 1)), Some((1, 0))]);
}

#[test]
fn the_line_is_shared_by_order_one_step_each() {
    let rungs = plain(&SIMULCAST);
    let three = [tile(0, 720, &rungs), tile(1, 720, &rungs), tile(2, 720, &rungs)];
    let rows: [(u64, [Option<u8>; 3]); 7] = [
        (100_000, [Some(0), None, None]),
        (320_000, [Some(0), Some(0), None]),
        (480_000, [Some(0), Some(0), Some(0)]),
        (900_000, [Some(1), Some(0), Some(0)]),
        (1_250_000, [Some(1), Some(1), Some(0)]),
        (1_600_000, [Some(1), Some(1), Some(1)]),
        (2_800_000, [Some(2), Some(1), Some(1)]),
    ];
    for (bitrate, expected) in rows {
        let expected = expected.map(|encoding| encoding.map(|encoding| (encoding, 0)));
        assert_eq!(layers(&three, line(bitrate)), expected, "{bitrate} bit/s");
    }
}

#[test]
fn a_large_tile_reaches_360_lines_before_anybody_gets_more_than_the_least() {
    let rungs = plain(&SIMULCAST);
    let room = [tile(0, 360, &rungs), main_tile(1, 720, &rungs), tile(2, 360, &rungs)];
    assert_eq!(layers(&room, line(900_000)), [Some((0, 0)), Some((1, 0)), Some((0, 0))]);
    // Then everybody goes on in turn, the large one first.
    assert_eq!(layers(&room, line(1_600_000)), [Some((1, 0)), Some((1, 0)), Some((1, 0))]);
    assert_eq!(layers(&room, line(3_000_000)), [Some((1, 0)), Some((2, 0)), Some((1, 0))]);
}

#[test]
fn thirty_three_tiles_get_slower_before_any_disappears() {
    let rungs = temporal(&SIMULCAST);
    let host = (0..1).map(|slot| main_tile(slot, 720, &rungs));
    let room: Vec<_> = host.chain((1..34).map(|slot| tile(slot, 100, &rungs))).collect();
    let slowest = |layers: &[Option<(u8, u8)>]| layers[1..].iter().map(|layer| layer.map(|(_, temporal)| temporal)).min().unwrap();
    assert_eq!(slowest(&layers(&room, line(8_000_000))), Some(2));
    assert_eq!(layers(&room, line(8_000_000))[0], Some((2, 2)));
    let tight = layers(&room, line(3_500_000));
    assert_eq!(slowest(&tight), Some(0), "some show fewer pictures");
    assert_eq!(tight[0], Some((2, 1)), "and the host is still seen well");
    let (shown, gone): (Vec<_>, Vec<_>) = layers(&room, line(980_000)).into_iter().partition(Option::is_some);
    assert!(shown.iter().all(|layer| *layer == Some((0, 0))) && shown.len() > 12 && !gone.is_empty(), "{} shown", shown.len());
}

#[test]
fn the_last_in_order_loses_first_and_frames_before_lines() {
    let rungs = temporal(&SIMULCAST);
    let granted = [layer(1, 2); 3];
    let room: Vec<_> = (0..3).map(|slot| Demand { granted: granted[slot], ..tile(slot, 360, &rungs) }).collect();
    let rows: [(u64, [(u8, u8); 3]); 5] = [
        (1_500_000, [(1, 2), (1, 2), (1, 2)]),
        (1_499_999, [(1, 2), (1, 2), (1, 1)]),
        (1_200_000, [(1, 2), (1, 1), (1, 1)]),
        (700_000, [(1, 1), (0, 2), (0, 2)]),
        (449_999, [(0, 2), (0, 2), (0, 1)]),
    ];
    for (bitrate, expected) in rows {
        assert_eq!(layers(&room, line(bitrate)), expected.map(Some), "{bitrate} bit/s");
    }
}

#[test]
fn what_nobody_sees_gets_the_least_of_what_is_left() {
    let rungs = temporal(&SIMULCAST);
    let room = [tile(0, 0, &rungs), tile(1, 720, &rungs)];
    assert_eq!(give(&room, line(2_000_000)), [(Some((0, 0)), Reason::Hidden), (Some((2, 2)), Reason::Fits)]);
    assert_eq!(give(&room, line(700_000)), [(Some((0, 0)), Reason::Hidden), (Some((1, 2)), Reason::Bandwidth)]);
    assert_eq!(give(&room, line(555_000)), [(None, Reason::Hidden), (Some((1, 2)), Reason::Bandwidth)]);
}

#[test]
fn a_layer_is_kept_by_the_present_and_raised_by_the_past() {
    let rungs = plain(&SIMULCAST);
    let with = |granted, held, budget| give(&[Demand { granted, held, ..tile(0, 720, &rungs) }], budget)[0];
    let dip = Budget { now: 2_000_000, steady: 600_000 };
    assert_eq!(with(layer(2, 0), false, dip), (Some((2, 0)), Reason::Fits), "kept");
    assert_eq!(with(layer(1, 0), false, dip), (Some((1, 0)), Reason::Waits), "not raised yet");
    assert_eq!(with(layer(0, 0), false, dip), (Some((1, 0)), Reason::Waits), "raised as far as it has been good for");
    assert_eq!(with(layer(0, 0), false, line(2_000_000)), (Some((2, 0)), Reason::Fits), "at once");
    assert_eq!(with(layer(0, 0), true, line(2_000_000)), (Some((0, 0)), Reason::Waits), "changed a moment ago");
    assert_eq!(with(layer(2, 0), true, line(600_000)), (Some((1, 0)), Reason::Bandwidth), "a drop always counts");
    assert_eq!(with(layer(2, 0), false, line(1_500_000)), (Some((2, 0)), Reason::Fits), "kept to the last bit");
    assert_eq!(with(layer(1, 0), false, line(1_500_000)), (Some((1, 0)), Reason::Waits), "raised only with something to spare");
}

#[test]
fn a_picture_that_was_taken_away_comes_back_when_the_line_has_carried_it_for_a_while() {
    let rungs = plain(&[(0, 180, 150_000)]);
    let second = |pauses, budget| {
        let demand = Demand { pauses, ..tile(1, 180, &rungs) };
        give(&[Demand { granted: layer(0, 0), ..tile(0, 180, &rungs) }, demand], budget)[1].0.is_some()
    };
    let rises = Budget { now: 600_000, steady: 370_000 };
    assert!(second(0, rises), "nobody who is new waits");
    assert!(!second(1, rises) && second(1, line(380_000)));
    assert!(!second(2, line(440_000)) && second(2, line(460_000)), "the more to spare, the more often it went");
    assert!(!second(4, line(890_000)) && second(4, line(910_000)));
    // Nor does it take the place of somebody less important.
    let [first, third] = [0, 2].map(|slot| Demand { granted: layer(0, 0), ..tile(slot, 180, &rungs) });
    let come_back = |bits| layers(&[first, Demand { pauses: 1, ..tile(1, 180, &rungs) }, third], line(bits))[1].is_some();
    assert!(!come_back(500_000) && come_back(530_000));
}

#[test]
fn the_first_tile_keeps_a_cheap_picture_whatever_happens() {
    let cheap = plain(&SIMULCAST);
    let dear = plain(&[(0, 720, 2_500_000)]);
    assert_eq!(give(&[tile(0, 720, &cheap), tile(1, 720, &cheap)], line(0)), [(Some((0, 0)), Reason::Bandwidth), (None, Reason::NoRoom)]);
    assert_eq!(give(&[tile(0, 720, &dear)], line(1_000_000)), [(None, Reason::NoRoom)]);
    // Who is too dear does not keep the others small.
    assert_eq!(layers(&[tile(0, 720, &dear), tile(1, 720, &cheap)], line(1_000_000)), [None, Some((1, 0))]);
}

#[test]
fn a_layer_that_does_not_flow_is_asked_for_at_its_remembered_rate() {
    let mut rungs = plain(&SIMULCAST);
    rungs[2].flows = false;
    assert_eq!(give(&[tile(0, 720, &rungs)], line(5_000_000)), [(Some((2, 0)), Reason::Source)]);
    assert_eq!(give(&[tile(0, 720, &rungs)], line(1_400_000)), [(Some((1, 0)), Reason::Bandwidth)]);
    // One of which nothing is remembered costs what its lines usually cost: 2 Mbit/s.
    rungs[2].bitrate = 0;
    assert_eq!(layers(&[tile(0, 720, &rungs)], line(2_000_000)), [Some((1, 0))]);
    assert_eq!(layers(&[tile(0, 720, &rungs)], line(2_500_000)), [Some((2, 0))]);
    rungs.iter_mut().for_each(|rung| rung.flows = false);
    assert_eq!(give(&[tile(0, 180, &rungs)], line(5_000_000)), [(Some((0, 0)), Reason::NoMedia)]);
    assert_eq!(give(&[tile(0, 180, &[])], line(5_000_000)), [(None, Reason::NoMedia)]);
}

#[test]
fn a_better_layer_that_is_cheaper_is_taken() {
    // A still screen: the sharp encoding costs less than the small one.
    let mut rungs = plain(&[(0, 360, 300_000), (1, 1_080, 290_000)]);
    assert_eq!(give(&[screen(0, 270, &rungs)], line(2_000_000)), [(Some((1, 0)), Reason::Fits)]);
    rungs[1].bitrate = 310_000;
    assert_eq!(layers(&[screen(0, 270, &rungs)], line(2_000_000)), [Some((0, 0))], "dearer");
    let kept = Demand { granted: layer(1, 0), ..screen(0, 270, &rungs) };
    assert_eq!(layers(&[kept], line(2_000_000)), [Some((1, 0))], "but not so much that who has it should go back");
    rungs[1].flows = false;
    rungs[1].bitrate = 100_000;
    assert_eq!(layers(&[screen(0, 270, &rungs)], line(2_000_000)), [Some((0, 0))], "nobody starts an encoder for it");
    // And on the way up.
    let rungs = plain(&[(0, 180, 150_000), (1, 360, 900_000), (2, 720, 800_000)]);
    assert_eq!(layers(&[tile(0, 720, &rungs)], line(950_000)), [Some((2, 0))]);
    // Whoever is held does not fall because something above became cheaper than what he has.
    let held = Demand { granted: layer(1, 0), held: true, ..tile(0, 720, &rungs) };
    assert_eq!(layers(&[held], line(950_000)), [Some((1, 0))]);
}

/// The lower encoding of a page has all the lines of a window, and a fraction of the letters' edges.
#[test]
fn a_screen_that_is_there_to_be_read_is_as_sharp_as_the_line_allows() {
    let rungs = plain(&[(0, 540, 350_000), (1, 1_080, 2_500_000)]);
    assert_eq!(layers(&[screen(0, 600, &rungs), screen(1, 300, &rungs)], line(9_000_000)), [Some((1, 0)), Some((0, 0))]);
    assert_eq!(layers(&[screen(0, 600, &rungs)], line(2_000_000)), [Some((0, 0))]);
}

/// Nine equal tiles, all of which the layout calls large: none is served before the others.
#[test]
fn where_all_are_large_none_takes_what_the_others_need() {
    let rungs = temporal(&SIMULCAST);
    let tiles: Vec<Demand<'_>> = (0..9).map(|slot| main_tile(slot, 240, &rungs)).collect();
    let given = layers(&tiles, line(1_500_000));
    assert!(given.iter().all(|layer| layer.is_some_and(|(encoding, temporal)| (encoding, temporal) >= (0, 2))), "{given:?}");
}

/// The first of two equals could go up if the second came down.
#[test]
fn nobody_goes_up_by_what_an_equal_has() {
    let rungs = plain(&SIMULCAST);
    let [first, second] = [(0, 1), (1, 2)].map(|(slot, encoding)| Demand { granted: layer(encoding, 0), ..tile(slot, 720, &rungs) });
    assert_eq!(layers(&[first, second], line(2_200_000)), [Some((1, 0)), Some((2, 0))]);
    // A large one may.
    assert_eq!(layers(&[Demand { main: true, ..first }, second], line(2_200_000)), [Some((2, 0)), Some((1, 0))]);
}

#[test]
fn pictures_of_unknown_size_are_given_in_full() {
    let rungs = plain(&[(0, 0, 150_000), (1, 0, 700_000)]);
    assert_eq!(give(&[tile(0, 180, &rungs)], line(2_000_000)), [(Some((1, 0)), Reason::Fits)]);
    assert_eq!(give(&[tile(0, 180, &rungs)], line(400_000)), [(Some((0, 0)), Reason::Bandwidth)]);
}

#[test]
fn totals_tell_what_is_given_and_what_would_be_used() {
    let rungs = plain(&SIMULCAST);
    let mut grants = Vec::new();
    let total = allocate(&[tile(0, 720, &rungs), tile(1, 0, &rungs), tile(2, 360, &rungs)], line(900_000), &mut grants);
    assert_eq!(total, Total { granted: 500_000 + 150_000 + 150_000, wished: 1_500_000 + 150_000 + 500_000 });
    assert_eq!(grants.iter().map(|grant| grant.ideal).collect::<Vec<_>>(), [layer(2, 0), layer(0, 0), layer(1, 0)]);
}

/// Bandwidth that wavers, rates that are measured: no slot changes twice within ten seconds, and the line is used.
#[test]
fn on_a_wavering_line_nobody_flaps() {
    let mut state = 7_u64;
    let mut noise = move |percent: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        100 - percent + (state >> 33) % (2 * percent + 1)
    };
    #[allow(clippy::disallowed_methods)]
    let start = std::time::Instant::now();
    let at = |tick: u64| start + std::time::Duration::from_millis(tick * 100);
    let mut steady = Steady::new(start, 1_500_000);
    let mut held = [Held::new(start, 360); 4];
    let mut granted = [None; 4];
    let mut changes: [Vec<u64>; 4] = Default::default();
    let (mut used, mut grants) = (0, Vec::new());
    for tick in 0..6_000 {
        let mut rungs = plain(&SIMULCAST);
        rungs.iter_mut().for_each(|rung| rung.bitrate = rung.bitrate * noise(8) / 100);
        let budget = steady.budget(at(tick), 1_500_000 * noise(4) / 100);
        let demand = |slot: usize| Demand { granted: granted[slot], held: held[slot].holds(at(tick)), ..tile(slot, 360, &rungs) };
        let demands: [_; 4] = std::array::from_fn(demand);
        used += allocate(&demands, budget, &mut grants).granted / 1_000;
        for (slot, grant) in grants.iter().enumerate() {
            held[slot].granted(at(tick), granted[slot], grant.layer);
            if grant.layer != granted[slot] {
                changes[slot].push(tick);
            }
            granted[slot] = grant.layer;
        }
    }
    for ticks in &changes {
        let quick = ticks.windows(2).filter(|pair| pair[1] - pair[0] < 100 && pair[0] > 50).count();
        assert!(quick == 0 && ticks.len() < 20, "{ticks:?}");
    }
    assert!(used / 6_000 > 1_200, "{} kbit/s of 1,500 used", used / 6_000);
}

#[test]
fn nothing_is_allocated_once_warm() {
    let rungs = temporal(&SIMULCAST);
    let demands: Vec<_> = (0..MAX_TILES + 5).map(|slot| tile(slot, 180, &rungs)).collect();
    let mut grants = Vec::new();
    allocate(&demands, line(5_000_000), &mut grants);
    let counted = allocation_counter::measure(|| {
        allocate(&demands, line(4_000_000), &mut grants);
    });
    assert_eq!(counted.count_total, 0);
    assert_eq!(grants.len(), MAX_TILES + 5);
    assert!(grants[MAX_TILES..].iter().all(|grant| grant.layer.is_none()), "bounded");
}

/// A ladder as the wire might make it: rates in any order, unknown sizes, layers that do not flow.
fn any_ladder() -> impl Strategy<Value = Vec<Rung>> {
    let rung = (0..4_u16, 0..40_u8, 0..3_000_000_u64, any::<bool>());
    proptest::collection::vec(rung, 0..12).prop_map(|rungs| {
        let made = rungs.iter().enumerate().map(|(index, (height, fps, bitrate, flows))| Rung {
            layer: LayerId { encoding: (index / 3) as u8, spatial: 0, temporal: (index % 3) as u8 },
            height: height * 180,
            fps: *fps,
            bitrate: *bitrate,
            flows: *flows,
        });
        made.collect()
    })
}

/// What proptest draws for one tile: ladder, rank, height, screen, main, index of the granted rung (12 and more: none), held.
type Drawn = (Vec<Rung>, u16, u16, bool, bool, usize, bool);

fn any_tiles() -> impl Strategy<Value = Vec<Drawn>> {
    let tile = (any_ladder(), 0..5_u16, 0..1_200_u16, any::<bool>(), any::<bool>(), 0..20_usize, any::<bool>());
    proptest::collection::vec(tile, 1..12)
}

fn demands(tiles: &[Drawn]) -> Vec<Demand<'_>> {
    let made = tiles.iter().enumerate().map(|(slot, (rungs, rank, height, screen, main, granted, held))| Demand {
        slot,
        content: if *screen { Content::Screen } else { Content::Camera },
        rank: *rank,
        main: *main,
        height: *height,
        rungs,
        granted: rungs.get(*granted).map(|rung| rung.layer),
        held: *held,
        pauses: u8::from(*held),
    });
    made.collect()
}

proptest! {
    #[test]
    fn never_over_the_line_and_the_order_of_the_demands_means_nothing(
        tiles in any_tiles(), now in 0..8_000_000_u64, steady in 0..8_000_000_u64, turn in 0..12_usize,
    ) {
        let budget = Budget { now, steady };
        let mut demands = demands(&tiles);
        let mut grants = Vec::new();
        let total = allocate(&demands, budget, &mut grants);
        prop_assert!(total.granted <= now.max(ALWAYS), "{} of {now}", total.granted);
        for (demand, grant) in demands.iter().zip(&grants) {
            prop_assert_eq!(demand.slot, grant.slot);
            prop_assert!(grant.layer.is_none_or(|layer| demand.rungs.iter().any(|rung| rung.layer == layer)));
            prop_assert!(grant.layer <= grant.ideal);
            let raised = grant.layer > demand.granted && demand.granted.is_some();
            let of = |layer| demand.rungs.iter().find(|rung| Some(rung.layer) == layer).map(rate);
            prop_assert!(!(raised && demand.held) || of(grant.layer) <= of(demand.granted), "held, unless that costs more");
        }
        demands.rotate_left(turn % tiles.len());
        let mut again = Vec::new();
        prop_assert_eq!(allocate(&demands, budget, &mut again), total);
        for grant in &again {
            prop_assert_eq!(grant, &grants[grant.slot]);
        }
    }

    /// With equal ladders nobody ever loses because the line carries more, and nobody is better off than who stands before him.
    #[test]
    fn more_bandwidth_is_never_worse(count in 1..10_usize, low in 0..12_000_000_u64, more in 0..3_000_000_u64) {
        let rungs = plain(&SIMULCAST);
        let demands: Vec<_> = (0..count).map(|slot| tile(slot, 720, &rungs)).collect();
        let (less, more) = (layers(&demands, line(low)), layers(&demands, line(low + more)));
        prop_assert!(less.iter().zip(&more).all(|(less, more)| less <= more), "{less:?} {more:?}");
        prop_assert!(less.windows(2).all(|pair| pair[0] >= pair[1]), "{less:?}");
    }

    /// An allocation answers itself: at most once more something moves, when a bargain was not to be had after all.
    #[test]
    fn the_same_again_changes_nothing(tiles in any_tiles(), now in 0..8_000_000_u64) {
        let mut demands = demands(&tiles);
        let mut grants = Vec::new();
        let mut given = Vec::new();
        for _ in 0..3 {
            allocate(&demands, line(now), &mut grants);
            for (demand, grant) in demands.iter_mut().zip(&grants) {
                demand.granted = grant.layer;
                demand.held = true;
            }
            given.push(grants.iter().map(|grant| grant.layer).collect::<Vec<_>>());
        }
        prop_assert_eq!(&given[1], &given[2]);
    }
}
