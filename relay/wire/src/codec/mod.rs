//! The codecs the relay forwards and what it must read of their payloads: frames, keyframes, layers, picture ids.

pub mod allocation;
pub mod av1;
mod bits;
pub mod dependency;
mod frame;
pub mod h264;
mod picture_id;
pub mod red;
pub mod vp8;
pub mod vp9;

pub use frame::{FrameInfo, frame_info};

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
        Codec::Vp9 => vp9::Descriptor::parse(payload).is_some_and(|descriptor| descriptor.starts_keyframe()),
        Codec::Av1 => av1::starts_keyframe(payload),
    }
}

/// Whether this packet's payload (padding stripped) can be the first of a frame, of a picture where VP9 has several layers. Exact for audio, VP8 and VP9. H.264 and AV1 payloads
/// only tell that they continue nothing: a frame of several units may answer true again inside, so compare timestamps too.
#[must_use]
pub fn frame_starts(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus | Codec::Red => !payload.is_empty(),
        Codec::Vp8 => vp8::Descriptor::parse(payload).is_some_and(|descriptor| descriptor.starts_frame()),
        Codec::H264 => h264::starts_frame(payload),
        Codec::Vp9 => vp9::Descriptor::parse(payload).is_some_and(|descriptor| descriptor.starts_picture()),
        Codec::Av1 => av1::starts_frame(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::{Codec, frame_starts, starts_keyframe};

    #[test]
    fn audio_can_begin_anywhere() {
        for codec in [Codec::Opus, Codec::Red] {
            assert!(starts_keyframe(codec, &[0xfc]) && frame_starts(codec, &[0xfc]));
            assert!(!starts_keyframe(codec, &[]) && !frame_starts(codec, &[]));
        }
    }

    /// The same bytes mean different things: a middle fragment in H.264, a start in AV1.
    #[test]
    fn video_goes_by_codec() {
        let payload = [0x18, 0x0a, 0x88];
        assert!(starts_keyframe(Codec::Av1, &payload));
        assert!(!starts_keyframe(Codec::H264, &payload));
        assert!(starts_keyframe(Codec::Vp9, &payload), "start of frame, no prediction");
        assert!(starts_keyframe(Codec::Vp8, &payload) && frame_starts(Codec::Vp8, &payload));
    }
}
