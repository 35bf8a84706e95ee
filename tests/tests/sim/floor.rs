//! Whose voices are heard where there are more people than slots: beginnings of speech, noise, and people who are always heard.

use std::time::{Duration, Instant};

use room::Command;
use signal::message::Source::Microphone;
use tests::sim::{PersonIx, Setup, Sim, SourceSetup, Voice};

use crate::audio::{speaker, voice};
use crate::{JOIN, SECOND, assert_flows};

const MS: Duration = Duration::from_millis(1);

/// When each sound was captured, by its owner's clock, and when it came; of everybody who is in a slot.
pub(crate) fn sounds(sim: &Sim, who: PersonIx) -> Vec<(Duration, Instant)> {
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
fn crowd(seed: u64, count: usize, sound: Voice) -> (Sim, Vec<(PersonIx, Instant)>) {
    crowd_of(seed, &vec![sound; count])
}

fn crowd_of(seed: u64, sounds: &[Voice]) -> (Sim, Vec<(PersonIx, Instant)>) {
    let mut sim = Sim::new(seed);
    let people = (1..).zip(sounds).map(|(publisher, sound)| {
        let setup = Setup { sources: vec![voice(*sound)], video_slots: 0, keeps_sounds: true, ..Setup::meeting(publisher) };
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

/// Three hold the slots because they spoke a moment ago: a fourth is heard when he has become the loudest, and from the beginning.
#[test]
fn whoever_becomes_the_loudest_is_heard_from_the_first_syllable_on() {
    let (mut sim, people) = crowd(606, 9, Voice::default());
    for speaker in [8, 7] {
        people[1..4].iter().for_each(|(who, _)| speak(&mut sim, *who, true));
        sim.run(3 * SECOND);
        people[1..4].iter().for_each(|(who, _)| speak(&mut sim, *who, false));
        sim.run(300 * MS);
        let (latest, missed) = first_syllable(&mut sim, &people, speaker);
        println!("person {}: the first syllable is everywhere after {latest:?}", speaker + 1);
        assert_eq!(missed, 0, "some missed the first syllable");
        assert!(latest > 200 * MS && latest < 700 * MS, "the slots were held, and not for long: {latest:?}");
        sim.run(2 * SECOND);
    }
}

/// Fans, that clients take for voices, hold no slots: whoever speaks among them is heard at once, and two at a time as well.
#[test]
fn noise_without_end_keeps_no_slot_from_a_voice() {
    let fan = Voice { quieter: 15, ..Voice::default() };
    let (mut sim, people) = crowd_of(607, &[[Voice::default(); 1].as_slice(), &[fan; 4], &[Voice::default(); 5]].concat());
    people[1..5].iter().for_each(|(who, _)| speak(&mut sim, *who, true));
    sim.run(25 * SECOND);
    let talker = people[9].0;
    speak(&mut sim, talker, true);
    sim.run(20 * MS);
    let (latest, missed) = first_syllable(&mut sim, &people, 8);
    speak(&mut sim, talker, false);
    println!("among fans: the first syllable is everywhere after {latest:?}");
    assert_eq!(missed, 0, "some missed the first syllable");
    assert!(latest <= 170 * MS, "{latest:?}");
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
