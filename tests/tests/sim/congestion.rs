//! A line that shrinks under large pictures: what the relay sends from the moment it knows, how long sound waits meanwhile, and what is
//! seen over the line that is left.

use std::time::{Duration, Instant};

use signal::message::Source::{Camera, Microphone};
use tests::sim::{Feedback, LinkSpec, PersonIx, Rate, Setup, Sim, SourceSetup};

use crate::video::{LARGE, freezes, join, line, record, show, shown, webcam};
use crate::{JOIN, SECOND};

const MS: Duration = Duration::from_millis(1);
/// A queue in which every packet waits for longer stands.
const STANDING: Duration = Duration::from_millis(50);
/// The 720 lines of a camera like a browser's.
const HIGHEST: u8 = 2;

/// One direction of a line that drops nothing: whatever the relay sends comes in the end, and in order.
fn deep(kbps: u64) -> LinkSpec {
    LinkSpec { rate: Some(Rate { bits_per_second: kbps * 1_000, queue: 5 * SECOND }), ..LinkSpec::default() }
}

/// So many people with a voice and a camera, shown large to a viewer with this feedback.
fn talkers(seed: u64, count: u32, feedback: Feedback, down: LinkSpec) -> (Sim, Vec<PersonIx>, PersonIx) {
    // The sizes of pictures follow from who sends them.
    let (mut sim, first) = (Sim::new(seed), u32::try_from(seed).expect("seeds are small") * 10);
    let setup = |author| Setup { sources: vec![SourceSetup::microphone(), SourceSetup::webcam()], ..webcam(author) };
    let good = LinkSpec::default;
    let talkers: Vec<PersonIx> = (first..first + count).map(|author| join(&mut sim, setup(author), good(), good())).collect();
    let viewer = Setup { feedback, keeps_sounds: true, ..Setup::viewer(first + count, count as usize, count as usize) };
    let viewer = join(&mut sim, viewer, good(), down);
    sim.run(JOIN);
    show(&mut sim, viewer, &talkers.iter().map(|talker| (*talker, LARGE)).collect::<Vec<_>>());
    (sim, talkers, viewer)
}

/// Lines change at any moment between two pictures and two reports.
fn odd(seed: u64) -> Duration {
    Duration::from_millis(seed * 37 % 200)
}

/// What came of a line that shrank; moments are counted from then on.
#[derive(Debug, Default)]
struct Shrunk {
    /// Feedback reached the relay of which each packet had waited for longer than [`STANDING`].
    told: Option<Duration>,
    /// The estimate was down.
    noticed: Option<Duration>,
    /// The last new picture of the highest encoding began to leave.
    last_picture: Duration,
    /// The last packet of such a picture left.
    last_packet: Duration,
    /// How much longer a sound took than over an empty line, at the longest.
    sound: Duration,
}

/// A large picture over 4 Mbit/s that become 700 kbit/s, watched for three seconds.
fn shrink(seed: u64, feedback: Feedback) -> Shrunk {
    let (mut sim, talkers, viewer) = talkers(seed, 1, feedback, deep(4_000));
    let talker = talkers[0];
    let large = |sim: &mut Sim| shown(sim, viewer, talker).map(|shown| shown.0) == Some(720);
    sim.run_until("the line carries it", 120 * SECOND, large);
    sim.run(8 * SECOND + odd(seed));
    sim.watch_holds();
    sim.begin_window();
    sim.network.access(viewer).down.spec = deep(700);
    let mut shrunk = Shrunk::default();
    let mut watch = Watch { viewer, talker, left: Vec::new(), packets: 0, holds: 0, newest: None, stands: None, told: None };
    for _ in 0..3_000 {
        watch.step(&mut sim, &mut shrunk);
        if shrunk.noticed.is_none() && line(&mut sim, viewer).estimate < 1_400_000 {
            shrunk.noticed = Some(sim.now - sim.window);
        }
    }
    shrunk.sound = longest_sound(&mut sim, viewer, talker);
    assert_eq!((record(&sim, viewer, talker).recovered, sim.network.access(viewer).down.stats.queue_drops), (0, 0));
    shrunk
}

