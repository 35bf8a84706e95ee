//! What an offer and its answer agreed on, as values the worker can act on without reading SDP.

use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::{Fingerprint, IceCredentials, Mid, Rid, Ssrc};

use crate::message::Source;

/// Audio or video.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaKind {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
}

/// One negotiated session. A re-offer produces a whole new value; slots keep their SSRCs by mid.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Our own credentials, as written in the answer. They change with the client's at an ICE restart.
    pub local_ice: IceCredentials,
    /// The client's credentials.
    pub remote_ice: IceCredentials,
    /// The certificate the client must show in DTLS.
    pub remote_fingerprint: Fingerprint,
    /// Header extension ids of what the client sends: one map for the bundle, since within it an id has one meaning (RFC 8843 section 9.2).
    pub extensions: ExtMap,
    /// The client tells what arrived by transport-wide numbers, be it of some slots only ([`SlotLine::is_numbered`]).
    pub tells_by_number: bool,
    /// M-lines on which the client sends.
    pub publishing: Vec<PublishLine>,
    /// M-lines on which the client receives.
    pub slots: Vec<SlotLine>,
}

impl SlotLine {
    /// Whether what goes here has transport-wide numbers, and the client tells of them.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.extensions.id(Ext::TransportCc).is_some()
    }
}

/// An m-line on which the client sends one source.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishLine {
    /// Its mid.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// What the client says it sends here.
    pub source: Source,
    /// Accepted codecs, most preferred first.
    pub codecs: Vec<CodecLine>,
    /// Simulcast encodings in the client's order (highest quality first by our page's convention); empty without simulcast.
    pub rids: Vec<Rid>,
    /// SSRCs where the offer announces them (no simulcast by rid, WHIP encoders).
    pub ssrcs: Vec<SsrcLine>,
}

/// An SSRC announced by `a=ssrc`, with its retransmission stream from `a=ssrc-group:FID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsrcLine {
    /// The media stream.
    pub ssrc: Ssrc,
    /// Its RTX stream.
    pub rtx: Option<Ssrc>,
}

/// An m-line on which the client receives whatever the relay puts there.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotLine {
    /// Its mid.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// Position among the slots of its kind. Audio slot i and video slot i share a msid.
    pub index: usize,
    /// The relay's SSRC for the slot's whole life.
    pub ssrc: Ssrc,
    /// The relay's RTX SSRC; present when the client accepts RTX.
    pub rtx: Option<Ssrc>,
    /// Codecs the client can receive here.
    pub codecs: Vec<CodecLine>,
    /// What the client takes here: Firefox offers transport-wide numbers for pictures only, and need not tell of others.
    pub extensions: ExtMap,
}

/// A payload type of one leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecLine {
    /// Payload type on this leg, 0 to 127.
    pub pt: u8,
    /// The codec.
    pub codec: Codec,
    /// RTP clock, Hz.
    pub clock_rate: u32,
    /// Payload type of the RTX stream for it.
    pub rtx: Option<u8>,
    /// Whether lost packets may be asked for again (RFC 4585 generic NACK).
    pub nack: bool,
    /// What must match besides the codec for two legs to understand each other.
    pub format: Format,
}

impl CodecLine {
    /// Whether a client that accepted `self` understands a stream that its publisher sends as `sent`. RTX and the payload type play no
    /// part: they are translated.
    #[must_use]
    pub fn decodes(&self, sent: &Self) -> bool {
        self.codec == sent.codec && self.clock_rate == sent.clock_rate && self.format.decodes(self.codec, sent.format)
    }
}

/// Format parameters that decide whether one leg's stream can be decoded by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Format {
    /// H.264: profile_idc and profile-iop (the first two bytes of profile-level-id) in one of the spellings `H264_*`, so that the several
    /// spellings of a profile (RFC 6184 table 5) compare equal; VP9 and AV1: the profile id; others 0.
    pub profile: u16,
    /// H.264 packetization-mode; others 0.
    pub packetization_mode: u8,
}

/// H.264 constrained baseline: the common subset of all profiles below.
pub const H264_CONSTRAINED_BASELINE: u16 = 0x42e0;
/// H.264 baseline.
pub const H264_BASELINE: u16 = 0x4200;
/// H.264 main.
pub const H264_MAIN: u16 = 0x4d00;
/// H.264 constrained high.
pub const H264_CONSTRAINED_HIGH: u16 = 0x640c;
/// H.264 high.
pub const H264_HIGH: u16 = 0x6400;

impl Format {
    /// H.264: the decoder's profile contains the stream's (ITU-T H.264 annex A.2), and non-interleaved mode 1 contains the single-NAL mode 0
    /// (RFC 6184 section 6.3). Other codecs: the profiles are the same.
    fn decodes(self, codec: Codec, sent: Self) -> bool {
        if codec != Codec::H264 {
            return self.profile == sent.profile;
        }
        let profile = match sent.profile {
            _ if self.profile == sent.profile => true,
            H264_CONSTRAINED_BASELINE => true,
            H264_MAIN | H264_CONSTRAINED_HIGH => self.profile == H264_HIGH,
            _ => false,
        };
        profile && self.packetization_mode >= sent.packetization_mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h264(profile: u16, packetization_mode: u8) -> CodecLine {
        CodecLine { pt: 96, codec: Codec::H264, clock_rate: 90_000, rtx: None, nack: true, format: Format { profile, packetization_mode } }
    }

    #[test]
    fn h264_decoders_take_the_profiles_and_modes_that_theirs_contain() {
        for (decoder, stream, fits) in [
            ((H264_HIGH, 1), (H264_CONSTRAINED_BASELINE, 1), true),
            ((H264_HIGH, 1), (H264_MAIN, 0), true),
            ((H264_MAIN, 1), (H264_HIGH, 1), false),
            ((H264_CONSTRAINED_BASELINE, 1), (H264_BASELINE, 1), false),
            ((H264_BASELINE, 1), (H264_CONSTRAINED_BASELINE, 1), true),
            ((H264_CONSTRAINED_HIGH, 1), (H264_MAIN, 1), false),
            ((H264_MAIN, 0), (H264_MAIN, 1), false),
            ((H264_MAIN, 1), (H264_MAIN, 0), true),
        ] {
            let (decoder, stream) = (h264(decoder.0, decoder.1), h264(stream.0, stream.1));
            assert_eq!(decoder.decodes(&stream), fits, "{decoder:?} decodes {stream:?}");
        }
    }

    #[test]
    fn other_codecs_must_be_the_same() {
        let vp8 = CodecLine { pt: 96, codec: Codec::Vp8, clock_rate: 90_000, rtx: Some(97), nack: true, format: Format::default() };
        let vp9 = CodecLine { codec: Codec::Vp9, ..vp8 };
        let vp9_profile_2 = CodecLine { format: Format { profile: 2, packetization_mode: 0 }, ..vp9 };
        assert!(vp8.decodes(&CodecLine { pt: 120, rtx: None, ..vp8 }));
        assert!(!vp8.decodes(&vp9));
        assert!(!vp9.decodes(&vp9_profile_2));
    }
}
