//! Layer switches: how soon, how smooth, and never a picture that a decoder could not show.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use room::Reason;
use signal::message::{ClientMessage, Limited, Source};
use tests::sim::{Layer, LinkSpec, PersonIx, Setup, Sim, SourceSetup};
use wire::codec::Codec;
use wire::ids::Rid;

use crate::video::{LARGE, SMALL, camera_of, changes, freezes, join, percentile, record, show, shown, watched, webcam};
use crate::{JOIN, SECOND};

/// One way of a signalling message in the simulation.
const SIGNALLING: Duration = Duration::from_millis(15);
/// One way of the publisher's line.
const FAR: Duration = Duration::from_millis(30);

/// A camera, a viewer who changes sizes, and two others who keep the highest and the lowest encoding flowing.
fn three_viewers(seed: u64) -> (Sim, PersonIx, PersonIx) {
    let mut sim = Sim::new(seed);
    let far = || LinkSpec::default().delayed(FAR);
    let camera = join(&mut sim, webcam(1), far(), far());
    let viewers = [2, 3, 4].map(|author| join(&mut sim, Setup::viewer(author, 0, 1), LinkSpec::default(), LinkSpec::default()));
    sim.run(JOIN);
    for (viewer, size) in viewers.into_iter().zip([SMALL, SMALL, LARGE]) {
        show(&mut sim, viewer, &[(camera, size)]);
    }
    sim.run(8 * SECOND);
    (sim, camera, viewers[0])
}

/// When the first packet of the highest encoding left for the viewer in this window.
fn left_first(sim: &mut Sim, viewer: PersonIx, camera: PersonIx, layer: u8) -> Option<Instant> {
    let began = record(sim, viewer, camera).began.iter().find(|(_, author)| author.layer == layer).map(|(at, _)| *at)?;
    Some(began - sim.network.access(viewer).down.spec.delay)
}

/// From the moment the relay hears of the larger tile to the first packet of the better encoding it sends.
#[test]
fn a_switch_up_takes_a_round_trip_to_the_publisher_and_one_picture() {
    let (mut sim, camera, viewer) = three_viewers(310);
    let (mut took, mut stood) = (Vec::new(), Duration::ZERO);
    for round in 0..120_u64 {
        sim.begin_window();
        show(&mut sim, viewer, &[(camera, SMALL)]);
        // Keyframes are bounded by their cost, so nobody changes more often; the odd part moves the moment within the picture.
        sim.run(2 * SECOND + Duration::from_micros(round * 1_777));
        assert_eq!(shown(&sim, viewer, camera).map(|shown| shown.0), Some(180), "round {round}");
        let (count, longest) = freezes(&sim, viewer);
        assert_eq!(count, 0, "round {round}: a switch down stops nothing: {longest:?}");
        stood = stood.max(longest);
        sim.begin_window();
        show(&mut sim, viewer, &[(camera, LARGE)]);
        let asked = sim.now + SIGNALLING;
        sim.run(2 * SECOND);
        let left = left_first(&mut sim, viewer, camera, 2).expect("the better encoding came");
        took.push(left - asked);
        let (count, longest) = freezes(&sim, viewer);
        assert_eq!(count, 0, "round {round}: a switch up stops nothing: {longest:?}");
        stood = stood.max(longest);
    }
    let picture = SECOND / 30;
    let (p50, p95) = (percentile(&mut took, 0.5), percentile(&mut took, 0.95));
    eprintln!("switch up: p50 {p50:?}, p95 {p95:?}, longest {:?} over {} switches, stands for {stood:?}", took.last(), took.len());
    assert!(p95 <= 2 * FAR + picture, "{p95:?}");
}

/// A room of two, where only one encoding is sent: the publisher has to be told first.
#[test]
fn a_switch_up_in_a_room_of_two_costs_little_more() {
    let far = LinkSpec::default().delayed(FAR);
    let mut sim = Sim::new(311);
    let camera = join(&mut sim, webcam(1), far.clone(), far);
    let viewer = join(&mut sim, Setup::viewer(2, 0, 1), LinkSpec::default(), LinkSpec::default());
    sim.run(JOIN);
    let mut took = Vec::new();
    for _ in 0..20 {
        show(&mut sim, viewer, &[(camera, SMALL)]);
        sim.run(8 * SECOND);
        sim.begin_window();
        show(&mut sim, viewer, &[(camera, LARGE)]);
        let asked = sim.now + SIGNALLING;
        sim.run(3 * SECOND);
        took.push(left_first(&mut sim, viewer, camera, 2).expect("the better encoding came") - asked);
        assert!(freezes(&sim, viewer).1 < Duration::from_millis(200), "{:?}", freezes(&sim, viewer));
    }
    let p95 = percentile(&mut took, 0.95);
    eprintln!("switch up in a room of two: p95 {p95:?}");
    assert!(p95 <= SIGNALLING + 2 * FAR + 2 * (SECOND / 30), "{took:?}");
}

