//! One peer connection of webrtc-rs: sends the built-in pattern, gives out what arrives.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability,
    RtpCodecKind,
};
use rtp::codec::opus::OpusPayloader;
use rtp::codec::vp8::Vp8Payloader;
use rtp::extension::HeaderExtension;
use rtp::extension::audio_level_extension::AudioLevelExtension;
use rtp::packetizer::{Packetizer, Payloader, new_packetizer};
use rtp::sequence::new_random_sequencer;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState, RTCSessionDescription,
    Registry, SettingEngineBuilder, SrtpProtectionProfile, configure_nack, configure_rtcp_reports, configure_simulcast_extension_headers,
    configure_twcc,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use crate::media::{self, Arrived};
use crate::{PATIENCE, soon};

/// Longest RTP packet that is sent, bytes.
const MTU: usize = 1_200;
/// RFC 6464 section 4.
const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// Loudness of somebody who talks, -dBov, and of a quiet room.
pub(crate) const LOUD: u8 = 25;
pub(crate) const QUIET: u8 = 127;

/// Payload types of an offer.
#[derive(Clone, Copy)]
pub(crate) struct Formats {
    opus: u8,
    vp8: u8,
    rtx: u8,
}

impl Formats {
    pub(crate) const FIRST: Self = Self { opus: 111, vp8: 96, rtx: 97 };
    /// Others, so that the relay must translate.
    pub(crate) const SECOND: Self = Self { opus: 109, vp8: 120, rtx: 124 };
}

/// What a peer connection is for.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) formats: Formats,
    /// Whether there is a microphone and a camera.
    pub(crate) publish: bool,
    /// Pairs of audio and video slots.
    pub(crate) slots: usize,
    /// SRTP profile; the stack's own choice when there is none.
    pub(crate) profile: Option<SrtpProtectionProfile>,
}

impl Options {
    /// Microphone, camera and a pair of slots.
    pub(crate) const MEETING: Self = Self { formats: Formats::FIRST, publish: true, slots: 1, profile: None };
}

/// A peer connection.
pub(crate) struct Stack {
    connection: Arc<dyn PeerConnection>,
    states: watch::Receiver<RTCPeerConnectionState>,
    history: Arc<Mutex<Vec<RTCPeerConnectionState>>>,
    arriving: mpsc::UnboundedReceiver<Arrived>,
    heard: Vec<Arrived>,
    formats: Formats,
    tracks: Vec<Arc<TrackLocalStaticRTP>>,
}

/// Hands events of the stack to the test.
struct Events {
    states: watch::Sender<RTCPeerConnectionState>,
    history: Arc<Mutex<Vec<RTCPeerConnectionState>>>,
    arrived: mpsc::UnboundedSender<Arrived>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.history.lock().unwrap().push(state);
        self.states.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let arrived = self.arrived.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    // Nobody listens any more when the test is over.
                    let _ = arrived.send(Arrived { at: Instant::now(), packet });
                }
            }
        });
    }
}

