//! What was negotiated, in the words of this crate: the publisher's lines and the codecs of either leg.

use wire::codec::Codec;
use wire::ids::{Mid, Rid, Ssrc};

/// Audio or video.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaKind {
    /// Forwarded at once from any packet; a missing packet is concealed.
    Audio,
    /// Starts at keyframes only.
    Video,
}

/// A payload type of a publisher's leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodecIn {
    /// Payload type on this leg, 0 to 127.
    pub pt: u8,
    /// The codec.
    pub codec: Codec,
    /// RTP clock, Hz.
    pub clock_rate: u32,
    /// Payload type of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
}

/// A payload type of a viewer's leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodecOut {
    /// Payload type on this leg, 0 to 127.
    pub pt: u8,
    /// The codec.
    pub codec: Codec,
    /// RTP clock, Hz.
    pub clock_rate: u32,
    /// Payload type of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
}

/// One m-line on which a peer sends one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishConfig {
    /// Its mid; the identity of the line across renegotiations.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// Accepted codecs.
    pub codecs: Vec<CodecIn>,
    /// Whether lost packets may be asked for again (RFC 4585 generic NACK).
    pub nack: bool,
    /// Simulcast encodings in the client's order, highest quality first; empty without simulcast by rid.
    pub rids: Vec<Rid>,
    /// Announced media SSRCs with their retransmission SSRCs; without rids the n-th pair is layer n, lowest quality first.
    pub ssrcs: Vec<(Ssrc, Option<Ssrc>)>,
    /// The caller's own key, echoed in every [`crate::Inbound`].
    pub label: u32,
}