/// Twenty viewers who change sizes at random, three encodings of three temporal layers each, and lines that come and go: every picture
/// that a browser would decode can be decoded.
#[test]
fn ten_thousand_random_switches_break_no_decoder() {
    let mut sim = Sim::new(312);
    let rates = [300_000, 150_000, 60_000];
    let layers = Layer::simulcast().into_iter().zip(rates).map(|(layer, bitrate)| Layer { bitrate, ..layer }).collect();
    let camera = join(&mut sim, camera_of(1, SourceSetup { layers, ..SourceSetup::webcam() }), LinkSpec::default(), LinkSpec::default());
    let viewers: Vec<PersonIx> =
        (2..22).map(|author| join(&mut sim, Setup::viewer(author, 0, 1), LinkSpec::default(), LinkSpec::default())).collect();
    sim.run(JOIN);
    sim.begin_window();
    let mut random = ChaCha8Rng::seed_from_u64(312);
    let mut switches = 0;
    while switches < 10_000 {
        assert!(sim.elapsed() < Duration::from_secs(1_500), "only {switches} switches");
        for viewer in &viewers {
            let chance = random.next_u32();
            if chance % 3 == 0 {
                let size = [SMALL, [640, 360], LARGE][chance as usize / 3 % 3];
                show(&mut sim, *viewer, &[(camera, size)]);
            }
            if chance % 41 == 0 {
                sim.network.access(*viewer).down.spec =
                    [LinkSpec::default(), LinkSpec::narrow(200), LinkSpec::lossy(0.05)][chance as usize / 41 % 3].clone();
            }
        }
        sim.run(SECOND / 3);
        switches = viewers.iter().flat_map(|viewer| changes(&sim, *viewer)).sum::<u64>();
    }
    eprintln!("{switches} switches in {:?}", sim.elapsed());
    // `run` has asserted all the while that no slot saw what no receiver may see; the rest is for the record.
    let errors: u64 = viewers.iter().map(|viewer| record(&sim, *viewer, camera).error_count).sum();
    assert_eq!(errors, 0);
}

/// From 4 Mbit/s to 250 kbit/s, with the large picture on its way: nobody looks at a standing picture while what was meant for the wide
/// line trickles out, and the small one moves.
#[test]
fn a_line_that_all_but_ends_keeps_a_picture_that_moves() {
    for seed in 318..323 {
        let (mut sim, publishers, viewer) = watched(seed, 1, LARGE, Setup::viewer(2, 0, 1), LinkSpec::narrow(4_000));
        sim.run(10 * SECOND);
        assert_eq!(shown(&sim, viewer, publishers[0]).map(|shown| shown.0), Some(720), "the line carries it");
        sim.network.access(viewer).down.spec = LinkSpec::narrow(250);
        sim.begin_window();
        sim.run(2 * SECOND);
        let (_, longest) = freezes(&sim, viewer);
        sim.begin_window();
        sim.run(5 * SECOND);
        let decoded = record(&sim, viewer, publishers[0]).decoded_total();
        eprintln!("seed {seed}: stands for {longest:?}, then {decoded} pictures in 5 s");
        assert!(longest < Duration::from_millis(1_200), "seed {seed}: {longest:?}");
        assert!(decoded >= 5 * 15, "seed {seed}: {decoded} pictures");
    }
}