/// Looks each millisecond what left for the viewer and what came. The narrow place tells how long each packet waits there, so that it is
/// known of one that comes when it left; the simulator tells how long the relay had it, so that it is known which picture it is of.
struct Watch {
    viewer: PersonIx,
    talker: PersonIx,
    /// When packets left, and how long they wait at the narrow place.
    left: Vec<(Instant, Duration)>,
    /// Packets of the highest encoding that came.
    packets: u64,
    /// Packets of all encodings that came.
    holds: usize,
    /// When the newest picture of the highest encoding was with the relay.
    newest: Option<Instant>,
    /// Since when each packet that came had waited for too long.
    stands: Option<Instant>,
    /// When feedback last left.
    told: Option<Instant>,
}

impl Watch {
    fn step(&mut self, sim: &mut Sim, shrunk: &mut Shrunk) {
        let (before, told) = (sim.now, sim.network.access(self.viewer).up.stats.offered);
        let passed = sim.network.access(self.viewer).down.bottleneck.passed.bytes();
        sim.run(MS);
        let access = sim.network.access(self.viewer);
        let bottleneck = &access.down.bottleneck.passed;
        if bottleneck.bytes() > passed {
            self.left.push((before, bottleneck.max_wait(before)));
        }
        let delay = access.down.spec.delay;
        let came = self.left.iter().rev().find(|(at, wait)| *at + *wait + delay < sim.now).copied();
        match came {
            Some((_, wait)) if wait > STANDING => self.stands = self.stands.or(Some(sim.now)),
            _ => self.stands = None,
        }
        let news = (access.up.stats.offered - told) as usize;
        if access.overheard.iter().rev().take(news).any(|datagram| is_feedback(datagram)) {
            let before = self.told.replace(sim.now);
            if shrunk.told.is_none() && self.stands.zip(before).is_some_and(|(stands, before)| stands <= before) {
                shrunk.told = Some(sim.now + access.up.spec.delay - sim.window);
            }
        }
        self.look(sim, came, shrunk);
    }

    fn look(&mut self, sim: &Sim, came: Option<(Instant, Duration)>, shrunk: &mut Shrunk) {
        let record = record(sim, self.viewer, self.talker);
        let packets = record.authors.iter().filter(|(author, _)| author.layer == HIGHEST).map(|(_, count)| count).sum();
        let holds = sim.holds.get(&(self.viewer, Camera)).map_or(&[][..], |holds| holds);
        let (new, newer) = (packets > std::mem::replace(&mut self.packets, packets), std::mem::replace(&mut self.holds, holds.len()));
        let (Some((left, _)), Some(hold), true) = (came, holds[newer.min(holds.len())..].iter().min(), new) else { return };
        shrunk.last_packet = left.saturating_duration_since(sim.window);
        let made = left - *hold;
        // Pictures are 33 ms apart; when a packet left is known to some milliseconds.
        if self.newest.is_none_or(|newest| made > newest + 15 * MS) {
            shrunk.last_picture = shrunk.last_packet;
            self.newest = Some(made);
        }
    }
}

/// Transport-wide feedback, by the part of its header that is not encrypted (RFC 3711 section 3.4).
fn is_feedback(datagram: &[u8]) -> bool {
    datagram.len() > 2 && datagram[0] & 0x1f == 15 && datagram[1] == 205
}

/// How much longer than over an empty line a sound took, at the longest, in this window.
fn longest_sound(sim: &mut Sim, viewer: PersonIx, talker: PersonIx) -> Duration {
    let way = sim.network.access(talker).up.spec.delay + sim.network.access(viewer).down.spec.delay;
    let (epoch, mut records) = (sim.people[talker].client.epoch(), sim.people[viewer].records(true));
    let heard = records.find_map(|record| record.heard.as_ref()).expect("the viewer keeps sounds");
    assert!(heard.len() > 20, "somebody speaks: {}", heard.len());
    heard.iter().map(|heard| heard.at.saturating_duration_since(epoch + heard.stamp.captured + way)).max().unwrap_or_default()
}

