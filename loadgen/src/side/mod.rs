//! Several servers side by side under the same load: what slots of measurement, taken in turn, say of each.
//!
//! ```text
//!  round 1: relay floor janus   round 2: floor janus relay   …   each slot between two probes of a bare echo
//!     └──► Slot{server, echo, figures} ──► kept, or set aside with the reason ──► Column{mean, interval} per server ──► table, page
//! ```
//! Values in, values out: whoever starts processes is elsewhere.

mod aside;
mod column;
mod figures;
mod load;
mod page;
mod table;

use serde::{Deserialize, Serialize};

pub use aside::Aside;
pub use column::{Column, Estimate, columns};
pub use figures::{Beside, CALM, Figures, Unusable, with_joins};
pub use load::Load;
pub use page::page;
pub use table::table;

use crate::summary::Machine;

/// Version of this format.
pub const SCHEMA: u32 = 4;
/// How far a probe of the echo may be above the median of all before the slot beside it is set aside, as a factor.
const DISTURBED: f64 = 1.5;
/// Share of a core's time that the hypervisor may take away during a slot.
const STOLEN: f64 = 0.01;

/// All slots of one comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideBySide {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Start, seconds since 1970.
    pub started: u64,
    /// Where.
    pub machine: Machine,
    /// The command that repeats it.
    pub command: String,
    /// What each server got.
    pub load: Load,
    /// Servers in the order of the table, with what each says of its version.
    pub servers: Vec<Server>,
    /// In the order in which they were measured.
    pub slots: Vec<Slot>,
}

/// One server that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name, as slots have it.
    pub name: String,
    /// What it is.
    pub version: String,
}

/// One server under the load for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Whose.
    pub server: String,
    /// In which round, from 1.
    pub round: u32,
    /// The echo directly before and after, median and 99th percentile of its round trips, µs.
    pub echo: [Probe; 2],
    /// Share of time that the hypervisor took from the two cores.
    pub stolen: f64,
    /// What was measured; nothing where the run itself proves nothing.
    pub figures: Option<Figures>,
    /// Why there are no figures, or why they do not count.
    pub set_aside: Option<Aside>,
}

/// Round trips through a bare echo, µs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Median.
    pub p50: f64,
    /// 99 of 100 are not above.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
}

impl Slot {
    /// The echo around the slot: what way and machine alone take, µs.
    #[must_use]
    pub fn way(&self) -> [f64; 3] {
        let [before, after] = self.echo;
        [(before.p50 + after.p50) / 2.0, (before.p99 + after.p99) / 2.0, (before.p999 + after.p999) / 2.0]
    }
}

impl SideBySide {
    /// Sets slots aside during which the machine was busy with something else, by the echo beside them and by what the hypervisor took.
    pub fn set_disturbed_aside(&mut self) {
        let median = |of: fn(&Probe) -> f64| {
            let mut all: Vec<f64> = self.slots.iter().flat_map(|slot| slot.echo.iter().map(of)).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        let (p50, p99) = (median(|probe| probe.p50), median(|probe| probe.p99));
        for slot in self.slots.iter_mut().filter(|slot| slot.set_aside.is_none()) {
            let worst = |of: fn(&Probe) -> f64, usual: f64| slot.echo.iter().map(of).fold(0.0, f64::max) / usual.max(1e-9);
            let (middle, tail) = (worst(|probe| probe.p50, p50), worst(|probe| probe.p99, p99));
            slot.set_aside = if slot.stolen > STOLEN {
                Some(Aside::Stolen(slot.stolen))
            } else if middle > DISTURBED || tail > 2.0 * DISTURBED {
                Some(Aside::SlowEcho { middle, tail })
            } else {
                None
            };
        }
    }

    /// Slots that count, of one server.
    pub(crate) fn kept(&self, server: &str) -> impl Iterator<Item = (&Slot, &Figures)> {
        let of = move |slot: &&Slot| slot.server == server && slot.set_aside.is_none();
        self.slots.iter().filter(of).filter_map(|slot| Some((slot, slot.figures.as_ref()?)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn slot(server: &str, round: u32, cpu: f64, echo: f64) -> Slot {
        let probe = Probe { p50: echo, p99: 2.0 * echo, p999: 3.0 * echo };
        let figures = Figures {
            cpu_per_packet: cpu,
            latency: [100.0, 300.0, 900.0],
            sound: [90.0, 200.0, 500.0],
            calm: Some(0.9),
            with_joins: Some(Beside { latency: [110.0, 370.0, 1_000.0], sound: [95.0, 220.0, 600.0] }),
            without_joins: None,
            loss: 0.0,
            memory: 50_000.0,
            cpu_per_join: 500.0,
            first_picture: Some(90_000.0),
            packets_per_second: 20_000.0,
            srtp: vec!["SRTP_AEAD_AES_256_GCM".to_owned()],
        };
        Slot { server: server.to_owned(), round, echo: [probe, probe], stolen: 0.0, figures: Some(figures), set_aside: None }
    }

    pub(crate) fn sides(slots: Vec<Slot>) -> SideBySide {
        let server = |name: &str| Server { name: name.to_owned(), version: "1 < 2".to_owned() };
        SideBySide {
            schema: SCHEMA,
            started: 1_800_000_000,
            machine: Machine { cpu: "a processor".to_owned(), cores: 2, memory: 1 << 34, kernel: "6".to_owned() },
            command: "bench/side-by-side".to_owned(),
            load: Load { meetings: 4, people: 3, seconds: 10 },
            servers: vec![server("relay"), server("floor")],
            slots,
        }
    }

    #[test]
    fn a_slot_beside_a_slow_echo_or_under_a_greedy_hypervisor_does_not_count() {
        let mut slots: Vec<Slot> = (1..=6).map(|round| slot("relay", round, 2.0, 40.0)).collect();
        slots[1] = slot("relay", 2, 9.0, 70.0);
        slots[3].stolen = 0.05;
        let mut sides = sides(slots);
        sides.set_disturbed_aside();
        let why: Vec<bool> = sides.slots.iter().map(|slot| slot.set_aside.is_some()).collect();
        assert_eq!(why, [false, true, false, true, false, false]);
        assert_eq!(sides.kept("relay").count(), 4);
    }
}