impl Stack {
    /// A peer connection that has not offered yet.
    pub(crate) async fn new(options: &Options) -> Self {
        let (states, watch) = watch::channel(RTCPeerConnectionState::New);
        let (arrived, arriving) = mpsc::unbounded_channel();
        let history = Arc::new(Mutex::new(Vec::new()));
        let mut engine = media_engine(options.formats);
        let level = RTCRtpHeaderExtensionCapability { uri: AUDIO_LEVEL_URI.to_owned() };
        engine.register_header_extension(level, RtpCodecKind::Audio, None).unwrap();
        let registry = configure_nack(Registry::new(), &mut engine);
        configure_simulcast_extension_headers(&mut engine).unwrap();
        let registry = configure_rtcp_reports(configure_twcc(registry, &mut engine).unwrap());
        let mut settings = SettingEngineBuilder::new();
        if let Some(profile) = options.profile {
            settings = settings.with_srtp_protection_profiles(vec![profile]);
        }
        let builder = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings.build())
            .with_handler(Arc::new(Events { states, history: Arc::clone(&history), arrived }))
            .with_udp_addrs(vec!["127.0.0.1:0"]);
        let connection: Arc<dyn PeerConnection> = Arc::new(builder.build().await.unwrap());
        let mut tracks = Vec::new();
        for kind in [RtpCodecKind::Audio, RtpCodecKind::Video].into_iter().filter(|_| options.publish) {
            let track = local_track(kind);
            connection.add_transceiver_from_track(Arc::clone(&track) as Arc<dyn TrackLocal>, Some(sends())).await.unwrap();
            tracks.push(track);
        }
        for _ in 0..options.slots {
            connection.add_transceiver_from_kind(RtpCodecKind::Audio, Some(receives())).await.unwrap();
            connection.add_transceiver_from_kind(RtpCodecKind::Video, Some(receives())).await.unwrap();
        }
        Self { connection, states: watch, history, arriving, heard: Vec::new(), formats: options.formats, tracks }
    }

    /// Makes an offer and applies it here.
    pub(crate) async fn offer(&self) -> String {
        let offer = self.connection.create_offer(None).await.unwrap();
        let sdp = offer.sdp.clone();
        self.connection.set_local_description(offer).await.unwrap();
        sdp
    }

    /// An offer with new ICE credentials.
    pub(crate) async fn restart_offer(&self) -> String {
        self.connection.restart_ice().await.unwrap();
        self.offer().await
    }

    pub(crate) async fn accept(&self, answer: &str) {
        let answer = RTCSessionDescription::answer(answer.to_owned()).unwrap();
        self.connection.set_remote_description(answer).await.unwrap();
    }

    /// Waits for ICE and DTLS.
    pub(crate) async fn connected(&mut self) {
        let connected = self.states.wait_for(|state| *state == RTCPeerConnectionState::Connected);
        soon("the connection", connected).await.unwrap();
    }

    /// Whether it ever was connected.
    pub(crate) fn was_connected(&self) -> bool {
        self.history.lock().unwrap().contains(&RTCPeerConnectionState::Connected)
    }

    pub(crate) async fn close(&self) {
        self.connection.close().await.unwrap();
    }

    /// Waits until at least `count` packets of a stream arrived in all, and gives them.
    pub(crate) async fn hear(&mut self, ssrc: u32, count: usize) -> Vec<Arrived> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.of(ssrc).len() < count {
            let Ok(arrived) = tokio::time::timeout_at(deadline, self.arriving.recv()).await else {
                panic!("{count} packets of stream {ssrc}: not within {PATIENCE:?}; there are {:?}", self.counts());
            };
            self.heard.push(arrived.expect("the stack lives"));
        }
        self.of(ssrc)
    }

    /// Waits for `count` packets more than there are now.
    pub(crate) async fn hear_more(&mut self, ssrc: u32, count: usize) -> Vec<Arrived> {
        let before = self.heard_now(ssrc).len();
        self.hear(ssrc, before + count).await.split_off(before)
    }

    /// What arrived of a stream up to now.
    pub(crate) fn heard_now(&mut self, ssrc: u32) -> Vec<Arrived> {
        while let Ok(arrived) = self.arriving.try_recv() {
            self.heard.push(arrived);
        }
        self.of(ssrc)
    }

    /// Packets by stream.
    fn counts(&self) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for arrived in &self.heard {
            *counts.entry(arrived.packet.header.ssrc).or_default() += 1;
        }
        counts
    }

    fn of(&self, ssrc: u32) -> Vec<Arrived> {
        self.heard.iter().filter(|arrived| arrived.packet.header.ssrc == ssrc).cloned().collect()
    }

    /// Speaks aloud and shows pictures as `who` until the result is dropped.
    pub(crate) fn talk(&self, who: u8) -> Talk {
        let (audio, video) = (&self.tracks[0], &self.tracks[1]);
        let (sender, spoken) = watch::channel(Spoken::default());
        let level = Arc::new(AtomicU8::new(LOUD));
        let speaking = speak(Arc::clone(audio), self.formats.opus, who, Arc::clone(&level), sender);
        let showing = show(Arc::clone(video), self.formats.vp8, who);
        Talk { tasks: [tokio::spawn(speaking), tokio::spawn(showing)], level, spoken }
    }
}

/// Somebody who talks until this is dropped.
pub(crate) struct Talk {
    tasks: [JoinHandle<()>; 2],
    level: Arc<AtomicU8>,
    spoken: watch::Receiver<Spoken>,
}

/// What was sent up to now.
#[derive(Clone, Copy, Default)]
struct Spoken {
    packets: u32,
    longest_pause: Duration,
}

