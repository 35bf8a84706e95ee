//! Thirty-three people on one page: what a narrow line gives up first, and what a change of the layout costs.

use std::time::Duration;

use room::{Command, Layout, Settings};
use signal::message::Source::{Camera, Screen};
use tests::sim::{Author, Layer, LinkSpec, Motion, PersonIx, Setup, Sim, SourceSetup, Ticket};

use crate::video::{LARGE, SMALL, bitrate, bitrate_of, camera_of, changes, freezes, join, record, show, shown, watched, webcam};
use crate::{JOIN, SECOND};

/// Thirty-three small tiles on a page of 1080 lines.
const PIP: [u16; 2] = [160, 90];

/// A guest's camera: cheap enough that the base layers of 32 and a host fit 1.5 Mbit/s.
fn small_camera() -> SourceSetup {
    let layer = |rid: &str, width, height, bitrate| Layer { rid: wire::ids::Rid::new(rid), width, height, bitrate };
    let layers = vec![layer("h", 640, 360, 300_000), layer("l", 160, 90, 80_000)];
    SourceSetup { fps: 20, temporal: 3, motion: Motion::Natural, ..SourceSetup::camera(layers) }
}

/// A host with a webcam and a screen, 32 guests with cameras, all of whom watch nobody, and a viewer with a slot for each of them.
fn group(seed: u64, down: LinkSpec) -> (Sim, Vec<PersonIx>, PersonIx) {
    let mut sim =
        Sim::with_settings(seed, Settings { layout: Layout::OneMainThirtythreePips, max_participants: 34, ..Settings::default() });
    let host = Setup { sources: vec![SourceSetup::webcam(), SourceSetup::slides()], ..webcam(1) };
    let mut people = vec![sim.enter(Ticket::host("host"), host)];
    sim.people[0].takes_more = false;
    for author in 2..=33 {
        people.push(join(&mut sim, camera_of(author, small_camera()), LinkSpec::default(), LinkSpec::default()));
    }
    let viewer = join(&mut sim, Setup::viewer(34, 0, 34), LinkSpec::default(), down);
    sim.run(2 * JOIN);
    show_page(&mut sim, &people, viewer, 0);
    (sim, people, viewer)
}

/// One of them large, all others small; a screen fills a page of 1080 lines.
fn show_page(sim: &mut Sim, people: &[PersonIx], viewer: PersonIx, large: PersonIx) {
    let size = |who: PersonIx, source| match source {
        Screen => [1_920, 1_080],
        _ if who == large => LARGE,
        _ => PIP,
    };
    let wanted = people.iter().flat_map(|who| [(*who, Camera), (*who, Screen)]);
    let mid = |who: PersonIx, source| Some(sim.people[viewer].slot_of(sim.people[who].participant?, source)?.mid.to_owned());
    let tiles = wanted.filter_map(|(who, source)| Some((mid(who, source)?, size(who, source)))).collect();
    sim.show_tiles(viewer, tiles);
}

#[test]
fn thirty_three_tiles_on_a_narrow_line_lose_frame_rate_and_none_vanishes() {
    let (mut sim, people, viewer) = group(350, LinkSpec::narrow(1_500));
    sim.run(20 * SECOND);
    sim.begin_window();
    sim.run(20 * SECOND);
    let fps = |who: &PersonIx| record(&sim, viewer, *who).decoded_total() as f64 / 20.0;
    let rates: Vec<f64> = people.iter().map(fps).collect();
    let (least, most) = rates[1..].iter().fold((f64::MAX, 0.0_f64), |(least, most), fps| (least.min(*fps), most.max(*fps)));
    let host = shown(&sim, viewer, people[0]);
    let (rate, (count, longest)) = (bitrate(&sim, viewer), freezes(&sim, viewer));
    eprintln!(
        "33 tiles on 1.5 Mbit/s: guests {least:.1} to {most:.1} fps, host {host:?} {:.1} fps, {rate:.0} bit/s, {count} freezes {longest:?}",
        rates[0]
    );
    assert!(least >= 4.5, "nobody vanishes: the base layer of 20 fps has five: {rates:.1?}");
    assert!(most < 19.0, "there is not room for everything: {rates:.1?}");
    assert!(longest < 600 * Duration::from_millis(1), "a picture each 200 ms, and nothing stands: {longest:?}");
}

