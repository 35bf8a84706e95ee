//! WHIP and WHEP as other servers speak them, against the real relay: who receives whom in each scheme of connections, late comers,
//! refusals, and that nobody stays behind.

use std::process::Command;
use std::time::{Duration, Instant};

use loadgen::summary::{Summary, Verdict};

use crate::relay::{Relay, alone};

/// Three people who come within a second and never fall silent, so that what each must receive can be counted.
pub(crate) const STEADY: [&str; 24] = [
    "--scenario",
    "meeting",
    "--people",
    "3",
    "--for",
    "4s",
    "--max-lateness",
    "200ms",
    "--set",
    "ramp_seconds=0.2",
    "--set",
    "settle_seconds=2.0",
    "--set",
    "arrive_seconds=1.0",
    "--set",
    "dtx=false",
    "--set",
    "screen_share=0.0",
    // One encoding that any estimate of the line lets through, so that the server leaves nothing out.
    "--set",
    "simulcast=false",
    "--set",
    "temporal_layers=1",
    "--set",
    "high_kbps=200.0",
];
/// Pictures a second that the profile's cameras make.
const FPS: f64 = 30.0;

/// Everybody got everything of `ways` pairs of sender and receiver, in time, with every picture whole.
pub(crate) fn assert_everybody_received(summary: &Summary, ways: f64, complaints: &str) {
    assert_eq!((summary.clients.planned, summary.clients.joined, summary.clients.failed), (3, 3, 0), "{complaints}");
    let (audio, video) = (&summary.media["audio"], &summary.media["video"]);
    let sounds = audio.latency.count as f64 / (ways * 50.0 * summary.seconds);
    assert!((0.95..1.05).contains(&sounds), "{sounds} of the sound: {} packets", audio.latency.count);
    let pictures = video.gaps.count as f64 / (ways * FPS * summary.seconds);
    assert!((0.9..1.05).contains(&pictures), "{pictures} of the pictures: {}", video.gaps.count);
    assert_eq!((audio.lost, video.lost), (0, 0));
    for media in [audio, video] {
        assert!(media.latency.min > 0.0 && media.latency.p50 < 20_000.0, "µs: {:?}", media.latency);
    }
    // A payload that is not its author's pattern, whole and in order, would be complained of.
    assert!(!complaints.contains("damaged") && !complaints.contains("share the number"), "{complaints}");
    assert_eq!(summary.joins["offer_to_first_frame"].count, 2, "the first one found nobody: {:?}", summary.joins);
}

/// Plays [`STEADY`] by WHIP, holds that it passed and that nobody stays behind; gives what was found and said.
pub(crate) fn play(relay: &Relay, arguments: &[&str]) -> (Summary, String) {
    let mut all = vec!["--target", "whip", "--slo", "failed<=0%"];
    all.extend(STEADY);
    all.extend(arguments);
    let (output, summary) = relay.run(&all);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), summary.verdict), (Some(0), Verdict::Pass), "{said}");
    assert_eq!((summary.target.kind.as_str(), summary.server.is_some()), ("whip", true), "the process behind the port is watched");
    assert!(!said.contains("DELETE"), "{said}");
    let end = Instant::now() + Duration::from_secs(2);
    while relay.sessions() > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(relay.sessions(), 0, "everybody has left");
    (summary, said)
}

#[test]
fn everybody_receives_a_room_by_whep_and_themselves_as_well() {
    let _alone = alone();
    let (summary, said) = play(&Relay::start(None), &["--set", "mutes_per_minute=20.0"]);
    assert_everybody_received(&summary, 9.0, &said);
    assert!(summary.left_out.contains_key("mute") && summary.control.is_empty(), "{:?}", summary.left_out);
}

#[test]
fn one_connection_carries_both_ways() {
    let _alone = alone();
    let (summary, said) = play(&Relay::start(None), &["--one-connection"]);
    assert_everybody_received(&summary, 6.0, &said);
}

#[test]
fn a_session_for_each_person_received_opens_as_people_come() {
    let _alone = alone();
    let templates = ["--whip", "/v1/rooms/{room}-{person}/whip", "--whep", "/v1/rooms/{room}-{peer}/whep"];
    let (summary, said) = play(&Relay::start(None), &templates);
    assert_everybody_received(&summary, 6.0, &said);
}

#[test]
fn a_refused_session_says_what_to_do() {
    let _alone = alone();
    let relay = Relay::start(None);
    let folder = std::env::temp_dir().join(format!("loadgen-refused-{}", std::process::id()));
    let load = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command.args(["run", "--target", "whip", "--url", &relay.url(), "--out"]).arg(&folder).args(STEADY).args(arguments);
        let output = command.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = load(&[]);
    assert!(code == Some(99) && said.contains("401") && said.contains("--key-id"), "{code:?} {said}");
    let (code, said) = load(&["--one-connection", "--whip", "/{room}/publish"]);
    assert!(code == Some(99) && said.contains("405") && said.contains("--whip and --whep"), "{code:?} {said}");
    let (code, said) = load(&["--whip", "/whip"]);
    assert!(code == Some(2) && said.contains("{room}"), "{code:?} {said}");
    assert_eq!(relay.sessions(), 0);
    let _ = std::fs::remove_dir_all(folder);
}
