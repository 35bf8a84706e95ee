//! The codecs the relay forwards and what it must read of their payloads: frame starts, keyframes, picture ids.

/// A codec as negotiated by its SDP encoding name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// Redundant audio data, RFC 2198.
    Red,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
    /// RFC 9628.
    Vp9,
    /// AV1 RTP specification 1.0 (Alliance for Open Media).
    Av1,
}
