//! The RTP header (RFC 3550 section 5.1) with its extension block (RFC 8285): a zero-copy view and an in-place writer.

use crate::ids::Ssrc;

/// Why a datagram is not a usable RTP packet. The sender is to blame in every case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its fixed header and its CSRC list.
    #[error("shorter than its header")]
    Truncated,
    /// The version is not 2.
    #[error("version is not 2")]
    Version,
    /// The extension block claims to be longer than the packet.
    #[error("extension block longer than the packet")]
    Extension,
    /// The padding count is zero or larger than the payload.
    #[error("padding count out of range")]
    Padding,
}

/// The parsed fixed header. It borrows nothing: methods that read further take the packet again.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// |                           timestamp                           |
/// |                             SSRC                              |
/// |                 CSRC list, CC x 4 bytes                       |
/// |  extension profile (if X)     |  length in 32-bit words       |
/// |                 extension elements                            |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpHeader {
    /// Marker bit: last packet of a video frame, first packet of a talk spurt.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Wraps; see [`crate::seq`].
    pub sequence: u16,
    /// In units of the payload type's clock; wraps.
    pub timestamp: u32,
    /// Whose stream this is.
    pub ssrc: Ssrc,
    /// Whether the payload ends in padding, to be stripped with [`RtpHeader::payload`].
    pub padding: bool,
    /// Bytes before the payload: fixed header, CSRC list and extension block.
    pub payload_start: usize,
    /// First extension element; equal to `payload_start` without extensions.
    ext_start: usize,
    /// "Defined by profile" field of the extension block, 0 without one.
    ext_profile: u16,
}

impl RtpHeader {
    /// Reads the header of an RTP packet, encrypted or not: SRTP leaves the header and its extensions in clear.
    ///
    /// # Errors
    /// [`RtpError::Truncated`], [`RtpError::Version`], [`RtpError::Extension`]. Extension elements are not judged here; see
    /// [`RtpHeader::extensions`].
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let (fixed, _) = packet.split_first_chunk::<FIXED_LEN>().ok_or(RtpError::Truncated)?;
        if fixed[0] >> 6 != VERSION {
            return Err(RtpError::Version);
        }
        let mut payload_start = FIXED_LEN + 4 * usize::from(fixed[0] & 0x0f);
        let mut ext_start = payload_start;
        let mut ext_profile = 0;
        if fixed[0] & EXTENSION_BIT != 0 {
            let block = packet.get(payload_start..).ok_or(RtpError::Truncated)?;
            let (head, _) = block.split_first_chunk::<4>().ok_or(RtpError::Extension)?;
            ext_profile = u16::from_be_bytes([head[0], head[1]]);
            ext_start = payload_start + 4;
            payload_start = ext_start + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            if payload_start > packet.len() {
                return Err(RtpError::Extension);
            }
        } else if payload_start > packet.len() {
            return Err(RtpError::Truncated);
        }
        Ok(Self {
            marker: fixed[1] & MARKER_BIT != 0,
            payload_type: fixed[1] & !MARKER_BIT,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: Ssrc(u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]])),
            padding: fixed[0] & PADDING_BIT != 0,
            payload_start,
            ext_start,
            ext_profile,
        })
    }

    /// The payload without its padding. Call this after decryption: the padding count is encrypted. May be empty.
    ///
    /// # Errors
    /// [`RtpError::Truncated`] if `packet` is shorter than the header it was parsed from; [`RtpError::Padding`] if the padding count is
    /// zero or reaches into the header.
    #[inline]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], RtpError> {
        let payload = packet.get(self.payload_start..).ok_or(RtpError::Truncated)?;
        if !self.padding {
            return Ok(payload);
        }
        match payload.last() {
            // "The last octet of the padding contains a count of how many padding octets should be ignored, including itself."
            Some(&count) if count > 0 && usize::from(count) <= payload.len() => Ok(&payload[..payload.len() - usize::from(count)]),
            _ => Err(RtpError::Padding),
        }
    }

    /// The extension elements in packet order, `(id, value)`. Ends early at an element that does not fit into the block; empty for a
    /// profile that is not RFC 8285.
    #[inline]
    #[must_use]
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> Extensions<'a> {
        let form = match self.ext_profile {
            ONE_BYTE_PROFILE => Form::OneByte,
            // The lower four bits are "appbits" and say nothing to us.
            profile if profile & 0xfff0 == TWO_BYTE_PROFILE => Form::TwoByte,
            _ => return Extensions { rest: &[], form: Form::OneByte },
        };
        Extensions { rest: packet.get(self.ext_start..self.payload_start).unwrap_or_default(), form }
    }
}

