//! The header extensions the relay knows: their URIs, the ids one leg negotiated for them, and their values in a packet.

use crate::ids::{Mid, Rid};
use crate::rtp::RtpHeader;

/// A header extension the relay understands. Extensions that are not listed here are never negotiated and never forwarded. So is the
/// orientation of video (3GPP TS 26.114): Firefox and many players do not turn pictures by it, and a sender with whom it is not agreed
/// on turns them itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Ext {
    /// Client-to-mixer audio level, RFC 6464.
    AudioLevel,
    /// 24-bit departure time in 6.18 fixed point seconds.
    AbsSendTime,
    /// Transport-wide sequence number, two bytes.
    TransportCc,
    /// Media identification, RFC 9143.
    Mid,
    /// RTP stream id of a simulcast layer, RFC 8852.
    Rid,
    /// RTP stream id of the layer a retransmission belongs to, RFC 8852.
    RepairedRid,
    /// Capture time as NTP, with an optional clock offset.
    AbsCaptureTime,
    /// AV1 RTP specification, appendix A.
    DependencyDescriptor,
    /// Active layers and their target bitrates.
    VideoLayersAllocation,
}

impl Ext {
    /// Every extension, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::AudioLevel,
        Self::AbsSendTime,
        Self::TransportCc,
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::AbsCaptureTime,
        Self::DependencyDescriptor,
        Self::VideoLayersAllocation,
    ];

    /// The URI that names the extension in SDP (`a=extmap`).
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::TransportCc => "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::DependencyDescriptor => "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
            Self::VideoLayersAllocation => "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
        }
    }

    /// The extension with this URI, if the relay knows it.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ext| ext.uri() == uri)
    }
}

const EXT_COUNT: usize = Ext::ALL.len();

/// Why an id cannot be given to an extension. The peer's SDP is to blame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExtMapError {
    /// 0 is padding and 15 is reserved (RFC 8285 section 4.2 and 5).
    #[error("extension id {0} is reserved")]
    Reserved(u8),
    /// The id already stands for another extension.
    #[error("extension id {0} is taken")]
    Taken(u8),
    /// The extension already has another id.
    #[error("extension {0:?} has two ids")]
    TwoIds(Ext),
}

/// Which id stands for which extension on one leg. Both directions are looked up in constant time for ids of the one-byte form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExtMap {
    /// By discriminant of [`Ext`]; 0 means not negotiated.
    ids: [u8; EXT_COUNT],
    /// By id, for the one-byte form.
    low: [Option<Ext>; 16],
}

impl ExtMap {
    /// A map without extensions.
    #[must_use]
    pub const fn new() -> Self {
        Self { ids: [0; EXT_COUNT], low: [None; 16] }
    }

    /// Gives `id` (1 to 14 or 16 to 255) to `ext`. Saying the same again is allowed: a bundle repeats it on every m-line.
    ///
    /// # Errors
    /// [`ExtMapError`] if the id is reserved, or the id or the extension is used otherwise. The map is unchanged then.
    pub fn insert(&mut self, id: u8, ext: Ext) -> Result<(), ExtMapError> {
        if id == 0 || id == 15 {
            return Err(ExtMapError::Reserved(id));
        }
        if self.kind(id).is_some_and(|other| other != ext) {
            return Err(ExtMapError::Taken(id));
        }
        if self.id(ext).is_some_and(|other| other != id) {
            return Err(ExtMapError::TwoIds(ext));
        }
        self.ids[ext as usize] = id;
        if let Some(low) = self.low.get_mut(usize::from(id)) {
            *low = Some(ext);
        }
        Ok(())
    }

    /// The id of an extension, if it was negotiated.
    #[inline]
    #[must_use]
    pub const fn id(&self, ext: Ext) -> Option<u8> {
        match self.ids[ext as usize] {
            0 => None,
            id => Some(id),
        }
    }

    /// The extension behind an id, if it was negotiated.
    #[inline]
    #[must_use]
    pub fn kind(&self, id: u8) -> Option<Ext> {
        match self.low.get(usize::from(id)) {
            Some(&ext) => ext,
            None => Ext::ALL.into_iter().find(|&ext| self.id(ext) == Some(id)),
        }
    }

