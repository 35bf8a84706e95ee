//! Which events a webhook wants.

use std::collections::BTreeSet;

/// A webhook's choice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::events) struct Filter {
    /// Where it goes; names the webhook in the log.
    pub(in crate::events) url: String,
    /// Only rooms whose id begins so.
    pub(in crate::events) rooms: String,
    /// Only these types; empty: all.
    pub(in crate::events) events: BTreeSet<String>,
}

impl Filter {
    /// Whether the webhook wants an event of this type in this room.
    pub(in crate::events) fn takes(&self, room: &str, kind: &str) -> bool {
        room.starts_with(&self.rooms) && (self.events.is_empty() || self.events.contains(kind))
    }
}
