//! Light clients over real sockets against the real binary: the media oracle on a meeting at random, and the commands whose effect hosts
//! wait for. Here nothing asserts speed; `cargo run --release -p tests --example live` prints it.
#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use loadgen::light::Setup;
use room::{Code, Command};
use signal::message::ByeReason;
use tests::live::{Crowd, LiveRelay, TokenRole, figures, walk};

/// Every test has the machine to itself.
fn stage() -> MutexGuard<'static, ()> {
    static STAGE: Mutex<()> = Mutex::new(());
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn in_a_meeting_at_random_nothing_reaches_whom_the_rules_keep_it_from() {
    let _stage = stage();
    let relay = LiveRelay::start();
    let report = walk::walk(&relay, 20_261_123, Duration::from_secs(20));
    let verdict = &report.verdict;
    println!(
        "{} packets judged, {} commands, {} refused, {} moves, {} packets dropped, {} asked for again, {} recovered, {} sent again",
        verdict.judged, report.commands, report.refused, report.moves, report.dropped, report.nacks, report.recovered, report.resent
    );
    assert_eq!(verdict.violations, 0, "{:#?}", verdict.reported);
    assert_eq!((&report.stream_errors, &report.complaints), (&Vec::new(), &Vec::new()));
    assert_eq!(report.silent, [], "what is allowed is heard");
    assert_eq!(relay.counted("crossed_zero_bit"), 0);

    // It was a meeting worth judging.
    assert!(verdict.judged > 8_000 && report.commands > 60 && report.moves > 5 && report.refused > 3, "{report:#?}");
    assert!(report.dropped > 400 && report.nacks > 100 && report.recovered > 40 && report.resent > 20, "{report:#?}");
    // Rules that differ are seen to differ.
    for (name, twin) in &report.twins {
        println!("twin, {name}: {} violations", twin.violations);
        assert!(twin.violations > 0, "an oracle that believes `{name}` finds nothing");
    }
}

#[test]
fn mute_one_way_and_kick_take_effect() {
    let _stage = stage();
    let relay = LiveRelay::start();
    let figures = [figures::mute(&relay, 3).to_vec(), figures::one_way(&relay, 3).to_vec(), figures::kick(&relay, 3).to_vec()];
    figures.iter().flatten().for_each(|figure| println!("{figure}"));
    assert!(figures.iter().flatten().all(|figure| figure.repetitions() == 3));
}

#[test]
fn somebody_who_waited_sees_and_hears_once_admitted() {
    let _stage = stage();
    let relay = LiveRelay::start();
    let figures = figures::admit(&relay, 4);
    figures.iter().for_each(|figure| println!("{figure}"));
    assert!(figures.iter().all(|figure| figure.count() == 4));
}

#[test]
fn a_recall_takes_no_sdp_no_ice_and_no_dtls() {
    let _stage = stage();
    let relay = LiveRelay::start();
    let recall = figures::recall(&relay, 13, 4, 2);
    recall.figures.iter().for_each(|figure| println!("{figure}"));
    assert_eq!(recall.figures[0].count(), 24);
    assert_eq!((recall.sdp, recall.dtls, recall.extra_checks, recall.extra_stun), (0, 0, 0, 0));
}

#[test]
fn a_created_room_can_be_entered_at_once() {
    let _stage = stage();
    let relay = LiveRelay::start();
    let figures = figures::create(&relay, 5);
    figures.iter().for_each(|figure| println!("{figure}"));
    assert!(figures.iter().all(|figure| figure.count() == 5));
}

#[test]
fn whoever_was_removed_is_told_why_they_do_not_get_in_again() {
    let _stage = stage();
    let relay = LiveRelay::start();
    let (room, mut crowd) = (relay.fresh_room(), Crowd::new(7));
    let host = crowd.enter(&relay, &room, "host", TokenRole::Host, Setup::meeting(0));
    let guest = crowd.enter(&relay, &room, "guest", TokenRole::Participant, Setup::meeting(0));
    let participant = crowd.members[guest].id();
    crowd.order(host, Command::Remove { participant });
    crowd.run_until("goodbye", |crowd| crowd.members[guest].told.bye == Some(ByeReason::Removed));
    let again = crowd.enter(&relay, &room, "guest", TokenRole::Participant, Setup::meeting(0));
    crowd.run_until("the end of the connection", |crowd| crowd.members[again].told.ended.is_some());
    let told = &crowd.members[again].told;
    assert_eq!((told.welcomed, told.refused.as_slice(), told.bye), (None, [Code::Removed].as_slice(), Some(ByeReason::Refused)));
    crowd.order(host, Command::AllowBack { participant });
    let back = crowd.enter(&relay, &room, "guest", TokenRole::Participant, Setup::meeting(0));
    assert!(crowd.members[back].told.is_in());
}
