//! What waits in the relay: pictures only, never long, never what has become forbidden.

use std::time::Duration;

use room::Command;
use signal::message::Source::{Camera, Microphone};
use tests::sim::{LinkSpec, PersonIx, Setup, Sim, SourceSetup, Ticket};

use crate::video::{LARGE, camera_of, join, line, percentile, plain_camera, show, watched};
use crate::{JOIN, SECOND, assert_silence};

const MS: Duration = Duration::from_millis(1);

/// A host and two guests with sound and pictures, and a viewer on a line that is too narrow for them.
fn crowded(seed: u64, down: LinkSpec) -> (Sim, Vec<PersonIx>, PersonIx) {
    let mut sim = Sim::new(seed);
    let setup = |author| Setup { sources: vec![SourceSetup::microphone(), SourceSetup::webcam()], ..Setup::viewer(author, 0, 0) };
    let mut people = vec![sim.enter(Ticket::host("host"), setup(1))];
    sim.people[0].takes_more = false;
    people.extend([2, 3].map(|author| join(&mut sim, setup(author), LinkSpec::default(), LinkSpec::default())));
    let viewer = join(&mut sim, Setup::viewer(4, 3, 3), LinkSpec::default(), down);
    sim.run(JOIN);
    show(&mut sim, viewer, &people.iter().map(|who| (*who, LARGE)).collect::<Vec<_>>());
    sim.run(5 * SECOND);
    sim.begin_window();
    (sim, people, viewer)
}

#[test]
fn sound_never_waits_for_pictures() {
    let (mut sim, people, viewer) = crowded(370, LinkSpec::narrow(1_200));
    sim.watch_holds();
    // New tiles, and with them keyframes, keep the queue busy.
    for round in 0..20 {
        let sizes: Vec<_> =
            people.iter().enumerate().map(|(index, who)| (*who, if (index + round) % 3 == 0 { LARGE } else { [640, 360] })).collect();
        show(&mut sim, viewer, &sizes);
        sim.run(SECOND);
    }
    let mut sound = sim.holds.remove(&(viewer, Microphone)).unwrap_or_default();
    let mut pictures = sim.holds.remove(&(viewer, Camera)).unwrap_or_default();
    let (p99, longest) = (percentile(&mut pictures, 0.99), pictures.last().copied().unwrap_or_default());
    eprintln!("sound waits p99 {:?}, longest {:?}; pictures p99 {p99:?}, longest {longest:?}", percentile(&mut sound, 0.99), sound.last());
    assert!(sound.len() > 2_500 && pictures.len() > 1_000, "{} {}", sound.len(), pictures.len());
    assert_eq!(percentile(&mut sound, 0.99), Duration::ZERO);
    assert!(p99 > 2 * MS, "pictures do wait: {p99:?}");
    assert!(longest < 700 * MS, "and never for long: {longest:?}");
}

/// A mute, a camera that is denied, and a person who is removed, each while pictures of theirs wait. The oracle judges every packet by the
/// rules at the moment it leaves.
#[test]
fn nothing_that_waits_leaves_after_it_was_forbidden() {
    let mut waiting = Duration::ZERO;
    for (seed, forbid) in [371, 372, 373].into_iter().zip([0, 1, 2]) {
        let (mut sim, people, viewer) = crowded(seed, LinkSpec::narrow(500));
        let (host, guest) = (people[0], people[1]);
        let participant = sim.id(guest);
        for who in &people {
            sim.with_client(*who, |client, _| client.set_layer_active(Camera, 0, true));
        }
        // Keyframes of all three come at once; whoever is forbidden now has packets in the queue.
        let queue = busiest(&mut sim, viewer);
        waiting = waiting.max(queue);
        match forbid {
            0 => sim.obey(guest, Command::SetSource { source: Camera, active: false }),
            1 => sim.obey(host, Command::DenyCamera { participant }),
            _ => sim.obey(host, Command::Remove { participant }),
        }
        // What left before is still in the line's own queue.
        sim.run(SECOND / 2);
        sim.begin_window();
        sim.run(2 * SECOND);
        assert_silence(&sim, viewer, guest, Camera);
    }
    assert!(waiting > Duration::ZERO, "the queue was not empty");
}

/// Runs until the viewer's queue is about as long as it gets.
fn busiest(sim: &mut Sim, viewer: PersonIx) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        let queue = line(sim, viewer).queue;
        if longest > Duration::ZERO && queue >= longest.mul_f32(0.9) {
            return queue;
        }
        longest = longest.max(queue);
        sim.run(MS);
    }
    longest
}

#[test]
fn retransmissions_are_a_fifth_of_what_is_sent_at_most() {
    let mut sim = Sim::new(374);
    let good = LinkSpec::default;
    let camera = join(&mut sim, camera_of(1, plain_camera()), good(), good());
    let viewer = join(&mut sim, Setup::viewer(2, 0, 1), good(), good());
    sim.run(JOIN);
    sim.network.set_both_ways(viewer, LinkSpec::lossy(0.3));
    show(&mut sim, viewer, &[(camera, LARGE)]);
    sim.begin_window();
    sim.run(60 * SECOND);
    let (now, before) = (*sim.people[viewer].client.counters(), sim.people[viewer].before);
    let (resent, all) = (now.resent_received - before.resent_received, now.bytes_received - before.bytes_received);
    let share = resent as f64 / all as f64;
    eprintln!("at 30 % loss {:.1} % of what arrives was sent again", share * 100.0);
    assert!(share > 0.1, "it is used: {share}");
    assert!(share <= 0.21, "{share}");
}

/// A settled line is asked questions, but few.
#[test]
fn probes_cost_little_on_a_settled_line() {
    for (seed, cameras, kbps, most) in [(375, 3, 2_500, 0.05), (376, 1, 8_000, 0.05)] {
        let (mut sim, _, viewer) = watched(seed, cameras, LARGE, Setup::viewer(9, 0, 3), LinkSpec::narrow(kbps));
        sim.run(30 * SECOND);
        sim.begin_window();
        sim.run(60 * SECOND);
        let (now, before) = (*sim.people[viewer].client.counters(), sim.people[viewer].before);
        let share = (now.padding_received - before.padding_received) as f64 / (now.bytes_received - before.bytes_received) as f64;
        eprintln!("{kbps} kbit/s: {:.2} % padding", share * 100.0);
        assert!(share <= most, "{kbps} kbit/s: {share}");
    }
}
