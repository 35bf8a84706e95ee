//! STUN as ICE uses it (RFC 8489, RFC 8445 section 7): connectivity checks and their answers with short-term credentials.
//!
//! Parsing checks the form only. Nothing in a message may be believed, and nothing may be sent, before `verify` said yes.
//!
//! This is a codec of our own because `is::stun` 0.12, the obvious library, draws random transaction ids itself, logs a line for
//! some attributes of unauthenticated datagrams, allocates its error texts, does not check FINGERPRINT, lets the last of duplicate
//! attributes win and reads XOR-MAPPED-ADDRESS beyond its declared length. It serves as the oracle of the tests instead.

mod key;
mod message;
mod request;
mod response;
mod write;

pub use key::Key;
pub use request::StunRequest;
pub use response::StunResponse;
pub use write::{BindingRequest, MAX_REPLY, MAX_REQUEST, binding_error, binding_request, binding_success};

/// Ties a response to its request (RFC 8489 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TransactionId(pub [u8; 12]);

/// Which side of ICE the sender of a check believes to be, with its tie-breaker (RFC 8445 section 7.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// ICE-CONTROLLING: chooses the path. A full agent against our lite one always is.
    Controlling(u64),
    /// ICE-CONTROLLED: we answer 487 to that.
    Controlled(u64),
}

/// Why a datagram is not a STUN message the relay answers. The sender is to blame in every case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StunError {
    /// Shorter than a header, longer than [`MAX_LEN`], or not of the length its header says.
    #[error("length does not match")]
    Length,
    /// The magic cookie is missing: not STUN, or the classic STUN of RFC 3489.
    #[error("no magic cookie")]
    Cookie,
    /// An attribute does not fit into the message, has the wrong size for its type, an invalid value, or contradicts another.
    #[error("bad attribute {0:#06x}")]
    Attribute(u16),
    /// More than [`MAX_ATTRIBUTES`] attributes.
    #[error("too many attributes")]
    TooManyAttributes,
    /// FINGERPRINT is wrong or not the last attribute.
    #[error("wrong fingerprint")]
    Fingerprint,
    /// Well-formed, but of another class or method than asked for.
    #[error("unexpected message type {0:#06x}")]
    MessageType(u16),
    /// An attribute that this message must have is missing.
    #[error("attribute {0:#06x} is missing")]
    Missing(u16),
}

/// Longest message read, bytes: "All STUN messages sent over UDP SHOULD be less than the path MTU" (RFC 8489 section 6.1).
pub const MAX_LEN: usize = 1500;

/// Most attributes read in one message. A browser's check has seven.
pub const MAX_ATTRIBUTES: usize = 32;

const MAGIC_COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
/// Type, length, cookie, transaction id; bytes.
const HEADER_LEN: usize = 20;
/// An HMAC-SHA1 tag, bytes.
const TAG_LEN: usize = 20;

/// Message types: method Binding with the class in bits 4 and 8.
mod message_type {
    pub(super) const REQUEST: u16 = 0x0001;
    pub(super) const SUCCESS: u16 = 0x0101;
    pub(super) const ERROR: u16 = 0x0111;
}

/// Attribute types (RFC 8489 section 18.3, RFC 8445 section 20.2).
mod attribute {
    pub(super) const USERNAME: u16 = 0x0006;
    pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const PRIORITY: u16 = 0x0024;
    pub(super) const USE_CANDIDATE: u16 = 0x0025;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const ICE_CONTROLLED: u16 = 0x8029;
    pub(super) const ICE_CONTROLLING: u16 = 0x802a;
}

#[cfg(test)]
mod tests;
