//! What is kept of a room and of a template, and how it is written down.

use std::fmt;

use room::{Settings, Template, Time};
use serde::{Deserialize, Serialize};

use super::pins::{SealedPin, Tag};
use crate::room_id::parse_room;

/// How long an instant room is kept after it was made, or after it was to open or end, whichever is last, milliseconds: a day.
const INSTANT_LIFE: u64 = 24 * 3600 * 1000;

/// An organisation's or a unit's template. Written like a room id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct TemplateId(pub String);

impl TemplateId {
    /// Reads one; upper case is folded.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        parse_room(text).map(|id| Self(id.0))
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomDefinition {
    /// Counts all changes of the store; no two definitions ever have the same.
    pub revision: u64,
    /// When it was made.
    pub created: Time,
    /// The template above it.
    pub template: Option<TemplateId>,
    /// Its own settings.
    pub settings: Template,
    /// Opens it for the host.
    pub host_pin: Option<SealedPin>,
    /// Opens it for guests.
    pub guest_pin: Option<SealedPin>,
    /// Whether its id was made up here; such rooms are cleared away.
    pub instant: bool,
    /// A digest of what it was made from: the same again is the same room.
    pub made_from: Tag,
}

impl RoomDefinition {
    /// When an instant room may be cleared away; never, for others.
    pub(crate) fn expires(&self, effective: &Settings) -> Option<Time> {
        let last = [effective.opens_at, effective.ends_at].into_iter().flatten().fold(self.created, Time::max);
        self.instant.then(|| last.plus_millis(INSTANT_LIFE))
    }
}

/// A template.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateDefinition {
    /// As of rooms.
    pub revision: u64,
    /// The organisation's template above a unit's.
    pub parent: Option<TemplateId>,
    /// What it sets.
    pub settings: Template,
}