/// A shared page of 1440 lines whose keyframe takes half a second of the line: one that is under way is not asked for again, however impatient
/// the viewer, and what the line does not carry is not tried over and over.
#[test]
fn pictures_that_take_long_to_arrive_are_not_begun_again_and_again() {
    let layer = |rid, width, height, bitrate| Layer { rid: Rid::new(rid), width, height, bitrate };
    let layers = vec![layer("h", 2560, 1440, 2_500_000), layer("l", 1280, 720, 350_000)];
    for (seed, kbps, fps, lines) in [(334, 3_000, 8, 1440), (335, 4_500, 6, 1440), (336, 6_000, 6, 1440)] {
        let mut sim = Sim::new(seed);
        let page = SourceSetup { layers: layers.clone(), fps, ..SourceSetup::webcam() };
        let camera = join(&mut sim, camera_of(1, page), LinkSpec::default(), LinkSpec::default());
        let viewer = join(&mut sim, Setup::viewer(2, 0, 1), LinkSpec::default(), LinkSpec::narrow(kbps));
        sim.run(JOIN);
        show(&mut sim, viewer, &[(camera, [2560, 1440])]);
        sim.begin_window();
        sim.run(60 * SECOND);
        let (asked, changes, (_, longest)) =
            (sim.people[camera].client.counters().keyframes_asked, changes(&sim, viewer), freezes(&sim, viewer));
        let in_vain = sim.node.worker.counters().waited_in_vain;
        eprintln!("{kbps} kbit/s, {fps} a second: {changes:?} changes, {asked} keyframes, longest {longest:?}, {in_vain} packets in vain");
        assert_eq!(shown(&sim, viewer, camera).map(|shown| shown.0), Some(lines), "{kbps} kbit/s");
        assert!(changes[0] <= 6 && asked < 20, "{kbps} kbit/s: {changes:?} {asked} {longest:?}");
        assert!(in_vain < 20, "{kbps} kbit/s: what waits is still there when its time comes: {in_vain}");
    }
}

/// Whoever cannot read what somebody sends is told so, hears them all the same, and costs nobody keyframes.
#[test]
fn a_viewer_who_cannot_read_the_codec_is_told_and_asks_for_nothing() {
    let mut sim = Sim::new(319);
    let speaker = Setup { sources: vec![SourceSetup::microphone(), SourceSetup::webcam()], ..Setup::viewer(1, 0, 0) };
    let camera = join(&mut sim, speaker, LinkSpec::default(), LinkSpec::default());
    let [reader, stranger] = [(2, Codec::Vp8), (3, Codec::H264)].map(|(author, reads)| {
        let viewer = Setup { reads, ..Setup::viewer(author, 1, 1) };
        join(&mut sim, viewer, LinkSpec::default(), LinkSpec::default())
    });
    sim.run(JOIN);
    show(&mut sim, reader, &[(camera, LARGE)]);
    sim.run(5 * SECOND);
    sim.begin_window();
    let asked = |sim: &Sim| {
        let counters = sim.node.worker.counters();
        counters.keyframes_start + counters.keyframes_switch + counters.keyframes_loss
    };
    let before = asked(&sim);
    sim.run(10 * SECOND);
    assert_eq!(asked(&sim) - before, 0, "keyframes that nobody can use");
    let limited = |sim: &Sim, viewer: PersonIx| {
        let cameras = sim.people[viewer].slots.iter().filter(|slot| slot.source == Some(Source::Camera));
        cameras.map(|slot| slot.limited).collect::<Vec<_>>()
    };
    assert_eq!(limited(&sim, stranger), [Some(Limited::Codec)]);
    assert_eq!(limited(&sim, reader), [None]);
    assert_eq!((sim.people[stranger].packets(1, Source::Camera), shown(&sim, reader, camera)), (0, Some((720, 2))));
    assert!(sim.people[stranger].decoded(1, Source::Microphone) > 490, "sound goes on");
    // He offers VP8 for the same slot: the picture is his, and there is nothing to be told.
    let person = &mut sim.people[stranger];
    person.offers += 1;
    let (id, sdp, sources) = (person.offers, person.client.offer().replace("H264/90000", "VP8/90000"), person.client.sources());
    person.say(ClientMessage::Offer { id, sdp, sources });
    let took = sim.run_until("a picture", 2 * SECOND, |sim| sim.people[stranger].decoded(1, Source::Camera) > 0);
    eprintln!("readable after another offer: a picture after {took:?}");
    sim.run(3 * SECOND);
    assert!(!limited(&sim, stranger).contains(&Some(Limited::Codec)));
}

