//! What load costs a node: cores and memory, each with the interval within which the cost is known.

use serde::Serialize;

use super::media::Load;
use super::profile::{ASSUMPTIONS, Profile};

/// Ends of the interval that is told: 90 of 100 lie within.
pub(super) const INTERVAL: (f64, f64) = (0.05, 0.95);

/// A value and the interval within which it lies.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Interval {
    /// Best guess.
    pub value: f64,
    /// Likely not below.
    pub low: f64,
    /// Likely not above.
    pub high: f64,
}

impl Interval {
    /// Around `value`, by what else might have come out.
    #[must_use]
    pub fn around(value: f64, mut others: Vec<f64>) -> Self {
        others.sort_by(f64::total_cmp);
        let at = |share: f64| others.get((share * (others.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(value);
        Self { value, low: at(INTERVAL.0).min(value), high: at(INTERVAL.1).max(value) }
    }

    /// The same at another scale.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }
}

/// Prices of a node's processor time.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Prices {
    /// A packet sent on, µs.
    pub packet: f64,
    /// A person, µs in each second.
    pub client: f64,
    /// A join, µs.
    pub join: f64,
    /// A node with nobody there, cores.
    pub idle: f64,
}

impl Prices {
    /// Those of the flags.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        Self { packet: profile.packet_us, client: profile.client_us, join: profile.join_us, idle: profile.idle_cores }
    }

    /// Cores for a load and so many joins a second on one node.
    #[must_use]
    pub fn cores(&self, load: &Load, joins: f64, ingress_weight: f64) -> f64 {
        self.meeting(load, ingress_weight) + joins * self.join / 1e6 + self.idle
    }

    /// The part that meetings cause: cores.
    #[must_use]
    pub fn meeting(&self, load: &Load, ingress_weight: f64) -> f64 {
        (work(load, ingress_weight) * self.packet + load.people * self.client) / 1e6
    }
}

/// Packets a second, each one that comes in counted as `ingress_weight` of one that goes out.
#[must_use]
pub(super) fn work(load: &Load, ingress_weight: f64) -> f64 {
    load.packets_out + ingress_weight * load.packets_in
}

/// Where costs come from.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody measured: the flags' values and likely ranges.
    Guess,
    /// Fitted to runs.
    Measured {
        /// How many runs.
        runs: usize,
        /// Blocks of seconds that the fit saw.
        blocks: usize,
        /// Root mean square of what the fit missed, against the mean: 0.05 is 5 %.
        residual: f64,
        /// What the runs could not tell.
        notes: Vec<Note>,
    },
}

/// What runs could not tell, and what was done instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// No packets to tell a price from.
    NoPackets,
    /// People and packets rise together: the price of a person is in the price of a packet, right for this mix only.
    ThisMixOnly,
    /// Joins cannot be told from the rest: their price is as assumed.
    JoinsAssumed,
    /// The idle node cannot be told from the rest: its price is in the others.
    IdleInOthers,
    /// Too few seconds to fit more than the price of a packet: the others are as assumed.
    FewSeconds,
    /// Memory comes from a single run: 30 % to each side are assumed.
    OneMemory,
}

/// Costs with their uncertainty.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Costs {
    /// Best guess.
    pub prices: Prices,
    /// Memory of a person, KiB.
    pub client_kib: Interval,
    /// Memory of a node with nobody there, MiB.
    pub idle_mib: Interval,
    /// Where from.
    pub origin: Origin,
    /// Weight of a packet that comes in.
    pub ingress_weight: f64,
    /// What the prices might be as well: the corners of the guesses, or one fit for each resampling of the runs.
    #[serde(skip)]
    pub draws: Vec<Prices>,
}