/// Iterator over the elements of an extension block; made by [`RtpHeader::extensions`].
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    OneByte,
    TwoByte,
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, rest) = self.rest.split_first()?;
            // A zero byte is padding in both forms.
            if first == 0 {
                self.rest = rest;
                continue;
            }
            let (id, len, rest) = match self.form {
                Form::OneByte => (first >> 4, usize::from(first & 0x0f) + 1, rest),
                Form::TwoByte => {
                    let Some((&len, rest)) = rest.split_first() else { break };
                    (first, usize::from(len), rest)
                }
            };
            // Identifier 15, and 0 with a length: "its length field MUST be ignored, processing of the entire extension MUST
            // terminate at that point" (RFC 8285 section 4.2).
            if self.form == Form::OneByte && (id == 0 || id == ONE_BYTE_STOP) {
                break;
            }
            let Some((value, rest)) = rest.split_at_checked(len) else { break };
            self.rest = rest;
            return Some((id, value));
        }
        self.rest = &[];
        None
    }
}

impl std::iter::FusedIterator for Extensions<'_> {}

/// The header fields the relay sets itself. It sends no CSRCs, and padding only in packets of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpFields {
    /// See [`RtpHeader::marker`].
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// See [`RtpHeader::sequence`].
    pub sequence: u16,
    /// See [`RtpHeader::timestamp`].
    pub timestamp: u32,
    /// See [`RtpHeader::ssrc`].
    pub ssrc: Ssrc,
}

