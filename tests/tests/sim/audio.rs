//! Sound on bad lines.

use std::time::Duration;

use signal::message::Source::{self, Camera, Microphone};
use tests::sim::{Layer, LinkSpec, PersonIx, Rate, Setup, Sim, SoundFigures, SourceSetup, Voice};

use crate::floor::sounds;
use crate::{JOIN, SECOND};

const MS: Duration = Duration::from_millis(1);
/// One way to and from the viewer; with anna's 10 ms a retransmission takes 80 ms.
const DELAY: Duration = Duration::from_millis(40);
/// Until the relay knows the line.
const SETTLE: Duration = Duration::from_secs(3);

/// What a listener does against loss.
#[derive(Clone, Copy)]
struct Means {
    name: &'static str,
    red: bool,
    nack: bool,
}

const BOTH: Means = Means { name: "copies and retransmission", red: true, nack: true };
const COPIES: Means = Means { name: "copies", red: true, nack: false };
const AGAIN: Means = Means { name: "retransmission", red: false, nack: true };
const NOTHING: Means = Means { name: "nothing", red: false, nack: false };

pub(crate) fn voice(voice: Voice) -> SourceSetup {
    SourceSetup { voice, ..SourceSetup::microphone() }
}

/// Sound and a picture of 600 kbit/s.
pub(crate) fn speaker(publisher: u32, sound: Voice) -> Setup {
    let camera = SourceSetup::camera(vec![Layer { bitrate: 600_000, ..Layer::single() }]);
    Setup { sources: vec![voice(sound), camera], ..Setup::meeting(publisher) }
}

/// Sound alone.
fn caller(publisher: u32, sound: Voice) -> Setup {
    Setup { sources: vec![voice(sound)], ..Setup::meeting(publisher) }
}

fn listener(publisher: u32, means: Means) -> Setup {
    Setup { takes_red: means.red, sound_nack: means.nack, ..Setup::viewer(publisher, 3, 3) }
}

fn heard(sim: &Sim, who: PersonIx) -> SoundFigures {
    sim.people[who].records(true).fold(SoundFigures::default(), |sum, record| sum.and(&record.sound))
}

/// Anna speaks, bo listens at the end of `line`; counts begin once the relay knows the line.
fn over(seed: u64, line: &LinkSpec, means: Means, sound: Voice) -> (Sim, PersonIx, PersonIx) {
    let mut sim = Sim::new(seed);
    let anna = sim.join("anna", speaker(1, sound));
    let far = LinkSpec::default().delayed(DELAY);
    let bo = sim.join_over("bo", listener(2, means), far.clone(), far);
    sim.run(JOIN);
    sim.network.access(bo).down.spec = line.clone().delayed(DELAY);
    sim.run(SETTLE);
    sim.begin_window();
    sim.network.begin_window();
    (sim, anna, bo)
}

/// The line for a share that is lost in bursts of this mean length; 1: at random.
fn line(loss: f64, burst: f64) -> LinkSpec {
    if burst > 1.0 { LinkSpec::bursty(loss, burst) } else { LinkSpec::lossy(loss) }
}

/// A minute on a line; what of the sound was usable.
fn minute(seed: u64, loss: f64, burst: f64, means: Means) -> SoundFigures {
    let (mut sim, anna, bo) = over(seed, &line(loss, burst), means, Voice::default());
    sim.run(60 * SECOND);
    let stats = sim.network.access(bo).down.stats;
    let lost = stats.lost as f64 / stats.offered as f64;
    assert!((lost - loss).abs() <= loss * 0.25, "seed {seed}: the fault happened: {lost} of {loss}");
    assert!(sim.people[bo].decoded(sim.people[anna].publisher, Camera) > 0, "pictures flow beside the sound");
    let figures = heard(&sim, bo);
    assert!(figures.usable + figures.late + figures.never > 2_800, "seed {seed}: {figures:?}");
    println!(
        "{:>3.0} % in bursts of {burst}: {:>5.2} % concealed with {}; {:.2} copies a packet",
        loss * 100.0,
        figures.concealed() * 100.0,
        means.name,
        figures.copies as f64 / 3_000.0
    );
    figures
}

