//! Microphones, cameras and directions: what the staff closes stays closed, from the very call of the command on.

use room::{Code, Command, Direction, HostUnmute, Layout, Settings, Template};
use signal::message::Source::{Camera, Microphone};
use tests::sim::{PersonIx, Sim};

use crate::{SECOND, assert_flows, assert_rough, assert_silence, hosted, roughen};

/// In a window of a second that begins now nothing of a source gets to anybody.
fn assert_silent_to_all(sim: &mut Sim, publisher: PersonIx, source: signal::message::Source) {
    // What was sent before may still be under way: delay, jitter, reordering and the copy of a duplicate.
    sim.run(SECOND / 5);
    sim.begin_window();
    sim.run(SECOND);
    for viewer in 0..sim.people.len() {
        assert_silence(sim, viewer, publisher, source);
    }
}

#[test]
fn nothing_passes_after_mute_all_and_nobody_opens_a_microphone_that_the_host_closed() {
    let (mut sim, host, guests) = hosted(100, Settings::default(), 4);
    roughen(&mut sim, 0.07);
    sim.run(2 * SECOND);
    sim.obey(host, Command::MuteAll {});
    let dropped = sim.node.worker.counters().dropped_muted;
    for guest in &guests {
        // Rude: asks for what is closed, and goes on sending whatever the answer is.
        sim.set_source(*guest, Microphone, true);
        assert_eq!(sim.command(*guest, Command::SetSource { source: Microphone, active: true }), Err(Code::LockedByHost));
        assert_eq!(sim.command(*guest, Command::Unmute { participant: sim.id(*guest) }), Err(Code::Forbidden));
        assert_eq!(sim.command(*guest, Command::UnmuteAll {}), Err(Code::Forbidden));
    }
    for guest in &guests {
        assert_silent_to_all(&mut sim, *guest, Microphone);
        assert_eq!(sim.people[*guest].refusals, [Code::LockedByHost], "the command without a number was refused, too");
    }
    assert!(sim.node.worker.counters().dropped_muted - dropped > 150, "they went on sending");
    // Two lines of 7 % leave 43 of 50, give or take 5.
    assert_flows(&sim, guests[0], host, Microphone, 35);
    assert_flows(&sim, guests[0], guests[1], Camera, 15);

    sim.obey(host, Command::UnmuteAll {});
    sim.run(SECOND / 2);
    sim.begin_window();
    sim.run(SECOND);
    for guest in &guests {
        assert_flows(&sim, host, *guest, Microphone, 35);
        assert_eq!(sim.people[*guest].unmute_asked, 0, "whoever had it open is heard again");
    }
    assert_rough(&mut sim, &guests);
}

#[test]
fn a_microphone_that_its_owner_closed_opens_only_if_the_owner_agrees() {
    for (host_unmute, opens) in [(HostUnmute::Ask, false), (HostUnmute::Open, true)] {
        let (mut sim, host, guests) = hosted(101, Settings { host_unmute, ..Settings::default() }, 2);
        let guest = guests[0];
        sim.pretend_muted(guest, Microphone);
        sim.run(SECOND / 10);
        let participant = sim.id(guest);
        sim.obey(host, Command::Mute { participant });
        sim.obey(host, Command::Unmute { participant });
        sim.run(SECOND / 5);
        assert_eq!(sim.people[guest].unmute_asked, u32::from(!opens));
        sim.begin_window();
        sim.run(SECOND);
        let heard = sim.people[host].packets(sim.people[guest].publisher, Microphone);
        assert_eq!(heard > 40, opens, "{host_unmute:?}: {heard}");
        sim.obey(guest, Command::SetSource { source: Microphone, active: true });
        sim.run(SECOND / 5);
        sim.begin_window();
        sim.run(SECOND);
        assert_flows(&sim, host, guest, Microphone, 45);
    }
}

#[test]
fn cameras_are_denied_and_allowed() {
    let (mut sim, host, guests) = hosted(102, Settings::default(), 3);
    roughen(&mut sim, 0.06);
    let (one, two) = (guests[0], guests[1]);
    let participant = sim.id(one);
    sim.obey(host, Command::DenyCamera { participant });
    assert_eq!(sim.command(one, Command::SetSource { source: Camera, active: true }), Err(Code::LockedByHost));
    assert_silent_to_all(&mut sim, one, Camera);
    assert_flows(&sim, host, two, Camera, 15);
    sim.obey(host, Command::DenyCameras {});
    assert_silent_to_all(&mut sim, two, Camera);
    assert_flows(&sim, one, host, Camera, 15);
    sim.obey(host, Command::AllowCameras {});
    sim.run(SECOND);
    sim.begin_window();
    sim.run(2 * SECOND);
    for guest in &guests {
        assert_flows(&sim, host, *guest, Camera, 30);
    }
    sim.run(3 * SECOND);
    assert_rough(&mut sim, &guests);
}

