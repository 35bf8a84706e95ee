//! Tells STUN, DTLS, RTP and RTCP apart on one UDP port (RFC 7983 section 7, RFC 5761 section 4).

/// What a datagram claims to be, judged by its first two bytes only. Nothing is authenticated yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// First byte 0 to 3.
    Stun,
    /// First byte 20 to 63.
    Dtls,
    /// First byte 128 to 191, second byte outside the RTCP range.
    Rtp,
    /// First byte 128 to 191, second byte 192 to 223.
    Rtcp,
}

/// Classifies one datagram. `None` for what the relay does not speak (TURN channels, QUIC, ZRTP), for an empty datagram, and for an
/// RTP-like one of a single byte.
#[must_use]
pub fn demux(datagram: &[u8]) -> Option<Kind> {
    match *datagram.first()? {
        0..=3 => Some(Kind::Stun),
        20..=63 => Some(Kind::Dtls),
        // "RTP payload types in the range 64-95 MUST NOT be used" when RTP and RTCP share a port: with the marker bit set they
        // would read as RTCP packet types 192 to 223.
        128..=191 => match *datagram.get(1)? {
            192..=223 => Some(Kind::Rtcp),
            _ => Some(Kind::Rtp),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Kind, demux};

    /// The whole table of RFC 7983 section 7, as updated by RFC 9443, for a second byte that is not RTCP.
    #[test]
    fn every_first_byte() {
        for first in 0..=255u8 {
            let expected = match first {
                0..4 => Some(Kind::Stun),
                20..64 => Some(Kind::Dtls),
                128..192 => Some(Kind::Rtp),
                _ => None,
            };
            assert_eq!(demux(&[first, 96, 0, 0]), expected, "first byte {first}");
        }
    }

    #[test]
    fn every_second_byte() {
        for second in 0..=255u8 {
            let expected = if (192..=223).contains(&second) { Kind::Rtcp } else { Kind::Rtp };
            assert_eq!(demux(&[0x80, second]).unwrap(), expected, "second byte {second}");
            assert_eq!(demux(&[0, second]), Some(Kind::Stun), "only RTP looks at the second byte");
        }
    }

    #[test]
    fn too_short_is_nothing() {
        assert_eq!(demux(&[]), None);
        assert_eq!(demux(&[0x80]), None);
        assert_eq!(demux(&[0]), Some(Kind::Stun), "the STUN parser rejects it");
    }
}
