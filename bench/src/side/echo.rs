//! The bare echo before and after each slot: what way and machine take alone, and whether the machine had something else to do.

use std::io;
use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use loadgen::side::{CALM, Probe};
use serde::Deserialize;

use super::cores::pinned;
use super::server::Running;
use super::{Plan, program};

/// Datagrams a second, and for how long, seconds.
const RATE: &str = "2000";
const SECONDS: &str = "1";

#[derive(Deserialize)]
struct Line {
    round_trip_us: Probe,
    calm_share: f64,
    calm_round_trip_us: Probe,
}

/// One probe of an echo on the server's core, from the generator's.
pub(super) fn probe(plan: &Plan) -> io::Result<Probe> {
    let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let echo = pinned(plan.server_core, program(plan, "echo")).args(["--media", &address]).stdout(Stdio::null()).spawn()?;
    let _echo = Running::new(echo);
    // It is there at once, but for the start of a program.
    std::thread::sleep(Duration::from_millis(100));
    let output = pinned(plan.generator_core, program(plan, "echo"))
        .args(["--probe", &address, "--rate", RATE, "--seconds", SECONDS])
        .stderr(Stdio::inherit())
        .output()?;
    let line: Line =
        serde_json::from_slice(&output.stdout).map_err(|error| io::Error::other(format!("the probe of the echo failed: {error}")))?;
    Ok(if line.calm_share >= CALM { line.calm_round_trip_us } else { line.round_trip_us })
}
