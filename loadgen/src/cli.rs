//! The command line: subcommands, and the exit codes by which scripts tell outcomes apart.

mod compare;
mod find_capacity;
mod impair;
mod live;
mod plan;
mod report;
mod run;
mod self_test;
mod summarise;
mod verify;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use loadgen::plan::args::PlanArgs;

use find_capacity::FindCapacityCommand;
use run::{RunArgs, TargetArgs};

/// What the command line or its files say cannot be done.
const USAGE: u8 = 2;

/// Load, latency and capacity of a WebRTC server. Without a subcommand: `run` with its defaults, against a relay on this machine.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a scenario and says whether it was good enough: 0 pass, 99 a threshold missed, 98 invalid, 105 interrupted.
    Run(Box<RunArgs>),
    /// From meetings in a month to nodes, with every assumption a flag.
    Plan(Box<PlanCommand>),
    /// Doubles the load until a threshold breaks, brackets the knee and says what breaks first; 98 if that is the generator.
    FindCapacity(Box<FindCapacityCommand>),
    /// What the generator itself costs: clients against a mirror in this process, at half of the goal and at the goal.
    SelfTest(self_test::SelfTestArgs),
    /// A run's page, table and logs, from its summary again.
    Report(report::ReportArgs),
    /// Whether one run was better or worse than another: exit code 99 if worse, 98 if one is invalid, 2 if nothing can be said.
    Compare(compare::CompareArgs),
}

/// `plan`, with where to verify it.
#[derive(Debug, Args)]
struct PlanCommand {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    target: TargetArgs,
}

/// What `run` does when nothing is said.
#[derive(Debug, Parser)]
struct NoArgs {
    #[command(flatten)]
    run: RunArgs,
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => run::run(&NoArgs::parse_from(["loadgen"]).run),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Plan(args)) => plan::run(&args.plan, &args.target),
        Some(Command::SelfTest(args)) => self_test::run(&args),
        Some(Command::FindCapacity(args)) => find_capacity::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Compare(args)) => compare::run(&args),
    };
    done.unwrap_or_else(|problem| {
        eprintln!("loadgen: {problem}");
        ExitCode::from(USAGE)
    })
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// To standard output; a reader that went away, as `head` does, is no failure.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}
