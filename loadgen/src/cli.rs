//! The command line: subcommands, and the exit codes by which scripts tell outcomes apart.

mod compare;
mod plan;
mod report;

use std::io::Write;
use std::path::Path;
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
    /// A run's page, table and logs, from its summary again.
    Report(report::ReportArgs),
    /// Whether one run was better or worse than another: exit code 99 if worse, 98 if one is invalid, 2 if nothing can be said.
    Compare(compare::CompareArgs),
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Plan(args) => plan::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Compare(args) => compare::run(&args),
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
