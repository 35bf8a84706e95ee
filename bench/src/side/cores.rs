//! Which core does what, and what the hypervisor takes of it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::process::Command;

/// A program that runs on this core only, with all its threads.
pub(super) fn pinned(core: u32, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(core.to_string()).arg(program);
    command
}

/// Time of two cores, all of it and what the hypervisor gave to others, ticks.
pub(super) struct Stolen {
    cores: [u32; 2],
    before: (u64, u64),
}

impl Stolen {
    pub(super) fn begin(cores: [u32; 2]) -> io::Result<Self> {
        Ok(Self { cores, before: ticks(cores)? })
    }

    /// Share that was taken since.
    pub(super) fn end(self) -> io::Result<f64> {
        let (all, stolen) = ticks(self.cores)?;
        Ok(stolen.saturating_sub(self.before.1) as f64 / all.saturating_sub(self.before.0).max(1) as f64)
    }
}

fn ticks(cores: [u32; 2]) -> io::Result<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat")?;
    let of_core = |line: &str| -> Option<(u64, u64)> {
        let mut words = line.strip_prefix("cpu")?.split_whitespace();
        let core: u32 = words.next()?.parse().ok()?;
        let ticks: Vec<u64> = words.take(8).filter_map(|word| word.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal
        cores.contains(&core).then(|| (ticks.iter().sum(), ticks.get(7).copied().unwrap_or_default()))
    };
    Ok(stat.lines().filter_map(of_core).fold((0, 0), |(all, stolen), (more, taken)| (all + more, stolen + taken)))
}
