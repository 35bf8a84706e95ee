//! Which of the offered codecs the relay accepts, and how the answer describes them (RFC 8866 rtpmap and fmtp, RFC 4585 rtcp-fb).

use std::collections::BTreeMap;

use rtc_sdp::MediaDescription;
use wire::codec::Codec;

use crate::session::{CodecLine, Format, H264_BASELINE, H264_CONSTRAINED_BASELINE, H264_CONSTRAINED_HIGH, H264_HIGH, H264_MAIN, MediaKind};

/// A codec that was offered and is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) line: CodecLine,
    /// Format parameters of the answer, without the payload type; empty when there are none.
    pub(super) fmtp: String,
    pub(super) feedback: Feedback,
}

/// RTCP feedback that the client offers for a payload type and the relay uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Feedback {
    nack: bool,
    pli: bool,
    fir: bool,
    transport_cc: bool,
    /// Congestion control feedback by stream, RFC 8888 section 6.
    ccfb: bool,
    /// The receiver's own estimate, draft-alvestrand-rmcat-remb-03.
    remb: bool,
}

impl Feedback {
    fn offer(&mut self, value: &str) {
        match value.trim() {
            "nack" => self.nack = true,
            "nack pli" => self.pli = true,
            "ccm fir" => self.fir = true,
            "transport-cc" => self.transport_cc = true,
            "ack ccfb" => self.ccfb = true,
            "goog-remb" => self.remb = true,
            _ => {}
        }
    }

    fn union(self, other: Self) -> Self {
        Self {
            nack: self.nack || other.nack,
            pli: self.pli || other.pli,
            fir: self.fir || other.fir,
            transport_cc: self.transport_cc || other.transport_cc,
            ccfb: self.ccfb || other.ccfb,
            remb: self.remb || other.remb,
        }
    }

    /// Whether what arrives is told of by transport-wide numbers.
    pub(super) fn tells_by_number(self, numbered: bool) -> bool {
        self.transport_cc && numbered
    }

    /// The values of the answer's `a=rtcp-fb` lines. `numbered`: the line has the extension that transport-cc speaks of; `sends`: the
    /// client sends media here.
    ///
    /// One way of congestion feedback is enough, a second one would only disagree: transport-cc, else RFC 8888, else REMB. The last two
    /// are for what the relay sends: it writes neither.
    pub(super) fn names(self, numbered: bool, sends: bool) -> impl Iterator<Item = &'static str> {
        let transport_cc = self.tells_by_number(numbered);
        let ccfb = self.ccfb && !transport_cc && !sends;
        let named = [
            (self.nack, "nack"),
            (self.pli, "nack pli"),
            (self.fir, "ccm fir"),
            (transport_cc, "transport-cc"),
            (ccfb, "ack ccfb"),
            (self.remb && !transport_cc && !ccfb && !sends, "goog-remb"),
        ];
        named.into_iter().filter_map(|(used, name)| used.then_some(name))
    }
}

/// The encoding name, clock and channels as `a=rtpmap` writes them.
pub(super) fn rtpmap(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "opus/48000/2",
        Codec::Red => "red/48000/2",
        Codec::Vp8 => "VP8/90000",
        Codec::H264 => "H264/90000",
        Codec::Vp9 => "VP9/90000",
        Codec::Av1 => "AV1/90000",
    }
}

/// The acceptable codecs of an m-line in the client's order; empty when the line must be rejected.
pub(super) fn accept(media: &MediaDescription, kind: MediaKind) -> Vec<Accepted> {
    let mut offered = Offered::read(media);
    let mut accepted: Vec<Accepted> = Vec::new();
    for pt in media.media_name.formats.iter().filter_map(|format| payload_type(format)) {
        // Taken out, so that a payload type listed twice counts once.
        let Some(mut raw) = offered.types.remove(&pt) else { continue };
        raw.feedback = raw.feedback.union(offered.wildcard);
        if let Some(codec) = raw.accept(pt, kind) {
            accepted.push(codec);
        } else if let Some(apt) = raw.retransmits() {
            offered.rtx.entry(apt).or_insert(pt);
        }
    }
    let opus: Vec<u8> = accepted.iter().filter(|codec| codec.line.codec == Codec::Opus).map(|codec| codec.line.pt).collect();
    accepted.retain(|codec| codec.line.codec != Codec::Red || red_of(&codec.fmtp, &opus));
    for codec in &mut accepted {
        codec.line.rtx = offered.rtx.get(&codec.line.pt).copied().filter(|_| kind == MediaKind::Video);
    }
    accepted
}

