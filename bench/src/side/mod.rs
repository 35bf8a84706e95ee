//! Servers side by side: each for a while under the same load, in turn, on a core of its own, the generator polling on another.
//!
//! A slot is: probe the echo, start the server, play media, play the same media while others come and go, play a storm of joins, end the
//! server, probe the echo. Media come first, for the memory that a participant takes is read from a server that has seen nobody else.
//! What a slot says is judged in `loadgen::side`.

mod cores;
mod echo;
mod load;
mod server;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use loadgen::measure::machine;
use loadgen::side::{Aside, Figures, Load, SCHEMA, Server, SideBySide, Slot, with_joins};
use loadgen::summary::Summary;

use cores::Stolen;
pub use server::Contestant;

/// Everything that decides a comparison.
#[derive(Debug)]
pub struct Plan {
    /// Who, in the order of the table.
    pub contestants: Vec<Contestant>,
    /// Slots of each.
    pub rounds: u32,
    /// What is played.
    pub load: Load,
    /// Where the programs lie.
    pub programs: PathBuf,
    /// Where runs are kept.
    pub folder: PathBuf,
    /// Core of whatever serves.
    pub server_core: u32,
    /// Core of whatever asks.
    pub generator_core: u32,
    /// The command that repeats it.
    pub command: String,
}

/// Measures everything; `told` hears of each slot.
///
/// # Errors
/// When a program cannot be started at all. A server that fails in a slot has that slot set aside.
pub fn measure(plan: &Plan, mut told: impl FnMut(&Slot, Duration)) -> io::Result<SideBySide> {
    let started = SystemTime::now();
    let mut servers: Vec<Server> =
        plan.contestants.iter().map(|one| Server { name: one.name().to_owned(), version: String::new() }).collect();
    let mut slots = Vec::new();
    let all = plan.rounds * plan.contestants.len() as u32;
    for round in 1..=plan.rounds {
        for turn in 0..plan.contestants.len() {
            // Whoever comes first in one round comes later in the next: the machine's moods are nobody's in particular.
            let at = (turn + round as usize - 1) % plan.contestants.len();
            let (slot, version) = slot(plan, &plan.contestants[at], round)?;
            if let Some(version) = version {
                servers[at].version = version;
            }
            slots.push(slot);
            let left = f64::from(all - slots.len() as u32) / slots.len() as f64;
            told(&slots[slots.len() - 1], started.elapsed().unwrap_or_default().mul_f64(left));
        }
    }
    let mut sides = SideBySide {
        schema: SCHEMA,
        started: started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        machine: machine::read(),
        command: plan.command.clone(),
        load: plan.load,
        servers,
        slots,
    };
    sides.set_disturbed_aside();
    Ok(sides)
}

fn slot(plan: &Plan, contestant: &Contestant, round: u32) -> io::Result<(Slot, Option<String>)> {
    let before = echo::probe(plan)?;
    let stolen = Stolen::begin([plan.server_core, plan.generator_core])?;
    let found = runs(plan, contestant, round);
    let stolen = stolen.end()?;
    let echo = [before, echo::probe(plan)?];
    let (figures, version, set_aside) = match found {
        Ok((figures, version)) => (Some(figures), version, None),
        Err(why) => (None, None, Some(why)),
    };
    Ok((Slot { server: contestant.name().to_owned(), round, echo, stolen, figures, set_aside }, version))
}

/// One server's three runs, or why they say nothing. The one with joins beside media may fail alone: a server that cannot carry it still
/// has the other figures.
fn runs(plan: &Plan, contestant: &Contestant, round: u32) -> Result<(Figures, Option<String>), Aside> {
    let server = contestant.start(plan).map_err(|error| Aside::Failed(error.to_string()))?;
    let folder = |name: &str| plan.folder.join(format!("{}-{round}-{name}", contestant.name()));
    let run = |name: &str, arguments: &[String]| -> Result<Summary, Aside> {
        load::play(plan, &server, &folder(name), arguments).map_err(Aside::Failed)
    };
    let media = run("media", &load::media(&plan.load))?;
    let beside = load::play_beside_joins(plan, &server, [&folder("media-with-joins"), &folder("passers")]).map_err(Aside::Failed);
    let joins = run("joins", &load::joins(&plan.load))?;
    let mut figures = Figures::of(&media, &joins).map_err(Aside::Unusable)?;
    match beside.and_then(|[media, passers]| with_joins(&media, &passers).map_err(Aside::Unusable)) {
        Ok(with) => figures.with_joins = Some(with),
        Err(why) => figures.without_joins = Some(why),
    }
    Ok((figures, media.target.version))
}

/// A program of ours beside this one.
fn program(plan: &Plan, name: &str) -> PathBuf {
    plan.programs.join(name)
}