/// Writes a header to the front of `buf` and returns its length; the payload goes there.
///
/// Extensions are written in the given order, in the one-byte form if every id is 1 to 14 and every value 1 to 16 bytes long, else in
/// the two-byte form (id 1 to 255, value 0 to 255 bytes). Without extensions there is no block. `None`, with `buf` in an unspecified
/// state, if `buf` is too short or an id, a value or the payload type is out of range.
#[inline]
#[must_use]
pub fn write_header(buf: &mut [u8], fields: &RtpFields, exts: &[(u8, &[u8])]) -> Option<usize> {
    if fields.payload_type & MARKER_BIT != 0 {
        return None;
    }
    let (fixed, rest) = buf.split_first_chunk_mut::<FIXED_LEN>()?;
    fixed[0] = VERSION << 6;
    fixed[1] = fields.payload_type | if fields.marker { MARKER_BIT } else { 0 };
    fixed[2..4].copy_from_slice(&fields.sequence.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    fixed[8..12].copy_from_slice(&fields.ssrc.0.to_be_bytes());
    if exts.is_empty() {
        return Some(FIXED_LEN);
    }
    fixed[0] |= EXTENSION_BIT;
    Some(FIXED_LEN + write_extensions(rest, exts)?)
}

/// Writes a packet of nothing but padding (RFC 3550 section 5.1): a header as [`write_header`] does, then `count` bytes of padding, 1 to
/// 255, the last of which is their count. Returns the packet's length; `None` as there, and if `count` is 0.
#[must_use]
pub fn write_padding(buf: &mut [u8], fields: &RtpFields, exts: &[(u8, &[u8])], count: u8) -> Option<usize> {
    let head = write_header(buf, fields, exts)?;
    let (last, zeros) = buf.get_mut(head..head + usize::from(count))?.split_last_mut()?;
    zeros.fill(0);
    *last = count;
    buf[0] |= PADDING_BIT;
    Some(head + usize::from(count))
}

fn write_extensions(block: &mut [u8], exts: &[(u8, &[u8])]) -> Option<usize> {
    let (head, elements) = block.split_first_chunk_mut::<4>()?;
    let one_byte = exts.iter().all(|(id, value)| (1..ONE_BYTE_STOP).contains(id) && (1..=16).contains(&value.len()));
    let mut at = 0;
    for &(id, value) in exts {
        if one_byte {
            *elements.get_mut(at)? = id << 4 | (value.len() - 1) as u8;
            at += 1;
        } else {
            let len = u8::try_from(value.len()).ok().filter(|_| id != 0)?;
            elements.get_mut(at..at + 2)?.copy_from_slice(&[id, len]);
            at += 2;
        }
        elements.get_mut(at..at + value.len())?.copy_from_slice(value);
        at += value.len();
    }
    let len = at.next_multiple_of(4);
    elements.get_mut(at..len)?.fill(0);
    let words = u16::try_from(len / 4).ok()?;
    let profile = if one_byte { ONE_BYTE_PROFILE } else { TWO_BYTE_PROFILE };
    head[..2].copy_from_slice(&profile.to_be_bytes());
    head[2..].copy_from_slice(&words.to_be_bytes());
    Some(4 + len)
}

/// Fixed header without CSRCs, bytes.
const FIXED_LEN: usize = 12;
const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const MARKER_BIT: u8 = 0x80;
/// RFC 8285 section 4.2.
const ONE_BYTE_PROFILE: u16 = 0xbede;
/// RFC 8285 section 4.3; the lower four bits are free.
const TWO_BYTE_PROFILE: u16 = 0x1000;
/// Reserved identifier of the one-byte form: nothing after it is read.
const ONE_BYTE_STOP: u8 = 15;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const FIELDS: RtpFields =
        RtpFields { marker: true, payload_type: 96, sequence: 0x1234, timestamp: 0x5678_9abc, ssrc: Ssrc(0xdead_beef) };

    /// Version 2 with the given flags, payload type 96, then whatever follows the fixed header.
    fn packet(flags: u8, rest: &[u8]) -> Vec<u8> {
        [&[0x80 | flags, 0xe0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xad, 0xbe, 0xef], rest].concat()
    }

    fn elements(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
        RtpHeader::parse(packet).unwrap().extensions(packet).map(|(id, value)| (id, value.to_vec())).collect()
    }

    #[test]
    fn plain_header() {
        let packet = packet(0, b"payload");
        let header = RtpHeader::parse(&packet).unwrap();
        assert!(header.marker && !header.padding);
        assert_eq!((header.payload_type, header.sequence, header.timestamp), (96, 0x1234, 0x5678_9abc));
        assert_eq!((header.ssrc, header.payload_start), (Ssrc(0xdead_beef), 12));
        assert_eq!(header.payload(&packet), Ok(&b"payload"[..]));
        assert_eq!(header.extensions(&packet).count(), 0);
    }

    #[test]
    fn contributing_sources_are_skipped() {
        let packet = packet(2 | EXTENSION_BIT, b"AAAABBBB\xbe\xde\x00\x01\x30\x07\x00\x00end");
        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!(header.payload(&packet), Ok(&b"end"[..]));
        assert_eq!(elements(&packet), [(3, vec![7])]);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = packet(1 | EXTENSION_BIT, b"AAAA\xbe\xde\x00\x02\x30\x07\x00\x00\x00\x00\x00\x00");
        assert_eq!(RtpHeader::parse(&whole).unwrap().payload_start, whole.len());
        for len in 0..whole.len() {
            let error = RtpHeader::parse(&whole[..len]).unwrap_err();
            let expected = if len < 16 { RtpError::Truncated } else { RtpError::Extension };
            assert_eq!(error, expected, "{len} bytes");
        }
        assert_eq!(RtpHeader::parse(&packet(15, &[0; 59])), Err(RtpError::Truncated));
        assert_eq!(RtpHeader::parse(&packet(15, &[0; 60])).unwrap().payload_start, 72);
    }

    #[test]
    fn other_versions() {
        for version in [0, 1, 3] {
            let mut packet = packet(0, b"");
            packet[0] = version << 6;
            assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Version));
        }
    }

    #[test]
    fn padding() {
        let strip = |rest: &[u8]| {
            let packet = packet(PADDING_BIT, rest);
            RtpHeader::parse(&packet).unwrap().payload(&packet).map(<[u8]>::to_vec)
        };
        assert_eq!(strip(b"abc\x00\x02"), Ok(b"abc".to_vec()));
        assert_eq!(strip(b"\x00\x00\x03"), Ok(vec![]), "padding only, as probes are");
        assert_eq!(strip(b"abc\x00"), Err(RtpError::Padding));
        assert_eq!(strip(b"abc\x05"), Err(RtpError::Padding));
        assert_eq!(strip(b""), Err(RtpError::Padding));
    }

    #[test]
    fn payload_of_a_shorter_packet() {
        let packet = packet(4, &[0; 16]);
        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!(header.payload(&packet[..20]), Err(RtpError::Truncated));
        assert_eq!(header.extensions(&packet[..20]).count(), 0);
    }

    /// RFC 8285 section 4.2.
    #[test]
    fn one_byte_elements() {
        let of = |block: &[u8]| {
            let words = (block.len() / 4) as u8;
            elements(&packet(EXTENSION_BIT, &[b"\xbe\xde\x00", &[words][..], block, b"\x10\x01 payload"].concat()))
        };
        assert_eq!(of(b"\x10\xaa\x00\x00\x21\xbb\xbb\x00"), [(1, vec![0xaa]), (2, vec![0xbb; 2])], "padding between and behind");
        assert_eq!(of(b"\x10\xaa\xf0\xbb\x20\xcc\x00\x00"), [(1, vec![0xaa])], "identifier 15 ends it");
        assert_eq!(of(b"\x10\xaa\x01\xbb\x20\xcc\x00\x00"), [(1, vec![0xaa])], "identifier 0 with a length ends it");
        assert_eq!(of(b"\x10\xaa\x23\xbb"), [(1, vec![0xaa])], "an element beyond the block does not reach the payload");
        assert_eq!(of(b"\x10\xaa\x00\x20"), [(1, vec![0xaa])], "nor does one whose value is missing");
        assert_eq!(of(&[&[0xef], &[7u8; 16][..], &[0; 3]].concat()), [(14, vec![7; 16])], "longest");
        assert_eq!(of(b""), []);
    }

    /// Identifier 15 stops the reading of elements; the payload still begins behind the whole block.
    #[test]
    fn block_is_skipped_whole_after_a_stop() {
        let packet = packet(EXTENSION_BIT, b"\xbe\xde\x00\x02\xf0\x00\x00\x00\x10\xaa\x00\x00payload");
        assert_eq!(RtpHeader::parse(&packet).unwrap().payload(&packet), Ok(&b"payload"[..]));
    }

    /// RFC 8285 section 4.3.
    #[test]
    fn two_byte_elements() {
        for profile in [b"\x10\x00", b"\x10\x0f"] {
            let of =
                |block: &[u8]| elements(&packet(EXTENSION_BIT, &[profile, &[0, (block.len() / 4) as u8][..], block, b"\x01\x01"].concat()));
            assert_eq!(of(b"\x01\x00\x00\x0f\x02\xbb\xbb\x00"), [(1, vec![]), (15, vec![0xbb; 2])], "empty value; 15 is ordinary");
            assert_eq!(of(b"\xff\x01\xaa\x02"), [(255, vec![0xaa])], "length is missing");
            assert_eq!(of(b"\x01\x01\xaa\x00\x02\x03\xbb\xbb"), [(1, vec![0xaa])], "value is cut off");
        }
    }

    #[test]
    fn other_profiles_have_no_elements() {
        for profile in [b"\xbe\xdf", b"\x10\x10", b"\x00\x00"] {
            let packet = packet(EXTENSION_BIT, &[profile, &b"\x00\x01\x10\xaa\x00\x00payload"[..]].concat());
            assert_eq!(elements(&packet), []);
            assert_eq!(RtpHeader::parse(&packet).unwrap().payload(&packet), Ok(&b"payload"[..]));
        }
    }

    #[test]
    fn writes_the_smallest_form() {
        let mut buf = [0xff; 64];
        let mut write = |exts: &[(u8, &[u8])]| write_header(&mut buf, &FIELDS, exts).map(|len| buf[..len].to_vec());
        assert_eq!(write(&[]), Some(packet(0, b"")));
        assert_eq!(write(&[(1, b"a"), (14, b"bcd")]), Some(packet(EXTENSION_BIT, b"\xbe\xde\x00\x02\x10a\xe2bcd\x00\x00")));
        assert_eq!(write(&[(1, b"a"), (2, b"")]), Some(packet(EXTENSION_BIT, b"\x10\x00\x00\x02\x01\x01a\x02\x00\x00\x00\x00")));
        assert_eq!(write(&[(15, b"a")]).unwrap()[12..14], [0x10, 0x00]);
        assert_eq!(write(&[(1, &[0; 17])]).unwrap()[12..14], [0x10, 0x00]);
        assert_eq!(write(&[(0, b"a")]), None);
        assert_eq!(write(&[(1, &[0; 256])]), None);
        assert_eq!(write_header(&mut [0; 64], &RtpFields { payload_type: 128, ..FIELDS }, &[]), None);
    }

    #[test]
    fn write_needs_exactly_its_length() {
        for exts in [&[][..], &[(1, &b"abc"[..]), (2, b"d")], &[(1, b"abc"), (16, b"d")]] {
            let len = write_header(&mut [0; 64], &FIELDS, exts).unwrap();
            for short in 0..len {
                assert_eq!(write_header(&mut vec![0; short], &FIELDS, exts), None, "{short} of {len}");
            }
            assert_eq!(write_header(&mut vec![0; len], &FIELDS, exts), Some(len));
        }
    }

    proptest! {
        #![proptest_config(crate::testing::seeded())]

        #[test]
        fn what_is_written_is_read(
            (marker, payload_type, sequence, timestamp, ssrc) in (any::<bool>(), 0..128u8, any::<u16>(), any::<u32>(), any::<u32>()),
            exts in proptest::collection::vec((1..=255u8, proptest::collection::vec(any::<u8>(), 0..=255)), 0..6),
            payload: Vec<u8>,
        ) {
            let fields = RtpFields { marker, payload_type, sequence, timestamp, ssrc: Ssrc(ssrc) };
            let exts: Vec<(u8, &[u8])> = exts.iter().map(|(id, value)| (*id, value.as_slice())).collect();
            let mut packet = vec![0xaa; 2000];
            let len = write_header(&mut packet, &fields, &exts).unwrap();
            packet.truncate(len);
            packet.extend(&payload);
            let header = RtpHeader::parse(&packet).unwrap();
            let read = (header.marker, header.payload_type, header.sequence, header.timestamp, header.ssrc);
            prop_assert_eq!(read, (marker, payload_type, sequence, timestamp, Ssrc(ssrc)));
            prop_assert_eq!(header.payload_start, len);
            prop_assert_eq!(header.payload(&packet), Ok(&payload[..]));
            prop_assert!(header.extensions(&packet).eq(exts));
        }
    }
}
