//! Who gets in: waiting room, lock, the last chair, and those who were sent away.

use std::time::Duration;

use room::{Code, Command, Settings, WaitingRoom};
use signal::message::ByeReason;
use signal::message::Source::{Camera, Microphone};
use tests::sim::{LinkSpec, PersonIx, Setup, Sim, Ticket};

use crate::video::{join, webcam};
use crate::{JOIN, SECOND, assert_flows, assert_meeting, assert_rough, hosted, roughen, setup};

fn admitting() -> Settings {
    Settings { waiting_room: WaitingRoom::Admit, ..Settings::default() }
}

/// How long from the host's click until the guest decodes the host's picture.
fn admit(sim: &mut Sim, host: PersonIx, guest: PersonIx) -> Duration {
    let (participant, publisher) = (sim.id(guest), sim.people[host].publisher);
    let clicked = sim.now;
    sim.ask(host, Command::Admit { participant });
    sim.run_until("a picture", 2 * SECOND, |sim| sim.people[guest].decoded(publisher, Camera) > 0);
    let first = sim.people[guest].records(false).filter_map(|record| record.first_decoded).min();
    first.expect("there is a picture") - clicked
}

#[test]
fn whoever_waits_is_connected_and_gets_nothing_until_admitted() {
    let (mut sim, host, guests) = hosted(110, admitting(), 3);
    roughen(&mut sim, 0.08);
    sim.run(3 * SECOND);
    for guest in &guests {
        let person = &sim.people[*guest];
        assert!(person.waits() && person.client.is_secure(), "{} waits, warm", person.name);
        assert_eq!(person.client.counters().packets_received, 0, "not one media packet");
        assert_eq!((person.roster.len(), person.speaker), (1, None), "and knows of nobody");
    }
    let told = sim.people[host].meeting().and_then(|meeting| meeting.staff.clone()).expect("the host sees the queue");
    assert_eq!(told.waiting, guests.iter().map(|guest| sim.id(*guest)).collect::<Vec<_>>(), "in order of arrival");
    assert_eq!(sim.people[host].client.counters().packets_received, 0, "nothing comes out of the waiting room");

    let offers = sim.people[guests[0]].offers;
    admit(&mut sim, host, guests[0]);
    assert_eq!(sim.people[guests[0]].offers, offers, "no SDP");
    assert!(sim.people[guests[1]].waits());
    assert_eq!(sim.command(guests[0], Command::AdmitAll {}), Err(Code::Forbidden));
    sim.obey(host, Command::AdmitAll {});
    sim.run(SECOND);
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, guests[2], guests[1], Camera, 30);
    assert_flows(&sim, guests[2], host, Microphone, 70);
    assert_rough(&mut sim, &[host]);
}

/// Virtual time over 10 ms of delay each way, 15 ms of signalling and no loss; the camera makes a picture each 40 ms.
#[test]
fn from_admission_to_the_first_picture_it_takes_a_keyframe_and_no_more() {
    let (mut sim, host, guests) = hosted(111, admitting(), 20);
    let mut took: Vec<Duration> = guests.iter().map(|guest| admit(&mut sim, host, *guest)).collect();
    took.sort_unstable();
    println!("admit to first decoded picture: median {:?}, p95 {:?}, worst {:?}", took[10], took[18], took[19]);
    assert!(took[18] <= Duration::from_millis(150), "p95 {:?}", took[18]);
}

#[test]
fn the_meeting_starts_with_the_host() {
    let settings = Settings { waiting_room: WaitingRoom::UntilHost, ..Settings::default() };
    let mut sim = Sim::with_settings(112, settings);
    let guests = [2, 3].map(|publisher| sim.join(&format!("guest {publisher}"), setup(publisher, 2)));
    sim.run(JOIN);
    assert!(guests.iter().all(|guest| sim.people[*guest].waits()));
    let host = sim.join_as("host", true, setup(1, 2));
    sim.run(JOIN);
    assert!(guests.iter().all(|guest| !sim.people[*guest].waits()));
    assert_meeting(&mut sim, &[host, guests[0], guests[1]], 2);
}

#[test]
fn the_denied_may_ask_again_and_the_removed_may_not() {
    let (mut sim, host, guests) = hosted(113, admitting(), 2);
    let (one, two) = (guests[0], guests[1]);
    let (first, second) = (sim.id(one), sim.id(two));
    sim.obey(host, Command::Deny { participant: first });
    sim.run(SECOND / 2);
    assert_eq!(sim.people[one].bye, Some(ByeReason::Denied));
    let again = sim.enter(Ticket::guest(&sim.people[one].name.clone()), setup(12, 2));
    sim.run(JOIN);
    assert!(sim.people[again].waits(), "and waits again");

    sim.obey(host, Command::Admit { participant: second });
    sim.run(SECOND);
    roughen(&mut sim, 0.07);
    sim.run(SECOND);
    assert_eq!(sim.command(two, Command::Remove { participant: sim.id(host) }), Err(Code::Forbidden));
    assert!(sim.serve(Command::Remove { participant: sim.id(host) }).is_err(), "nobody removes the host");
    sim.obey(host, Command::Remove { participant: second });
    let sent = sim.network.access(two).down.stats.offered;
    sim.run(SECOND);
    // The reply of the command took 30 ms of the 50 already; what may still come is DTLS.
    assert!(sim.network.access(two).down.stats.offered <= sent + 1, "nothing more is sent to the removed");
    assert_eq!(sim.people[two].bye, Some(ByeReason::Removed));

    let name = sim.people[two].name.clone();
    let back = sim.enter(Ticket::guest(&name), setup(13, 2));
    sim.run(SECOND / 2);
    assert_eq!((sim.people[back].refusals.as_slice(), sim.people[back].ended), (&[Code::Removed][..], true));
    sim.obey(host, Command::AllowBack { participant: second });
    let back = sim.enter(Ticket::guest(&name), setup(14, 2));
    sim.run(JOIN);
    assert!(!sim.people[back].ended, "allowed back");
    assert_rough(&mut sim, &[host]);
}

