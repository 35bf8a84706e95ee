//! The arrangements of tiles.

use serde::{Deserialize, Serialize};

use crate::settings::LayoutRule;

/// How tiles are arranged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// A: guests see only the staff, large; the staff sees all, equal. Guests do not see each other, as a rule of the relay.
    HostOnly,
    /// B: everyone sees all; guests see the staff large.
    HostLarge,
    /// C: equal tiles.
    #[default]
    Equal,
    /// VDX: one large, no small ones.
    OneMainZeroPips,
    /// VDX: one large, seven small.
    OneMainSevenPips,
    /// VDX: one large, twenty-one small.
    OneMainTwentyonePips,
    /// VDX: two large, twenty-one small.
    TwoMainsTwentyonePips,
    /// VDX: one large, thirty-three small.
    OneMainThirtythreePips,
    /// VDX: four equal.
    FourMainsZeroPips,
    /// VDX: nine equal.
    NineMainsZeroPips,
    /// VDX: sixteen equal.
    SixteenMainsZeroPips,
    /// VDX: twenty-five equal.
    TwentyfiveMainsZeroPips,
    /// VDX: five large, seven small.
    FiveMainsSevenPips,
}

/// The layout of the rule with the highest `from` that so many people reach.
pub(crate) fn by_rule(rules: &[LayoutRule], people: u32) -> Option<Layout> {
    rules.iter().filter(|rule| rule.from <= people).max_by_key(|rule| rule.from).map(|rule| rule.layout)
}
