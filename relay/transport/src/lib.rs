//! One peer's secure path, sans-IO: ICE-lite, DTLS and SRTP behind one type, [`Transport`].
//!
//! Everything that arrives is authenticated before it changes anything. Addresses are learned only from STUN checks whose
//! MESSAGE-INTEGRITY is right, DTLS is accepted only from such addresses, and SRTP state exists only for packets whose tag is right.

pub mod dtls;
mod ice;
mod path;
pub mod srtp;
mod transport;

pub use dtls::Certificate;
pub use path::Path;
pub use srtp::SrtpError;
pub use transport::{Counters, State, StunOutcome, Transport, TransportConfig, TransportError};
