//! The efficient client: WebRTC without sockets, clock or threads, made of small parts.
//!
//! ```text
//!  offer ──► relay ──► answer          Client (client.rs): lines, timers
//!                                        ├─ ice.rs         checks, nomination, consent
//!  datagrams in ──► demux ──┐            ├─ secure.rs      DTLS client, SRTP
//!                           ├──────────► ├─ publication.rs sources on schedule ─► encoder.rs, scalable.rs ─► outgoing.rs
//!  datagrams out ◄── outbox ┘            └─ slot.rs        losses.rs ─► reassembly.rs ─► references.rs ─► decoder.rs ─► record.rs
//! ```
//! Every payload is a verifiable [`pattern`], so a receiver knows whose media it got, whole or damaged, and in which order.

mod accept;
mod answer;
mod arrivals;
mod client;
mod decoder;
mod encoder;
mod entropy;
mod ice;
mod listener;
mod losses;
mod offer;
mod outbox;
mod outgoing;
mod own_estimate;
pub mod pattern;
mod publication;
mod reassembly;
mod reception;
mod record;
mod references;
mod scalable;
mod secure;
mod seen;
mod setup;
mod sizes;
mod slot;
mod stream_arrivals;
mod structure;
mod talker;
mod traffic;
mod unbound;
mod vp8;
mod vp9;
mod vp9_references;

pub use answer::AnswerError;
pub use client::{Client, Counters, SlotView};
pub use listener::SoundFigures;
pub use pattern::{Author, Stamp};
pub use record::{FREEZE, Gap, Heard, Shown, SlotRecord};
pub use setup::{Feedback, Layer, Motion, Numbering, Scalable, Setup, SourceSetup, Voice};
pub use sizes::SizeTrace;
