//! How many nodes carry a load, what binds first, and how full each is with and without its spares.

use std::cmp::Ordering;

use serde::Serialize;

use super::costs::Costs;
use super::media::Mix;
use super::profile::{Profile, Refused};

/// More nodes than this are not one cluster; a profile that asks for them is refused.
const MOST_NODES: u32 = 10_000;

/// What a node can run out of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Processor, cores.
    Cores,
    /// Memory, bytes.
    Memory,
    /// Line in, bit/s.
    LineIn,
    /// Line out, bit/s.
    LineOut,
    /// Packets in a second; what limits them is the processor.
    PacketsIn,
    /// Packets out a second.
    PacketsOut,
}

/// All, in the order of tables.
pub(super) const RESOURCES: [Resource; 6] =
    [Resource::Cores, Resource::Memory, Resource::LineIn, Resource::LineOut, Resource::PacketsIn, Resource::PacketsOut];

/// One resource of one node at the planned level.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Use {
    /// Which.
    pub resource: Resource,
    /// What a node may use of it: its size times the load that is planned for; `None` where it has no limit of its own.
    pub limit: Option<f64>,
    /// Used when every node is there, spares too.
    pub usual: f64,
    /// Used when the spares are lost.
    pub degraded: f64,
}

impl Use {
    /// How full, without the spares: 1 is what is planned for.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.limit.map(|limit| self.degraded / limit)
    }
}

/// The answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Nodes {
    /// Nodes that must work, by the upper end of what load may cost.
    pub working: u32,
    /// The same by the best guess.
    pub likely: u32,
    /// Nodes on top.
    pub spares: u32,
    /// What is fullest.
    pub binding: Resource,
    /// Each resource.
    pub uses: Vec<Use>,
}

/// The whole load to be shared out.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// What is assumed.
    pub profile: &'a Profile,
    /// What meetings ask.
    pub mix: &'a Mix,
    /// What that costs.
    pub costs: &'a Costs,
    /// Meetings at the busiest moment, mean.
    pub meetings: f64,
    /// Joins a second, planned level.
    pub joins: f64,
}

impl Nodes {
    /// Fewest nodes of which none is planned beyond its limits. A node's share scatters more than the whole does: each is
    /// planned for the quantile of its own share, as if meetings were placed at random.
    ///
    /// # Errors
    /// [`Refused`] beyond 10,000 nodes, or when one node cannot hold even nothing.
    pub fn of(demand: &Demand<'_>) -> Result<Self, Refused> {
        let working = demand.fewest(true)?;
        let likely = demand.fewest(false)?;
        let spares = demand.profile.spares.round() as u32;
        let uses: Vec<Use> = RESOURCES
            .iter()
            .map(|resource| Use {
                resource: *resource,
                limit: limit(demand.profile, *resource),
                usual: demand.used(*resource, working + spares, true),
                degraded: demand.used(*resource, working, true),
            })
            .collect();
        let fullest =
            uses.iter().filter(|row| row.limit.is_some()).max_by(|a, b| a.share().partial_cmp(&b.share()).unwrap_or(Ordering::Equal));
        Ok(Self { working, likely, spares, binding: fullest.map_or(Resource::Cores, |fullest| fullest.resource), uses })
    }

    /// Nodes to buy.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.working.saturating_add(self.spares)
    }
}

