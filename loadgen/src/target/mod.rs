//! How one gets into a server: the relay's own protocol, WHIP and WHEP of any server, Janus's videoroom.

mod address;
mod courier;
mod error;
mod janus;
mod relay;
mod signalling;
mod socket;
mod trust;
mod whip;

pub(crate) use address::AsyncStream;
pub(crate) use courier::{Answered, Courier, ReturnAddress};
pub use error::TargetError;
pub use janus::Janus;
pub(crate) use janus::{KEEP_ALIVE, Told, Visit};
pub use relay::{Key, Relay, Role};
pub(crate) use signalling::{End, Signalling};
pub use trust::Trust;
pub use whip::{Whip, WhipSettings};
