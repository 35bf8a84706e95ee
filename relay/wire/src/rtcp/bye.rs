//! BYE: streams that end (RFC 3550 section 6.6).

use super::{GOODBYE, Packet, Rtcp, RtcpError, RtcpWriter, WriteError};
use crate::ids::Ssrc;

/// Iterator over the SSRCs of a BYE, at most 31.
#[derive(Clone, Copy, Debug)]
pub struct ByeSources<'a> {
    rest: &'a [u8],
}

impl Iterator for ByeSources<'_> {
    type Item = Ssrc;

    fn next(&mut self) -> Option<Self::Item> {
        let (ssrc, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(Ssrc(u32::from_be_bytes(*ssrc)))
    }
}

pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let (rest, reason) = packet.body.split_at_checked(4 * usize::from(packet.count)).ok_or(packet.malformed())?;
    // The reason for leaving is checked for its length and not read.
    match reason.split_first() {
        Some((&len, text)) if usize::from(len) > text.len() => Err(packet.malformed()),
        _ => Ok(Rtcp::Bye { ssrcs: ByeSources { rest } }),
    }
}

impl RtcpWriter<'_> {
    /// The stream `ssrc` ends.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn bye(&mut self, ssrc: Ssrc) -> Result<(), WriteError> {
        self.message(GOODBYE, 1, |body| body.put(&ssrc.0.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtcp::parse;

    fn sources(datagram: &[u8]) -> Result<Vec<Ssrc>, RtcpError> {
        parse(datagram).map(|mut packets| {
            let Some(Rtcp::Bye { ssrcs }) = packets.next() else { panic!() };
            ssrcs.collect()
        })
    }

    #[test]
    fn written_is_read() {
        let mut buf = [0; 8];
        RtcpWriter::new(&mut buf).bye(Ssrc(0x0102_0304)).unwrap();
        assert_eq!(buf, [0x81, 203, 0, 1, 1, 2, 3, 4]);
        assert_eq!(sources(&buf), Ok(vec![Ssrc(0x0102_0304)]));
    }

    #[test]
    fn none_several_and_a_reason() {
        assert_eq!(sources(&[0x80, 203, 0, 0]), Ok(vec![]));
        assert_eq!(sources(&[0x82, 203, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 3, b'b', b'y', b'e']), Ok(vec![Ssrc(1), Ssrc(2)]));
    }

    #[test]
    fn lies() {
        assert_eq!(sources(&[0x82, 203, 0, 1, 0, 0, 0, 1]), Err(RtcpError::Malformed(GOODBYE)), "one source is missing");
        assert_eq!(sources(&[0x81, 203, 0, 2, 0, 0, 0, 1, 4, b'b', b'y', b'e']), Err(RtcpError::Malformed(GOODBYE)), "reason cut off");
        assert_eq!(sources(&[0xa1, 203, 0, 2, 0, 0, 0, 1, 9, 9, 9, 4]), Ok(vec![Ssrc(1)]), "padding is no reason");
        assert_eq!(sources(&[0xa1, 203, 0, 1, 0, 0, 0, 4]), Err(RtcpError::Malformed(GOODBYE)), "the source is padding");
    }
}
