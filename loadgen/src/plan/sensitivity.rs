//! What each assumption would change if it lay at either end of its likely range, the others as they are.

use serde::Serialize;

use super::profile::{ASSUMPTIONS, Assumption};
use super::{Costs, Day, Origin, Plan};

/// One assumption.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Sensitivity {
    /// Its flag.
    pub flag: &'static str,
    /// At the lower end.
    pub low: Effect,
    /// At the upper end.
    pub high: Effect,
}

/// What a changed assumption gives.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Effect {
    /// The changed value.
    pub value: f64,
    /// Concurrent meetings, planned level.
    pub meetings: f64,
    /// Packets out a second, planned level.
    pub packets_out: f64,
    /// Cores, best guess.
    pub cores: f64,
    /// Nodes with spares.
    pub nodes: u32,
}

impl Sensitivity {
    /// How far apart the ends are, cores.
    #[must_use]
    pub fn swing(&self) -> f64 {
        (self.high.cores - self.low.cores).abs()
    }
}

/// All assumptions with a likely range that change anything, the one that matters most first. Prices that were measured have no
/// range to ask about: their interval is in the plan itself.
pub(super) fn of(plan: &Plan) -> Vec<Sensitivity> {
    let mut all: Vec<Sensitivity> = ASSUMPTIONS.iter().filter_map(|row| one(plan, row)).collect();
    all.retain(|row| {
        let changes = |effect: &Effect| {
            let Effect { meetings, packets_out, cores, nodes, .. } = *effect;
            (meetings, packets_out, cores, nodes)
        };
        changes(&row.low) != changes(&row.high)
    });
    all.sort_by(|a, b| b.swing().total_cmp(&a.swing()));
    all
}

fn one(plan: &Plan, row: &Assumption) -> Option<Sensitivity> {
    let now = row.of(&plan.profile);
    let (low, high) = (row.likely.0.min(now), row.likely.1.max(now));
    Some(Sensitivity { flag: row.flag, low: effect(plan, row, low)?, high: effect(plan, row, high)? })
}

/// `None` where the changed profile contradicts itself.
fn effect(plan: &Plan, row: &Assumption, value: f64) -> Option<Effect> {
    let mut profile = plan.profile.clone();
    row.set(&mut profile, value).ok()?;
    let costs = match plan.costs.origin {
        Origin::Guess => Costs::guessed(&profile),
        Origin::Measured { .. } => plan.costs.clone(),
    };
    // The day is the dear part, and most assumptions leave it as it is.
    let same = Day::inputs(&profile) == Day::inputs(&plan.profile);
    let day = if same { plan.day.clone() } else { Day::of(&profile) };
    let figures = Plan::bare(&profile, &costs, day).ok()?.figures;
    Some(Effect {
        value,
        meetings: figures.concurrent.high,
        packets_out: figures.packets_out.high,
        cores: figures.cores.value,
        nodes: figures.nodes.total(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    #[test]
    fn what_matters_comes_first_and_what_changes_nothing_is_left_out() {
        let profile = Profile::default();
        let plan = Plan::of(&profile, &Costs::guessed(&profile)).expect("it can be planned");
        let rows = &plan.figures.sensitivity;
        assert!(rows.windows(2).all(|pair| pair[0].swing() >= pair[1].swing()));
        let place = |flag: &str| rows.iter().position(|row| row.flag == flag);
        assert!(place("packet-us") < place("feedback-pps") && place("minutes") < place("screen-share"));
        assert_eq!(place("meetings-per-month"), None, "its range is a point");
        let minutes = &rows[place("minutes").expect("it matters")];
        assert!(minutes.low.meetings < plan.figures.concurrent.high && minutes.high.meetings > plan.figures.concurrent.high);
    }
}
