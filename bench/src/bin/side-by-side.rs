//! Relay, floor, Janus and others side by side; `bench/side-by-side` builds everything, makes a network namespace and runs this in it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bench::side::{Contestant, Plan, measure};
use clap::Parser;
use loadgen::side::{Load, Slot, page, table};

/// Plays the same load against several servers in turn and puts them side by side.
///
/// A slot is one server started afresh: steady media, the same media while 100 others a second join and leave again, then a storm of joins;
/// a bare echo is measured before and after. It takes about three quarters of a minute.
#[derive(Parser)]
struct Arguments {
    /// Who: relay, floor, janus, or NAME=PID:ARGUMENTS of `loadgen run` for one that runs already, pinned to the server's core.
    #[arg(default_values = ["relay", "floor", "janus"])]
    servers: Vec<Contestant>,
    /// Slots of each; one is too few for an interval.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Meetings at one time. The most expensive server must carry it without loss, or its latency is that of its queue.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    meetings: u32,
    /// People in each meeting.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=33))]
    people: u32,
    /// Seconds of media in each slot.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(5..=3_600))]
    seconds: u32,
    /// Core of the servers.
    #[arg(long, default_value_t = 1)]
    server_core: u32,
    /// Core of the generator.
    #[arg(long, default_value_t = 0)]
    generator_core: u32,
    /// Folder for runs, side-by-side.json and side-by-side.html.
    #[arg(long, default_value = "target/side-by-side")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match compare(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("side-by-side: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: Arguments) -> io::Result<()> {
    let Arguments { servers, rounds, meetings, people, seconds, server_core, generator_core, out } = arguments;
    if server_core == generator_core {
        return Err(io::Error::other("server and generator need a core each: give --server-core and --generator-core"));
    }
    let programs = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    if out.exists() {
        // Only what an earlier comparison left: runs of another load must not lie beside this one's.
        fs::read(out.join(MARK))
            .map_err(|_| io::Error::other(format!("{} is not of an earlier comparison: name another --out", out.display())))?;
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    fs::write(out.join(MARK), "")?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let plan = Plan {
        contestants: servers,
        rounds,
        load: Load { meetings, people, seconds },
        programs,
        folder: out.clone(),
        server_core,
        generator_core,
        command: format!("bench/side-by-side {}", words.join(" ")).trim_end().to_owned(),
    };
    eprintln!("{}", plan.load);
    let sides = measure(&plan, tell)?;
    let (data, html) = (out.join("side-by-side.json"), out.join("side-by-side.html"));
    fs::write(&data, serde_json::to_string_pretty(&sides)?)?;
    fs::write(&html, page(&sides).map_err(io::Error::other)?)?;
    println!("{}\n{}", table(&sides), html.display());
    Ok(())
}

/// In a folder of this program's making.
const MARK: &str = ".side-by-side";

fn tell(slot: &Slot, left: Duration) {
    let found = match (&slot.figures, &slot.set_aside) {
        (_, Some(why)) => format!("set aside: {why}"),
        (Some(figures), None) => format!(
            "{:.2} µs a packet at {:.0} a second, P99 {:.0} µs (echo {:.0}){}, {:.0} µs a join",
            figures.cpu_per_packet,
            figures.packets_per_second,
            figures.latency[1],
            slot.way()[1],
            figures.with_joins.map_or_else(String::new, |with| format!(", with joins {:.0}", with.latency[1])),
            figures.cpu_per_join
        ),
        (None, None) => "nothing".to_owned(),
    };
    eprintln!("round {}, {}: {found}; {} min left", slot.round, slot.server, left.as_secs().div_ceil(60));
}
