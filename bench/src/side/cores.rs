//! Which core does what, and what the hypervisor takes of it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::process::Command;
use std::time::Duration;

use loadgen::measure::process::CoreTime;

/// A program that runs on this core only, with all its threads.
pub(super) fn pinned(core: u32, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(core.to_string()).arg(program);
    command
}

/// The same, but only while nobody else wants the core: whoever wakes up there takes it at once.
pub(super) fn pinned_idle(core: u32, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("chrt");
    command.args(["--idle", "0", "taskset", "--cpu-list"]).arg(core.to_string()).arg(program);
    command
}

/// Two cores, from when on it is counted what the hypervisor takes of them.
pub(super) struct Stolen {
    cores: BTreeSet<u32>,
    before: CoreTime,
}

impl Stolen {
    pub(super) fn begin(cores: [u32; 2]) -> io::Result<Self> {
        let cores = BTreeSet::from(cores);
        Ok(Self { before: CoreTime::of(&cores)?, cores })
    }

    /// Share that was taken since.
    pub(super) fn end(self) -> io::Result<f64> {
        let CoreTime { stolen, all, .. } = CoreTime::of(&self.cores)?;
        let since = |now: Duration, before: Duration| now.saturating_sub(before).as_secs_f64();
        Ok(since(stolen, self.before.stolen) / since(all, self.before.all).max(1e-9))
    }
}
