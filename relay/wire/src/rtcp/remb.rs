//! Receiver estimated maximum bitrate: what a client that gives nothing better believes its line carries
//! (draft-alvestrand-rmcat-remb-03 section 2.2).
//!
//! ```text
//! |  Unique identifier 'R' 'E' 'M' 'B'                            |
//! |  Num SSRC     | BR Exp    |  BR Mantissa                      |
//! |   SSRC feedback ...                                           |
//! ```

use super::{PAYLOAD_FEEDBACK, Packet, Rtcp, RtcpError, RtcpWriter, WriteError};
use crate::ids::Ssrc;

/// `Rtcp::Other` for application layer feedback of any other kind.
pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let (sender, _, control) = packet.feedback()?;
    let Some(rest) = control.strip_prefix(IDENTIFIER) else {
        return Ok(Rtcp::Other { packet_type: packet.packet_type });
    };
    let (&[count, high, mid, low], streams) = rest.split_first_chunk::<4>().ok_or(packet.malformed())?;
    if streams.len() < 4 * usize::from(count) {
        return Err(packet.malformed());
    }
    let mantissa = u128::from(u32::from_be_bytes([0, high & 3, mid, low]));
    let bitrate = u64::try_from(mantissa << (high >> 2)).unwrap_or(u64::MAX);
    Ok(Rtcp::Remb { sender, bitrate })
}

impl RtcpWriter<'_> {
    /// `sender` believes that all of `streams` (at most 255) together may take `bitrate`, bit/s; rounded down to 18 significant bits.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn remb(&mut self, sender: Ssrc, bitrate: u64, streams: &[Ssrc]) -> Result<(), WriteError> {
        let count = u8::try_from(streams.len()).map_err(|_| WriteError::Range)?;
        let exponent = (u64::BITS - bitrate.leading_zeros()).saturating_sub(MANTISSA_BITS);
        let [_, high, mid, low] = ((bitrate >> exponent) as u32).to_be_bytes();
        self.message(PAYLOAD_FEEDBACK, FORMAT, |body| {
            // "SSRC media source (32 bits): Always 0."
            body.feedback(sender, Ssrc(0))?;
            body.put(IDENTIFIER)?;
            body.put(&[count, (exponent as u8) << 2 | high, mid, low])?;
            streams.iter().try_for_each(|stream| body.put(&stream.0.to_be_bytes()))
        })
    }
}

const IDENTIFIER: &[u8] = b"REMB";
const MANTISSA_BITS: u32 = 18;

/// Application layer feedback (RFC 4585 section 6.4).
pub(super) const FORMAT: u8 = 15;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtcp::parse;
    use proptest::prelude::*;

    fn written(bitrate: u64, streams: &[Ssrc]) -> Vec<u8> {
        let mut buf = [0; 1200];
        let mut writer = RtcpWriter::new(&mut buf);
        writer.remb(Ssrc(1), bitrate, streams).unwrap();
        let len = writer.finish();
        buf[..len].to_vec()
    }

    fn read(datagram: &[u8]) -> u64 {
        let Some(Rtcp::Remb { sender: Ssrc(1), bitrate }) = parse(datagram).unwrap().next() else { panic!() };
        bitrate
    }

    #[test]
    fn bytes() {
        let datagram = written(1_000_000, &[Ssrc(7)]);
        // 1,000,000 = 250,000 * 2^2
        let expected = [0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 2 << 2 | 3, 0xd0, 0x90, 0, 0, 0, 7];
        assert_eq!(datagram, expected);
        assert_eq!(read(&datagram), 1_000_000);
    }

    #[test]
    fn smallest_largest_and_beyond() {
        assert_eq!(read(&written(0, &[])), 0);
        assert_eq!(read(&written(u64::MAX, &[])), 0x3ffff << 46);
        let mut beyond = written(1, &[]);
        beyond[17] = 0xff;
        assert_eq!(read(&beyond), u64::MAX, "an exponent of 63 does not wrap");
    }

    #[test]
    fn lies_and_strangers() {
        let mut claims = written(5, &[Ssrc(7)]);
        claims[16] = 2;
        assert_eq!(parse(&claims).unwrap_err(), RtcpError::Malformed(PAYLOAD_FEEDBACK), "a stream is missing");
        let mut other = written(5, &[]);
        other[12] = b'X';
        assert!(matches!(parse(&other).unwrap().next(), Some(Rtcp::Other { packet_type: PAYLOAD_FEEDBACK })));
        let short = [0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B'];
        assert_eq!(parse(&short).unwrap_err(), RtcpError::Malformed(PAYLOAD_FEEDBACK));
        let mut small = [0; 19];
        assert_eq!(RtcpWriter::new(&mut small).remb(Ssrc(1), 5, &[]), Err(WriteError::Full));
        assert_eq!(RtcpWriter::new(&mut [0; 2000]).remb(Ssrc(1), 5, &[Ssrc(1); 256]), Err(WriteError::Range));
    }

    proptest! {
        #![proptest_config(crate::testing::seeded())]

        #[test]
        fn never_more_and_hardly_less(bitrate in any::<u64>()) {
            let again = read(&written(bitrate, &[]));
            prop_assert!(again <= bitrate && bitrate - again <= bitrate >> 17);
            prop_assert_eq!(read(&written(again, &[])), again, "what was read can be written");
        }
    }
}
