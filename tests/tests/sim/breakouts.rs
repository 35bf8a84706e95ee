//! Breakout rooms: apart while they are open, together again in one step, and no offer for any of it.

use room::{BreakoutId, Command, Settings};
use signal::message::Source::{Camera, Microphone};
use tests::sim::{PersonIx, Sim, Ticket};
use wire::ids::Ssrc;

use crate::{JOIN, SECOND, assert_flows, assert_rough, assert_silence, hosted, roughen, setup};

/// Two breakouts; the first guest goes to the first, the others to the second.
fn open_two(sim: &mut Sim, host: PersonIx, guests: &[PersonIx]) {
    sim.obey(host, Command::CreateBreakouts { names: vec!["One".into(), "Two".into()] });
    for (index, guest) in guests.iter().enumerate() {
        let (participant, breakout) = (sim.id(*guest), Some(BreakoutId(if index == 0 { 1 } else { 2 })));
        sim.obey(host, Command::Assign { participant, breakout });
    }
    sim.obey(host, Command::OpenBreakouts { self_choice: false, seconds: None });
}

#[test]
fn a_breakout_leaks_nothing_to_another() {
    let (mut sim, host, guests) = hosted(120, Settings::default(), 4);
    roughen(&mut sim, 0.08);
    let offers: Vec<u32> = sim.people.iter().map(|person| person.offers).collect();
    open_two(&mut sim, host, &guests);
    sim.run(SECOND / 2);
    sim.begin_window();
    sim.run(2 * SECOND);
    for viewer in &guests {
        for publisher in guests.iter().filter(|publisher| *publisher != viewer) {
            for source in [Camera, Microphone] {
                let together = *viewer != guests[0] && *publisher != guests[0];
                if together {
                    assert_flows(&sim, *viewer, *publisher, source, 25);
                } else {
                    assert_silence(&sim, *viewer, *publisher, source);
                }
            }
        }
        assert_silence(&sim, *viewer, host, Microphone);
    }
    sim.obey(guests[1], Command::Say { text: "among us".into(), to: None });
    sim.obey(host, Command::Broadcast { text: "five minutes".into() });
    sim.run(SECOND / 5);
    assert_eq!(sim.people[guests[2]].chat.len(), 1);
    assert_eq!((sim.people[guests[0]].chat.len(), sim.people[host].chat.len()), (0, 0), "the chat stays inside");
    assert!(guests.iter().all(|guest| sim.people[*guest].announcements.len() == 1), "a broadcast reaches everybody");

    // The host visits, then everybody is recalled.
    sim.obey(host, Command::Go { breakout: Some(BreakoutId(2)) });
    sim.run(SECOND / 2);
    sim.begin_window();
    sim.run(SECOND);
    assert_flows(&sim, host, guests[3], Camera, 12);
    assert_silence(&sim, host, guests[0], Camera);
    sim.obey(host, Command::RecallAll { seconds: 0 });
    sim.run(SECOND);
    sim.begin_window();
    sim.run(2 * SECOND);
    for viewer in &guests {
        assert_flows(&sim, *viewer, host, Microphone, 65);
    }
    assert_flows(&sim, guests[0], guests[3], Camera, 25);
    assert_eq!(sim.people.iter().map(|person| person.offers).collect::<Vec<_>>(), offers, "no SDP");
    assert_rough(&mut sim, &guests);
}

