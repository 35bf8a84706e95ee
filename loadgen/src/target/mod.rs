//! How one gets into a server: so far the relay's own protocol.

mod relay;
mod signalling;

pub use relay::{Key, Relay, Role, TargetError};
pub(crate) use signalling::{End, Signalling};
