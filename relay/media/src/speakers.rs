//! Who speaks: loudness per participant and the dominant speaker, with hysteresis.

use std::time::Instant;

/// Loudness of everybody in a room.
#[derive(Default)]
pub struct Speakers {
    ranking: Vec<u32>,
}

impl Speakers {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An audio level of a participant: `level` in -dBov (0 is loudest, 127 silence), `voice` as the client's detector says.
    pub fn update(&mut self, _now: Instant, _label: u32, _level: u8, _voice: bool) {}

    /// A participant has left or is muted by the server.
    pub fn remove(&mut self, _label: u32) {}

    /// The dominant speaker. Remains in silence until somebody else speaks.
    pub fn dominant(&mut self, _now: Instant) -> Option<u32> {
        None
    }

    /// Labels in the order of interest: dominant first, then who speaks, then who spoke last.
    pub fn ranking(&mut self, _now: Instant) -> &[u32] {
        &self.ranking
    }
}