#[test]
fn what_was_missed_of_the_old_room_is_not_sent_again_after_the_move() {
    let (mut sim, host, guests) = hosted(121, Settings::default(), 3);
    roughen(&mut sim, 0.1);
    sim.run(2 * SECOND);
    let ask_again = |sim: &mut Sim, who: PersonIx| {
        let slots: Vec<(Ssrc, u16)> =
            sim.people[who].client.slots().filter(|slot| !slot.audio).filter_map(|slot| Some((slot.ssrc, slot.newest?))).collect();
        for (ssrc, newest) in slots {
            let lost: Vec<u16> = (0..60).map(|back: u16| newest.wrapping_sub(back)).collect();
            sim.with_client(who, |client, _| client.send_rtcp(|writer| writer.nack(Ssrc(1), ssrc, &lost).expect("it fits")));
        }
    };
    // The twin of what follows: before the move the same question is answered.
    let before = *sim.node.worker.counters();
    ask_again(&mut sim, guests[0]);
    sim.run(SECOND / 10);
    let resent = sim.node.worker.counters().rtp_resent - before.rtp_resent;
    assert!(resent > 20, "recent packets are still there: {resent}");

    for round in 0..6 {
        sim.run(SECOND);
        open_two_or_recall(&mut sim, host, &guests, round);
        let before = *sim.node.worker.counters();
        for _ in 0..5 {
            guests.iter().for_each(|guest| ask_again(&mut sim, *guest));
            sim.run(SECOND / 100);
        }
        let after = sim.node.worker.counters();
        let (asked, refused) = (after.nacks_received - before.nacks_received, after.nacks_refused - before.nacks_refused);
        assert!(asked > 500 && refused * 10 > asked * 5, "round {round}: {refused} of {asked} refused");
    }
    assert_rough(&mut sim, &guests);
}

fn open_two_or_recall(sim: &mut Sim, host: PersonIx, guests: &[PersonIx], round: u32) {
    if round.is_multiple_of(2) { open_two(sim, host, guests) } else { sim.obey(host, Command::RecallAll { seconds: 0 }) }
}

#[test]
fn a_dropped_person_returns_to_their_breakout_and_a_late_one_goes_where_assigned() {
    let (mut sim, host, guests) = hosted(122, Settings::default(), 3);
    open_two(&mut sim, host, &guests);
    roughen(&mut sim, 0.05);
    sim.run(SECOND);
    let name = sim.people[guests[1]].name.clone();
    sim.leave(guests[1]);
    sim.run(SECOND);
    let back = sim.enter(Ticket::guest(&name), setup(10, 3));
    let late = sim.join("late", setup(11, 3));
    sim.run(JOIN);
    assert_eq!(sim.people[back].meeting().map(|meeting| meeting.you.breakout), Some(Some(BreakoutId(2))));
    assert_eq!(sim.people[late].meeting().map(|meeting| meeting.you.breakout), Some(None), "nobody said where");
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, back, guests[2], Camera, 25);
    assert_flows(&sim, late, host, Camera, 25);
    assert_silence(&sim, late, back, Microphone);
    let participant = sim.id(late);
    sim.obey(host, Command::Assign { participant, breakout: Some(BreakoutId(1)) });
    sim.run(SECOND);
    sim.begin_window();
    sim.run(SECOND);
    assert_flows(&sim, late, guests[0], Camera, 12);
    assert_rough(&mut sim, &[host]);
}

#[test]
fn a_timer_and_a_countdown_bring_everybody_back_on_time() {
    let (mut sim, host, guests) = hosted(123, Settings::default(), 2);
    roughen(&mut sim, 0.05);
    open_two(&mut sim, host, &guests);
    sim.obey(host, Command::SetTimer { seconds: Some(3) });
    sim.run(2 * SECOND);
    sim.begin_window();
    sim.run(SECOND / 2);
    assert_silence(&sim, guests[0], guests[1], Microphone);
    sim.run(SECOND);
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, guests[0], guests[1], Microphone, 80);
    sim.obey(host, Command::OpenBreakouts { self_choice: true, seconds: None });
    sim.obey(guests[0], Command::Go { breakout: Some(BreakoutId(1)) });
    sim.obey(guests[0], Command::AskHelp { wanted: true });
    sim.obey(host, Command::RecallAll { seconds: 2 });
    sim.run(SECOND);
    sim.begin_window();
    sim.run(SECOND / 2);
    assert_silence(&sim, guests[0], host, Microphone);
    sim.run(2 * SECOND);
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, guests[0], host, Microphone, 80);
    assert_rough(&mut sim, &guests);
}
