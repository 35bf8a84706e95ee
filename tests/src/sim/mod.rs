//! A whole meeting in virtual time: the real worker, light clients, a bad network, and checks after every step.
//!
//! ```text
//!   Person ── datagrams ──► Network (links, NAT, flights) ──► Node (real worker, answerers)
//!     ▲  └──── messages ──► signalling, 15 ms each way ─────►   │
//!     └───────────────────────── the same way back ◄───────────┘      Oracle judges every packet and message
//! ```
//! One seed decides everything but the keys; it is printed when a test fails, and `SIM_SEED` overrides it.

mod acts;
pub mod bottleneck;
pub mod link;
pub mod network;
mod node;
mod oracle;
mod person;
mod stage;
mod ticket;

pub use bottleneck::{Bottleneck, Passed, Policer, Rate};
pub use link::{Burst, LinkSpec, LinkStats, Stalls};
pub use loadgen::light::{Author, FREEZE, Feedback, Layer, Motion, Numbering, Setup, SlotRecord, SoundFigures, SourceSetup, Voice};
pub use network::{Network, PersonIx};
pub use node::Node;
pub use oracle::{Meeting, Newcomer, Oracle, Resident, Standing};
pub use person::Person;
pub use stage::Sim;
pub use ticket::{ROOM, Ticket};
