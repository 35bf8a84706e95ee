//! One encoding on its way to the relay.

use media::CodecIn;
use wire::ids::{Rid, Ssrc};

/// Payload type on the publisher's leg.
pub(crate) const PT: u8 = 96;

/// A packet, and the spatial layer it belongs to.
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spatial: usize,
}

/// One encoding: a clip that the test packetises, or a recording.
pub(crate) trait Feed {
    fn codec_in(&self) -> CodecIn;

    /// Its rid where there are several, its SSRC, and the RTP timestamp of the first picture.
    fn stream(&self) -> (Option<Rid>, Ssrc, u32);

    /// Pictures until it begins anew.
    fn len(&self) -> usize;

    /// The packets of the nth picture of the meeting. To be asked for one after the other.
    fn packets(&mut self, nth: usize) -> Vec<Packet>;
}
