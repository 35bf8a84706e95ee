//! The machine under the generator, from `/proc`; what cannot be read is empty or 0.

use crate::summary::Machine;

/// Bytes in the unit of `/proc/meminfo`.
const KIB: u64 = 1_024;

/// This machine.
#[must_use]
pub fn read() -> Machine {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let memory = value(&text("/proc/meminfo"), "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    Machine {
        cpu: value(&text("/proc/cpuinfo"), "model name").unwrap_or_default(),
        cores: cores(),
        memory: memory.unwrap_or_default() * KIB,
        kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}