/// Twin: on a line that carries all of it the same page shows full frame rates.
#[test]
fn twin_on_a_wide_line_nothing_is_given_up() {
    let (mut sim, people, viewer) = group(351, LinkSpec::narrow(12_000));
    sim.run(10 * SECOND);
    sim.begin_window();
    sim.run(5 * SECOND);
    for who in &people[1..] {
        assert!(record(&sim, viewer, *who).decoded_total() >= 95, "{}", record(&sim, viewer, *who));
    }
    assert_eq!(shown(&sim, viewer, people[0]).map(|shown| shown.0), Some(720));
}

#[test]
fn the_host_and_the_screen_keep_their_quality_where_guests_give_theirs_up() {
    let (mut sim, people, viewer) = group(352, LinkSpec::narrow(3_000));
    sim.set_source(people[0], Screen, true);
    sim.run(SECOND);
    show_page(&mut sim, &people, viewer, people[0]);
    sim.run(25 * SECOND);
    sim.begin_window();
    sim.run(20 * SECOND);
    let screen = sim.people[viewer].slot_of(sim.people[people[0]].participant.expect("welcomed"), Screen).expect("the screen is in a slot");
    let size = screen.record.size;
    let host = shown(&sim, viewer, people[0]);
    let guests: Vec<f64> = people[1..].iter().map(|who| record(&sim, viewer, *who).decoded_total() as f64 / 20.0).collect();
    let slides = bitrate_of(&sim, viewer, people[0], Screen);
    eprintln!("3 Mbit/s: screen {size:?} {slides:.0} bit/s, host {host:?}, guests {guests:.1?}");
    assert_eq!(size.map(|size| size.1), Some(1_080), "the screen stays sharp");
    assert!(host.is_some_and(|(lines, _)| lines >= 360), "{host:?}");
    assert!(guests.iter().all(|fps| *fps >= 4.5), "{guests:.1?}");
}

/// A host and 32 guests who all send their picture and have a slot for everybody else's, over lines that carry all of it. The host is
/// the large one, by the layout and on everybody's page.
fn everybody(seed: u64) -> (Sim, Vec<PersonIx>) {
    let mut sim = Sim::with_settings(seed, Settings { layout: Layout::OneMainThirtythreePips, ..Settings::default() });
    let mut enter = |who: PersonIx| {
        let author = who as u32 + 1;
        let name = format!("person {author}");
        let ticket = if who == 0 { Ticket::host(&name) } else { Ticket::guest(&name) };
        let setup = Setup { video_slots: 32, ..camera_of(author, camera(who)) };
        let who = sim.enter(ticket.over(LinkSpec::default(), LinkSpec::narrow(12_000)), setup);
        sim.people[who].takes_more = false;
        who
    };
    let people: Vec<PersonIx> = (0..33).map(&mut enter).collect();
    sim.run(2 * JOIN);
    tell_sizes(&mut sim, &people, 0);
    // The room's beat is every 100 ms from its start: what happens between two of them is told apart from it.
    sim.run(3 * SECOND + Duration::from_millis(37));
    (sim, people)
}

fn camera(who: PersonIx) -> SourceSetup {
    if who == 0 { SourceSetup::webcam() } else { small_camera() }
}

/// Whom a viewer sees large. Nobody sees themselves: whoever has the spotlight sees the host, and the host the first guest.
fn large_for(viewer: PersonIx, spotlight: PersonIx) -> PersonIx {
    if viewer == spotlight { PersonIx::from(viewer == 0) } else { spotlight }
}

/// What every page says once it has drawn its tiles.
fn tell_sizes(sim: &mut Sim, people: &[PersonIx], spotlight: PersonIx) {
    for viewer in people {
        let large = large_for(*viewer, spotlight);
        let others = people.iter().filter(|who| *who != viewer);
        let sizes: Vec<_> = others.map(|who| (*who, if *who == large { LARGE } else { PIP })).collect();
        show(sim, *viewer, &sizes);
    }
}

/// Whose tiles are not right on whose page: of this window no picture is of the encoding that the tile needs, or the last is not.
fn wrong_tiles(sim: &Sim, people: &[PersonIx], spotlight: PersonIx) -> Vec<(PersonIx, PersonIx)> {
    let is_right = |viewer: PersonIx, who: PersonIx| {
        let layers = camera(who).layers;
        let best = layers.len() - 1;
        let (layer, Layer { width, height, .. }) =
            if who == large_for(viewer, spotlight) { (best as u8, layers[0]) } else { (0, layers[best]) };
        let right = Author { publisher: sim.people[who].publisher, source: Camera, layer };
        let record = record(sim, viewer, who);
        record.decoded.contains_key(&right) && record.author == Some(right) && record.size == Some((width, height))
    };
    let pairs = people.iter().flat_map(|viewer| people.iter().map(move |who| (*viewer, *who)));
    pairs.filter(|(viewer, who)| viewer != who && !is_right(*viewer, *who)).collect()
}