impl Costs {
    /// The guesses of a profile: a price set by flag away from its default is believed, the others may lie anywhere in their range.
    #[must_use]
    pub fn guessed(profile: &Profile) -> Self {
        let ends = |flag: &str| -> Interval {
            ASSUMPTIONS.iter().find(|row| row.flag == flag).map_or_else(Interval::default, |row| {
                let value = row.of(profile);
                let (low, high) = if value == row.default { row.likely } else { (value, value) };
                Interval { value, low, high }
            })
        };
        let (packet, client, join, idle) = (ends("packet-us"), ends("client-us"), ends("join-us"), ends("idle-cores"));
        let corner = |end: fn(&Interval) -> f64| Prices { packet: end(&packet), client: end(&client), join: end(&join), idle: end(&idle) };
        Self {
            prices: Prices::of(profile),
            client_kib: ends("client-kib"),
            idle_mib: ends("idle-mib"),
            origin: Origin::Guess,
            ingress_weight: profile.ingress_weight,
            draws: vec![corner(|end| end.low), corner(|end| end.high)],
        }
    }

    /// Believes a price or a memory that was set by flag more than any measurement: then it is certain.
    pub fn believe(&mut self, profile: &Profile, flag: &str) {
        let certain = |value: f64| Interval { value, low: value, high: value };
        let given = Prices::of(profile);
        let set = |prices: &mut Prices| match flag {
            "packet-us" => prices.packet = given.packet,
            "client-us" => prices.client = given.client,
            "join-us" => prices.join = given.join,
            "idle-cores" => prices.idle = given.idle,
            _ => {}
        };
        set(&mut self.prices);
        self.draws.iter_mut().for_each(set);
        match flag {
            "client-kib" => self.client_kib = certain(profile.client_kib),
            "idle-mib" => self.idle_mib = certain(profile.idle_mib),
            _ => {}
        }
    }

    /// Cores by any formula over prices, with the interval from the draws and from what the fit missed.
    #[must_use]
    pub fn cores(&self, formula: impl Fn(&Prices) -> f64) -> Interval {
        let interval = Interval::around(formula(&self.prices), self.draws.iter().map(&formula).collect());
        let missed = match &self.origin {
            Origin::Guess => 0.0,
            // 90 of 100 normal errors lie within 1.64 deviations.
            Origin::Measured { residual, .. } => 1.64 * residual * interval.value,
        };
        let below = (interval.value - interval.low).hypot(missed);
        Interval {
            low: (interval.value - below).max(0.0),
            high: interval.value + (interval.high - interval.value).hypot(missed),
            ..interval
        }
    }

    /// Memory of a node with so many people, bytes.
    #[must_use]
    pub fn memory(&self, people: f64) -> Interval {
        let (client, idle) = (self.client_kib.times(1024.0), self.idle_mib.times(1024.0 * 1024.0));
        let sum = |end: fn(&Interval) -> f64| end(&idle) + people * end(&client);
        Interval { value: sum(|end| end.value), low: sum(|end| end.low), high: sum(|end| end.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_as_wide_as_its_range_and_a_flag_is_believed() {
        let load = Load { people: 100.0, packets_in: 20_000.0, packets_out: 20_000.0, ..Load::default() };
        let cores = |profile: &Profile| Costs::guessed(profile).cores(|prices| prices.cores(&load, 1.0, profile.ingress_weight));
        let guess = cores(&Profile::default());
        assert!((guess.value - (0.09 + 0.04 + 0.0005 + 0.02)).abs() < 1e-9, "{guess:?}");
        assert!(guess.low < 0.6 * guess.value && guess.high > 1.9 * guess.value);
        let known = cores(&Profile { packet_us: 2.0, client_us: 300.0, join_us: 400.0, idle_cores: 0.01, ..Profile::default() });
        assert!((known.high - known.low).abs() < 1e-9, "{known:?}");
    }

    #[test]
    fn memory_grows_from_the_empty_node_by_people() {
        let costs = Costs::guessed(&Profile { client_kib: 1024.0, idle_mib: 100.0, ..Profile::default() });
        assert_eq!(costs.memory(50.0).value, 150.0 * 1024.0 * 1024.0);
    }
}
