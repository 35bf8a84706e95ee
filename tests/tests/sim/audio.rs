//! Sound on bad lines, beginnings of speech in a large room, and people who are always heard.

use std::time::{Duration, Instant};

use room::Command;
use signal::message::Source::{self, Camera, Microphone};
use tests::sim::{Layer, LinkSpec, PersonIx, Setup, Sim, SoundFigures, SourceSetup, Voice};

use crate::{JOIN, SECOND, assert_flows};

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

fn voice(voice: Voice) -> SourceSetup {
    SourceSetup { voice, ..SourceSetup::microphone() }
}

/// Sound and a picture of 600 kbit/s.
fn speaker(publisher: u32, sound: Voice) -> Setup {
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

/// When each sound was captured, by its owner's clock, and when it came; of everybody who is in a slot.
fn sounds(sim: &Sim, who: PersonIx) -> Vec<(Duration, Instant)> {
    let kept = sim.people[who].records(true).filter_map(|record| record.heard.as_ref()).flatten();
    kept.map(|heard| (heard.stamp.captured, heard.at)).collect()
}

/// The same of one speaker.
fn sounds_of(sim: &Sim, who: PersonIx, speaker: PersonIx) -> Vec<(Duration, Instant)> {
    let publisher = sim.people[speaker].publisher;
    let kept = sim.people[who].records(true).filter_map(|record| record.heard.as_ref()).flatten();
    kept.filter(|heard| heard.stamp.author.publisher == publisher).map(|heard| (heard.stamp.captured, heard.at)).collect()
}

/// A room in which everybody has three slots for sound and keeps them; each with the moment of joining.
fn crowd(seed: u64, count: u32, sound: Voice) -> (Sim, Vec<(PersonIx, Instant)>) {
    let mut sim = Sim::new(seed);
    let people = (1..=count).map(|publisher| {
        let setup = Setup { sources: vec![voice(sound)], video_slots: 0, keeps_sounds: true, ..Setup::meeting(publisher) };
        let at = sim.now;
        let who = sim.join_as(&format!("person {publisher}"), publisher == 1, setup);
        sim.people[who].takes_more = false;
        sim.with_client(who, |client, _| client.set_speaking(false));
        sim.run(20 * MS);
        (who, at)
    });
    let people = people.collect();
    sim.run(JOIN);
    (sim, people)
}

fn speak(sim: &mut Sim, who: PersonIx, speaking: bool) {
    sim.with_client(who, |client, _| client.set_speaking(speaking));
}

/// Somebody begins to speak at a moment; how long after its capture the first sound of it reached each of the others, with the number of
/// those whom it did not reach at all.
fn first_syllable(sim: &mut Sim, people: &[(PersonIx, Instant)], speaker: usize) -> (Duration, usize) {
    sim.begin_window();
    let (who, epoch) = people[speaker];
    let said = sim.now - epoch;
    speak(sim, who, true);
    sim.run(3 * SECOND);
    speak(sim, who, false);
    let others = people.iter().filter(|(other, _)| *other != who);
    let first = others.map(|(other, _)| {
        let sounds = sounds_of(sim, *other, who);
        let first = sounds.into_iter().find(|(captured, _)| (said..said + 20 * MS).contains(captured));
        first.map(|(captured, at)| at - (epoch + captured))
    });
    let first: Vec<Option<Duration>> = first.collect();
    let missed = first.iter().filter(|first| first.is_none()).count();
    (first.into_iter().flatten().max().unwrap_or_default(), missed)
}

#[test]
fn the_first_syllable_reaches_everybody_in_a_room_of_33_with_three_slots() {
    // Three packets that no detector would call speech: only the store still has them when the fourth comes.
    let (mut sim, people) = crowd(600, 33, Voice { soft: 3, ..Voice::default() });
    for speaker in [32, 20, 10, 5, 31] {
        let before = sim.node.worker.counters().prerolled;
        let (latest, missed) = first_syllable(&mut sim, &people, speaker);
        println!("person {}: the first syllable is everywhere after {latest:?}", speaker + 1);
        assert_eq!(missed, 0, "person {}: some missed the first syllable", speaker + 1);
        assert!(latest <= 150 * MS + 20 * MS, "{latest:?}");
        let prerolled = sim.node.worker.counters().prerolled - before;
        assert!((32 * 3..=32 * 6).contains(&prerolled), "the beginning and a breath before, no silence: {prerolled}");
        sim.run(2 * SECOND);
    }
}

/// Twin: what began longer ago than the relay looks back is lost, and that is noticed.
#[test]
fn twin_a_beginning_that_is_too_long_ago_is_missed() {
    let (mut sim, people) = crowd(601, 8, Voice { soft: 20, ..Voice::default() });
    let (_, missed) = first_syllable(&mut sim, &people, 7);
    assert_eq!(missed, 7, "400 ms of murmur are longer than any memory");
}

#[test]
fn slots_keep_their_speakers_through_pauses_and_six_who_speak_do_not_flap() {
    let (mut sim, people) = crowd(602, 10, Voice::default());
    let viewer = people[0].0;
    let table = |sim: &Sim| sim.people[viewer].slots.iter().map(|slot| slot.participant).collect::<Vec<_>>();
    for (who, _) in &people[1..4] {
        speak(&mut sim, *who, true);
        sim.run(100 * MS);
    }
    sim.run(SECOND);
    let three = table(&sim);
    // Words of 600 ms with pauses of a second, while three more speak without a pause: one of them becomes the loudest, and is heard.
    for (who, _) in &people[4..7] {
        speak(&mut sim, *who, true);
    }
    let mut one_more = None;
    for _ in 0..8 {
        for (who, _) in &people[1..4] {
            speak(&mut sim, *who, false);
        }
        sim.run(SECOND);
        let now = table(&sim);
        assert_eq!(now.iter().filter(|who| !three.contains(who)).count(), 1, "a pause for breath");
        assert_eq!(*one_more.get_or_insert_with(|| now.clone()), now, "and it stays like that");
        for (who, _) in &people[1..4] {
            speak(&mut sim, *who, true);
        }
        sim.run(600 * MS);
    }
    // Whoever stops for good makes room.
    for (who, _) in &people[1..4] {
        speak(&mut sim, *who, false);
    }
    sim.run(2 * SECOND);
    let ids: Vec<Option<u64>> = people[4..7].iter().map(|(who, _)| sim.people[*who].participant).collect();
    let mut now = table(&sim);
    now.sort_unstable();
    let mut expected = ids;
    expected.sort_unstable();
    assert_eq!(now, expected);
}

/// A client that makes as much room as it is told to: eight voices, and three beside those who are always heard.
#[test]
fn nobody_is_told_to_make_room_for_more_voices_than_can_be_understood() {
    let mut sim = Sim::new(605);
    let setup = |publisher| Setup { sources: vec![SourceSetup::microphone()], video_slots: 0, ..Setup::meeting(publisher) };
    let people: Vec<PersonIx> =
        (1..=14).map(|publisher| sim.join_as(&format!("person {publisher}"), publisher == 1, setup(publisher))).collect();
    sim.run(JOIN);
    let room_for = |sim: &Sim| people.iter().map(|who| sim.people[*who].records(true).count()).collect::<Vec<_>>();
    assert_eq!(room_for(&sim), [8; 14]);
    for who in &people[1..7] {
        let participant = sim.id(*who);
        sim.obey(people[0], Command::SetAlwaysHeard { participant, on: true });
    }
    sim.run(JOIN);
    let six_and_three = room_for(&sim);
    assert!(six_and_three[7..].iter().all(|count| *count == 9), "{six_and_three:?}");
}

#[test]
fn an_interpreter_is_always_heard() {
    let (mut sim, people) = crowd(603, 12, Voice { soft: 3, ..Voice::default() });
    let (host, interpreter) = (people[0].0, people[11].0);
    let id = sim.id(interpreter);
    sim.obey(host, Command::SetAlwaysHeard { participant: id, on: true });
    sim.run(SECOND);
    let has_slot = |sim: &Sim| people[..11].iter().all(|(who, _)| sim.people[*who].slot_of(id.0, Microphone).is_some());
    assert!(has_slot(&sim));
    for (who, _) in &people[1..7] {
        speak(&mut sim, *who, true);
    }
    for _ in 0..10 {
        sim.run(SECOND);
        assert!(has_slot(&sim), "six who speak do not take it");
    }
    sim.begin_window();
    speak(&mut sim, interpreter, true);
    sim.run(2 * SECOND);
    for (who, _) in &people[..11] {
        assert_flows(&sim, *who, interpreter, Microphone, 95);
    }
    sim.obey(host, Command::SetAlwaysHeard { participant: id, on: false });
    speak(&mut sim, interpreter, false);
    sim.run(4 * SECOND);
    assert!(!has_slot(&sim), "like everybody else again");
}

/// Somebody whose television never stops speaks into the only slot: whoever is shown as the loudest is heard all the same.
#[test]
fn the_loudest_is_heard_though_somebody_else_never_stops() {
    let (mut sim, people) = crowd(604, 4, Voice::default());
    let television = sim.join("television", speaker(5, Voice { quieter: 10, ..Voice::default() }));
    speak(&mut sim, television, false);
    let wall = sim.join("wall", Setup::viewer(6, 1, 0));
    sim.people[wall].takes_more = false;
    sim.run(JOIN);
    let loud = people[2].0;
    speak(&mut sim, television, true);
    sim.run(3 * SECOND);
    assert!(sim.people[wall].slot_of(sim.id(television).0, Microphone).is_some());
    speak(&mut sim, loud, true);
    sim.run(SECOND);
    assert!(sim.people[wall].slot_of(sim.id(loud).0, Microphone).is_some(), "louder by far");
    speak(&mut sim, loud, false);
    sim.run(3 * SECOND);
    assert!(sim.people[wall].slot_of(sim.id(television).0, Microphone).is_some(), "until it is silent");
}

/// Encoders do not say how loud they are: what they send is heard where there is room, though never taken for the loudest.
#[test]
fn who_does_not_say_how_loud_he_is_gets_a_slot() {
    let (mut sim, people) = crowd(606, 6, Voice::default());
    for (who, _) in &people[1..4] {
        speak(&mut sim, *who, true);
    }
    sim.run(SECOND);
    let encoder = sim.join("encoder", speaker(9, Voice { hides_level: true, ..Voice::default() }));
    sim.run(JOIN);
    let viewer = people[0].0;
    let heard = |sim: &Sim| sim.people[viewer].slot_of(sim.id(encoder).0, Microphone).is_some();
    assert!(!heard(&sim), "three speak already");
    speak(&mut sim, people[1].0, false);
    sim.run(2 * SECOND);
    assert!(heard(&sim));
}
