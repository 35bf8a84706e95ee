//! What an offer and its answer agreed on, as values the worker can act on without reading SDP.

use wire::codec::Codec;
use wire::ext::ExtMap;
use wire::ids::{Fingerprint, IceCredentials, Mid, Rid, Ssrc};

use crate::message::Source;

/// Audio or video.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaKind {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
}

/// One negotiated session. A re-offer produces a whole new value; slots keep their SSRCs by mid.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Our own credentials, as written in the answer. They change with the client's at an ICE restart.
    pub local_ice: IceCredentials,
    /// The client's credentials.
    pub remote_ice: IceCredentials,
    /// The certificate the client must show in DTLS.
    pub remote_fingerprint: Fingerprint,
    /// Header extension ids of this leg: one map for the bundle, since within it an id has one meaning (RFC 8843 section 9.2).
    pub extensions: ExtMap,
    /// M-lines on which the client sends.
    pub publishing: Vec<PublishLine>,
    /// M-lines on which the client receives.
    pub slots: Vec<SlotLine>,
}

/// An m-line on which the client sends one source.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishLine {
    /// Its mid.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// What the client says it sends here.
    pub source: Source,
    /// Accepted codecs, most preferred first.
    pub codecs: Vec<CodecLine>,
    /// Simulcast encodings in the client's order (highest quality first by our page's convention); empty without simulcast.
    pub rids: Vec<Rid>,
    /// SSRCs where the offer announces them (no simulcast by rid, WHIP encoders).
    pub ssrcs: Vec<SsrcLine>,
}

/// An SSRC announced by `a=ssrc`, with its retransmission stream from `a=ssrc-group:FID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsrcLine {
    /// The media stream.
    pub ssrc: Ssrc,
    /// Its RTX stream.
    pub rtx: Option<Ssrc>,
}

/// An m-line on which the client receives whatever the relay puts there.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotLine {
    /// Its mid.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// Position among the slots of its kind. Audio slot i and video slot i share a msid.
    pub index: usize,
    /// The relay's SSRC for the slot's whole life.
    pub ssrc: Ssrc,
    /// The relay's RTX SSRC; present when the client accepts RTX.
    pub rtx: Option<Ssrc>,
    /// Codecs the client can receive here.
    pub codecs: Vec<CodecLine>,
}

/// A payload type of one leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecLine {
    /// Payload type on this leg, 0 to 127.
    pub pt: u8,
    /// The codec.
    pub codec: Codec,
    /// RTP clock, Hz.
    pub clock_rate: u32,
    /// Payload type of the RTX stream for it.
    pub rtx: Option<u8>,
    /// What must match besides the codec for two legs to understand each other.
    pub format: Format,
}

/// Format parameters that decide whether one leg's stream can be decoded by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Format {
    /// H.264: profile_idc and profile-iop (the first two bytes of profile-level-id); VP9 and AV1: the profile id; others 0.
    pub profile: u16,
    /// H.264 packetization-mode; others 0.
    pub packetization_mode: u8,
}
