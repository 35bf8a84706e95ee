//! `loadgen find-capacity`: how many meetings a server carries, and what breaks first.

use std::process::ExitCode;

use clap::Args;
use loadgen::plan::args::FindCapacityArgs;
use loadgen::plan::capacity::{Limit, Measurement, Next, Outcome, Ramp};
use loadgen::summary::{Summary, Verdict};

use super::run::{RunArgs, media, play, profile, slos};

/// What to search for, and with what.
#[derive(Debug, Args)]
pub(super) struct FindCapacityCommand {
    #[command(flatten)]
    search: FindCapacityArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Searches; the load is meetings.
pub(super) fn run(args: &FindCapacityCommand) -> Result<ExitCode, String> {
    if !args.run.target.has_rooms() {
        return Err("capacity is found in many rooms: give --key-id and --secret-file of a key in the relay's configuration, and no --room for other servers".to_owned());
    }
    let base = profile(&args.run)?;
    let media = media(&args.run, &base)?;
    let slos = slos(args.run.slo.as_deref(), &base)?;
    if slos.is_empty() {
        return Err("there is no threshold to break; give one with --slo".to_owned());
    }
    let (mut ramp, mut load) = Ramp::new(args.search.search());
    loop {
        let mut profile = base.clone();
        profile.meetings = u32::try_from(load).unwrap_or(u32::MAX);
        profile.check().map_err(|error| error.to_string())?;
        let summary = play(&args.run.target, &profile, args.run.seed, &slos, false, &media)?;
        if summary.verdict == Verdict::Interrupted {
            return Ok(ExitCode::from(Verdict::Interrupted.exit_code()));
        }
        println!("{}", step(load, &summary));
        match ramp.handle(Measurement::of(load, &summary)) {
            Next::Try(next) => load = next,
            Next::Done(outcome) => return Ok(say(&outcome)),
        }
    }
}

fn step(load: u64, summary: &Summary) -> String {
    let missed: Vec<String> = summary
        .thresholds
        .iter()
        .filter(|threshold| !threshold.met)
        .map(|threshold| format!("{} ({:.2})", threshold.text, threshold.measured))
        .collect();
    let how = match &summary.generator.invalid {
        Some(why) => format!("invalid: {why}"),
        None if missed.is_empty() => "holds".to_owned(),
        None => format!("breaks {}", missed.join(", ")),
    };
    let cores = summary
        .server
        .as_ref()
        .map_or_else(String::new, |server| format!(", server {:.2} cores", server.cpu_seconds / summary.seconds.max(1e-9)));
    format!("{load} meetings, {} people{cores}: {how}", summary.clients.peak)
}

fn say(outcome: &Outcome) -> ExitCode {
    let (text, verdict) = match outcome {
        Outcome::Knee { load, estimate, broke_at, first, also } => {
            let also: Vec<&str> = also.iter().map(|limit| name(*limit)).collect();
            let also = if also.is_empty() { String::new() } else { format!(", then {}", also.join(" and ")) };
            (
                format!("CAPACITY: {load} meetings (knee near {estimate}, {broke_at} break); first to break: {}{also}", name(*first)),
                Verdict::Pass,
            )
        }
        Outcome::Invalid { carried, saturated_at } => (
            format!(
                "INVALID: the generator saturates at {saturated_at} meetings, before the server; {carried} are carried; use more --threads or another machine"
            ),
            Verdict::Invalid,
        ),
        Outcome::Unbroken { load } => (format!("UNBROKEN: even {load} meetings hold; raise --limit"), Verdict::Pass),
        Outcome::TooMuch { load, first } => {
            (format!("TOO MUCH: even {load} meetings break {}; lower --start", name(*first)), Verdict::Missed)
        }
        Outcome::Unsteady => {
            ("UNSTEADY: runs contradict each other; use a quieter machine or longer runs (--for)".to_owned(), Verdict::Missed)
        }
    };
    println!("{text}");
    ExitCode::from(verdict.exit_code())
}

const fn name(limit: Limit) -> &'static str {
    match limit {
        Limit::Generator => "the generator",
        Limit::Cpu => "the server's processor",
        Limit::Latency => "latency",
        Limit::Loss => "loss",
        Limit::Joins => "joins",
        Limit::Memory => "the server's memory",
    }
}