/// Whoever the relay cannot reach sees nothing, and the reason says so; the others see nothing of his.
#[test]
fn reasons_tell_who_is_not_reached() {
    let (mut sim, _, viewer) =
        watched(394, 1, LARGE, Setup { sources: vec![SourceSetup::webcam()], ..Setup::viewer(2, 0, 1) }, LinkSpec::default());
    let other = join(&mut sim, Setup::viewer(3, 0, 2), LinkSpec::default(), LinkSpec::default());
    let reasons = |sim: &mut Sim, who: PersonIx| {
        let (now, id) = (sim.now, sim.id(who).0);
        let why = sim.node.why(now, tests::sim::ROOM, id).expect("the viewer is there");
        let cameras =
            why.rows.iter().filter(|row| row.source == Source::Camera && row.reason != Reason::NotPublished && row.participant != id);
        cameras.map(|row| (row.shown, row.reason)).collect::<Vec<_>>()
    };
    sim.run(2 * SECOND);
    assert_eq!((reasons(&mut sim, viewer), reasons(&mut sim, other)), (vec![(true, Reason::Shown)], vec![(true, Reason::Shown); 2]));
    sim.network.set_both_ways(viewer, LinkSpec::dead());
    sim.run(35 * SECOND);
    assert_eq!(reasons(&mut sim, viewer), [(false, Reason::ViewerUnreachable)]);
    assert_eq!(reasons(&mut sim, other), [(true, Reason::Shown), (false, Reason::SenderUnreachable)]);
}

/// Clients name their encodings in whatever order: what counts is how large their pictures are.
#[test]
fn encodings_are_told_apart_by_their_pictures_whatever_their_order() {
    for (seed, order) in (330..).zip([[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]]) {
        let layers = order.iter().map(|&nth| Layer::simulcast()[nth]).collect();
        let mut sim = Sim::new(seed);
        let source = SourceSetup { layers, ..SourceSetup::webcam() };
        let camera = join(&mut sim, camera_of(1, source), LinkSpec::default(), LinkSpec::default());
        let viewers = [2, 3, 4].map(|author| join(&mut sim, Setup::viewer(author, 0, 1), LinkSpec::default(), LinkSpec::default()));
        sim.run(JOIN);
        for (viewer, size) in viewers.into_iter().zip([SMALL, [640, 360], LARGE]) {
            show(&mut sim, viewer, &[(camera, size)]);
        }
        sim.run(6 * SECOND);
        sim.begin_window();
        sim.run(10 * SECOND);
        let lines = viewers.map(|viewer| shown(&sim, viewer, camera).map(|shown| shown.0));
        assert_eq!(lines, [180, 360, 720].map(Some), "{order:?}");
        for viewer in viewers {
            assert_eq!((freezes(&sim, viewer).0, changes(&sim, viewer)), (0, vec![0]), "{order:?}");
        }
        viewers.into_iter().for_each(|viewer| show(&mut sim, viewer, &[(camera, SMALL)]));
        sim.run(6 * SECOND);
        let active = sim.people[camera].needed.iter().flat_map(|needed| &needed.layers).filter(|layer| layer.active);
        assert_eq!(active.map(|layer| layer.rid.as_str()).collect::<Vec<_>>(), ["l"], "{order:?}");
    }
}

/// What an operator reads of a picture: whether it is seen, what limits it, its lines and temporal layer.
type Told = (bool, Option<Limited>, Option<(u16, u8)>);

/// The same of three cameras that are shown large over a line of so many kbit/s.
fn reasons_over(kbps: u64) -> Vec<Told> {
    let (mut sim, _, viewer) = watched(399, 3, LARGE, Setup::viewer(4, 0, 3), LinkSpec::narrow(kbps));
    sim.run(20 * SECOND);
    let (now, id) = (sim.now, sim.id(viewer).0);
    let why = sim.node.why(now, tests::sim::ROOM, id).expect("the viewer is there");
    let cameras = why.rows.iter().filter(|row| row.source == Source::Camera && row.reason == Reason::Shown);
    cameras.map(|row| (row.shown, row.limited, row.granted.map(|granted| (granted.height, granted.temporal)))).collect()
}

#[test]
fn reasons_name_the_layer_and_what_limits_it() {
    assert_eq!(reasons_over(20_000), vec![(true, None, Some((720, 2))); 3]);
    let narrow = reasons_over(1_000);
    assert!(
        narrow.iter().all(|(shown, limited, granted)| *shown && limited.is_some() && granted.is_some_and(|(height, _)| height < 720)),
        "{narrow:?}"
    );
    assert!(narrow.iter().any(|(_, limited, _)| *limited == Some(Limited::Bandwidth)), "{narrow:?}");
    let starved = reasons_over(200);
    let (without, with): (Vec<&Told>, Vec<&Told>) = starved.iter().partition(|(shown, ..)| !*shown);
    assert!(!without.is_empty() && without.iter().all(|row| row.1 == Some(Limited::NoRoom) && row.2.is_none()), "{starved:?}");
    assert!(with.iter().all(|row| row.2.is_some()), "{starved:?}");
}
