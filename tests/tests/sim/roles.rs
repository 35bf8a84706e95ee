//! Who leads: the host drops, the deputy acts, the host returns; and what people keep who come back.

use room::{BreakoutId, Code, Command, Role, Settings, WaitingRoom, WhenAbandoned};
use signal::message::ByeReason;
use signal::message::Source::{Camera, Microphone};
use tests::sim::{PersonIx, Sim, Ticket};

use crate::{JOIN, SECOND, assert_flows, assert_meeting, assert_rough, assert_silence, hosted, roughen, setup};

fn role(sim: &Sim, who: PersonIx) -> Option<Role> {
    sim.people[who].meeting().map(|meeting| meeting.you.role)
}

#[test]
fn the_deputy_acts_while_the_host_is_away_and_the_host_is_host_again() {
    let (mut sim, host, guests) = hosted(140, Settings::default(), 3);
    let (deputy, guest) = (guests[0], guests[1]);
    let participant = sim.id(deputy);
    assert_eq!(sim.command(deputy, Command::Delegate { participant }), Err(Code::Forbidden), "nobody makes themselves deputy");
    sim.obey(host, Command::Delegate { participant });
    roughen(&mut sim, 0.06);
    sim.run(SECOND / 10);
    assert_eq!((role(&sim, host), role(&sim, deputy)), (Some(Role::Host), Some(Role::Deputy)));
    let name = sim.people[host].name.clone();
    let participant = sim.id(guest);
    assert_eq!(sim.command(deputy, Command::Delegate { participant }), Err(Code::Forbidden), "only the host delegates");
    sim.leave(host);
    sim.run(SECOND);
    sim.obey(deputy, Command::Mute { participant });
    sim.run(SECOND / 5);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, deputy, guest, Microphone);

    let host = sim.enter(Ticket::host(&name), setup(10, 3));
    sim.run(JOIN);
    assert_eq!((role(&sim, host), role(&sim, deputy)), (Some(Role::Host), Some(Role::Deputy)));
    sim.obey(host, Command::Unmute { participant });
    sim.obey(host, Command::Undelegate {});
    assert_eq!(sim.command(deputy, Command::MuteAll {}), Err(Code::Forbidden), "a guest again");
    sim.run(SECOND / 5);
    assert_eq!(role(&sim, deputy), Some(Role::Participant));
    sim.begin_window();
    sim.run(SECOND);
    assert_flows(&sim, host, guest, Microphone, 40);
    assert_rough(&mut sim, &guests);
}

#[test]
fn without_host_and_deputy_the_meeting_ends_after_the_grace() {
    let (mut sim, host, guests) = hosted(141, Settings { grace_seconds: 5, ..Settings::default() }, 2);
    roughen(&mut sim, 0.05);
    sim.leave(host);
    sim.run(SECOND);
    assert!(sim.people[guests[0]].meeting().is_some_and(|meeting| meeting.abandoned_until.is_some()), "everybody sees until when");
    sim.begin_window();
    sim.run(3 * SECOND);
    assert_flows(&sim, guests[0], guests[1], Camera, 50);
    sim.run(2 * SECOND);
    assert!(guests.iter().all(|guest| sim.people[*guest].bye == Some(ByeReason::Ended)));
    assert_rough(&mut sim, &guests);
}

#[test]
fn or_everybody_waits_until_a_host_comes() {
    let when_abandoned = WhenAbandoned::Wait;
    let settings = Settings { grace_seconds: 3, when_abandoned, waiting_room: WaitingRoom::UntilHost, ..Settings::default() };
    let (mut sim, host, guests) = hosted(142, settings, 2);
    roughen(&mut sim, 0.05);
    let name = sim.people[host].name.clone();
    sim.leave(host);
    sim.run(2 * SECOND);
    assert!(guests.iter().all(|guest| !sim.people[*guest].waits()), "not yet");
    sim.run(3 * SECOND / 2);
    assert!(guests.iter().all(|guest| sim.people[*guest].waits()));
    sim.run(SECOND / 5);
    let received = |sim: &Sim| guests.iter().map(|guest| sim.people[*guest].client.counters().packets_received).sum::<u64>();
    let before = received(&sim);
    sim.run(2 * SECOND);
    assert_eq!(received(&sim), before, "nothing flows in the waiting room");
    let host = sim.enter(Ticket::host(&name), setup(10, 2));
    sim.run(JOIN);
    assert!(guests.iter().all(|guest| !sim.people[*guest].waits()));
    sim.begin_window();
    sim.run(2 * SECOND);
    for guest in &guests {
        assert_flows(&sim, *guest, host, Camera, 30);
    }
    assert_rough(&mut sim, &guests);
}

