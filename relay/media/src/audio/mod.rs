//! Sound: copies against loss, repair out of the publisher's copies, and beginnings of speech that nobody should miss.
//!
//! ```text
//!  publisher's RED -> Receiver::recover -> lost packets under their own numbers
//!  viewer's feedback -> Protection -> Plan -> Slot::forward_sound: plain Opus, or RED with packets out of the store
//! ```

mod losses;
mod packed;
mod plan;
mod recovery;
mod voice;

use std::time::Instant;

use wire::rtcp::TransportCc;

pub(crate) use packed::{Copies, Shelf};
pub use plan::Plan;
pub use voice::{MISSED, ONSET, onset, replay, speaks};

/// What protects the sound towards one viewer.
///
/// Tell it of every packet of sound by [`Protection::sent`] and of the viewer's feedback, and call [`Protection::update`] a few times a
/// second.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    losses: losses::SoundLosses,
    redundancy: plan::Redundancy,
    /// Copies for which the line has room.
    room: usize,
}

impl Protection {
    /// A packet of sound went out on a stream (the caller's number for it, below 128) under this transport-wide number.
    #[inline]
    pub fn sent(&mut self, number: u16, stream: u8) {
        self.losses.sent(number, stream);
    }

    /// Transport-wide feedback of the viewer; of what it calls lost nothing counts if a queue `overflows`: copies would make it fuller.
    pub fn handle_transport_cc(&mut self, feedback: &TransportCc<'_>, overflows: bool) {
        self.losses.handle(feedback, overflows);
    }

    /// Time has passed; `line` is the share of everything that the line loses, as far as somebody else knows it, 0 to 1.
    pub fn update(&mut self, now: Instant, line: f32) {
        let (loss, burst) = self.losses.measured().unwrap_or((0.0, 1.0));
        self.redundancy.update(now, loss.max(line), burst);
    }

    /// The line carries so many copies of all sound: more would make what arrives come late. None until this is said.
    pub fn fit(&mut self, room: usize) {
        self.room = room;
    }

    /// Which earlier packets go along now.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.redundancy.plan().at_most(self.room)
    }
}
