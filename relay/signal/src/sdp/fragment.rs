//! Trickle fragments, `application/trickle-ice-sdpfrag` (RFC 8840), as WHIP and WHEP clients send them with PATCH (RFC 9725).

use std::fmt;

use super::{MAX_SDP, SdpError};

/// What the relay reads of a fragment. The client's candidates are not among it: an ICE-lite agent learns addresses from checks alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The client's `ice-ufrag`.
    pub ufrag: String,
    /// The client's `ice-pwd`.
    pub pwd: String,
}

impl fmt::Debug for Fragment {
    /// Shows neither part: both are secrets of a person's connection.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fragment(..)")
    }
}

/// Reads a fragment.
///
/// # Errors
/// When it is too large, or has no well-formed credentials or different ones.
pub fn parse_fragment(text: &str) -> Result<Fragment, SdpError> {
    if text.len() > MAX_SDP {
        return Err(SdpError::TooLarge(text.len()));
    }
    Err(SdpError::BadCredentials)
}
