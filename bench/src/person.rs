//! The least client that gets through ICE and DTLS: enough to send sealed packets and to open what comes back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal::message::Source;
use signal::session::{CodecLine, Format, MediaKind, PublishLine, Session, SlotLine};
use transport::dtls::Dtls;
use transport::srtp::{Role, SrtpSession};
use transport::{Certificate, Path};
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::{IceCredentials, Mid, Rid, Ssrc};
use wire::ntp::Ntp;
use wire::rtcp::RtcpWriter;
use wire::stun::{self, BindingRequest, Key, TransactionId};
use worker::{ClientId, ClientKind, Command, Join, Limits, RoomId, Worker, WorkerConfig};

use crate::arrivals::Arrivals;
use crate::simulcast::RIDS;

/// One connected client.
pub struct Person {
    /// Its number: address and SSRCs follow from it.
    pub number: u16,
    /// Its session.
    pub client: ClientId,
    /// The way to the relay, as the relay sees it.
    pub path: Path,
    srtp: Option<SrtpSession>,
    arrivals: Arrivals,
    check: Vec<u8>,
    part: Part,
    session: Session,
    certificate: Arc<Certificate>,
}

/// Payload type of VP8 on every leg.
pub const VP8: u8 = 96;
/// Payload type of Opus on every leg.
pub const OPUS: u8 = 111;
/// The room of every bench.
pub const ROOM: &str = "bench";

/// What a client is in its room.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The token's role is host.
    pub host: bool,
    /// Publishes a VP8 camera.
    pub camera: bool,
    /// In three encodings ([`crate::simulcast`]).
    pub simulcast: bool,
    /// Publishes an Opus microphone.
    pub microphone: bool,
    /// Lines on which it hears others.
    pub audio_slots: u16,
    /// Lines on which it sees others.
    pub video_slots: u16,
}

impl Part {
    /// Sends a camera, receives nothing.
    pub const PUBLISHER: Self = Self { host: false, camera: true, simulcast: false, microphone: false, audio_slots: 0, video_slots: 0 };
    /// Sends nothing, sees one person.
    pub const VIEWER: Self = Self { host: false, camera: false, simulcast: false, microphone: false, audio_slots: 0, video_slots: 1 };

    /// Sends camera and microphone, and has room for so many others.
    #[must_use]
    pub fn member(host: bool, others: u16) -> Self {
        Self { host, camera: true, simulcast: false, microphone: true, audio_slots: others, video_slots: others }
    }
}

impl Person {
    /// Joins the room under a client id and identity of its own, negotiates its part, and completes ICE and DTLS.
    ///
    /// # Panics
    /// When the worker does not let it in: the bench has no meaning then.
    #[must_use]
    pub fn connect(worker: &mut Worker, now: Instant, number: u16, part: Part, relay: &Arc<Certificate>) -> Self {
        let mut person = Self::offline(number, ClientId(u64::from(number)), part);
        person.join(worker, now);
        person.handshake(worker, now, relay);
        person
    }

