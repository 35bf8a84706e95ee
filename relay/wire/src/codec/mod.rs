//! The codecs the relay forwards and what it must read of their payloads: frame starts, keyframes, picture ids.

pub mod av1;
pub mod h264;
pub mod red;
pub mod vp8;
pub mod vp9;

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

/// Whether a decoder that knows nothing of the stream can begin with this packet's payload (padding stripped): the first packet of a
/// keyframe, or any audio packet. False for an empty or malformed payload.
#[must_use]
pub fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus | Codec::Red => !payload.is_empty(),
        Codec::Vp8 => vp8::Descriptor::parse(payload).is_some_and(|descriptor| descriptor.keyframe),
        Codec::H264 => h264::starts_keyframe(payload),
        Codec::Vp9 => vp9::starts_keyframe(payload),
        Codec::Av1 => av1::starts_keyframe(payload),
    }
}

/// Whether this packet's payload (padding stripped) can be the first of a frame. Exact for audio, VP8 and VP9. H.264 and AV1 payloads
/// only tell that they continue nothing: a frame of several units may answer true again inside, so compare timestamps too.
#[must_use]
pub fn frame_starts(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus | Codec::Red => !payload.is_empty(),
        Codec::Vp8 => vp8::Descriptor::parse(payload).is_some_and(|descriptor| descriptor.starts_frame()),
        Codec::H264 => h264::starts_frame(payload),
        Codec::Vp9 => vp9::starts_frame(payload),
        Codec::Av1 => av1::starts_frame(payload),
    }
}