impl Demand<'_> {
    fn fewest(&self, careful: bool) -> Result<u32, Refused> {
        let holds =
            |resource: Resource, nodes: u32| limit(self.profile, resource).is_none_or(|most| self.used(resource, nodes, careful) <= most);
        let fits = |nodes: u32| RESOURCES.iter().all(|resource| holds(*resource, nodes));
        let mut most = 1;
        while !fits(most) {
            most *= 2;
            if most > MOST_NODES {
                return Err(Refused(format!("more than {MOST_NODES} nodes: nodes are too small, or the load is not one cluster's")));
            }
        }
        let mut least = most / 2;
        while most - least > 1 {
            let middle = least + (most - least) / 2;
            if fits(middle) {
                most = middle;
            } else {
                least = middle;
            }
        }
        Ok(most)
    }

    /// Planned use of one of `nodes`; `careful` takes the upper end of costs.
    fn used(&self, resource: Resource, nodes: u32, careful: bool) -> f64 {
        let nodes = f64::from(nodes);
        let (meetings, quantile) = (self.meetings / nodes, self.profile.quantile);
        let end = |interval: super::costs::Interval| if careful { interval.high } else { interval.value };
        match resource {
            Resource::Cores => {
                end(self.mix.cores(self.costs, meetings, quantile, |prices| self.joins / nodes * prices.join / 1e6 + prices.idle))
            }
            Resource::Memory => end(self.costs.memory(self.mix.weight(|load| load.people).level(meetings, quantile).high)),
            Resource::LineIn => self.mix.weight(|load| load.bits_in).level(meetings, quantile).high,
            Resource::LineOut => self.mix.weight(|load| load.bits_out).level(meetings, quantile).high,
            Resource::PacketsIn => self.mix.weight(|load| load.packets_in).level(meetings, quantile).high,
            Resource::PacketsOut => self.mix.weight(|load| load.packets_out).level(meetings, quantile).high,
        }
    }
}

/// What a node may use.
fn limit(profile: &Profile, resource: Resource) -> Option<f64> {
    match resource {
        Resource::Cores => Some(profile.node_cores * profile.core_load),
        Resource::Memory => Some(profile.node_gib * profile.memory_load * 1024f64.powi(3)),
        Resource::LineIn | Resource::LineOut => Some(profile.node_gbps * 1e9 * profile.line_load),
        Resource::PacketsIn | Resource::PacketsOut => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sizes::Sizes;
    use super::*;

    fn nodes(profile: &Profile, meetings: f64) -> Nodes {
        let mix = Mix::of(profile, &Sizes::new(profile).expect("possible"));
        let costs = Costs::guessed(profile);
        Nodes::of(&Demand { profile, mix: &mix, costs: &costs, meetings, joins: 10.0 }).expect("it fits")
    }

    #[test]
    fn what_is_scarce_binds_and_decides() {
        let plenty = Profile::default();
        let rows = [
            (Profile { node_cores: 1.0, ..plenty.clone() }, Resource::Cores),
            (Profile { node_gib: 1.0, client_kib: 4000.0, node_cores: 64.0, ..plenty.clone() }, Resource::Memory),
            (Profile { node_gbps: 1.0, node_cores: 64.0, ..plenty.clone() }, Resource::LineOut),
        ];
        for (profile, resource) in rows {
            let nodes = nodes(&profile, 400.0);
            assert_eq!(nodes.binding, resource, "{nodes:?}");
            assert!(nodes.working > 1 && nodes.working >= nodes.likely);
            assert!(nodes.uses.iter().all(|row| row.share().is_none_or(|share| share <= 1.0) && row.usual < row.degraded), "{nodes:?}");
        }
    }

    #[test]
    fn halves_of_a_load_need_more_than_half_the_room() {
        // Chance does not average out as well on small nodes: five nodes carry less than five times what one does.
        let ample = Profile { node_gbps: 100.0, node_cores: 512.0, ..Profile::default() };
        let line = nodes(&ample, 400.0).uses.iter().find(|row| row.resource == Resource::LineOut).expect("there").degraded;
        let just = Profile { node_gbps: line * 1.001 / 1e9 / ample.line_load, ..ample.clone() };
        let fifth = Profile { node_gbps: just.node_gbps / 5.0, ..ample };
        assert_eq!(nodes(&just, 400.0).working, 1);
        assert!(nodes(&fifth, 400.0).working > 5, "{:?}", nodes(&fifth, 400.0));
    }

    #[test]
    fn absurd_nodes_are_refused() {
        let profile = Profile { idle_mib: 90_000.0, ..Profile::default() };
        let mix = Mix::of(&profile, &Sizes::new(&profile).expect("possible"));
        let costs = Costs::guessed(&profile);
        assert!(Nodes::of(&Demand { profile: &profile, mix: &mix, costs: &costs, meetings: 1.0, joins: 0.0 }).is_err());
    }
}
