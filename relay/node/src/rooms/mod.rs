//! The rooms that somebody defined: their settings, templates above them, and PINs. What people do in a room is `worker`'s business.

use std::sync::Arc;

use room::Settings;
use worker::command::RoomId;

/// All definitions of this node.
#[derive(Default)]
pub(crate) struct Rooms {}

impl Rooms {
    /// The settings that a room opens with; the defaults for a room that nobody defined.
    #[must_use]
    pub(crate) fn settings(&self, _room: &RoomId) -> Arc<Settings> {
        Arc::new(Settings::default())
    }
}
