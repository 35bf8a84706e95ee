//! For each source: is it shown to a viewer, and if not, which rule stands in the way.

use serde::{Deserialize, Serialize};

use crate::ids::ParticipantId;
use crate::participant::Source;

/// The first rule that decides, in the order in which they are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing stands in the way, and it is among the viewer's tiles (or sounds).
    Shown,
    /// It is the viewer's own.
    Oneself,
    /// The viewer waits to be let in.
    ViewerWaits,
    /// The sender waits to be let in.
    SenderWaits,
    /// They are in different places (main room, breakouts).
    OtherPlace,
    /// The sender's client has no m-line for it.
    NotPublished,
    /// The staff closed it.
    LockedByHost,
    /// The room's settings keep guests from sending it.
    NotAllowedHere,
    /// Its owner switched it off.
    SwitchedOff,
    /// One-way video.
    OneWay,
    /// Layout `host_only`: guests do not see (or, where set so, hear) guests.
    HostOnly,
    /// The layout has no tile left for it.
    NoTile,
    /// The viewer's client has no slot left for it.
    NoSlot,
}

/// One row of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Why {
    /// Whose.
    pub participant: ParticipantId,
    /// Which source.
    pub source: Source,
    /// What decided.
    pub reason: Reason,
}
