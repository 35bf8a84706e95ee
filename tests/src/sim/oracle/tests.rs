//! Rows: what each rule allows and forbids, and that a relay which breaks one is noticed.

use std::time::Duration;

use loadgen::light::Author;
use room::{Device, Direction, Layout, RosterEntry, ScreenShare, WaitingRoom};

use super::*;

const NOW: Time = Time(1_000);

fn stamp(publisher: u32, source: Source) -> Stamp {
    Stamp::alone(Author { publisher, source, layer: 0 }, 0, Duration::ZERO)
}

fn newcomer(author: u32, host_token: bool) -> Newcomer {
    let id = ParticipantId(u64::from(author));
    let name = format!("Name{author} Surname");
    Newcomer { author, id, identity: author.to_string(), name, host_token, viewer: false, device: Device::Desktop }
}

/// Host 1 and guests 2 and 3 in one room.
fn meeting(settings: &Settings) -> Oracle {
    let mut oracle = Oracle::default();
    for author in 1..=3 {
        oracle.enter(0, "a", settings, newcomer(author, author == 1));
    }
    oracle
}

fn id(author: u64) -> ParticipantId {
    ParticipantId(author)
}

#[test]
fn rows() {
    let mut oracle = meeting(&Settings::default());
    oracle.enter(0, "b", &Settings::default(), newcomer(4, false));
    let set = |active| Command::SetSource { source: Source::Microphone, active };
    oracle.command(100, NOW, "a", Some(1), &set(false));
    oracle.command(200, NOW, "a", Some(1), &set(true));
    oracle.leave(300, 2);
    let rows = [
        ("a neighbour hears", 50, 2, Source::Microphone, true),
        ("not oneself", 50, 1, Source::Microphone, false),
        ("not another room", 50, 4, Source::Microphone, false),
        ("not somebody unknown", 50, 9, Source::Microphone, false),
        ("sent before the mute", 100, 2, Source::Microphone, true),
        ("sent after the mute", 101, 2, Source::Microphone, false),
        ("unmuted", 201, 2, Source::Microphone, true),
        ("the camera was never off", 150, 2, Source::Camera, true),
        ("a screen nobody shares", 50, 2, Source::Screen, false),
        ("whoever left gets nothing", 301, 2, Source::Camera, false),
    ];
    for (name, number, receiver, source, allowed) in rows {
        assert_eq!(oracle.allows(number, receiver, &stamp(1, source)), allowed, "{name}");
    }
    oracle.assert_clean();
}

#[test]
fn one_way_and_host_only() {
    let mut oracle = meeting(&Settings::default());
    for author in 1..=2 {
        oracle.command(0, NOW, "a", Some(author), &Command::SetSource { source: Source::Screen, active: true });
    }
    oracle.command(100, NOW, "a", Some(1), &Command::SetDirection { direction: Direction::OneWay });
    oracle.command(200, NOW, "a", Some(1), &Command::SetDirection { direction: Direction::TwoWay });
    oracle.command(200, NOW, "a", None, &Command::SetLayout { layout: Layout::HostOnly });
    let rows = [
        ("one-way: the host sees", 150, 2, 1, Source::Camera, true),
        ("one-way: the host hears", 150, 2, 1, Source::Microphone, true),
        ("one-way: guests do not see the host", 150, 1, 2, Source::Camera, false),
        ("one-way: nor hear", 150, 1, 2, Source::Microphone, false),
        ("one-way: but see the screen", 150, 1, 2, Source::Screen, true),
        ("one-way: no guest sees a guest", 150, 2, 3, Source::Camera, false),
        ("one-way: nor a guest's screen", 150, 2, 3, Source::Screen, false),
        ("A: guests see the host", 250, 1, 2, Source::Camera, true),
        ("A: the host sees guests", 250, 2, 1, Source::Camera, true),
        ("A: guests do not see guests", 250, 2, 3, Source::Camera, false),
        ("A: nor their screens", 250, 2, 3, Source::Screen, false),
        ("A: but hear them", 250, 2, 3, Source::Microphone, true),
    ];
    for (name, number, from, to, source, allowed) in rows {
        assert_eq!(oracle.allows(number, to, &stamp(from, source)), allowed, "{name}");
    }
    oracle.assert_clean();
}

#[test]
fn the_staffs_bit_holds_and_only_the_staff_clears_it() {
    let mut oracle = meeting(&Settings::default());
    oracle.command(0, NOW, "a", Some(1), &Command::MuteAll {});
    assert!(!oracle.allows(1, 3, &stamp(2, Source::Microphone)));
    assert!(oracle.allows(1, 3, &stamp(1, Source::Microphone)), "not the host's own");
    oracle.command(1, NOW, "a", Some(2), &Command::SetSource { source: Source::Microphone, active: true });
    assert_eq!(oracle.violations, 1, "a relay that obeys is wrong");
    assert!(!oracle.allows(2, 3, &stamp(2, Source::Microphone)), "and the bit holds all the same");
    oracle.command(2, NOW, "a", Some(2), &Command::Unmute { participant: id(2) });
    assert_eq!(oracle.violations, 2, "guests command nobody");
    oracle.command(3, NOW, "a", Some(1), &Command::Unmute { participant: id(2) });
    assert!(oracle.allows(4, 3, &stamp(2, Source::Microphone)));
}