#[test]
fn whoever_comes_back_keeps_role_bits_hand_and_breakout() {
    let (mut sim, host, guests) = hosted(143, Settings::default(), 3);
    let (deputy, muted) = (guests[0], guests[1]);
    roughen(&mut sim, 0.05);
    let participant = sim.id(deputy);
    sim.obey(host, Command::Delegate { participant });
    sim.obey(host, Command::CreateBreakouts { names: vec!["One".into()] });
    let participant = sim.id(muted);
    sim.obey(host, Command::Assign { participant, breakout: Some(BreakoutId(1)) });
    sim.obey(host, Command::OpenBreakouts { self_choice: false, seconds: None });
    sim.obey(host, Command::Mute { participant });
    sim.obey(muted, Command::RaiseHand {});
    sim.obey(muted, Command::SetSource { source: Camera, active: false });
    sim.obey(deputy, Command::Go { breakout: Some(BreakoutId(1)) });
    sim.run(SECOND);
    let again: Vec<PersonIx> = [deputy, muted]
        .into_iter()
        .enumerate()
        .map(|(index, who)| {
            let name = sim.people[who].name.clone();
            // One drops and returns, the other's second session takes the place of its ghost.
            if index == 0 {
                sim.leave(who);
                sim.run(SECOND);
            }
            sim.enter(Ticket::guest(&name), setup(10 + index as u32, 3))
        })
        .collect();
    sim.run(JOIN);
    let (deputy, muted) = (again[0], again[1]);
    let you = sim.people[muted].meeting().map(|meeting| meeting.you.clone()).expect("back in the meeting");
    assert_eq!((you.breakout, you.hand, role(&sim, deputy)), (Some(BreakoutId(1)), true, Some(Role::Deputy)));
    assert_eq!(you.locked, [Microphone]);
    assert_eq!(you.on, [Microphone], "the camera is off as before");
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, deputy, muted, Microphone);
    assert_silence(&sim, deputy, muted, Camera);
    assert_flows(&sim, muted, deputy, Microphone, 40);
    assert_rough(&mut sim, &[host]);
}

#[test]
fn the_end_for_all_is_the_end_for_all() {
    let (mut sim, host, guests) = hosted(144, Settings::default(), 3);
    assert_eq!(sim.command(guests[0], Command::EndMeeting {}), Err(Code::Forbidden));
    sim.ask(host, Command::EndMeeting {});
    sim.run(SECOND);
    assert!(sim.people.iter().all(|person| person.bye == Some(ByeReason::Ended)));
    let sent: u64 = (0..4).map(|who| sim.network.access(who).down.stats.offered).sum();
    sim.run(SECOND);
    assert_eq!((0..4).map(|who| sim.network.access(who).down.stats.offered).sum::<u64>(), sent, "not one packet more");
    let again = [("Hanna Host", true, 11), ("Guest0 Surname", false, 12)];
    let people = again.map(|(name, host, publisher)| sim.join_as(name, host, setup(publisher, 1)));
    sim.run(JOIN);
    assert_meeting(&mut sim, &people, 1);
}

#[test]
fn two_hosts_by_token_are_host_and_deputy_and_a_third_takes_part() {
    let mut sim = Sim::with_settings(145, Settings { waiting_room: WaitingRoom::Admit, ..Settings::default() });
    let people = [1, 2, 3].map(|publisher| sim.join_as(&format!("host {publisher}"), true, setup(publisher, 2)));
    sim.run(JOIN);
    assert_eq!(people.map(|who| role(&sim, who)), [Some(Role::Host), Some(Role::Deputy), Some(Role::Participant)]);
    assert_meeting(&mut sim, &people, 1);
}