    /// Those of `values` that were negotiated, by id and in their order: the first of `elements`, as many as it returns.
    #[inline]
    pub fn elements<'a, const N: usize>(&self, values: [(Ext, Option<&'a [u8]>); N], elements: &mut [(u8, &'a [u8]); N]) -> usize {
        let mut count = 0;
        for (ext, value) in values {
            if let (Some(value), Some(id)) = (value, self.id(ext)) {
                elements[count] = (id, value);
                count += 1;
            }
        }
        count
    }
}

/// Loudness of an audio packet as its sender measured it (RFC 6464). The sender may lie: use it for ranking, never for permission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AudioLevel {
    /// The sender's voice activity detection.
    pub voice: bool,
    /// -dBov: 0 is the loudest, 127 is silence.
    pub level: u8,
}

/// The known extension values of one packet, found in one pass. They are unauthenticated until SRTP has opened the packet.
#[derive(Clone, Copy, Debug)]
pub struct ExtValues<'a> {
    packet: &'a [u8],
    /// Offset and length by discriminant of [`Ext`]. No value begins at offset 0, so that offset means absent.
    spans: [(u16, u16); EXT_COUNT],
}

impl ExtValues<'static> {
    /// The values of a packet without extensions.
    pub const NONE: Self = Self { packet: &[], spans: [(0, 0); EXT_COUNT] };
}

impl<'a> ExtValues<'a> {
    /// Collects the values of negotiated extensions. Of an extension that occurs twice, the first counts.
    #[inline]
    #[must_use]
    pub fn read(map: &ExtMap, header: &RtpHeader, packet: &'a [u8]) -> Self {
        let mut spans = [(0, 0); EXT_COUNT];
        for (id, value) in header.extensions(packet) {
            let Some(ext) = map.kind(id) else { continue };
            // Both slices are parts of one datagram, so the difference of the addresses is the offset.
            let offset = value.as_ptr().addr() - packet.as_ptr().addr();
            let span = &mut spans[ext as usize];
            // A value beyond 64 KiB cannot come out of a UDP datagram.
            if let (0, Ok(offset)) = (span.0, u16::try_from(offset)) {
                *span = (offset, value.len() as u16);
            }
        }
        Self { packet, spans }
    }