/// The floors for one length of bursts, with everything a browser can do and with copies alone.
fn assert_usable(seed: u64, burst: f64) {
    for (step, (loss, floor)) in (0..).zip([(0.05, 0.995), (0.1, 0.995), (0.2, 0.99), (0.3, 0.97)]) {
        let both = minute(seed + step, loss, burst, BOTH);
        assert!(both.concealed() <= 1.0 - floor, "seed {}: {both:?}", seed + step);
        let copies = minute(seed + step, loss, burst, COPIES);
        assert!(copies.concealed() <= 1.0 - floor, "seed {}: {copies:?}", seed + step);
    }
}

#[test]
fn sound_is_usable_at_random_loss() {
    assert_usable(500, 1.0);
}

#[test]
fn sound_is_usable_in_bursts_of_one_and_a_half() {
    assert_usable(510, 1.5);
}

#[test]
fn sound_is_usable_in_bursts_of_two() {
    assert_usable(520, 2.0);
}

#[test]
fn sound_is_usable_in_bursts_of_three() {
    assert_usable(530, 3.0);
}

#[test]
fn sound_is_usable_in_bursts_of_four() {
    assert_usable(540, 4.0);
}

/// Twin: without either, a fifth lost is a fifth concealed; retransmission alone conceals more than both together ever do.
#[test]
fn twin_without_copies_the_floor_is_missed() {
    let nothing = minute(550, 0.2, 1.0, NOTHING);
    assert!((0.17..0.23).contains(&nothing.concealed()), "{nothing:?}");
    let again = minute(551, 0.2, 1.0, AGAIN);
    assert!(again.concealed() > 0.004 && again.concealed() < nothing.concealed() / 2.0, "{again:?}");
}

#[test]
fn a_clean_line_costs_nothing() {
    for means in [BOTH, NOTHING] {
        let figures = minute(560, 0.0, 1.0, means);
        assert_eq!((figures.redundant_packets, figures.late + figures.never), (0, 0), "{}: {figures:?}", means.name);
    }
    // Copies end ten seconds after the line has become well.
    let (mut sim, _, bo) = over(561, &LinkSpec::lossy(0.1), BOTH, Voice::default());
    sim.run(5 * SECOND);
    assert!(heard(&sim, bo).copies > 300, "{:?}", heard(&sim, bo));
    sim.network.access(bo).down.spec = LinkSpec::default().delayed(DELAY);
    sim.run(20 * SECOND);
    sim.begin_window();
    sim.run(5 * SECOND);
    assert_eq!(heard(&sim, bo).redundant_packets, 0);
}

/// What is left out in silence stays left out: nothing is invented, and nothing is repeated across a gap that cannot be said.
#[test]
fn silence_that_is_left_out_stays_left_out() {
    let dtx = Voice { dtx: true, ..Voice::default() };
    let (mut sim, anna, bo) = over(570, &LinkSpec::lossy(0.2), BOTH, dtx);
    sim.run(2 * SECOND);
    assert!(heard(&sim, bo).copies > 100, "copies flow while anna speaks");
    sim.with_client(anna, |client, _| client.set_speaking(false));
    sim.run(SECOND);
    sim.begin_window();
    let sent = |sim: &mut Sim| {
        let room = sim.node.inspect(sim.now, tests::sim::ROOM).expect("the room is there");
        let published = room.people.iter().flat_map(|person| &person.publications).filter(|publication| publication.source.is_audio());
        let slots = room.people.iter().flat_map(|person| &person.slots).filter(|slot| slot.source.is_some_and(Source::is_audio));
        let counters = sim.node.worker.counters();
        let received: u64 = published.map(|publication| publication.layers[0].packets).sum();
        (slots.map(|slot| slot.packets).sum::<u64>(), received, counters.rtp_redundant)
    };
    let before = sent(&mut sim);
    sim.run(20 * SECOND);
    let after = sent(&mut sim);
    assert!(after.1 > before.1 + 40, "comfort noise comes each 400 ms");
    assert_eq!(after.0 - before.0, after.1 - before.1, "one packet out for one packet in");
    assert_eq!((after.2 - before.2, heard(&sim, bo).copies), (0, 0), "400 ms cannot be said");
}

