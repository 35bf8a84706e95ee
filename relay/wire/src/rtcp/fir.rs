//! Full intra request: keyframes of several streams, as some clients ask for them (RFC 5104 section 4.3.1). Read only: we send PLI.

use super::{Packet, Rtcp, RtcpError};
use crate::ids::Ssrc;

/// Iterator over the streams of which a keyframe is wanted. Command sequence numbers are not given: repeated requests are merged by
/// time.
#[derive(Clone, Copy, Debug)]
pub struct FirTargets<'a> {
    rest: &'a [u8],
}

impl Iterator for FirTargets<'_> {
    type Item = Ssrc;

    fn next(&mut self) -> Option<Self::Item> {
        // SSRC, command sequence number, 24 reserved bits.
        let (&[a, b, c, d, ..], rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(Ssrc(u32::from_be_bytes([a, b, c, d])))
    }
}

pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    // "The SSRC of media source is not used and SHALL be set to 0."
    let (sender, _, rest) = packet.feedback()?;
    Ok(Rtcp::Fir { sender, media: FirTargets { rest } })
}

pub(super) const FORMAT: u8 = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtcp::parse;

    #[test]
    fn several_streams() {
        let datagram = [0x84, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 8, 255, 0, 0, 0];
        let Some(Rtcp::Fir { sender: Ssrc(1), media }) = parse(&datagram).unwrap().next() else { panic!() };
        assert_eq!(media.collect::<Vec<_>>(), [Ssrc(7), Ssrc(8)]);
    }

    #[test]
    fn half_an_entry_is_none() {
        let datagram = [0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
        let Some(Rtcp::Fir { media, .. }) = parse(&datagram).unwrap().next() else { panic!() };
        assert_eq!(media.count(), 0);
    }
}