    /// The raw value of an extension, if the packet carries it.
    #[inline]
    #[must_use]
    pub fn get(&self, ext: Ext) -> Option<&'a [u8]> {
        match self.spans[ext as usize] {
            (0, _) => None,
            (offset, len) => self.packet.get(usize::from(offset)..usize::from(offset) + usize::from(len)),
        }
    }

    /// Audio level, if present.
    #[inline]
    #[must_use]
    pub fn audio_level(&self) -> Option<AudioLevel> {
        let &byte = self.get(Ext::AudioLevel)?.first()?;
        Some(AudioLevel { voice: byte & 0x80 != 0, level: byte & 0x7f })
    }

    /// Transport-wide sequence number, if present with its two bytes.
    #[inline]
    #[must_use]
    pub fn transport_seq(&self) -> Option<u16> {
        self.get(Ext::TransportCc)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// The m-line this packet belongs to; `None` if absent or not a valid token.
    #[must_use]
    pub fn mid(&self) -> Option<Mid> {
        Mid::new(self.get(Ext::Mid)?)
    }

    /// The simulcast layer this packet belongs to; `None` if absent or not a valid token.
    #[must_use]
    pub fn rid(&self) -> Option<Rid> {
        Rid::new(self.get(Ext::Rid)?)
    }

    /// The simulcast layer whose packet this one retransmits; `None` if absent or not a valid token.
    #[must_use]
    pub fn repaired_rid(&self) -> Option<Rid> {
        Rid::new(self.get(Ext::RepairedRid)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ids::Ssrc;
    use crate::rtp::{RtpFields, write_header};

    fn packet(exts: &[(u8, &[u8])]) -> Vec<u8> {
        let fields = RtpFields { marker: false, payload_type: 111, sequence: 1, timestamp: 2, ssrc: Ssrc(3) };
        let mut buf = vec![0; 400];
        let len = write_header(&mut buf, &fields, exts).unwrap();
        buf.truncate(len);
        buf.extend(b"payload");
        buf
    }

    #[test]
    fn uris_are_distinct_and_found_again() {
        for ext in Ext::ALL {
            assert_eq!(Ext::from_uri(ext.uri()), Some(ext));
            assert_eq!(Ext::ALL[ext as usize], ext, "ALL is in the order of the discriminants");
        }
        assert_eq!(Ext::from_uri("urn:ietf:params:rtp-hdrext:toffset"), None);
    }

    #[test]
    fn map_both_ways() {
        let mut map = ExtMap::new();
        for (id, ext) in [(1, Ext::AudioLevel), (14, Ext::Mid), (16, Ext::Rid), (255, Ext::TransportCc)] {
            assert_eq!(map.insert(id, ext), Ok(()));
            assert_eq!(map.insert(id, ext), Ok(()), "every m-line of a bundle says it again");
            assert_eq!((map.id(ext), map.kind(id)), (Some(id), Some(ext)));
        }
        assert_eq!((map.id(Ext::RepairedRid), map.kind(2), map.kind(17), map.kind(0)), (None, None, None, None));
    }

    #[test]
    fn map_refuses_contradictions() {
        let mut map = ExtMap::new();
        map.insert(3, Ext::Mid).unwrap();
        map.insert(30, Ext::Rid).unwrap();
        let before = map;
        assert_eq!(map.insert(0, Ext::AudioLevel), Err(ExtMapError::Reserved(0)));
        assert_eq!(map.insert(15, Ext::AudioLevel), Err(ExtMapError::Reserved(15)));
        assert_eq!(map.insert(3, Ext::AudioLevel), Err(ExtMapError::Taken(3)));
        assert_eq!(map.insert(30, Ext::AudioLevel), Err(ExtMapError::Taken(30)));
        assert_eq!(map.insert(4, Ext::Mid), Err(ExtMapError::TwoIds(Ext::Mid)));
        assert_eq!(map, before);
    }

    #[test]
    fn values_in_one_pass() {
        let mut map = ExtMap::new();
        for (id, ext) in [(1, Ext::AudioLevel), (2, Ext::TransportCc), (3, Ext::Mid), (4, Ext::Rid), (20, Ext::RepairedRid)] {
            map.insert(id, ext).unwrap();
        }
        let packet = packet(&[(9, b"?"), (20, b"lo"), (4, b"hi"), (3, b"0"), (2, &[0x12, 0x34]), (1, &[0x9e])]);
        let header = RtpHeader::parse(&packet).unwrap();
        let values = ExtValues::read(&map, &header, &packet);
        assert_eq!(values.audio_level(), Some(AudioLevel { voice: true, level: 30 }));
        assert_eq!(values.transport_seq(), Some(0x1234));
        assert_eq!((values.mid(), values.rid(), values.repaired_rid()), (Mid::new("0"), Rid::new("hi"), Rid::new("lo")));
        assert_eq!(values.get(Ext::AbsSendTime), None);
    }

    #[test]
    fn malformed_values_are_absent() {
        let mut map = ExtMap::new();
        for (id, ext) in (1..).zip(Ext::ALL) {
            map.insert(id, ext).unwrap();
        }
        let (audio, cc, mid, rid) = (1, 3, 4, 5);
        let packet = packet(&[(audio, b""), (cc, &[1, 2, 3]), (mid, b"has space"), (rid, b"seventeen letters")]);
        let values = ExtValues::read(&map, &RtpHeader::parse(&packet).unwrap(), &packet);
        assert_eq!((values.audio_level(), values.transport_seq(), values.mid(), values.rid()), (None, None, None, None));
        assert_eq!(values.get(Ext::AudioLevel), Some(&b""[..]), "the raw value is there");
    }

    #[test]
    fn the_first_of_two_counts_even_if_empty() {
        let mut map = ExtMap::new();
        map.insert(7, Ext::Mid).unwrap();
        let read = |exts: &[(u8, &[u8])]| {
            let packet = packet(exts);
            let values = ExtValues::read(&map, &RtpHeader::parse(&packet).unwrap(), &packet);
            values.get(Ext::Mid).map(<[u8]>::to_vec)
        };
        assert_eq!(read(&[(7, b"a"), (7, b"b")]), Some(b"a".to_vec()));
        assert_eq!(read(&[(7, b""), (7, b"b")]), Some(vec![]));
    }
}
