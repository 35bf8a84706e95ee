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

#[test]
fn a_server_is_watched_by_its_metrics_as_by_its_process() {
    let _alone = alone();
    let relay = Relay::start(None);
    let set = ["--set", "ramp_seconds=0.2", "--set", "settle_seconds=0.8", "--set", "arrive_seconds=0.3"];
    let arguments = [&["--scenario", "meeting", "--people", "4", "--for", "3s", "--max-lateness", "100ms"][..], &set].concat();
    let watched = |more: &[&str]| relay.run(&[&arguments[..], more].concat()).1.server.expect("watched");
    let (metrics, pid) = (relay.metrics(), relay.pid().to_string());
    let (far, near) = (watched(&["--metrics", &metrics]), watched(&["--pid", &pid]));
    assert!(far.cpu_seconds > 0.0 && far.cpu_seconds < 3.0, "{far:?}");
    let apart = far.memory_peak.abs_diff(near.memory_peak);
    assert!(far.memory_idle > 1_000_000 && apart * 5 < near.memory_peak, "{far:?} {near:?}");
    let output = relay.load(&["--metrics", &metrics.replace("/metrics", "/livez")]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("process_cpu_seconds_total"), "{said}");
}

#[test]
fn light_clients_take_sizes_and_keyframes_from_a_recording() {
    let _alone = alone();
    let relay = Relay::start(None);
    let folder = std::env::temp_dir().join(format!("loadgen-sizes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder in the temporary directory");
    // Ten pictures at 25 a second: the first of 20 kB, the others as small as can be.
    let mut file = [&b"DKIF"[..], &[0, 0, 32, 0], b"VP80", &[64, 0, 36, 0], &25_u32.to_le_bytes(), &1_u32.to_le_bytes(), &[0; 8]].concat();
    for number in 0..10_u64 {
        let len: u32 = if number == 0 { 20_000 } else { 20 };
        file.extend(len.to_le_bytes());
        file.extend(number.to_le_bytes());
        file.push(0x10 | u8::from(number > 0));
        file.resize(file.len() + len as usize - 1, 0);
    }
    std::fs::write(folder.join("camera.ivf"), file).expect("written");
    let set = ["ramp_seconds=0.2", "settle_seconds=1.8", "arrive_seconds=0.3", "simulcast=false", "camera_share=1.0", "screen_share=0.0"];
    let set: Vec<&str> = set.iter().flat_map(|change| ["--set", *change]).collect();
    let arguments =
        [&["--scenario", "meeting", "--people", "3", "--for", "3s", "--max-lateness", "100ms", "--set", "fps=25"][..], &set].concat();
    let (_, even) = relay.run(&arguments);
    let (output, recorded) = relay.run(&[&arguments[..], &["--media", folder.to_str().expect("a path in UTF-8")]].concat());
    let _ = std::fs::remove_dir_all(&folder);
    let rate = |summary: &loadgen::summary::Summary| summary.media["video"].layers.values().sum::<u64>() as f64;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("damaged"), "the pattern stays whole: {said}");
    // The same rate in the mean, but almost all of it in one picture of ten: many packets at once, and single ones in between.
    assert!((0.6..1.5).contains(&(rate(&recorded) / rate(&even))), "{} against {} bit/s", rate(&recorded), rate(&even));
    assert!(recorded.media["video"].latency.count > 0 && recorded.media["video"].lost == 0, "{:?}", recorded.media["video"]);
    let size = |summary: &loadgen::summary::Summary| rate(summary) / summary.media["video"].expected as f64;
    assert!(size(&recorded) < 0.9 * size(&even), "small packets between the large pictures: {} {}", size(&recorded), size(&even));
}
