//! What one viewer should receive, most important first.

use crate::participant::{ParticipantId, Source};

/// Ordered wishes of one viewer; whoever has slots for `n` of a kind takes the first `n`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Sound: those who may be heard now, then the muted ones, so that an unmute finds its slot ready.
    pub audio: Vec<(ParticipantId, Source)>,
    /// Pictures that flow.
    pub video: Vec<(ParticipantId, Source)>,
}
