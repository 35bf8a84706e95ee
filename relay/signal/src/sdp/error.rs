//! Why an offer or a fragment is refused. Every variant is the client's doing; none carries a secret or an address of its owner.

use wire::ids::Mid;

/// The description is not acceptable. `Display` says what was expected, for the developer of the client.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SdpError {
    /// Longer than [`super::MAX_SDP`]; it was not read.
    #[error("the description has {0} bytes, at most {max} are accepted", max = super::MAX_SDP)]
    TooLarge(usize),
    /// More lines of text than [`super::MAX_TEXT_LINES`]; it was not read.
    #[error("the description has more than {max} lines", max = super::MAX_TEXT_LINES)]
    TooLong,
    /// More m-lines than [`super::MAX_LINES`].
    #[error("more than {max} m-lines", max = super::MAX_LINES)]
    TooManyLines,
    /// Not SDP (RFC 8866).
    #[error("not a session description")]
    Syntax,
    /// No m-line that the relay can accept.
    #[error("no audio or video m-line with a codec that the relay forwards")]
    NoMedia,
    /// An m-line without a usable mid (1 to 16 visible ASCII characters).
    #[error("m-line {0} has no mid of 1 to 16 visible characters")]
    BadMid(usize),
    /// Two m-lines have the same mid.
    #[error("two m-lines have the mid {0:?}")]
    DuplicateMid(Mid),
    /// Lines accepted before are missing or another mid or kind took their place (RFC 3264 section 8).
    #[error("m-line {0} of the earlier offer is missing or was changed")]
    LineChanged(usize),
    /// The m-line is not in the BUNDLE group (RFC 8843).
    #[error("m-line {0:?} is not in the BUNDLE group; the relay uses one transport")]
    NotBundled(Mid),
    /// RTP and RTCP must share a port (RFC 5761).
    #[error("m-line {0:?} has no rtcp-mux")]
    NoRtcpMux(Mid),
    /// ICE credentials are missing, malformed, or not the same on all m-lines (RFC 8839 section 5.4).
    #[error("ice-ufrag and ice-pwd must be present, well-formed and the same on all bundled m-lines")]
    BadCredentials,
    /// No SHA-256 fingerprint, or not the same one everywhere (RFC 8122).
    #[error("exactly one sha-256 fingerprint is needed, the same on all bundled m-lines")]
    BadFingerprint,
    /// The certificate may not change within a session; connect anew.
    #[error("the fingerprint differs from the earlier offer; a new session is needed")]
    FingerprintChanged,
    /// The client must be able to take the active DTLS role (RFC 8842).
    #[error("setup must be actpass or active")]
    BadSetup,
    /// More rids than [`super::MAX_RIDS`] on a line, or one that is malformed.
    #[error("m-line {0:?} has a malformed rid or more than {max}", max = super::MAX_RIDS)]
    BadRids(Mid),
    /// More SSRCs than [`super::MAX_SSRCS`] on a line, one that is malformed, or one that another line has too.
    #[error("m-line {0:?} has a malformed or repeated ssrc or more than {max}", max = super::MAX_SSRCS)]
    BadSsrcs(Mid),
    /// The client is an ICE-lite agent, as the relay is: nobody would check (RFC 8445 section 2.5).
    #[error("the client must be a full ICE agent, the relay is ice-lite")]
    BothLite,
    /// A header extension id stands for two URIs, or a URI has two ids, within the bundle (RFC 8843 section 9.2).
    #[error("header extension id {0} is used in two ways within the bundle")]
    ExtensionConflict(u8),
    /// A payload type means two things within the bundle (RFC 8843 section 9.1).
    #[error("payload type {0} is used in two ways within the bundle")]
    PayloadTypeConflict(u8),
    /// `sources` names a mid that no m-line has, or that of a line on which the client does not send.
    #[error("sources names {0:?}, which is not a publishing m-line of the offer")]
    UnknownSource(String),
    /// The source does not fit the m-line: microphone and screen audio are audio, camera and screen are video.
    #[error("the source of m-line {0:?} is of the other kind")]
    WrongSource(Mid),
    /// Two live m-lines carry the same source, or there are more publishing lines than sources.
    #[error("the source of m-line {0:?} is taken by another m-line")]
    DuplicateSource(Mid),
    /// A fragment for a session that has not been negotiated yet.
    #[error("there is no session to change yet")]
    NoSession,
}