impl Talk {
    /// Waits until so many more audio packets were sent.
    pub(crate) async fn pass(&mut self, packets: u32) {
        let goal = self.spoken.borrow().packets + packets;
        soon("talking", self.spoken.wait_for(|spoken| spoken.packets >= goal)).await.unwrap();
    }

    /// Changes how loud the audio says it is; it flows all the same.
    pub(crate) fn set_level(&self, level: u8) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// How long the machine kept this from sending, at worst.
    pub(crate) fn longest_stall(&self) -> Duration {
        self.spoken.borrow().longest_pause.saturating_sub(media::AUDIO_EVERY)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn speak(track: Arc<TrackLocalStaticRTP>, payload_type: u8, who: u8, level: Arc<AtomicU8>, spoken: watch::Sender<Spoken>) {
    let mut packetizer = packetizer(&track, payload_type, Box::new(OpusPayloader), 48_000).await;
    let mut pace = tokio::time::interval(media::AUDIO_EVERY);
    let mut last = Instant::now();
    for n in 0.. {
        pace.tick().await;
        let pause = last.elapsed();
        last = Instant::now();
        for packet in packetizer.packetize(Instant::now(), &media::opus(who, n), media::AUDIO_TICKS).unwrap() {
            let level = level.load(Ordering::Relaxed);
            let extension = HeaderExtension::AudioLevel(AudioLevelExtension { level, voice: level < QUIET });
            // Fails once the connection is closed.
            let _ = track.write_rtp_with_extensions(packet, &[extension]).await;
        }
        spoken.send_modify(|spoken| *spoken = Spoken { packets: n + 1, longest_pause: spoken.longest_pause.max(pause) });
    }
}

async fn show(track: Arc<TrackLocalStaticRTP>, payload_type: u8, who: u8) {
    let mut payloader = Vp8Payloader::default();
    payloader.enable_picture_id = true;
    let mut packetizer = packetizer(&track, payload_type, Box::new(payloader), 90_000).await;
    let mut pace = tokio::time::interval(media::VIDEO_EVERY);
    for n in 0.. {
        pace.tick().await;
        for packet in packetizer.packetize(Instant::now(), &media::vp8(who, n), media::VIDEO_TICKS).unwrap() {
            let _ = track.write_rtp(packet).await;
        }
    }
}

async fn packetizer(track: &TrackLocalStaticRTP, payload_type: u8, payloader: Box<dyn Payloader>, clock_rate: u32) -> impl Packetizer {
    let ssrc = track.track().await.ssrcs().next().unwrap();
    new_packetizer(Instant::now(), MTU, payload_type, ssrc, payloader, Box::new(new_random_sequencer()), clock_rate)
}

fn media_engine(formats: Formats) -> MediaEngine {
    let mut engine = MediaEngine::default();
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        sdp_fmtp_line: format!("apt={}", formats.vp8),
        rtcp_feedback: Vec::new(),
        ..codec(RtpCodecKind::Video)
    };
    for (kind, rtp_codec, payload_type) in [
        (RtpCodecKind::Audio, codec(RtpCodecKind::Audio), formats.opus),
        (RtpCodecKind::Video, codec(RtpCodecKind::Video), formats.vp8),
        (RtpCodecKind::Video, rtx, formats.rtx),
    ] {
        engine.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind).unwrap();
    }
    engine
}

fn codec(kind: RtpCodecKind) -> RTCRtpCodec {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() };
    if kind == RtpCodecKind::Audio {
        return RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: Vec::new(),
        };
    }
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP8.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: vec![feedback("ccm", "fir"), feedback("nack", ""), feedback("nack", "pli")],
    }
}

fn local_track(kind: RtpCodecKind) -> Arc<TrackLocalStaticRTP> {
    static NEXT: AtomicU32 = AtomicU32::new(0x2000_0000);
    let ssrc = NEXT.fetch_add(1, Ordering::Relaxed);
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: codec(kind),
        ..Default::default()
    };
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new("person".into(), format!("{kind}"), format!("{kind}"), kind, vec![coding])))
}

fn sends() -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction: RTCRtpTransceiverDirection::Sendonly, streams: Vec::new(), send_encodings: Vec::new() }
}

fn receives() -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction: RTCRtpTransceiverDirection::Recvonly, streams: Vec::new(), send_encodings: Vec::new() }
}