/// Copies that a narrow line has no room for would only make what arrives come late. Twin: a wide line has room for them.
#[test]
fn copies_are_no_more_than_the_line_carries() {
    let narrow = LinkSpec { rate: Some(Rate { bits_per_second: 90_000, queue: SECOND }), ..LinkSpec::lossy(0.1) };
    for (spec, most, concealed) in [(narrow, 200 * MS, 0.0..0.04), (LinkSpec::lossy(0.1), MS, 0.0..0.005)] {
        let mut sim = Sim::new(560);
        sim.join("anna", caller(1, Voice::default()));
        let bo = sim.join_over("bo", listener(2, COPIES), LinkSpec::default(), spec);
        sim.run(15 * SECOND);
        sim.begin_window();
        sim.network.begin_window();
        let before = sim.people[bo].client.counters().bytes_received;
        sim.run(20 * SECOND);
        let bytes = sim.people[bo].client.counters().bytes_received - before;
        let since = sim.window;
        let longest = sim.network.access(bo).down.bottleneck.passed.max_wait(since);
        let lost = heard(&sim, bo).concealed();
        eprintln!("{bytes} bytes in 20 s, longest wait {longest:?}, {lost:.4} concealed");
        assert!(longest <= most && concealed.contains(&lost), "{longest:?} {lost}");
    }
}

/// Whoever sends copies repairs a bad line of the own for everybody, without being asked.
#[test]
fn lost_packets_of_a_speaker_come_out_of_the_copies() {
    for (copies, floor) in [(1, 0.98), (2, 0.995)] {
        let mut sim = Sim::new(580);
        let anna = sim.join("anna", caller(1, Voice { copies, ..Voice::default() }));
        let people = [BOTH, NOTHING].map(|means| {
            let publisher = sim.people.len() as u32 + 1;
            sim.join(means.name, listener(publisher, means))
        });
        sim.run(JOIN);
        sim.network.access(anna).up.spec = LinkSpec::lossy(0.1);
        sim.begin_window();
        sim.run(30 * SECOND);
        let lost = sim.network.access(anna).up.stats.lost;
        assert!(lost > 100, "the fault happened: {lost}");
        assert!(sim.node.worker.counters().rtp_rebuilt > 100, "{}", sim.node.worker.counters().rtp_rebuilt);
        for who in people {
            let figures = heard(&sim, who);
            assert!(figures.concealed() <= 1.0 - floor, "{}: {figures:?}", sim.people[who].name);
            assert_eq!(figures.redundant_packets, 0, "the viewer's own line is good");
        }
        assert_eq!(sim.people[anna].client.counters().nacked, 0, "nobody agreed to send sound again");
    }
}

/// Three minutes of a speaker whose way up loses, sound alone, heard over a good line: what had to be concealed.
fn upwards(seed: u64, loss: f64, burst: f64, sound: Voice) -> f64 {
    let mut sim = Sim::new(seed);
    let anna = sim.join("anna", caller(1, sound));
    let bo = sim.join("bo", listener(2, NOTHING));
    sim.run(JOIN);
    sim.network.access(anna).up.spec = line(loss, burst);
    sim.run(SETTLE);
    sim.begin_window();
    sim.network.begin_window();
    sim.run(180 * SECOND);
    let stats = sim.network.access(anna).up.stats;
    let lost = stats.lost as f64 / stats.offered as f64;
    assert!((lost - loss).abs() <= loss * 0.25, "seed {seed}: the fault happened: {lost} of {loss}");
    let figures = heard(&sim, bo);
    assert!(figures.usable + figures.late + figures.never > 8_500, "seed {seed}: {figures:?}");
    figures.concealed()
}

/// The same over three losses, with what may be concealed of each.
fn assert_usable_upwards(seed: u64, burst: f64, sound: Voice, most: [f64; 3]) {
    let share = [0.1, 0.2, 0.3];
    let concealed = [0, 1, 2].map(|step| upwards(seed + step as u64, share[step], burst, sound));
    let Voice { copies, again, .. } = sound;
    eprintln!("up, bursts of {burst}, {copies} copies, asked again {again}: {concealed:.4?} concealed");
    let holds = concealed.iter().zip(most).all(|(concealed, most)| *concealed <= most);
    assert!(holds, "seed {seed}: {concealed:?} of {most:?}");
}

