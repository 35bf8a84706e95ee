//! What of webrtc-rs is switched on: codecs, header extensions, recovery, reports; about what a browser has.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rtc::interceptor::{NackGeneratorBuilder, NackResponderBuilder, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability,
    RtpCodecKind,
};
use webrtc::error::Error;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{MediaEngine, Registry, configure_rtcp_reports, configure_simulcast_extension_headers, configure_twcc};

use super::requests::KeyframeRequests;
use crate::recording::Codec;

/// Payload types of every offer.
pub(super) const OPUS: u8 = 111;
const VP8: u8 = 96;
const VP8_RTX: u8 = 97;
const H264: u8 = 102;
const H264_RTX: u8 = 103;
/// RFC 6464 section 4.
const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// Pace of negative acknowledgements, how many numbers behind the newest are not missed yet, and tries for each.
const NACK_PACE: Duration = Duration::from_millis(40);
const NACK_PATIENCE: u16 = 1;
const NACK_TRIES: u16 = 2;
/// Behind everything else in the chain, so that all others have seen what ends here.
const LAST: usize = 14_000;

/// The payload type of pictures.
pub(super) const fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Vp8 => VP8,
        Codec::H264 => H264,
    }
}

/// How pictures of this payload type are coded.
pub(super) const fn codec_of(payload_type: u8) -> Option<Codec> {
    match payload_type {
        VP8 => Some(Codec::Vp8),
        H264 => Some(Codec::H264),
        _ => None,
    }
}

/// The engine and the chain of interceptors; pictures of `first` are the preferred ones. Those of the other codec are agreed on as well,
/// but webrtc-rs 0.21 does not hand them out.
pub(super) fn engine(first: Codec) -> Result<(MediaEngine, Registry), Error> {
    let mut engine = MediaEngine::default();
    let (vp8, h264) = ((Codec::Vp8, VP8_RTX), (Codec::H264, H264_RTX));
    let pictures = if first == Codec::Vp8 { [vp8, h264] } else { [h264, vp8] };
    engine.register_codec(RTCRtpCodecParameters { rtp_codec: sound(), payload_type: OPUS }, RtpCodecKind::Audio)?;
    for (codec, rtx) in pictures {
        let payload_type = payload_type(codec);
        let again = RTCRtpCodec {
            mime_type: MIME_TYPE_RTX.to_owned(),
            sdp_fmtp_line: format!("apt={payload_type}"),
            rtcp_feedback: Vec::new(),
            ..video(codec)
        };
        engine.register_codec(RTCRtpCodecParameters { rtp_codec: video(codec), payload_type }, RtpCodecKind::Video)?;
        engine.register_codec(RTCRtpCodecParameters { rtp_codec: again, payload_type: rtx }, RtpCodecKind::Video)?;
    }
    let level = RTCRtpHeaderExtensionCapability { uri: AUDIO_LEVEL.to_owned() };
    engine.register_header_extension(level, RtpCodecKind::Audio, None)?;
    // The part that asks does not see what comes on RTX, and so asks again for what it has got: with more tries it spends all that a
    // server grants for retransmissions, and real losses are refused.
    let asking = NackGeneratorBuilder::new().with_interval(NACK_PACE).with_skip_last_n(NACK_PATIENCE).with_max_nacks_per_packet(NACK_TRIES);
    let registry = Registry::new().with(Slot::NackGenerator, asking.build()).with(Slot::NackResponder, NackResponderBuilder::new().build());
    configure_simulcast_extension_headers(&mut engine)?;
    let registry = configure_rtcp_reports(configure_twcc(registry, &mut engine)?);
    Ok((engine, registry.with(Slot::from(LAST), KeyframeRequests::default())))
}

/// A track to send on: pictures of a codec, or sound.
pub(super) fn track(pictures: Option<Codec>) -> (u32, TrackLocalStaticRTP) {
    static NEXT: AtomicU32 = AtomicU32::new(0x2000_0000);
    let ssrc = NEXT.fetch_add(1, Ordering::Relaxed);
    let (kind, codec) = pictures.map_or((RtpCodecKind::Audio, sound()), |codec| (RtpCodecKind::Video, video(codec)));
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec,
        ..Default::default()
    };
    let track = MediaStreamTrack::new("person".to_owned(), format!("{kind}"), format!("{kind}"), kind, vec![coding]);
    (ssrc, TrackLocalStaticRTP::new(track))
}

fn sound() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

fn video(codec: Codec) -> RTCRtpCodec {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() };
    let (mime, format) = match codec {
        Codec::Vp8 => (MIME_TYPE_VP8, ""),
        Codec::H264 => (MIME_TYPE_H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    };
    RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: format.to_owned(),
        rtcp_feedback: vec![feedback("ccm", "fir"), feedback("nack", ""), feedback("nack", "pli")],
    }
}
