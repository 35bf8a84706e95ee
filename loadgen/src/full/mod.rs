//! The independent client: people who come with WebRTC software that nobody here wrote (webrtc-rs), so that what a run says does not rest
//! on one pair of stacks that were made for each other.
//!
//! ```text
//!  Timetable ─► choose: who of the guests ─► Crowd: a runtime of its own
//!                                              └─ Person: Signalling (WebSocket) + Connection (webrtc-rs)
//!                                                   ├─ outgoing.rs  recorded or built-in media ─► packetisers of `rtp`
//!                                                   └─ Reception    packets ─► depacketisers ─► pictures, loss, freezes, PLI
//! ```
//! Knows: the messages of the public protocol, and where the relay is. Must not know: `wire`, `transport`, and the light client; what
//! these get wrong must not be wrong here as well. A test holds this folder to it.

mod answer;
mod built_in;
mod choice;
mod connection;
mod crowd;
mod figures;
mod outgoing;
mod person;
mod reception;
mod requests;
mod signalling;
mod stack;

pub use choice::{Chosen, choose};
pub use crowd::{Crowd, Plan};
pub use figures::{Figures, Kind, Received};

/// What clients of this kind are asked to be.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// How many of the run's guests come with it.
    pub people: u32,
    /// What they send; what is not recorded comes from a built-in model.
    pub recording: crate::recording::Recording,
}