fn since((now, before): (&Vec<u64>, &Vec<u64>)) -> Vec<u64> {
    now.iter().zip(before).map(|(now, before)| now - before).collect()
}

fn keyframes_asked(sim: &Sim, people: &[PersonIx]) -> Vec<Vec<u64>> {
    people.iter().map(|who| sim.people[*who].client.keyframes_asked(Camera)).collect()
}

/// Another person gets the spotlight: every page is right within a second, by pictures decoded since; everybody's line is shared out
/// once, and nobody is asked for more than one keyframe, all encodings together.
#[test]
fn a_change_of_the_layout_costs_one_keyframe_each_and_is_right_within_a_second() {
    let (mut sim, people) = everybody(353);
    for (round, spotlight) in [5, 20].into_iter().enumerate() {
        let (asked, allocations) = (keyframes_asked(&sim, &people), |sim: &Sim| sim.node.worker.counters().allocations);
        sim.begin_window();
        assert_eq!(wrong_tiles(&sim, &people, spotlight).len(), 33 * 32, "nothing from before the command counts");
        let (commanded, before) = (sim.now, allocations(&sim));
        let participant = sim.id(people[spotlight]);
        assert_eq!(sim.serve(Command::Spotlight { participant: Some(participant) }), Ok(()));
        sim.run(Duration::ZERO);
        let at_once = allocations(&sim) - before;
        // Told after 15 ms; a page draws before it measures.
        sim.run(Duration::from_millis(31));
        tell_sizes(&mut sim, &people, spotlight);
        sim.run_until("every tile is right", SECOND, |sim| wrong_tiles(sim, &people, spotlight).is_empty());
        let took = sim.now - commanded;
        sim.run(SECOND.saturating_sub(took));
        assert_eq!(wrong_tiles(&sim, &people, spotlight), [], "round {round}: right, and still right");
        let in_a_second = allocations(&sim) - before;

        sim.begin_window();
        sim.run(SECOND);
        assert_eq!(wrong_tiles(&sim, &people, spotlight), [], "round {round}: nothing has changed again");
        let pairs = people.iter().flat_map(|viewer| people.iter().map(move |who| (*viewer, *who)));
        let share = |(viewer, who)| record(&sim, viewer, who).decoded_total() as f64 / f64::from(camera(who).fps);
        let shares: Vec<f64> = pairs.filter(|(viewer, who)| viewer != who).map(share).collect();
        let (least, most) = shares.iter().fold((f64::MAX, 0.0_f64), |(least, most), share| (least.min(*share), most.max(*share)));
        let asked: Vec<Vec<u64>> = keyframes_asked(&sim, &people).iter().zip(&asked).map(since).collect();
        eprintln!(
            "33 pages, round {round}: right after {took:?}, then {least:.2} to {most:.2} of the pictures; {at_once} allocations at once, \
             {in_a_second} in a second; keyframes asked of the host {:?}, of others {:?}",
            asked[0],
            asked[1..].iter().map(|layers| layers.iter().sum::<u64>()).collect::<Vec<_>>()
        );
        assert_eq!(at_once, 33, "round {round}: each line is shared out once");
        // Ten beats, each page's own report, and all once more for each encoding that begins: those of the large one before and now.
        assert!(in_a_second <= 33 * (1 + 10 + 1 + 3), "round {round}: {in_a_second} allocations");
        assert!((0.95..=1.05).contains(&least) && most <= 1.05, "round {round}: {least} to {most} of the pictures");
        // The host shrinks on one page and grows on another in the second round: two encodings, and one request for each.
        assert!(asked.iter().flatten().all(|count| *count <= 1), "round {round}: {asked:?} of each encoding of each publication");
        let twice = asked.iter().filter(|layers| layers.iter().sum::<u64>() > 1).count();
        assert!(twice <= round, "round {round}: {asked:?} of each encoding of each publication");
    }
}

