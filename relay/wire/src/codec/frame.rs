//! What one packet says of its frame, in the same words for every codec: the layers, where the frame begins and ends, where to go up.

use super::dependency::{self, Dti};
use super::{Codec, frame_starts, h264, starts_keyframe, vp8, vp9};

/// One packet's part in its frame. A *frame* is one spatial layer of one picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FrameInfo {
    /// Spatial layer, 0 to 7; 0 where there is one only, or the sender does not say.
    pub spatial: u8,
    /// Temporal layer, 0 to 7; 0 where there is one only, or the sender does not say.
    pub temporal: u8,
    /// The packet begins a frame. Of H.264 and AV1 payloads it says only that the packet continues nothing: compare timestamps too.
    pub start: bool,
    /// The packet ends a frame. With several spatial layers the picture may go on: its end is the RTP marker.
    pub end: bool,
    /// The packet begins a keyframe: a decoder that knows nothing of the stream can begin here, with the lowest spatial layer.
    pub keyframe: bool,
    /// With this frame a viewer who got all lower layers may go over to this layer, without a keyframe. From a dependency descriptor: a
    /// viewer who can decode this frame may go over to the decode target asked about.
    pub switch_up: bool,
    /// No other frame refers to this one: leaving it out harms nobody. From a dependency descriptor: nobody with the decode target asked
    /// about.
    pub discardable: bool,
}

/// Reads a payload (padding stripped) on its own; `marker` is the RTP marker bit. Of a malformed one only the end is known.
///
/// H.264 and AV1 payloads do not tell their layers: without a dependency descriptor the pictures of H.264 that no other refers to are the
/// second temporal layer, and those of AV1 are all of one.
#[must_use]
pub fn frame_info(codec: Codec, payload: &[u8], marker: bool) -> FrameInfo {
    let unknown = FrameInfo { end: marker, ..FrameInfo::default() };
    match codec {
        Codec::Vp8 => vp8::Descriptor::parse(payload).map_or(unknown, |descriptor| FrameInfo::from_vp8(&descriptor, marker)),
        Codec::Vp9 => vp9::Descriptor::parse(payload).map_or(unknown, |descriptor| FrameInfo::from_vp9(&descriptor)),
        Codec::H264 | Codec::Av1 => {
            let keyframe = starts_keyframe(codec, payload);
            let discardable = codec == Codec::H264 && h264::is_discardable(payload);
            let (temporal, switch_up) = (u8::from(discardable), keyframe || discardable);
            FrameInfo { temporal, start: frame_starts(codec, payload), keyframe, switch_up, discardable, ..unknown }
        }
        // Each packet of audio is a frame that stands for itself.
        Codec::Opus | Codec::Red => {
            let whole = !payload.is_empty();
            FrameInfo { start: whole, end: whole, keyframe: whole, switch_up: whole, ..unknown }
        }
    }
}

impl FrameInfo {
    /// Of a descriptor that was read already. VP8 has temporal layers only, and no end but the marker.
    #[must_use]
    pub fn from_vp8(descriptor: &vp8::Descriptor, marker: bool) -> Self {
        Self {
            spatial: 0,
            temporal: descriptor.tid.unwrap_or(0),
            start: descriptor.starts_frame(),
            end: marker,
            keyframe: descriptor.keyframe,
            switch_up: descriptor.sync || descriptor.keyframe,
            discardable: descriptor.non_reference,
        }
    }

    /// Of a descriptor that was read already. The end of the layer's frame is in the descriptor.
    #[must_use]
    pub const fn from_vp9(descriptor: &vp9::Descriptor) -> Self {
        Self {
            spatial: descriptor.sid,
            temporal: descriptor.tid,
            start: descriptor.starts_frame,
            end: descriptor.ends_frame,
            keyframe: descriptor.starts_keyframe(),
            // Not predicted from earlier pictures: a step up in space. U: one in time.
            switch_up: !descriptor.inter_picture || descriptor.switch_up,
            // Z speaks of the other layers of this picture, not of later pictures.
            discardable: false,
        }
    }