/// With a copy, and asked again: up to rows of two the floors of a listener's line hold on a speaker's. A row of three or four takes a sound with
/// its copy, and is noticed when it has ended, 60 or 80 ms later.
#[test]
fn a_speaker_who_sends_a_copy_and_is_asked_again_is_usable_where_rows_are_short() {
    let sound = Voice { copies: 1, again: true, ..Voice::default() };
    let floors = [0.005, 0.01, 0.03];
    let long = [[0.009, 0.02, 0.037], [0.018, 0.04, 0.067]];
    for (seed, burst, most) in [(700, 1.0, floors), (703, 1.5, floors), (706, 2.0, floors), (709, 3.0, long[0]), (712, 4.0, long[1])] {
        assert_usable_upwards(seed, burst, sound, most);
    }
}

/// Two copies alone bring back what they hold and nothing else: three lost in a row are lost, a fifth cubed at random. Nor are requests alone
/// enough; and twin: without either, what is lost is lost.
#[test]
fn a_speaker_with_copies_or_requests_alone_loses_what_they_cannot_bring_back() {
    let copies = Voice { copies: 2, ..Voice::default() };
    for (seed, burst, most) in [
        (720, 1.0, [0.003, 0.012, 0.036]),
        (723, 1.5, [0.016, 0.028, 0.041]),
        (726, 2.0, [0.036, 0.061, 0.091]),
        (729, 3.0, [0.057, 0.115, 0.165]),
        (732, 4.0, [0.075, 0.148, 0.215]),
    ] {
        assert_usable_upwards(seed, burst, copies, most);
    }
    let asked = Voice { again: true, ..Voice::default() };
    for (seed, burst, most) in [(740, 1.0, [0.003, 0.014, 0.039]), (743, 2.0, [0.004, 0.015, 0.039]), (746, 4.0, [0.019, 0.046, 0.082])] {
        assert_usable_upwards(seed, burst, asked, most);
    }
    let nothing = upwards(749, 0.2, 1.0, Voice::default());
    assert!(nothing > 0.15, "{nothing}");
}

/// The same by retransmission, where that was agreed; and twin: without either, what is lost is lost.
#[test]
fn lost_packets_of_a_speaker_are_asked_for_where_that_was_agreed() {
    for (again, range) in [(true, 0.0..0.01), (false, 0.07..0.13)] {
        let mut sim = Sim::new(585);
        let anna = sim.join("anna", caller(1, Voice { again, ..Voice::default() }));
        let bo = sim.join("bo", listener(2, NOTHING));
        sim.run(JOIN);
        sim.network.access(anna).up.spec = LinkSpec::lossy(0.1);
        sim.begin_window();
        sim.run(30 * SECOND);
        let figures = heard(&sim, bo);
        assert!(range.contains(&figures.concealed()), "{figures:?}");
        assert_eq!(sim.people[anna].client.counters().nacked > 100, again);
    }
}

/// Nothing that was said while muted is ever heard, neither as a copy nor as the beginning of what is said afterwards.
#[test]
fn what_was_said_while_muted_is_never_heard() {
    let mut sim = Sim::new(590);
    let epoch = sim.now;
    let anna = sim.join("anna", speaker(1, Voice::default()));
    let bo = sim.join("bo", Setup { keeps_sounds: true, ..listener(2, BOTH) });
    sim.run(JOIN);
    sim.network.access(bo).down.spec = LinkSpec::lossy(0.2);
    sim.run(SETTLE);
    let mut muted = Vec::new();
    for _ in 0..10 {
        let from = sim.now;
        sim.pretend_muted(anna, Microphone);
        sim.run(500 * MS);
        muted.push((from, sim.now));
        sim.set_source(anna, Microphone, true);
        sim.run(700 * MS);
    }
    let sounds = sounds(&sim, bo);
    assert!(heard(&sim, bo).copies > 500 && sounds.len() > 400, "{} sounds, {:?}", sounds.len(), heard(&sim, bo));
    for (captured, _) in sounds {
        // The message takes 15 ms, a packet 10.
        let arrived = epoch + captured + 10 * MS;
        let inside = muted.iter().find(|(from, to)| arrived > *from + 16 * MS && arrived < *to + 14 * MS);
        assert_eq!(inside, None, "heard what was said at {captured:?}");
    }
}