/// Twin: of somebody who falls silent with the command, the last picture is as it should be, and the measure says that it is old.
#[test]
fn twin_a_tile_that_died_is_not_taken_for_right() {
    let (mut sim, people) = everybody(354);
    let dead = 7;
    sim.begin_window();
    sim.network.access(dead).up.spec = LinkSpec::dead();
    let participant = sim.id(people[5]);
    assert_eq!(sim.serve(Command::Spotlight { participant: Some(participant) }), Ok(()));
    sim.run(SECOND);
    let others = people.iter().filter(|viewer| **viewer != dead);
    assert!(others.clone().all(|viewer| shown(&sim, *viewer, dead).map(|shown| shown.0) == Some(90)), "what is shown looks right");
    let wrong = wrong_tiles(&sim, &people, 5);
    eprintln!("a publisher who falls silent: {} tiles are wrong", wrong.len());
    for viewer in others {
        assert!(wrong.contains(&(*viewer, dead)), "{viewer}: {wrong:?}");
    }
    assert!(wrong.iter().all(|(viewer, who)| *viewer == dead || *who == dead), "and nobody else's: {wrong:?}");
}

/// Encodings that nobody needed are not sent for some seconds. When one viewer wants them again, whoever has a small tile keeps the
/// small picture: what came during the pause says nothing of what they cost.
#[test]
fn encodings_that_come_back_do_not_look_cheap() {
    let (mut sim, people, small) = watched(355, 1, SMALL, Setup::viewer(8, 0, 1), LinkSpec::narrow(12_000));
    let other = join(&mut sim, Setup::viewer(9, 0, 1), LinkSpec::default(), LinkSpec::narrow(12_000));
    sim.run(JOIN);
    let mut astray = Vec::new();
    for tenths in (45..=95).step_by(5) {
        show(&mut sim, other, &[(people[0], LARGE)]);
        sim.run(6 * SECOND);
        show(&mut sim, other, &[(people[0], SMALL)]);
        sim.run(Duration::from_millis(100 * tenths));
        assert_eq!(sim.people[0].client.wanted(Camera), [true, false, false], "nobody needs the larger ones after {tenths} tenths");
        sim.begin_window();
        show(&mut sim, other, &[(people[0], LARGE)]);
        sim.run(4 * SECOND);
        assert!(shown(&sim, other, people[0]).is_some_and(|(lines, _)| lines == 720), "they are back: {}", record(&sim, other, people[0]));
        let larger = record(&sim, small, people[0]).decoded.iter().filter(|(author, _)| author.layer > 0).map(|(_, count)| count);
        astray.push((tenths, larger.sum::<u64>(), changes(&sim, small)));
    }
    eprintln!("small again for so many tenths of a second, then larger pictures in the small tile, and its changes: {astray:?}");
    assert!(astray.iter().all(|(_, larger, _)| *larger == 0), "{astray:?}");
}

/// Sound apart, a viewer on a bad line changes nothing for the others.
#[test]
fn a_viewer_on_a_bad_line_changes_nothing_for_the_others() {
    let rates = |with: bool| {
        let mut sim = Sim::new(354);
        let good = LinkSpec::default;
        let people: Vec<PersonIx> =
            (1..=4).map(|author| join(&mut sim, Setup { video_slots: 4, ..webcam(author) }, good(), LinkSpec::narrow(8_000))).collect();
        let bad = LinkSpec { loss: 0.15, ..LinkSpec::narrow(250) };
        let bad = with.then(|| join(&mut sim, Setup::viewer(9, 0, 4), LinkSpec::lossy(0.15), bad));
        sim.run(JOIN);
        for viewer in people.iter().chain(&bad) {
            let others: Vec<_> = people.iter().filter(|who| *who != viewer).map(|who| (*who, LARGE)).collect();
            show(&mut sim, *viewer, &others);
        }
        sim.run(15 * SECOND);
        sim.begin_window();
        sim.run(30 * SECOND);
        if let Some(bad) = bad {
            let stats = sim.network.access(bad).down.stats;
            assert!(stats.lost > 100, "the fault happened: {stats:?}");
            assert!(bitrate(&sim, bad) < 300_000.0);
        }
        let frozen: Vec<_> = people.iter().map(|who| freezes(&sim, *who).0).collect();
        assert_eq!(frozen, [0; 4], "nobody else sees a picture stand");
        // Of media alone: what a line is asked in passing is nobody else's picture.
        let of = |viewer: &PersonIx| people.iter().map(|who| bitrate_of(&sim, *viewer, *who, Camera)).sum::<f64>();
        people.iter().map(of).collect::<Vec<f64>>()
    };
    let (with, without) = (rates(true), rates(false));
    eprintln!("with the bad line {with:.0?}, without {without:.0?}");
    for (with, without) in with.iter().zip(&without) {
        assert!((with / without - 1.0).abs() < 0.02, "{with} instead of {without}");
    }
}