#[test]
fn a_lock_keeps_newcomers_waiting_and_lets_the_dropped_return() {
    let (mut sim, host, guests) = hosted(114, Settings::default(), 2);
    roughen(&mut sim, 0.05);
    sim.obey(host, Command::Lock {});
    let name = sim.people[guests[0]].name.clone();
    sim.leave(guests[0]);
    sim.run(SECOND);
    let newcomer = sim.join("newcomer", setup(10, 3));
    let back = sim.enter(Ticket::guest(&name), setup(11, 3));
    sim.run(JOIN);
    assert!(sim.people[newcomer].waits());
    assert!(!sim.people[back].waits(), "whoever was here comes back");
    sim.begin_window();
    sim.run(2 * SECOND);
    assert_flows(&sim, back, host, Camera, 30);
    assert_eq!(sim.people[newcomer].client.counters().packets_received, 0);
    sim.obey(host, Command::Unlock {});
    sim.run(SECOND);
    assert!(!sim.people[newcomer].waits(), "the rule lets in once the lock is off");
    assert_rough(&mut sim, &[host]);
}

#[test]
fn a_full_room_locks_itself_and_the_next_in_the_queue_takes_the_free_chair() {
    let (mut sim, _, guests) = hosted(115, Settings { max_participants: 3, ..Settings::default() }, 2);
    let late = [10, 11].map(|publisher| sim.join(&format!("late {publisher}"), Setup::meeting(publisher)));
    sim.run(JOIN);
    assert!(late.iter().all(|who| sim.people[*who].waits()));
    sim.leave(guests[0]);
    sim.run(SECOND);
    assert!(!sim.people[late[0]].waits() && sim.people[late[1]].waits(), "first come, first served");
    assert_meeting(&mut sim, &[guests[1], late[0]], 1);
}

#[test]
fn a_wall_screen_waits_like_everybody() {
    let mut sim = Sim::with_settings(116, admitting());
    let host = sim.join_as("host", true, setup(1, 2));
    let ticket = Ticket { kind: worker::ClientKind::Whep, ..Ticket::guest("wall") };
    let wall = sim.enter(ticket, Setup::viewer(2, 1, 1));
    sim.run(JOIN);
    assert_eq!(sim.people[wall].client.counters().packets_received, 0);
    sim.obey(host, Command::AdmitAll {});
    sim.run(SECOND);
    sim.begin_window();
    sim.run(SECOND);
    assert_flows(&sim, wall, host, Camera, 20);
    assert_flows(&sim, wall, host, Microphone, 45);
}

/// Nobody sees who waits, so the least of the picture will do; and that is at hand when he is let in.
#[test]
fn whoever_waits_sends_the_least_and_is_seen_as_soon_as_he_is_let_in() {
    let mut sim = Sim::with_settings(117, admitting());
    let host = sim.join_as("host", true, Setup::viewer(1, 0, 1));
    sim.people[host].takes_more = false;
    let guest = join(&mut sim, webcam(2), LinkSpec::narrow(10_000), LinkSpec::default());
    // What leaves in the coming seconds, bit/s.
    let sends = |sim: &mut Sim, seconds: u32| {
        sim.begin_window();
        sim.run(seconds * SECOND);
        sim.network.access(guest).up.bottleneck.passed.bytes() as f64 * 8.0 / f64::from(seconds)
    };
    sim.run(JOIN);
    let at_first = sends(&mut sim, 1);
    sim.run(3 * SECOND);
    assert!(sim.people[guest].waits() && at_first > 1_000_000.0, "the fault happened: {at_first}");
    assert_eq!(sim.people[guest].client.wanted(Camera), [true, false, false]);
    let waiting = sends(&mut sim, 3);
    assert_eq!(sim.people[host].client.counters().packets_received, 0, "nothing comes out of the waiting room");

    let (participant, clicked) = (sim.id(guest), sim.now);
    sim.ask(host, Command::Admit { participant });
    sim.run_until("a picture", 2 * SECOND, |sim| sim.people[host].decoded(2, Camera) > 0);
    let first = sim.people[host].records(false).filter_map(|record| record.first_decoded).min().expect("there is a picture") - clicked;
    sim.run_until("720 lines", 5 * SECOND, |sim| sim.people[host].records(false).any(|record| record.size == Some((1_280, 720))));
    let largest = sim.now - clicked;
    eprintln!("{at_first:.0} bit/s at first, {waiting:.0} while waiting; a picture after {first:?}, the largest after {largest:?}");
    assert!(waiting < 200_000.0, "{waiting}");
    assert!(first <= Duration::from_millis(200) && largest <= Duration::from_millis(3_500), "{first:?} {largest:?}");
}
