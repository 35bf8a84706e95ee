//! The budget verdict: one table of what `cargo bench -p bench` measured last against `config/budgets.toml`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::process::{Command, ExitCode};

use bench::figures::{self, Figures};
use bench::verdict::{self, Memory};
use clap::Parser;

/// Exit code for a configuration that is wrong, as of the relay.
const CONFIG: u8 = 78;

/// Holds the last bench figures against config/budgets.toml.
#[derive(Parser)]
struct Arguments {
    /// Fail (exit code 1) when a figure is over its budget by more than noise, or was not measured.
    #[arg(long)]
    strict: bool,
    /// First measure everything so many times without changing anything, for the noise floor; 3 or more say something.
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u8).range(2..=20))]
    aa: Option<u8>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let budgets = match verdict::read() {
        Ok(budgets) => budgets,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(CONFIG);
        }
    };
    match run(&arguments, &budgets) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// True unless strict mode fails.
fn run(arguments: &Arguments, budgets: &verdict::Budgets) -> std::io::Result<bool> {
    let (target, folder) = (figures::target()?, figures::memory()?);
    let mut memory = Memory::load(&folder)?;
    if let Some(rounds) = arguments.aa {
        let mut equals: Vec<Figures> = Vec::new();
        for round in 1..=rounds {
            println!("A/A round {round} of {rounds}");
            measure()?;
            equals.push(figures::read(&target)?);
        }
        memory.learn_noise(&equals);
    }
    memory.learn(figures::read(&target)?);
    memory.save(&folder)?;
    let rows = verdict::judge(&budgets.budgets, &memory);
    println!("{}", verdict::figures(&rows));
    if memory.noise.is_empty() {
        println!("The noise floor is unknown: `cargo run --release -p bench --bin budgets -- --aa 3` measures it.");
    }
    let failing = rows.iter().filter(|row| row.fails()).count();
    println!("{} budgets, {failing} over or not measured; reasons in config/budgets.toml", rows.len());
    Ok(failing == 0 || !arguments.strict)
}

/// All benches once, quietly.
fn measure() -> std::io::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["bench", "-p", "bench", "--benches"]).current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(std::io::Error::other(format!("cargo bench failed:\n{}", String::from_utf8_lossy(&output.stderr))))
}
