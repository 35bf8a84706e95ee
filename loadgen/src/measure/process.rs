//! Watches processes and this process's own threads through `/proc`: processor time, memory, lost datagrams.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Ticks of `/proc`, of which a second has a hundred on Linux (`USER_HZ`).
fn ticks(count: u64) -> Duration {
    Duration::from_millis(count.saturating_mul(10))
}

/// Another process.
#[derive(Clone, Debug)]
pub struct Process {
    pid: u32,
    /// Cores that it alone is pinned to, if it is pinned.
    pinned: Option<BTreeSet<u32>>,
}

/// What it had taken by some moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    /// Processor time.
    pub cpu: Duration,
    /// Time of the cores it is pinned to, softirq included; zero where it is not.
    pub cores: Duration,
    /// Resident memory, bytes.
    pub memory: u64,
}

impl Process {
    /// A running process.
    ///
    /// # Errors
    /// That it does not run, or not on this machine.
    pub fn new(pid: u32) -> Result<Self, String> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .map_err(|error| format!("process {pid} cannot be watched ({error}); give the server's process with --pid, or leave it out"))?;
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).map(|list| cpus(list.trim()));
        let online = fs::read_to_string("/sys/devices/system/cpu/online").map(|list| cpus(list.trim())).unwrap_or_default();
        let pinned = allowed.filter(|allowed| !allowed.is_empty() && allowed.len() < online.len());
        Ok(Self { pid, pinned })
    }

    /// The process that listens on this TCP port of this machine, as far as that can be found out.
    #[must_use]
    pub fn listening_on(address: SocketAddr) -> Option<Self> {
        if !address.ip().is_loopback() {
            return None;
        }
        let port = format!(":{:04X}", address.port());
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        let inode = tables.iter().flat_map(|table| table.lines()).find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // 0A: it listens.
            (words.get(1)?.ends_with(&port) && *words.get(3)? == "0A").then(|| words.get(9).map(|inode| format!("socket:[{inode}]")))?
        })?;
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let pid = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
            let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
            files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|link| link.to_str() == Some(&inode)))
        })?;
        Self::new(pid).ok()
    }

    /// Which.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it is pinned to cores of its own choice.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pinned.is_some()
    }

    /// What it has taken by now; `None` when it is gone.
    #[must_use]
    pub fn taken(&self) -> Option<Taken> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The name in brackets may hold anything; fields are counted behind it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let cpu = fields.get(11)?.parse::<u64>().ok()?.saturating_add(fields.get(12)?.parse().ok()?);
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next()?.parse::<u64>().ok());
        let cores = self.pinned.as_ref().and_then(|cores| CoreTime::of(cores).ok()).unwrap_or_default().busy;
        Some(Taken { cpu: ticks(cpu), cores, memory: memory.unwrap_or_default() * 1_024 })
    }
}

/// What cores have done by some moment, all of them together.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoreTime {
    /// Work, softirq included.
    pub busy: Duration,
    /// What the hypervisor gave to others.
    pub stolen: Duration,
    /// Everything, idling too.
    pub all: Duration,
}

impl CoreTime {
    /// Of these cores, by now.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn of(cores: &BTreeSet<u32>) -> io::Result<Self> {
        Ok(Self::read(&fs::read_to_string("/proc/stat")?, cores))
    }

    fn read(stat: &str, cores: &BTreeSet<u32>) -> Self {
        let of_core = |line: &str| -> Option<[u64; 8]> {
            let mut words = line.strip_prefix("cpu")?.split_whitespace();
            words.next()?.parse().ok().filter(|core| cores.contains(core))?;
            let mut counts = words.map_while(|word| word.parse().ok());
            Some([(); 8].map(|()| counts.next().unwrap_or_default()))
        };
        let sum = |sum: Self, more: [u64; 8]| {
            let [user, nice, system, idle, iowait, irq, softirq, steal] = more.map(ticks);
            let busy = user + nice + system + irq + softirq;
            Self { busy: sum.busy + busy, stolen: sum.stolen + steal, all: sum.all + busy + idle + iowait + steal }
        };
        stat.lines().filter_map(of_core).fold(Self::default(), sum)
    }
}

/// Reads `0-3,7`.
fn cpus(list: &str) -> BTreeSet<u32> {
    list.split(',')
        .filter_map(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Some(from.parse::<u32>().ok()?..=to.parse().ok()?)
        })
        .flatten()
        .collect()
}

/// Processor time of the calling thread.
#[must_use]
pub fn thread_cpu() -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

/// Datagrams that sockets on these local ports lost because nobody read them in time.
#[derive(Clone, Debug, Default)]
pub struct SocketDrops {
    worst: BTreeMap<u64, u64>,
}

impl SocketDrops {
    /// Looks again; gives the sum so far, sockets that were closed since included.
    pub fn look(&mut self, ports: &BTreeSet<u16>) -> u64 {
        for path in ["/proc/net/udp", "/proc/net/udp6"] {
            let table = fs::read_to_string(path).unwrap_or_default();
            for line in table.lines().skip(1) {
                let words: Vec<&str> = line.split_whitespace().collect();
                let port = words.get(1).and_then(|local| u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok());
                let (Some(port), Some(inode), Some(drops)) = (port, words.get(9), words.last()) else { continue };
                if let (true, Ok(inode), Ok(drops)) = (ports.contains(&port), inode.parse(), drops.parse::<u64>())
                    && drops > 0
                {
                    let worst = self.worst.entry(inode).or_default();
                    *worst = drops.max(*worst);
                }
            }
        }
        self.worst.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_read() {
        assert_eq!(cpus("0-2,7"), BTreeSet::from([0, 1, 2, 7]));
        assert_eq!(cpus("5"), BTreeSet::from([5]));
        assert!(cpus("").is_empty());
    }

    #[test]
    fn work_of_cores_is_told_from_idling_and_from_what_was_stolen() {
        let stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 400 50 6 7 80 9 9\ncpu1 1000 0 0 0 0 0 0 0 0 0\ncpu2 1 0 0 0 0 0 0 2\nintr 5\n";
        let CoreTime { busy, stolen, all } = CoreTime::read(stat, &BTreeSet::from([0, 2]));
        assert_eq!([busy, stolen, all], [20, 82, 552].map(ticks));
    }

    #[test]
    fn this_process_can_be_watched_and_another_cannot() {
        let taken = Process::new(std::process::id()).expect("it runs").taken().expect("it still runs");
        assert!(taken.memory > 100_000);
        assert!(Process::new(u32::MAX).expect_err("no such process").contains("--pid"));
    }

    #[test]
    fn a_socket_that_nobody_reads_is_found_to_lose_datagrams() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        let ports = BTreeSet::from([address.port()]);
        let mut drops = SocketDrops::default();
        assert_eq!(drops.look(&ports), 0);
        for _ in 0..10_000 {
            let _ = sender.send_to(&[0; 1_000], address);
        }
        let lost = drops.look(&ports);
        assert!(lost > 1_000, "{lost}");
        drop(socket);
        assert_eq!(drops.look(&ports), lost, "remembered beyond the socket's end");
    }
}