#[test]
fn whoever_waits_gets_nothing_and_is_let_in_only_for_a_reason() {
    let mut oracle = meeting(&Settings { waiting_room: WaitingRoom::Admit, ..Settings::default() });
    let admitted = |author| Change::Admitted { participant: id(author) };
    assert!(!oracle.allows(1, 2, &stamp(1, Source::Camera)) && !oracle.allows(1, 1, &stamp(2, Source::Camera)));
    oracle.judge(1, 2, None);
    assert_eq!(oracle.violations, 1, "not even a packet of nobody's");
    oracle.claim(1, NOW, "a", Some(Actor::Person(id(1))), &admitted(2));
    assert_eq!(oracle.violations, 1, "the host may");
    assert!(oracle.allows(2, 2, &stamp(1, Source::Camera)));
    oracle.claim(2, NOW, "a", None, &admitted(3));
    assert_eq!(oracle.violations, 2, "no rule lets anybody in");
}

#[test]
fn the_removed_do_not_come_back() {
    let mut oracle = meeting(&Settings::default());
    oracle.command(0, NOW, "a", Some(1), &Command::Remove { participant: id(2) });
    assert!(!oracle.allows(1, 2, &stamp(1, Source::Camera)) && !oracle.allows(1, 1, &stamp(2, Source::Camera)));
    let again = |author| Newcomer { author, id: id(u64::from(author)), ..newcomer(2, false) };
    oracle.enter(1, "a", &Settings::default(), again(12));
    assert_eq!(oracle.violations, 1);
    oracle.leave(1, 12);
    oracle.claim(2, NOW, "a", Some(Actor::Person(id(1))), &Change::AllowedBack { participant: id(2) });
    oracle.enter(3, "a", &Settings::default(), again(22));
    assert_eq!(oracle.violations, 1, "allowed back");
}

#[test]
fn breakouts_are_apart_and_end_together() {
    let mut oracle = meeting(&Settings::default());
    let commands = [
        Command::CreateBreakouts { names: vec!["x".into(), "y".into()] },
        Command::Assign { participant: id(2), breakout: Some(room::BreakoutId(1)) },
        Command::Assign { participant: id(3), breakout: Some(room::BreakoutId(2)) },
        Command::OpenBreakouts { self_choice: false, seconds: Some(60) },
    ];
    let breakouts = vec![room::BreakoutId(1), room::BreakoutId(2)];
    oracle.claim(100, NOW, "a", Some(Actor::Service), &Change::BreakoutsChanged { breakouts });
    commands.iter().for_each(|command| oracle.command(100, NOW, "a", Some(1), command));
    assert!(oracle.allows(100, 3, &stamp(2, Source::Camera)) && !oracle.allows(101, 3, &stamp(2, Source::Camera)));
    assert!(!oracle.allows(101, 2, &stamp(1, Source::Microphone)), "the host stayed outside");
    oracle.command(101, NOW, "a", Some(2), &Command::Go { breakout: Some(room::BreakoutId(2)) });
    assert_eq!(oracle.violations, 1, "nobody may choose");
    oracle.judge_time(NOW.plus_seconds(60));
    assert_eq!(oracle.violations, 1);
    oracle.judge_time(NOW.plus_seconds(61));
    assert_eq!(oracle.violations, 2, "the timer ran out and nobody came back");
    oracle.command(200, NOW, "a", Some(1), &Command::RecallAll { seconds: 0 });
    assert!(oracle.allows(201, 3, &stamp(2, Source::Camera)));
}

#[test]
fn messages_are_judged() {
    let settings = Settings { waiting_room: WaitingRoom::Admit, screen_share: ScreenShare::Staff, ..Settings::default() };
    let mut oracle = meeting(&settings);
    oracle.claim(1, NOW, "a", Some(Actor::Service), &Change::Admitted { participant: id(2) });
    oracle.claim(1, NOW, "a", Some(Actor::Service), &Change::Admitted { participant: id(3) });
    oracle.enter(1, "a", &Settings::default(), newcomer(5, false));
    let entry = |author: u32, name: &str| {
        let role = if author == 1 { room::Role::Host } else { room::Role::Participant };
        let waiting = author == 5;
        let entry = RosterEntry {
            id: id(author.into()),
            name: name.into(),
            role,
            sources: [].into_iter().collect(),
            locked: [].into_iter().collect(),
            waiting,
            breakout: None,
        };
        ServerMessage::Joined { participant: entry }
    };
    let speaker = ServerMessage::Speaker { participant: Some(2) };
    let rows = [
        ("the host knows who waits", 1, entry(5, "Name5 Surname"), true),
        ("a guest does not", 2, entry(5, "Name5"), false),
        ("whoever waits knows nobody", 5, entry(1, "Name1 Surname"), false),
        ("only themselves", 5, entry(5, "Name5 Surname"), true),
        ("and hears of no speaker", 5, speaker.clone(), false),
        ("as the others do", 3, speaker, true),
        ("guests know first names", 3, entry(2, "Name2"), true),
        ("not whole ones", 3, entry(2, "Name2 Surname"), false),
        ("but the host's", 3, entry(1, "Name1 Surname"), true),
        ("the number of slots tells how many are there", 5, ServerMessage::SlotsWanted { audio: 3, video: 3 }, false),
        ("and so does the chat", 5, ServerMessage::UnmuteAsked, false),
        ("nobody waits who was let in", 2, ServerMessage::Scene { scene: room::Scene::Waiting(room::WaitingPage::default()) }, false),
    ];
    for (name, receiver, message, allowed) in rows {
        let before = oracle.violations;
        oracle.judge_message(receiver, None, &message);
        assert_eq!(oracle.violations == before, allowed, "{name}");
    }
}
