//! SRTP and SRTCP of one peer (RFC 3711, RFC 7714), in place and without allocation once warm.

/// Bytes that sealing adds to an RTP packet, at most.
pub const MAX_RTP_OVERHEAD: usize = 16;
/// Bytes that sealing adds to an RTCP packet, at most: the tag and the index word.
pub const MAX_RTCP_OVERHEAD: usize = 20;

/// Protection profiles of DTLS-SRTP that are spoken here (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// SRTP_AEAD_AES_128_GCM
    AeadAes128Gcm,
    /// SRTP_AEAD_AES_256_GCM
    AeadAes256Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80
    AesCm128HmacSha1_80,
}

/// Which end of the DTLS handshake a session belongs to; decides which keys seal and which open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The DTLS client (a browser, a load client).
    Client,
    /// The DTLS server (the relay).
    Server,
}

/// Master keys and salts of both directions.
pub struct KeyingMaterial {}

#[expect(unused_variables, reason = "signatures first")]
impl KeyingMaterial {
    /// Splits what the DTLS exporter gave: client key, server key, client salt, server salt (RFC 5764 section 4.2).
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] when the length does not belong to the profile.
    pub fn from_exporter(profile: Profile, bytes: &[u8]) -> Result<Self, SrtpError> {
        unimplemented!()
    }
}

/// Why a packet was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SrtpError {
    /// Not an RTP or RTCP packet, or too short for its own header and tag.
    #[error("malformed packet")]
    Malformed,
    /// The tag is wrong.
    #[error("authentication failed")]
    Authentication,
    /// Seen before, or too old to tell.
    #[error("replayed packet")]
    Replay,
    /// RTCP that is not encrypted (E bit clear) is never accepted.
    #[error("RTCP without encryption")]
    Unencrypted,
    /// Every entry of the SSRC table is in use.
    #[error("too many SSRCs")]
    TooManySsrcs,
    /// The buffer has no room for the tag.
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

/// SRTP and SRTCP of one peer, both directions.
pub struct SrtpSession {}

#[expect(unused_variables, clippy::unused_self, reason = "signatures first")]
impl SrtpSession {
    /// Derives the session keys.
    ///
    /// # Errors
    /// [`SrtpError::Crypto`] or [`SrtpError::KeyLength`].
    pub fn new(profile: Profile, keys: &KeyingMaterial, role: Role) -> Result<Self, SrtpError> {
        unimplemented!()
    }

    /// See [`crate::Transport::open_rtp`].
    ///
    /// # Errors
    /// [`SrtpError`]
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        unimplemented!()
    }

    /// See [`crate::Transport::open_rtcp`].
    ///
    /// # Errors
    /// [`SrtpError`]
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        unimplemented!()
    }

    /// See [`crate::Transport::seal_rtp`].
    ///
    /// # Errors
    /// [`SrtpError`]
    pub fn seal_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        unimplemented!()
    }

    /// See [`crate::Transport::seal_rtcp`].
    ///
    /// # Errors
    /// [`SrtpError`]
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        unimplemented!()
    }
}
