//! The least client that gets through ICE and DTLS: enough to send sealed packets and to open what comes back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use signal::message::Source;
use signal::session::{CodecLine, Format, MediaKind, PublishLine, Session, SlotLine};
use transport::dtls::Dtls;
use transport::srtp::{Role, SrtpSession};
use transport::{Certificate, Path};
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::{IceCredentials, Mid, Ssrc};
use wire::stun::{self, BindingRequest, Key, TransactionId};
use worker::{ClientId, ClientKind, Command, Join, RoomId, Worker};

/// One connected client.
pub struct Person {
    /// Its number: client id, address and SSRCs follow from it.
    pub number: u16,
    /// Its keys.
    pub srtp: SrtpSession,
    /// The way to the relay, as the relay sees it.
    pub path: Path,
    check: Vec<u8>,
}

/// Payload type of VP8 on every leg.
pub const VP8: u8 = 96;

impl Person {
    /// Joins `room`, publishes one VP8 camera if `publishes`, has one video slot, and completes ICE and DTLS.
    ///
    /// # Panics
    /// When the worker does not let it in: the bench has no meaning then.
    #[must_use]
    pub fn connect(worker: &mut Worker, now: Instant, number: u16, publishes: bool, relay: &Arc<Certificate>) -> Self {
        let certificate = Arc::new(Certificate::generate().expect("the crypto library makes a key"));
        let client = ClientId(u64::from(number));
        let remote = SocketAddr::from((Ipv4Addr::new(127, 0, 1, 1), 10_000 + number));
        let path = Path { remote, local: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        worker.handle_command(now, Command::Join(join(client)));
        let session = session(number, publishes, certificate.fingerprint());
        let check = check(&session, number);
        worker.handle_command(now, Command::Negotiate { client, session: Box::new(session) });
        deliver(worker, now, path, &check);
        let mut dtls = Dtls::new_client(now, &certificate, relay.fingerprint()).expect("the crypto library works");
        let srtp = handshake(worker, now, path, &mut dtls);
        Self { number, srtp, path, check }
    }

    /// Renews consent (RFC 7675): the relay stops sending to whoever is silent for 30 s.
    pub fn consent(&self, worker: &mut Worker, now: Instant) {
        deliver(worker, now, self.path, &self.check);
    }
}

/// SSRC of a person's camera.
#[must_use]
pub fn camera(number: u16) -> Ssrc {
    Ssrc(1_000 + u32::from(number))
}

fn join(client: ClientId) -> Join {
    Join {
        client,
        room: RoomId("bench".into()),
        identity: client.0.to_string(),
        name: client.0.to_string(),
        role: worker::Role::Participant,
        kind: ClientKind::Interactive,
        resume: String::new(),
    }
}

fn session(number: u16, publishes: bool, fingerprint: wire::ids::Fingerprint) -> Session {
    let vp8 = CodecLine { pt: VP8, codec: Codec::Vp8, clock_rate: 90_000, rtx: Some(VP8 + 1), format: Format::default() };
    let mut extensions = ExtMap::new();
    extensions.insert(3, Ext::TransportCc).expect("ids are free");
    extensions.insert(4, Ext::Mid).expect("ids are free");
    let line = PublishLine {
        mid: Mid::new("0").expect("a mid"),
        kind: MediaKind::Video,
        source: Source::Camera,
        codecs: vec![vp8],
        rids: Vec::new(),
        ssrcs: vec![signal::session::SsrcLine { ssrc: camera(number), rtx: None }],
    };
    let slot = SlotLine {
        mid: Mid::new("1").expect("a mid"),
        kind: MediaKind::Video,
        index: 0,
        ssrc: Ssrc(500_000 + u32::from(number)),
        rtx: Some(Ssrc(600_000 + u32::from(number))),
        codecs: vec![vp8],
    };
    Session {
        local_ice: IceCredentials { ufrag: format!("AA{number:06}"), pwd: "a-password-of-24-letters".into() },
        remote_ice: IceCredentials { ufrag: format!("BB{number:06}"), pwd: "b-password-of-24-letters".into() },
        remote_fingerprint: fingerprint,
        extensions,
        publishing: if publishes { vec![line] } else { Vec::new() },
        slots: if publishes { Vec::new() } else { vec![slot] },
    }
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
