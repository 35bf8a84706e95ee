//! Light clients over real sockets against the real binary: a crowd driven by one thread, a record of every packet, and the rules of a
//! meeting written down once more, so that each packet can be held against them.
//!
//! ```text
//!   Crowd ── one poll for all sockets ──► Member (light client + UDP socket + WebSocket) ◄──► relay (its own process)
//!     └─ log of packets ──► Oracle ◄── steps: what the rules allowed since when ◄── Walk (random commands) ──► Rules
//! ```
//! Start reading at `crowd.rs`. `figures/` measures what hosts wait for; the example `live` prints it.

pub mod crowd;
pub mod figures;
mod link;
pub mod member;
pub mod oracle;
pub mod relay;
pub mod rules;
pub mod walk;

pub use crowd::{Crowd, Outcome};
pub use member::{Member, Traffic};
pub use relay::{LiveRelay, TokenRole};
