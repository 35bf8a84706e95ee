//! `loadgen self-test`: the generator alone, on one thread, against a mirror on another. Its cost bounds what a run can prove.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use loadgen::engine::{self, Against, Mirror, Options, Played};
use loadgen::measure::Histogram;
use loadgen::scenario::{Profile, Size};
use loadgen::summary::Verdict;

use super::run::stopper;

/// Packets a second, sent and received, that one core must carry.
const GOAL: f64 = 100_000.0;
/// At half of it, 99 of 100 packets leave this punctually.
const PUNCTUAL: Duration = Duration::from_millis(1);
/// Share of the time in which the machine must have been at its own speed, for that time alone to be judged.
const CALM: f64 = 0.5;
/// Packets a second of one client, sent and received: 50 of sound and 30 pictures of six packets, both ways.
const CLIENT: f64 = 460.0;

/// How long to look.
#[derive(Debug, Args)]
pub(super) struct SelfTestArgs {
    /// Length of each of the two runs.
    #[arg(long = "for", default_value = "5s", value_parser = humantime::parse_duration)]
    length: Duration,
    /// Never sleep.
    #[arg(long)]
    poll: bool,
    /// Exit with 99 when a goal is missed; otherwise the figures are only shown.
    #[arg(long)]
    strict: bool,
}

/// Runs at half of the goal and at the goal.
pub(super) fn run(args: &SelfTestArgs) -> Result<ExitCode, String> {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header([
        "asked for",
        "clients",
        "packets/s sent + received",
        "µs each",
        "one core carries",
        "busy",
        "late p50 / p99",
        "while the machine was calm",
        "sockets lost",
    ]);
    let mut met = true;
    for part in [0.5, 1.0] {
        let clients = (GOAL * part / CLIENT).ceil() as u32;
        let played = play(clients, args)?;
        if played.interrupted {
            return Ok(ExitCode::from(Verdict::Interrupted.exit_code()));
        }
        let tally = &played.tally;
        let packets = (tally.sent + tally.received) as f64;
        let (seconds, each) = (played.measured.as_secs_f64(), tally.cpu.as_secs_f64() * 1e6 / packets.max(1.0));
        let (rate, carries) = (packets / seconds, if args.poll { packets / tally.busy.as_secs_f64() } else { 1e6 / each });
        let calm_share = tally.calm_share().unwrap_or_default();
        let [all, calm] = tally.lateness();
        // What a machine that is not at its own speed makes late says nothing of the generator; so much of the time must be left.
        let judged = if calm_share >= CALM { calm } else { all };
        let punctual = judged.quantile(0.99) <= PUNCTUAL.as_micros() as f64;
        met &= carries >= GOAL && (part > 0.5 || punctual);
        table.add_row([
            format!("{:.0}/s", GOAL * part),
            format!("{} of {clients}", played.clients.joined),
            format!("{rate:.0}/s"),
            format!("{each:.2}"),
            format!("{carries:.0}/s"),
            format!("{:.0} %", played.busiest * 100.0),
            late(all),
            format!("{} ({:.0} %)", late(calm), calm_share * 100.0),
            format!("{}", played.socket_drops + tally.unsent),
        ]);
    }
    println!("{table}");
    println!(
        "{}: one core carries {GOAL:.0} packets/s, and at half of that 99 of 100 leave within 1 ms",
        if met { "PASS" } else { "MISSED" }
    );
    let verdict = if met || !args.strict { Verdict::Pass } else { Verdict::Missed };
    Ok(ExitCode::from(verdict.exit_code()))
}

fn late(times: &Histogram) -> String {
    format!("{:.2} / {:.2} ms", times.quantile(0.5) / 1e3, times.quantile(0.99) / 1e3)
}

fn play(clients: u32, args: &SelfTestArgs) -> Result<Played, String> {
    let profile = Profile {
        name: "self-test".to_owned(),
        ramp_seconds: 2.0,
        settle_seconds: 1.0,
        seconds: args.length.as_secs_f64().max(1.0),
        meetings: clients,
        minutes: 10_000.0,
        simulcast: false,
        dtx: false,
        temporal_layers: 1,
        sizes: vec![Size { people: 1, share: 1.0 }],
        ..Profile::default()
    };
    let against = Against::Mirror(Mirror::start().map_err(|error| error.to_string())?);
    let room = String::new();
    let options =
        Options { against, room, profile, seed: 1, threads: 1, poll: args.poll, server: None, stop: stopper(), full: None, trace: None };
    engine::play(options, |_| {}).map_err(|error| error.to_string())
}
