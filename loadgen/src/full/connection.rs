//! One peer connection of webrtc-rs: what it publishes, room for others, and what arrives on it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::{mpsc, watch};
use webrtc::error::Error;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState, RTCSessionDescription,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use super::stack;
use crate::recording::Codec;

/// Packets between the stack and their receiver; a receiver that falls behind by more holds the stack up, which the loss then shows.
const QUEUE: usize = 4_096;

/// What is wanted of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) microphone: bool,
    pub(super) camera: Option<Codec>,
    /// M-lines on which to hear and to see others.
    pub(super) slots: (usize, usize),
    /// Own address.
    pub(super) local: IpAddr,
}

/// An RTP packet as the stack gave it out.
pub(super) struct Arrived {
    pub(super) at: Instant,
    pub(super) packet: rtp::Packet,
    pub(super) track: Arc<dyn TrackRemote>,
}

/// A track to send on.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) ssrc: u32,
    pub(super) track: Arc<TrackLocalStaticRTP>,
}

/// One connection.
pub(super) struct Connection {
    inner: Arc<dyn PeerConnection>,
    pub(super) states: watch::Receiver<RTCPeerConnectionState>,
    pub(super) arriving: mpsc::Receiver<Arrived>,
    pub(super) microphone: Option<Outlet>,
    pub(super) camera: Option<Outlet>,
}

struct Events {
    states: watch::Sender<RTCPeerConnectionState>,
    arrived: mpsc::Sender<Arrived>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.states.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let arrived = self.arrived.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                if arrived.send(Arrived { at: Instant::now(), packet, track: track.clone() }).await.is_err() {
                    // Whoever wanted them has gone.
                    return;
                }
            }
        });
    }
}

impl Connection {
    /// One that has not offered yet.
    pub(super) async fn new(setup: &Setup) -> Result<Self, Error> {
        let (states, watched) = watch::channel(RTCPeerConnectionState::New);
        let (arrived, arriving) = mpsc::channel(QUEUE);
        let (engine, registry) = stack::engine(setup.camera.unwrap_or(Codec::Vp8))?;
        let builder = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Events { states, arrived }))
            .with_udp_addrs(vec![(setup.local, 0)]);
        let inner: Arc<dyn PeerConnection> = Arc::new(builder.build().await?);
        let microphone = if setup.microphone { Some(publish(&inner, None).await?) } else { None };
        let camera = if let Some(codec) = setup.camera { Some(publish(&inner, Some(codec)).await?) } else { None };
        let (audio, video) = setup.slots;
        for (kind, count) in [(RtpCodecKind::Audio, audio), (RtpCodecKind::Video, video)] {
            for _ in 0..count {
                inner.add_transceiver_from_kind(kind, Some(init(RTCRtpTransceiverDirection::Recvonly))).await?;
            }
        }
        Ok(Self { inner, states: watched, arriving, microphone, camera })
    }

    /// An offer, applied here.
    pub(super) async fn offer(&self) -> Result<String, Error> {
        let offer = self.inner.create_offer(None).await?;
        let sdp = offer.sdp.clone();
        self.inner.set_local_description(offer).await?;
        Ok(sdp)
    }

    pub(super) async fn accept(&self, answer: &str) -> Result<(), Error> {
        self.inner.set_remote_description(RTCSessionDescription::answer(answer.to_owned())?).await
    }

    pub(super) async fn close(&self) {
        // It ends whatever this says.
        let _ = self.inner.close().await;
    }
}

async fn publish(connection: &Arc<dyn PeerConnection>, pictures: Option<Codec>) -> Result<Outlet, Error> {
    let (ssrc, track) = stack::track(pictures);
    let track = Arc::new(track);
    let sends = init(RTCRtpTransceiverDirection::Sendonly);
    connection.add_transceiver_from_track(track.clone() as Arc<dyn TrackLocal>, Some(sends)).await?;
    Ok(Outlet { ssrc, track })
}

fn init(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction, streams: Vec::new(), send_encodings: Vec::new() }
}

/// Asks whoever sends a stream for a keyframe.
pub(super) async fn ask_for_keyframe(track: &Arc<dyn TrackRemote>, ssrc: u32) {
    let request = PictureLossIndication { sender_ssrc: 0, media_ssrc: ssrc };
    // Fails once the connection is closed, and then nobody needs it.
    let _ = track.write_rtcp(vec![Box::new(request)]).await;
}