    /// Of a dependency descriptor, for viewers of one decode target: [`dependency::Structure::decode_target`] finds its index. A frame may
    /// be a switch for one target and discardable for another.
    ///
    /// `switch_up` takes for granted that the frame can be decoded. Within a spatial layer it can if the lower temporal layers were
    /// forwarded; a step up in space must see that all of [`dependency::Descriptor::frame_diffs`] were.
    #[must_use]
    pub fn from_dependency(descriptor: &dependency::Descriptor, target: usize) -> Self {
        let dti = descriptor.dti(target);
        Self {
            spatial: descriptor.spatial(),
            temporal: descriptor.temporal(),
            start: descriptor.start_of_frame,
            end: descriptor.end_of_frame,
            keyframe: descriptor.starts_keyframe(),
            switch_up: dti == Dti::Switch,
            discardable: dti == Dti::Discardable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameInfo, frame_info};
    use crate::codec::Codec;

    const NOTHING: FrameInfo =
        FrameInfo { spatial: 0, temporal: 0, start: false, end: false, keyframe: false, switch_up: false, discardable: false };

    /// One row per codec and kind of frame: what a selector goes by.
    #[test]
    fn table() {
        let key = FrameInfo { start: true, keyframe: true, switch_up: true, ..NOTHING };
        let start = FrameInfo { start: true, ..NOTHING };
        for (codec, payload, marker, expected) in [
            (Codec::Vp8, &[0x10, 0x10][..], false, key),
            (Codec::Vp8, &[0x10, 0x11], true, FrameInfo { end: true, ..start }),
            // N, TID 2 with and without Y.
            (Codec::Vp8, &[0xb0, 0x20, 0xa0, 0x11], false, FrameInfo { temporal: 2, switch_up: true, discardable: true, ..start }),
            (Codec::Vp8, &[0x90, 0x20, 0x80, 0x11], false, FrameInfo { temporal: 2, ..start }),
            // Lowest spatial layer of a keyframe, then the upper one of the same picture, then an upper one between keyframes.
            (Codec::Vp9, &[0x2c, 0x00, 0, 0xaa], false, FrameInfo { end: true, ..key }),
            (Codec::Vp9, &[0x2c, 0x03, 0, 0xaa], true, FrameInfo { spatial: 1, end: true, switch_up: true, ..start }),
            (Codec::Vp9, &[0x68, 0x03, 0, 0xaa], false, FrameInfo { spatial: 1, ..start }),
            (Codec::Vp9, &[0x68, 0x50, 0, 0xaa], false, FrameInfo { temporal: 2, switch_up: true, ..start }),
            (Codec::Vp9, &[0x60, 0x40, 0, 0xaa], true, FrameInfo { temporal: 2, ..NOTHING }),
            (Codec::H264, &[0x67, 0x42], false, key),
            (Codec::H264, &[0x01, 0x9a], true, FrameInfo { temporal: 1, end: true, switch_up: true, discardable: true, ..start }),
            (Codec::Av1, &[0x18, 0x08, 0xaa], false, key),
            (Codec::Av1, &[0x10, 0x30, 0xaa], true, FrameInfo { end: true, ..start }),
            (Codec::Opus, &[0xfc], false, FrameInfo { end: true, ..key }),
            // Nothing to read.
            (Codec::Vp8, &[0x90], true, FrameInfo { end: true, ..NOTHING }),
            (Codec::Vp9, &[0x28, 0x00], true, FrameInfo { end: true, ..NOTHING }),
            (Codec::Av1, &[], true, FrameInfo { end: true, ..NOTHING }),
            (Codec::Opus, &[], false, NOTHING),
        ] {
            assert_eq!(frame_info(codec, payload, marker), expected, "{codec:?} {payload:02x?}");
        }
    }
}
