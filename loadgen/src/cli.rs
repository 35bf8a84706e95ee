//! The command line: subcommands, and the exit codes by which scripts tell outcomes apart.

mod impair;
mod live;
mod output;
mod plan;
mod run;
mod summarise;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use loadgen::plan::args::PlanArgs;

use run::RunArgs;

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
    Plan(Box<PlanArgs>),
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
        Some(Command::Plan(args)) => plan::run(&args),
    };
    done.unwrap_or_else(|problem| {
        eprintln!("loadgen: {problem}");
        ExitCode::from(USAGE)
    })
}
