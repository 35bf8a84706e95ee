//! `loadgen plan` as its users meet it: exit codes, JSON, a page, costs from a run, and a verification that fails.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn plan(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen")).arg("plan").args(args).output().expect("it starts")
}

/// A file of this test's own.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("plan-{}-{name}", std::process::id()))
}

/// A run of so many people, in the format that runs are written in.
fn summary(people: u64, sent: u64, received: u64, cores: f64) -> Value {
    let nothing = json!({"count": 0, "min": 0.0, "mean": 0.0, "p50": 0.0, "p95": 0.0, "p99": 0.0, "p999": 0.0, "max": 0.0, "hdr": ""});
    let second = |at: u64| {
        json!({"at": at, "clients": people, "meetings": people / 2, "joins": 0, "sent": sent, "received": received,
            "bytes": received * 900, "lost": 0, "p50": 0.0, "p99": 0.0, "max": 0.0, "lateness_p99": 0.0,
            "server_cpu": cores, "server_memory": 0})
    };
    json!({
        "schema": 1, "generator_version": "0", "started": 0, "seconds": 60.0,
        "target": {"kind": "relay", "url": "http://localhost", "version": null},
        "machine": {"cpu": "any", "cores": 2, "memory": 1, "kernel": "any"},
        "scenario": {"name": "visits", "seed": 1, "profile": ""},
        "generator": {"threads": 1, "send_lateness": nothing, "busiest_thread": 0.1, "packets_sent": sent * 60,
            "packets_received": received * 60, "socket_drops": 0, "cpu_per_packet": 1.0, "invalid": null},
        "clients": {"planned": people, "joined": people, "failed": 0, "peak": people},
        "meetings_peak": people / 2, "media": {}, "joins": {}, "control": {},
        "server": {"cpu_seconds": cores * 60.0, "core_seconds": null, "memory_peak": 200_000_000, "memory_idle": 100_000_000,
            "forwarded": received * 60},
        "series": (0..60).map(second).collect::<Vec<_>>(),
        "thresholds": [], "verdict": "pass"
    })
}

#[test]
fn a_plan_needs_no_flags_and_wrong_ones_are_usage_errors() {
    let planned = plan(&[]);
    assert_eq!(planned.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&planned.stdout).starts_with("91,970 meetings a month: "));
    for wrong in [&["--people", "1"][..], &["--people", "2.0"], &["--calibrate", "no-such-file"], &["--measured", "x"]] {
        let refused = plan(wrong);
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
        assert!(!refused.stderr.is_empty() && refused.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn costs_come_from_the_run_and_what_was_set_by_flag_stays() {
    let run = file("run.json");
    // 40,000 packets of work at 5 µs and nothing else.
    std::fs::write(&run, summary(100, 20_000, 30_000, 0.2).to_string()).expect("written");
    let page = file("page.html");
    let run = run.to_str().expect("a plain name");
    let planned = plan(&["--calibrate", run, "--client-kib", "700", "--json", "-", "--html", page.to_str().expect("a plain name")]);
    let json: Value = serde_json::from_slice(&planned.stdout).expect("only JSON on standard output");
    let packet = json["costs"]["prices"]["packet"].as_f64().expect("a number");
    assert!((packet - 5.0).abs() < 0.01, "{packet}");
    assert_eq!(json["costs"]["client_kib"]["value"], 700.0);
    assert!(std::fs::read_to_string(page).expect("written").contains("Tilpasset én målt kørsel"));
}

#[test]
fn a_run_as_predicted_verifies_and_another_is_a_missed_threshold() {
    let planned = plan(&["--verify", "--machine-cores", "2", "--json", "-"]);
    let json: Value = serde_json::from_slice(&planned.stdout).expect("JSON");
    let load = &json["verify_load"];
    let number = |value: &Value| value.as_f64().expect("a number");
    let (sent, received) = (number(&load["load"]["packets_in"]) as u64, number(&load["load"]["packets_out"]) as u64);
    let bytes = (number(&load["load"]["bits_out"]) / 8.0 - received as f64 * 28.0) as u64;
    let people = load["people"].as_u64().expect("a count");
    let mut run = summary(people, sent, received, number(&load["cores"]["value"]));
    let seconds = run["series"].as_array_mut().expect("a list");
    seconds.iter_mut().for_each(|second| second["bytes"] = json!(bytes));
    run["server"]["memory_peak"] = json!(number(&load["memory"]["value"]) as u64);
    let verify = |run: &Value| {
        let path = file("measured.json");
        std::fs::write(&path, run.to_string()).expect("written");
        plan(&["--verify", "--machine-cores", "2", "--measured", path.to_str().expect("a plain name")])
    };
    let held = verify(&run);
    assert_eq!(held.status.code(), Some(0), "{}", String::from_utf8_lossy(&held.stdout));
    run["server"]["cpu_seconds"] = json!(number(&load["cores"]["high"]) * 60.0 * 1.3);
    let missed = verify(&run);
    assert_eq!(missed.status.code(), Some(99));
    assert!(String::from_utf8_lossy(&missed.stdout).contains("The model did not hold"));
}