/// Down on congestion: from the feedback that tells of a standing queue to the last new picture of the large encoding. A tenth of a second is
/// wished; what holds is asserted.
#[test]
fn a_line_that_shrinks_is_soon_sent_no_large_picture_any_more() {
    for seed in 313..319 {
        let shrunk = shrink(seed, Feedback::TransportCc);
        let told = shrunk.told.expect("the fault happened: a queue stood");
        let reacted = shrunk.last_picture.saturating_sub(told);
        eprintln!("seed {seed}: the last large picture {reacted:?} after it was told; {shrunk:?}");
        assert!(reacted <= 400 * MS, "seed {seed}: {reacted:?}");
        assert!(shrunk.last_packet <= 800 * MS, "seed {seed}: {shrunk:?}");
        assert!(shrunk.noticed.is_some_and(|noticed| noticed <= 500 * MS), "seed {seed}: {shrunk:?}");
        assert!(shrunk.sound <= 800 * MS, "seed {seed}: {shrunk:?}");
    }
}

/// Twin: a relay that is told nothing goes on, so the measure above can fail.
#[test]
fn twin_a_line_that_shrinks_untold_is_sent_large_pictures_on() {
    let shrunk = shrink(313, Feedback::Mute);
    eprintln!("mute: {shrunk:?}");
    assert!(shrunk.told.is_none() && shrunk.last_picture > SECOND && shrunk.sound > 800 * MS, "{shrunk:?}");
}

/// What is left of three large pictures and voices from two to thirty seconds after 3 Mbit/s became 500 kbit/s.
#[derive(Debug)]
struct Left {
    /// Share of the line that media take, without headers, probes and what is sent twice.
    media: f64,
    /// Of each camera the pictures decoded a second.
    seen: Vec<f64>,
    /// Of each microphone the share of the sound that came.
    heard: Vec<f64>,
    /// Longest time for which a picture stood.
    stood: Duration,
}

impl Left {
    fn of(seed: u64, feedback: Feedback) -> Self {
        let line = |kbps: u64| LinkSpec { rate: Some(Rate { bits_per_second: kbps * 1_000, queue: 500 * MS }), ..LinkSpec::default() };
        let (mut sim, talkers, viewer) = talkers(seed, 3, feedback, line(3_000));
        sim.run(20 * SECOND + odd(seed));
        sim.network.access(viewer).down.spec = line(500);
        sim.run(2 * SECOND);
        sim.begin_window();
        sim.run(28 * SECOND);
        let records = [true, false].into_iter().flat_map(|audio| sim.people[viewer].records(audio));
        let bytes: u64 = records.flat_map(|record| record.bytes.values()).sum();
        let seen = talkers.iter().map(|talker| record(&sim, viewer, *talker).decoded_total() as f64 / 28.0).collect();
        let sounds = |talker: &PersonIx| sim.people[viewer].decoded(sim.people[*talker].publisher, Microphone);
        let heard = talkers.iter().map(|talker| sounds(talker) as f64 / 1_400.0).collect();
        let left = Self { media: bytes as f64 * 8.0 / 28.0 / 500_000.0, seen, heard, stood: freezes(&sim, viewer).1 };
        eprintln!("seed {seed}, {feedback:?}: of 500 kbit/s {left:.2?}");
        left
    }

    /// Pictures a second of all cameras together.
    fn pictures(&self) -> f64 {
        self.seen.iter().sum()
    }
}

/// What is left of a line goes to what is seen and heard, and not to probes and to packets that come too late.
#[test]
fn a_drop_leaves_the_rest_of_the_line_to_media() {
    for seed in 330..334 {
        let left = Left::of(seed, Feedback::TransportCc);
        assert!(left.media >= 0.65, "seed {seed}: {left:?}");
        assert!(left.pictures() >= 40.0 && left.seen.iter().all(|seen| *seen >= 6.0), "seed {seed}: {left:?}");
        assert!(left.heard.iter().all(|heard| *heard >= 0.99), "seed {seed}: {left:?}");
        assert!(left.stood <= 2_500 * MS, "seed {seed}: {left:?}");
    }
}

/// Twin: of a viewer who tells of no packet the same line is full of less.
#[test]
fn twin_a_drop_of_which_nothing_is_told_leaves_less() {
    let left = Left::of(330, Feedback::Mute);
    assert!(left.media < 0.65 && left.pictures() < 40.0 && left.heard.iter().any(|heard| *heard < 0.99), "{left:?}");
}
