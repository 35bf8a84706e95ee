//! Why a DTLS handshake failed.

/// Why a handshake failed. Every variant is final.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DtlsError {
    /// The peer showed another certificate than the one announced in SDP: somebody else, or a mixed-up session.
    #[error("the certificate is not the announced one")]
    FingerprintMismatch,
    /// The peer shares no SRTP protection profile with us.
    #[error("no common SRTP profile")]
    NoSrtpProfile,
    /// The DTLS engine gave up: the peer broke the protocol, sent an alert, or did not answer in time.
    #[error("DTLS: {0}")]
    Engine(dimpl::Error),
    /// Our own key pair could not be made or used.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
    /// An earlier call already failed.
    #[error("the association has failed before")]
    Over,
}