    /// Somebody who has not joined.
    ///
    /// # Panics
    /// When the crypto library makes no key.
    #[must_use]
    pub fn offline(number: u16, client: ClientId, part: Part) -> Self {
        let certificate = Arc::new(Certificate::generate().expect("the crypto library makes a key"));
        let remote = SocketAddr::from((Ipv4Addr::new(127, 0, 1, 1), 10_000 + number));
        let path = Path { remote, local: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let session = session(number, part, certificate.fingerprint());
        let check = check(&session, number);
        Self { number, client, srtp: None, arrivals: Arrivals::default(), path, check, part, session, certificate }
    }

    /// Joins the benches' room and negotiates: what the control plane has of a new client.
    pub fn join(&self, worker: &mut Worker, now: Instant) {
        self.join_room(ROOM, worker, now);
    }

    /// The same in a room of one's choice.
    pub fn join_room(&self, room: &str, worker: &mut Worker, now: Instant) {
        let client = self.client;
        worker.handle_command(now, Command::Join(join(client, room, self.part.host)));
        worker.handle_command(now, Command::Negotiate { client, session: Box::new(self.session.clone()) });
    }

    /// Completes ICE and DTLS.
    ///
    /// # Panics
    /// When the worker does not answer.
    pub fn handshake(&mut self, worker: &mut Worker, now: Instant, relay: &Arc<Certificate>) {
        deliver(worker, now, self.path, &self.check);
        let mut dtls = Dtls::new_client(now, &self.certificate, relay.fingerprint()).expect("the crypto library works");
        self.srtp = Some(handshake(worker, now, self.path, &mut dtls));
    }

    /// Seals a packet in place.
    ///
    /// # Panics
    /// Before the handshake, and when sealing fails.
    #[must_use]
    pub fn seal(&mut self, mut packet: Vec<u8>) -> Vec<u8> {
        let len = packet.len();
        packet.resize(len + 32, 0);
        let sealed = self.srtp.as_mut().and_then(|srtp| srtp.seal_rtp(&mut packet, len).ok()).expect("sealing works");
        packet.truncate(sealed);
        packet
    }

    /// Mids of the lines on which it sees others.
    pub fn video_mids(&self) -> impl Iterator<Item = String> + '_ {
        let lines = self.session.slots.iter().filter(|slot| slot.kind == MediaKind::Video);
        lines.map(|slot| slot.mid.as_str().to_owned())
    }

    /// A datagram of the relay arrives.
    pub fn hear(&mut self, now: Instant, datagram: &[u8]) {
        self.arrivals.heard(now, &self.session.extensions, datagram);
    }

    /// A report of what has arrived since the last one (transport-wide congestion control), sealed; `None` if nothing has.
    ///
    /// # Panics
    /// Before the handshake.
    pub fn report(&mut self) -> Option<Vec<u8>> {
        let mut buf = vec![0; 1_500];
        let mut writer = RtcpWriter::new(&mut buf[..1_400]);
        if !self.arrivals.write(&mut writer) {
            return None;
        }
        let len = writer.finish();
        let sealed = self.srtp.as_mut().and_then(|srtp| srtp.seal_rtcp(&mut buf, len).ok()).expect("sealing works");
        buf.truncate(sealed);
        Some(buf)
    }

    /// Renews consent (RFC 7675): the relay stops sending to whoever is silent for 30 s.
    pub fn consent(&self, worker: &mut Worker, now: Instant) {
        deliver(worker, now, self.path, &self.check);
    }
}

/// A worker without rooms, and its certificate.
///
/// # Panics
/// When the crypto library makes no key.
#[must_use]
pub fn empty_worker(now: Instant) -> (Worker, Arc<Certificate>) {
    let certificate = Arc::new(Certificate::generate().expect("the crypto library makes a key"));
    let epoch = (now, Ntp::from_unix(Duration::from_secs(1_234_567_890)));
    let config = WorkerConfig { certificate: certificate.clone(), epoch, seed: [1; 32], limits: Limits::default() };
    (Worker::new(config), certificate)
}

/// SSRC of a person's camera.
#[must_use]
pub fn camera(number: u16) -> Ssrc {
    Ssrc(1_000 + u32::from(number))
}

/// SSRC of a person's microphone.
#[must_use]
pub fn microphone(number: u16) -> Ssrc {
    Ssrc(2_000 + u32::from(number))
}

fn join(client: ClientId, room: &str, host: bool) -> Join {
    Join {
        client,
        room: RoomId(room.into()),
        identity: client.0.to_string(),
        name: format!("Person {}", client.0),
        role: if host { worker::Role::Host } else { worker::Role::Participant },
        kind: ClientKind::Interactive,
        device: room::Device::Desktop,
        settings: Arc::default(),
        resume: String::new(),
    }
}

