//! What people, breakout rooms and moments are called within one room.

use serde::{Deserialize, Serialize};

/// A person within one room: at most 2^31, in no order that would tell a newcomer how many came before. Never used twice in the room's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParticipantId(pub u64);

/// A breakout room, counted from 1 in order of creation. Never used twice in the room's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BreakoutId(pub u32);

/// Where somebody who was admitted is: the main room (`None`) or a breakout.
pub type Place = Option<BreakoutId>;

/// A moment, milliseconds since 1970-01-01 UTC. Time comes in as data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// This many milliseconds later.
    #[must_use]
    pub fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Self {
        self.plus_millis(seconds.saturating_mul(1000))
    }
}