/// What the attributes of one m-line say about its payload types.
#[derive(Default)]
struct Offered<'a> {
    types: BTreeMap<u8, Raw<'a>>,
    /// `a=rtcp-fb:*`
    wildcard: Feedback,
    /// RTX payload type by the payload type it repeats; the first one counts.
    rtx: BTreeMap<u8, u8>,
}

#[derive(Default)]
struct Raw<'a> {
    rtpmap: &'a str,
    fmtp: &'a str,
    feedback: Feedback,
}

impl<'a> Offered<'a> {
    fn read(media: &'a MediaDescription) -> Self {
        let mut offered = Self::default();
        for attribute in &media.attributes {
            // First of all the key: a browser describes forty payload types on each of a dozen lines.
            let key = attribute.key.as_str();
            if !matches!(key, "rtpmap" | "fmtp" | "rtcp-fb") {
                continue;
            }
            let Some((format, value)) = attribute.value.as_deref().and_then(|value| value.split_once(' ')) else { continue };
            match (key, payload_type(format)) {
                ("rtcp-fb", None) if format == "*" => offered.wildcard.offer(value),
                ("rtcp-fb", Some(pt)) => offered.types.entry(pt).or_default().feedback.offer(value),
                ("rtpmap", Some(pt)) => offered.types.entry(pt).or_default().rtpmap = value.trim(),
                ("fmtp", Some(pt)) => offered.types.entry(pt).or_default().fmtp = value.trim(),
                _ => {}
            }
        }
        offered
    }
}

impl Raw<'_> {
    fn accept(&self, pt: u8, kind: MediaKind) -> Option<Accepted> {
        let codec = [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1]
            .into_iter()
            .find(|&codec| rtpmap(codec).eq_ignore_ascii_case(self.rtpmap))?;
        let of_kind = if matches!(codec, Codec::Opus | Codec::Red) { MediaKind::Audio } else { MediaKind::Video };
        if of_kind != kind {
            return None;
        }
        let (format, fmtp) = match codec {
            // What the relay wants to receive: loss protection and silence suppression for everyone; mono speech is the default of RFC 7587.
            Codec::Opus => (Format::default(), "minptime=10;useinbandfec=1;usedtx=1".to_owned()),
            Codec::Red => (Format::default(), self.fmtp.to_owned()),
            Codec::Vp8 => (Format::default(), String::new()),
            Codec::H264 => h264(self.fmtp)?,
            Codec::Vp9 => vp9(self.fmtp)?,
            Codec::Av1 => av1(self.fmtp)?,
        };
        let clock_rate = if kind == MediaKind::Audio { 48_000 } else { 90_000 };
        Some(Accepted {
            line: CodecLine { pt, codec, clock_rate, rtx: None, nack: self.feedback.nack, format },
            fmtp,
            feedback: self.feedback,
        })
    }

    /// The payload type that this RTX payload type repeats (RFC 4588 section 8.1).
    fn retransmits(&self) -> Option<u8> {
        self.rtpmap.eq_ignore_ascii_case("rtx/90000").then(|| parameter(self.fmtp, "apt"))?.and_then(payload_type)
    }
}

/// A payload type that can be told from RTCP when both share a port: not 64 to 95 (RFC 5761 section 4).
fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|pt| matches!(pt, 0..64 | 96..128))
}

/// The value of a format parameter; names are case-insensitive.
fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = fmtp.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// A numeric format parameter: `Some(default)` when it is absent, `None` when it is not a number.
fn number(fmtp: &str, name: &str, default: u8) -> Option<u8> {
    parameter(fmtp, name).map_or(Some(default), |value| value.parse().ok())
}

/// Whether a RED payload type carries nothing but Opus that is accepted on the same line, as in `111/111` (RFC 2198 section 5).
fn red_of(fmtp: &str, opus: &[u8]) -> bool {
    fmtp.split('/').all(|part| payload_type(part.trim()).is_some_and(|pt| opus.contains(&pt)))
}

/// Accepts baseline, main and high profiles in their constrained forms too. The answer repeats the offered level: with
/// level-asymmetry-allowed each side may send up to what the other receives, and the relay passes any level on.
fn h264(fmtp: &str) -> Option<(Format, String)> {
    let packetization_mode = number(fmtp, "packetization-mode", 0).filter(|&mode| mode <= 1)?;
    // RFC 6184 section 8.1: without the parameter, baseline of level 1. All encoders that omit it send the constrained form.
    let id = match parameter(fmtp, "profile-level-id") {
        Some(text) if text.len() == 6 => u32::from_str_radix(text, 16).ok()?,
        Some(_) => return None,
        None => 0x42_e0_0a,
    };
    let asymmetry = if number(fmtp, "level-asymmetry-allowed", 0) == Some(1) { "level-asymmetry-allowed=1;" } else { "" };
    let text = format!("{asymmetry}packetization-mode={packetization_mode};profile-level-id={id:06x}");
    Some((Format { profile: h264_profile((id >> 16) as u8, (id >> 8) as u8)?, packetization_mode }, text))
}

