//! One encoding on its way to the relay.

use media::CodecIn;
use wire::ids::{Rid, Ssrc};

/// Payload type on the publisher's leg.
pub(crate) const PT: u8 = 96;
/// The dependency descriptor on the publisher's leg.
pub(crate) const DESCRIPTOR_ID: u8 = 13;

/// A packet, and what the viewer's decoder would see of it.
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spatial: usize,
    /// The first one of its picture.
    pub(crate) first: bool,
}

/// One picture, whatever its spatial layers.
pub(crate) struct Picture {
    /// Its number in the clip.
    pub(crate) at: usize,
    pub(crate) key: bool,
    pub(crate) packets: Vec<Packet>,
}

/// One encoding: a clip that the test packetises, or a recording.
pub(crate) trait Feed {
    fn codec_in(&self) -> CodecIn;

    /// Its rid where there are several, its SSRC, and the RTP timestamp of the first picture.
    fn stream(&self) -> (Option<Rid>, Ssrc, u32);

    /// Spatial and temporal layers.
    fn layers(&self) -> (usize, usize);

    /// The next picture is a keyframe.
    fn ask(&mut self);

    /// The nth picture of the meeting. To be asked for one after the other.
    fn picture(&mut self, nth: usize) -> Picture;
}
