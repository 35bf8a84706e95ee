//! The instruction gate: counts the instructions of every stage under valgrind and holds them to `config/budgets.toml`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::io;
use std::process::ExitCode;
use std::sync::Mutex;

use bench::gate::{self, Standing};
use bench::stage::{STAGES, Stage};
use bench::{figures, stage, verdict};
use clap::Parser;

/// The relay's own allocator, whose instructions do not depend on the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for a configuration that is wrong, as of the relay.
const CONFIG: u8 = 78;

/// Counts the instructions of the relay's stages and holds them to config/budgets.toml.
#[derive(Parser)]
struct Arguments {
    /// Write the counts of now to config/budgets.toml. Say in the commit why they changed.
    #[arg(long)]
    accept: bool,
    /// Do the work of one stage; what valgrind runs.
    #[arg(long, hide = true)]
    stage: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.stage {
        let Some(stage) = stage::find(name) else {
            eprintln!("no stage is called `{name}`");
            return ExitCode::from(2);
        };
        gate::work(stage);
        return ExitCode::SUCCESS;
    }
    let budgets = match verdict::read() {
        Ok(budgets) => budgets,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(CONFIG);
        }
    };
    match run(arguments.accept, &budgets.instructions) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// True when every count is held.
fn run(accept: bool, held: &verdict::Instructions) -> io::Result<bool> {
    let counted = count_all()?;
    if accept {
        let counts: Vec<(&str, f64)> = counted.iter().map(|(stage, count)| (stage.name, *count)).collect();
        let path = verdict::path();
        std::fs::write(&path, gate::accept(&std::fs::read_to_string(&path)?, &counts)?)?;
        println!("{} counts written to config/budgets.toml; say in the commit why they changed", counts.len());
        return Ok(true);
    }
    let mut failing = 0;
    let rows = counted.iter().map(|(stage, now)| {
        let before = held.counts.get(stage.name).copied();
        let standing = Standing::of(before, *now, held.tolerance_percent);
        failing += usize::from(standing.fails());
        (stage.name.to_owned(), before, *now, standing.words().to_owned())
    });
    let rows: Vec<_> = rows.collect();
    println!("{}", verdict::counts(&rows));
    println!("instructions per packet, copy, report, allocation or answer; {failing} more than {} % above", held.tolerance_percent);
    if failing > 0 {
        println!("Where they go: callgrind_annotate target/budgets/callgrind.STAGE. Meant to be so: --accept, and say why in the commit.");
    }
    Ok(failing == 0)
}

/// Every stage, several at a time: instructions do not mind company.
fn count_all() -> io::Result<Vec<(&'static Stage, f64)>> {
    let folder = figures::memory()?;
    std::fs::create_dir_all(&folder)?;
    let waiting = Mutex::new(STAGES.iter().filter(|stage| stage.counted));
    let next = || waiting.lock().ok().and_then(|mut stages| stages.next());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counted = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| std::iter::from_fn(next).map(|stage| Ok((stage, gate::count(stage, &folder)?))).collect::<Vec<_>>()))
            .collect();
        let results = workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results.collect::<io::Result<Vec<_>>>()
    })?;
    counted.sort_by_key(|(stage, _)| STAGES.iter().position(|each| each.name == stage.name));
    Ok(counted)
}
