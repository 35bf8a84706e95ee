//! Puts the threads' seconds together, watches the server beside them, and hands each finished second on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::measure::process::{Process, SocketDrops, Taken};
use crate::measure::{SecondTally, Watched};
use crate::summary::Second;

/// Longest measured time of which each second's latencies are kept, s.
const LONGEST_KEPT: u32 = 3_600;

/// A second as it ends, for whoever shows the run.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// What was counted.
    pub second: Second,
    /// Whether it belongs to the measured time.
    pub measured: bool,
    /// Seconds left until the end.
    pub left: u32,
}

/// Sums of the run.
pub(super) struct Collector<'a> {
    threads: usize,
    server: Option<&'a Watched>,
    ports: &'a Mutex<BTreeSet<u16>>,
    drops: SocketDrops,
    open: BTreeMap<u32, (usize, SecondTally)>,
    before: Taken,
    /// This process.
    own: Option<Process>,
    own_before: Taken,
    /// First measured second, and the first behind it.
    measured: (u32, u32),
    pub(super) series: Vec<Second>,
    pub(super) latencies: Vec<String>,
    pub(super) idle: Taken,
    pub(super) begin: Taken,
    pub(super) end: Taken,
    pub(super) memory_peak: u64,
    pub(super) lost_datagrams: u64,
    pub(super) clients_peak: u64,
    pub(super) meetings_peak: u64,
    drops_at_begin: u64,
}

impl<'a> Collector<'a> {
    pub(super) fn new(threads: usize, server: Option<&'a Watched>, ports: &'a Mutex<BTreeSet<u16>>, measured: (u32, u32)) -> Self {
        let idle = server.and_then(Watched::taken).unwrap_or_default();
        Self {
            threads,
            server,
            ports,
            drops: SocketDrops::default(),
            open: BTreeMap::new(),
            before: idle,
            measured,
            series: Vec::new(),
            latencies: Vec::new(),
            own: Process::new(std::process::id()).ok(),
            own_before: Taken::default(),
            idle,
            begin: Taken::default(),
            end: Taken::default(),
            memory_peak: 0,
            lost_datagrams: 0,
            clients_peak: 0,
            meetings_peak: 0,
            drops_at_begin: 0,
        }
    }

    /// One thread's second; gives the whole second when it was the last thread's.
    pub(super) fn second(&mut self, at: u32, tally: &SecondTally) -> Option<Live> {
        let entry = self.open.entry(at).or_default();
        entry.0 += 1;
        entry.1.add(tally);
        if entry.0 < self.threads {
            return None;
        }
        let (_, sum) = self.open.remove(&at)?;
        Some(self.close(at, &sum))
    }

    fn close(&mut self, at: u32, sum: &SecondTally) -> Live {
        let now = self.server.and_then(Watched::taken).unwrap_or(self.before);
        let own = self.own.as_ref().and_then(Process::taken);
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let drops = self.drops.look(&ports);
        let (from, to) = self.measured;
        let measured = (from..to).contains(&at);
        // A second that ends where the measured time begins.
        if at + 1 == from || from == 0 && at == 0 {
            self.begin = if from == 0 { self.idle } else { now };
            self.drops_at_begin = if from == 0 { 0 } else { drops };
        }
        let second = Second {
            at: at.saturating_sub(from),
            clients: sum.clients,
            meetings: sum.meetings,
            joins: sum.joins,
            sent: sum.sent,
            received: sum.received,
            bytes: sum.bytes,
            lost: sum.lost,
            p50: sum.latency.quantile(0.5),
            p99: sum.latency.quantile(0.99),
            max: sum.latency.max(),
            lateness_p99: sum.lateness.quantile(0.99),
            server_cpu: now.cpu.saturating_sub(self.before.cpu).as_secs_f64(),
            server_memory: now.memory,
            generator_cpu: own.map(|own| own.cpu.saturating_sub(self.own_before.cpu).as_secs_f64()),
            generator_memory: own.map(|own| own.memory),
        };
        self.before = now;
        self.own_before = own.unwrap_or_default();
        if measured {
            self.series.push(second);
            if to.saturating_sub(from) <= LONGEST_KEPT {
                let hdr = if sum.latency.count() > 0 { sum.latency.distribution().hdr } else { String::new() };
                self.latencies.push(hdr);
            }
            (self.end, self.lost_datagrams) = (now, drops - self.drops_at_begin);
            self.memory_peak = self.memory_peak.max(now.memory);
            self.clients_peak = self.clients_peak.max(sum.clients);
            self.meetings_peak = self.meetings_peak.max(sum.meetings);
        }
        Live { second, measured, left: to.saturating_sub(at + 1) }
    }
}
