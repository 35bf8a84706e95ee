//! Signed tokens (RFC 7519): who may enter which room as what. One error for every refusal, so that a guesser learns nothing.

mod claims;
mod keys;
mod verify;

pub use claims::{Access, Grant, MAX_IDENTITY, MAX_NAME, TokenRole, display_name, identity};
pub use keys::{Issue, Issued, KeyError, KeyRing};
pub use verify::{Refused, Unauthorized};

/// Longest token that is looked at, bytes.
pub const MAX_TOKEN: usize = 4096;
/// Clock difference between this node and an issuer that is forgiven, seconds, for `exp` and `nbf`.
pub const LEEWAY_SECONDS: u64 = 5;
/// How long after it expired a token still says who somebody is, seconds: half a day, so that who comes back in the afternoon is the same person.
pub const EARLIER_SECONDS: u64 = 12 * 3600;
/// Longest life of a token that this node issues, seconds: a day.
pub const MAX_LIFE_SECONDS: u64 = 86_400;