#[test]
fn one_way_is_switched_live_and_back_again_without_an_offer() {
    let (mut sim, host, guests) = hosted(103, Settings { direction: Direction::OneWay, ..Settings::default() }, 2);
    roughen(&mut sim, 0.08);
    let (patient, other) = (guests[0], guests[1]);
    let offers = [host, patient, other].map(|who| sim.people[who].offers);
    for round in 0..4 {
        sim.run(SECOND / 2);
        sim.begin_window();
        sim.run(2 * SECOND);
        for source in [Camera, Microphone] {
            assert_silence(&sim, patient, host, source);
            assert_silence(&sim, patient, other, source);
            assert_flows(&sim, host, patient, source, 25);
        }
        sim.begin_window();
        sim.obey(host, Command::SetDirection { direction: Direction::TwoWay });
        let publisher = sim.people[host].publisher;
        let took = sim.run_until("the patient sees the host", SECOND, |sim| sim.people[patient].decoded(publisher, Camera) > 0);
        sim.run(SECOND);
        assert!(took < SECOND, "round {round}: {took:?}");
        assert_flows(&sim, patient, other, Microphone, 30);
        sim.obey(host, Command::SetDirection { direction: Direction::OneWay });
    }
    assert_eq!([host, patient, other].map(|who| sim.people[who].offers), offers, "no SDP");
    assert_eq!(sim.node.worker.counters().secured, 3, "no DTLS");
    assert_rough(&mut sim, &guests);
}

#[test]
fn in_layout_a_no_guest_sees_a_guest_and_the_deputy_is_no_guest() {
    let (mut sim, host, guests) = hosted(104, Settings { layout: Layout::HostOnly, ..Settings::default() }, 5);
    let deputy = guests[0];
    let participant = sim.id(deputy);
    sim.obey(host, Command::Delegate { participant });
    roughen(&mut sim, 0.05);
    sim.run(SECOND);
    sim.begin_window();
    sim.run(3 * SECOND);
    for viewer in 0..sim.people.len() {
        for publisher in (0..sim.people.len()).filter(|publisher| *publisher != viewer) {
            let staff = [host, deputy].contains(&viewer) || [host, deputy].contains(&publisher);
            if staff {
                assert_flows(&sim, viewer, publisher, Camera, 45);
            } else {
                assert_silence(&sim, viewer, publisher, Camera);
            }
            assert_flows(&sim, viewer, publisher, Microphone, 120);
        }
    }
    let quiet = Template { guests_hear_guests: Some(false), ..Template::default() };
    sim.obey(deputy, Command::Change { settings: Box::new(quiet) });
    sim.run(SECOND / 5);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, guests[1], guests[2], Microphone);
    assert_flows(&sim, guests[1], deputy, Microphone, 40);
    sim.obey(host, Command::Undelegate {});
    sim.run(SECOND / 5);
    sim.begin_window();
    sim.run(SECOND);
    assert_silence(&sim, guests[1], deputy, Camera);
    assert_silence(&sim, guests[1], deputy, Microphone);
    assert_flows(&sim, guests[1], host, Camera, 15);
    assert_rough(&mut sim, &guests);
}

/// The effect does not wait for a tick or a timer: the first packet that arrives after the command is stopped already.
#[test]
fn a_command_takes_effect_within_its_own_call() {
    type Step = (&'static str, fn(room::ParticipantId) -> Command, signal::message::Source);
    let steps: [Step; 4] = [
        ("mute", |participant| Command::Mute { participant }, Microphone),
        ("deny camera", |participant| Command::DenyCamera { participant }, Camera),
        ("one-way", |_| Command::SetDirection { direction: Direction::OneWay }, Camera),
        ("remove", |participant| Command::Remove { participant }, Camera),
    ];
    for (name, command, source) in steps {
        let (mut sim, _, guests) = hosted(105, Settings::default(), 2);
        sim.run(SECOND);
        let publisher = sim.people[guests[0]].publisher;
        let forbidden = command(sim.id(guests[0]));
        assert_eq!(sim.serve(forbidden), Ok(()));
        // Nothing was sent in the call itself, so whatever comes now is judged by the number of its send.
        let last = sim.network.launched();
        let before = sim.oracle.judged;
        sim.run(SECOND);
        assert!(sim.oracle.judged > before + 50, "{name}: the others go on");
        let later = sim.oracle.last_of(sim.people[guests[1]].publisher, publisher, source);
        assert!(later.is_some_and(|number| number <= last), "{name}: {later:?} was sent after {last}");
    }
}
