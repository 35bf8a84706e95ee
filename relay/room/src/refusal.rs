//! Why a command was not carried out; a refused command changes nothing.

use crate::participant::ParticipantId;

/// A refused command.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The room has as many people as it may hold.
    #[error("the room is full: it holds {limit} people")]
    Full {
        /// How many it may hold.
        limit: usize,
    },
    /// Nobody here has that id.
    #[error("nobody here has the id {0:?}")]
    Unknown(ParticipantId),
    /// Viewers have no sources.
    #[error("a viewer cannot send")]
    Viewer,
}