fn session(number: u16, part: Part, fingerprint: wire::ids::Fingerprint) -> Session {
    let mut extensions = ExtMap::new();
    for (id, ext) in [(1, Ext::AudioLevel), (3, Ext::TransportCc), (4, Ext::Mid), (5, Ext::Rid)] {
        extensions.insert(id, ext).expect("ids are free");
    }
    let mut mids = (0_u16..).map(|mid| Mid::new(mid.to_string()).expect("a mid"));
    let mut publishing = Vec::new();
    for (wanted, kind, source, ssrc) in [
        (part.camera, MediaKind::Video, Source::Camera, camera(number)),
        (part.microphone, MediaKind::Audio, Source::Microphone, microphone(number)),
    ] {
        if wanted {
            let simulcast = part.simulcast && kind == MediaKind::Video;
            let rids = if simulcast { RIDS.map(|rid| Rid::new(rid).expect("a rid")).to_vec() } else { Vec::new() };
            let ssrcs = if simulcast { Vec::new() } else { vec![signal::session::SsrcLine { ssrc, rtx: None }] };
            publishing.push(PublishLine { mid: mids.next().expect("endless"), kind, source, codecs: codecs(kind), rids, ssrcs });
        }
    }
    let mut slots = Vec::new();
    for (count, kind) in [(part.audio_slots, MediaKind::Audio), (part.video_slots, MediaKind::Video)] {
        for index in 0..count {
            let ssrc = 1_000_000 + u32::from(number) * 1_000 + slots.len() as u32 * 2;
            let rtx = (kind == MediaKind::Video).then_some(Ssrc(ssrc + 1));
            let mid = mids.next().expect("endless");
            slots.push(SlotLine { mid, kind, index: index.into(), ssrc: Ssrc(ssrc), rtx, codecs: codecs(kind), extensions });
        }
    }
    Session {
        local_ice: IceCredentials { ufrag: format!("AA{number:06}"), pwd: "a-password-of-24-letters".into() },
        remote_ice: IceCredentials { ufrag: format!("BB{number:06}"), pwd: "b-password-of-24-letters".into() },
        remote_fingerprint: fingerprint,
        extensions,
        tells_by_number: true,
        publishing,
        slots,
    }
}

fn codecs(kind: MediaKind) -> Vec<CodecLine> {
    let line = match kind {
        MediaKind::Audio => {
            CodecLine { pt: OPUS, codec: Codec::Opus, clock_rate: 48_000, rtx: None, nack: false, format: Format::default() }
        }
        MediaKind::Video => {
            CodecLine { pt: VP8, codec: Codec::Vp8, clock_rate: 90_000, rtx: Some(VP8 + 1), nack: true, format: Format::default() }
        }
    };
    vec![line]
}

fn check(session: &Session, number: u16) -> Vec<u8> {
    let request = BindingRequest {
        transaction: TransactionId([number as u8; 12]),
        remote_ufrag: &session.local_ice.ufrag,
        local_ufrag: &session.remote_ice.ufrag,
        priority: 1,
        role: stun::Role::Controlling(u64::from(number)),
        use_candidate: true,
    };
    let mut buf = vec![0; stun::MAX_REQUEST];
    let len = stun::binding_request(&request, &Key::new(&session.local_ice.pwd), &mut buf).expect("fits");
    buf.truncate(len);
    buf
}

/// Hands one datagram in and takes what comes back for its sender.
fn deliver(worker: &mut Worker, now: Instant, path: Path, datagram: &[u8]) -> Vec<Vec<u8>> {
    worker.handle_datagram(now, path, &mut datagram.to_vec());
    let back = worker.outbox().iter().filter(|(to, _)| to.remote == path.remote).map(|(_, bytes)| bytes.to_vec()).collect();
    worker.outbox().clear();
    back
}

fn handshake(worker: &mut Worker, now: Instant, path: Path, dtls: &mut Dtls) -> SrtpSession {
    let mut buf = [0; 2_048];
    for _ in 0..20 {
        while let Some(len) = dtls.poll_datagram(&mut buf) {
            for answer in deliver(worker, now, path, &buf[..len]) {
                dtls.handle_datagram(now, &answer).expect("the handshake goes on");
            }
        }
        if let Some(keys) = dtls.take_keys() {
            // The client's last flight has to reach the relay too.
            while let Some(len) = dtls.poll_datagram(&mut buf) {
                deliver(worker, now, path, &buf[..len]);
            }
            return SrtpSession::new(&keys, Role::Client).expect("keys fit");
        }
    }
    panic!("no DTLS within 20 rounds");
}