/// The profile behind profile_idc and profile-iop (RFC 6184 table 5); `None` for those that browsers do not decode in calls.
fn h264_profile(idc: u8, iop: u8) -> Option<u16> {
    // constraint_set0_flag is the highest bit.
    const SET0: u8 = 0x80;
    const SET1: u8 = 0x40;
    const SET4_AND_5: u8 = 0x0c;
    match idc {
        66 if iop & SET1 != 0 => Some(H264_CONSTRAINED_BASELINE),
        66 => Some(H264_BASELINE),
        77 if iop & SET0 != 0 => Some(H264_CONSTRAINED_BASELINE),
        77 => Some(H264_MAIN),
        88 if iop & (SET0 | SET1) == SET0 | SET1 => Some(H264_CONSTRAINED_BASELINE),
        100 if iop & SET4_AND_5 == SET4_AND_5 => Some(H264_CONSTRAINED_HIGH),
        100 => Some(H264_HIGH),
        _ => None,
    }
}

/// Profile 0 only: 8 bits, 4:2:0 (RFC 9628 section 6).
fn vp9(fmtp: &str) -> Option<(Format, String)> {
    number(fmtp, "profile-id", 0).filter(|&profile| profile == 0)?;
    Some((Format::default(), "profile-id=0".to_owned()))
}

/// Main profile only. Level and tier are what the client offers: it is the one that encodes or decodes.
fn av1(fmtp: &str) -> Option<(Format, String)> {
    number(fmtp, "profile", 0).filter(|&profile| profile == 0)?;
    let (level, tier) = (number(fmtp, "level-idx", 5)?, number(fmtp, "tier", 0)?);
    Some((Format::default(), format!("level-idx={level};profile=0;tier={tier}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn h264_profiles_have_one_spelling() {
        for (id, profile) in [
            ("42e01f", Some(H264_CONSTRAINED_BASELINE)),
            ("42C01F", Some(H264_CONSTRAINED_BASELINE)),
            ("4d8028", Some(H264_CONSTRAINED_BASELINE)),
            ("58c01f", Some(H264_CONSTRAINED_BASELINE)),
            ("42001f", Some(H264_BASELINE)),
            ("4d001f", Some(H264_MAIN)),
            ("640c1f", Some(H264_CONSTRAINED_HIGH)),
            ("640034", Some(H264_HIGH)),
            ("f4001f", None),
            ("58001f", None),
            ("42e0", None),
            ("42e01f00", None),
            ("xyzxyz", None),
            ("+2e01f", None),
        ] {
            let found = h264(&format!("profile-level-id={id}")).map(|(format, _)| format.profile);
            assert_eq!(found, profile, "{id}");
        }
    }

    #[test]
    fn h264_answers_what_was_offered() {
        let (format, text) = h264("packetization-mode=1; Profile-Level-Id=42E01F;level-asymmetry-allowed=1;x=y").unwrap();
        assert_eq!(format.packetization_mode, 1);
        assert_eq!(text, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
        assert!(h264("packetization-mode=2").is_none(), "interleaved mode is not forwarded");
        assert_eq!(h264("").unwrap().1, "packetization-mode=0;profile-level-id=42e00a");
    }

    #[test]
    fn only_the_first_profiles_of_vp9_and_av1_are_accepted() {
        assert!(vp9("profile-id=0").is_some() && vp9("").is_some());
        assert!(vp9("profile-id=2").is_none() && vp9("profile-id=x").is_none());
        assert_eq!(av1("level-idx=8;profile=0;tier=1").unwrap().1, "level-idx=8;profile=0;tier=1");
        assert!(av1("profile=1").is_none());
    }

    #[test]
    fn payload_types_that_look_like_rtcp_are_never_accepted() {
        assert_eq!([0, 63, 96, 127].map(|pt| payload_type(&pt.to_string())), [Some(0), Some(63), Some(96), Some(127)]);
        assert_eq!([64, 72, 95, 128, 255].map(|pt| payload_type(&pt.to_string())), [None; 5]);
    }

    #[test]
    fn red_must_carry_accepted_opus() {
        assert!(red_of("111/111", &[111]) && red_of("111/111/111", &[111]));
        assert!(!red_of("", &[111]) && !red_of("111/0", &[111]) && !red_of("111/111", &[]));
    }
}
