//! `loadgen run` as people use it: what it counts, how it ends, and what it says to those who asked for something impossible.

use std::process::Command;

use crate::relay::{Relay, alone};
use loadgen::summary::Verdict;

fn loadgen(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen")).args(arguments).output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn visits_in_many_rooms_are_counted_and_hosts_commands_take_effect() {
    let _alone = alone();
    let relay = Relay::start(None);
    let arguments = [
        "--scenario",
        "visits",
        "--meetings",
        "8",
        "--for",
        "5s",
        "--max-lateness",
        "100ms",
        "--threads",
        "2",
        "--set",
        "ramp_seconds=1.0",
        "--set",
        "mutes_per_minute=15.0",
        "--set",
        "one_way_share=1.0",
        "--set",
        "one_way_seconds=1.0",
        "--set",
        "waiting_share=0.5",
        "--slo",
        "failed<=0%,loss<=0.5%,mute_p99<=200ms,one_way_p99<=200ms,first_frame_p95<=2s",
    ];
    let (output, summary) = relay.run(&arguments);
    assert_eq!((output.status.code(), summary.verdict), (Some(0), Verdict::Pass), "{:?}", summary.thresholds);
    assert_eq!(summary.meetings_peak, 8);
    assert!(summary.clients.joined >= 17 && summary.clients.joined == summary.clients.planned, "{:?}", summary.clients);
    assert!(summary.control["mute"].count > 0 && summary.control["one_way"].count > 0, "{:?}", summary.control);
    assert_eq!(summary.series.len(), 5, "a row for each measured second");
    let rows: u64 = summary.series.iter().map(|second| second.received).sum();
    let whole = summary.generator.packets_received;
    assert!(rows.abs_diff(whole) * 20 < whole, "rows {rows}, sum {whole}");
    let server = summary.server.expect("a server on this machine is found and watched");
    assert!(server.cpu_seconds > 0.0 && server.memory_peak > 1_000_000);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("PASS") && table.contains("first_frame_p95<=2s"), "{table}");
}

#[test]
fn what_cannot_be_done_is_a_usage_error_that_says_what_could_be() {
    let (code, said) = loadgen(&["run", "--url", "http://127.0.0.1:1"]);
    assert!(code == Some(2) && said.contains("cargo run --release"), "{code:?} {said}");
    let (code, said) = loadgen(&["run", "--scenario", "visit"]);
    assert!(code == Some(2) && said.contains("visits"), "{code:?} {said}");
    let (code, said) = loadgen(&["run", "--slo", "e2e_p98<=1ms"]);
    assert!(code == Some(2) && said.contains("character 1"), "{code:?} {said}");
    let (code, said) = loadgen(&["run", "--set", "camera_share=2.0"]);
    assert!(code == Some(2) && said.contains("a share from 0 to 1"), "{code:?} {said}");
    let (code, said) = loadgen(&["run", "--impair", "loss=lots"]);
    assert!(code == Some(2) && said.contains("expected for example"), "{code:?} {said}");
}

#[test]
fn impairments_of_the_generator_itself_show_as_what_they_are() {
    let _alone = alone();
    let relay = Relay::start(None);
    let arguments = [
        "--scenario",
        "meeting",
        "--people",
        "3",
        "--for",
        "4s",
        "--max-lateness",
        "100ms",
        "--impair",
        "loss=2%,delay=10ms",
        "--slo",
        "e2e_p50<=40ms",
        "--set",
        "ramp_seconds=0.2",
        "--set",
        "settle_seconds=1.3",
        "--set",
        "arrive_seconds=0.3",
    ];
    let (_, summary) = relay.run(&arguments);
    let audio = &summary.media["audio"];
    assert!((20_000.0..28_000.0).contains(&audio.latency.p50), "both ways 10 ms: {} µs", audio.latency.p50);
    // Lost on the way up or on the way down.
    let lost = audio.lost as f64 / audio.expected as f64;
    assert!((0.015..0.07).contains(&lost), "{} of {}", audio.lost, audio.expected);
}
