//! Why an SRTP or SRTCP packet was refused.

/// Why a packet was refused. Nothing but a counter changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SrtpError {
    /// The peer's (or an attacker's) packet is not RTP or RTCP, or too short for its own header and tag.
    #[error("malformed packet")]
    Malformed,
    /// The tag is wrong: not from the peer, or damaged.
    #[error("authentication failed")]
    Authentication,
    /// Seen before, or too old to tell.
    #[error("replayed packet")]
    Replay,
    /// RTCP without encryption (E bit clear) is never accepted, tag or not.
    #[error("RTCP without encryption")]
    Unencrypted,
    /// The key has been used with [`super::MAX_SSRCS`] SSRCs; new ones are refused for its lifetime.
    #[error("too many SSRCs")]
    TooManySsrcs,
    /// Our own mistake: another packet was, or may have been, sealed under this sequence number. Two different packets under one
    /// nonce would give away the key stream, and with GCM the authentication key.
    #[error("sequence number used for another packet")]
    Reused,
    /// Our own mistake: the buffer has no room for the tag.
    #[error("no room for the tag")]
    NoRoom,
    /// The 2^48 RTP or 2^31 RTCP packets of this key are used up.
    #[error("key used up")]
    Exhausted,
    /// There are no keys yet.
    #[error("no keys yet")]
    NotReady,
    /// Key or salt of the wrong length.
    #[error("key or salt of the wrong length")]
    KeyLength,
    /// The crypto library refused a key or an operation; a bug here, not the peer's doing.
    #[error("crypto library failure")]
    Crypto,
}
