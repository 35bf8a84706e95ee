//! The command line: subcommands, and the exit codes by which scripts tell outcomes apart.

mod plan;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use loadgen::plan::args::PlanArgs;

/// What the command line or its files say cannot be done.
const USAGE: u8 = 2;

/// Load and capacity: how many nodes a month of meetings needs.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// From meetings in a month to nodes, with every assumption a flag.
    Plan(Box<PlanArgs>),
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Plan(args) => plan::run(&args),
    };
    done.unwrap_or_else(|problem| {
        eprintln!("loadgen: {problem}");
        ExitCode::from(USAGE)
    })
}
