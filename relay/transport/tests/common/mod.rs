//! A client made of the crate's public pieces, and a call between it and a `Transport`, in virtual time.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use transport::dtls::{Dtls, DtlsError};
use transport::srtp::SrtpSession;
use transport::{Certificate, Path, State, StunOutcome, Transport, TransportConfig, TransportError};
use wire::ids::{Fingerprint, IceCredentials};
use wire::stun::{BindingRequest, Key, MAX_REQUEST, Role, StunResponse, TransactionId, binding_request};

pub(crate) fn credentials(name: &str) -> IceCredentials {
    IceCredentials { ufrag: name.to_owned(), pwd: format!("password-of-{name}-long-enough") }
}

/// The client's path from one of its ports.
pub(crate) fn path(port: u16) -> Path {
    Path { remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port), local: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)) }
}

/// A plain RTP packet.
pub(crate) fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 1, 2]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A plain receiver report.
pub(crate) fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet
}

/// A client: a full ICE agent's checks (without its search for candidates), DTLS client, SRTP.
pub(crate) struct Client {
    pub(crate) own: IceCredentials,
    pub(crate) relay: IceCredentials,
    pub(crate) dtls: Dtls,
    pub(crate) srtp: Option<SrtpSession>,
    checks: u64,
}

impl Client {
    /// A signed check, as a browser sends it.
    pub(crate) fn check(&mut self, use_candidate: bool) -> Vec<u8> {
        self.check_with(use_candidate, Role::Controlling(1))
    }

    pub(crate) fn check_with(&mut self, use_candidate: bool, role: Role) -> Vec<u8> {
        self.checks += 1;
        let request = BindingRequest {
            transaction: self.transaction(),
            remote_ufrag: &self.relay.ufrag,
            local_ufrag: &self.own.ufrag,
            priority: 0x7eff_ffff,
            role,
            use_candidate,
        };
        let mut buf = vec![0; MAX_REQUEST];
        let len = binding_request(&request, &Key::new(&self.relay.pwd), &mut buf).unwrap();
        buf.truncate(len);
        buf
    }

    fn transaction(&self) -> TransactionId {
        let mut id = [7; 12];
        id[4..].copy_from_slice(&self.checks.to_be_bytes());
        TransactionId(id)
    }

    /// What the relay said about the last check.
    pub(crate) fn read_reply(&self, reply: &[u8]) -> Result<SocketAddr, u16> {
        let response = StunResponse::parse(reply).unwrap();
        assert!(response.verify(&Key::new(&self.relay.pwd)), "the reply is signed");
        assert_eq!(response.transaction(), self.transaction());
        response.outcome()
    }

    pub(crate) fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut buf = [0; 1_500];
        std::iter::from_fn(|| self.dtls.poll_datagram(&mut buf).map(|len| buf[..len].to_vec())).collect()
    }

    pub(crate) fn take_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        self.dtls.handle_datagram(now, datagram)?;
        if let Some(keys) = self.dtls.take_keys() {
            self.srtp = Some(SrtpSession::new(&keys, self.dtls.role()).unwrap());
        }
        Ok(())
    }

    pub(crate) fn sealed(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut buf = plain.to_vec();
        buf.resize(plain.len() + 32, 0);
        let len = self.srtp.as_mut().unwrap().seal_rtp(&mut buf, plain.len()).unwrap();
        buf.truncate(len);
        buf
    }

    pub(crate) fn sealed_rtcp(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut buf = plain.to_vec();
        buf.resize(plain.len() + 32, 0);
        let len = self.srtp.as_mut().unwrap().seal_rtcp(&mut buf, plain.len()).unwrap();
        buf.truncate(len);
        buf
    }
}

/// A client and the relay's end.
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) relay: Transport,
    pub(crate) client: Client,
}

impl Call {
    pub(crate) fn new() -> Self {
        let client = Arc::new(Certificate::generate().unwrap());
        let fingerprint = client.fingerprint();
        Self::with(&client, fingerprint)
    }

    /// The relay was told `announced` in SDP, the client shows `shown`.
    #[allow(clippy::disallowed_methods, reason = "an arbitrary origin; nothing waits for it")]
    pub(crate) fn with(shown: &Arc<Certificate>, announced: Fingerprint) -> Self {
        let now = Instant::now();
        let certificate = Arc::new(Certificate::generate().unwrap());
        let dtls = Dtls::new_client(now, shown, certificate.fingerprint()).unwrap();
        let (own, relay) = (credentials("client"), credentials("relay"));
        let config = TransportConfig { local_ice: relay.clone(), remote_ice: own.clone(), remote_fingerprint: announced, certificate };
        let client = Client { own, relay, dtls, srtp: None, checks: 0 };
        Self { now, relay: Transport::new(now, &config), client }
    }

    /// A call with media keys, over `path(1)`.
    pub(crate) fn established() -> Self {
        let mut call = Self::new();
        assert_eq!(call.check(path(1), true).selected, Some(path(1)));
        call.handshake(path(1)).unwrap();
        assert_eq!(call.relay.state(), State::Secure);
        call
    }

    /// The client sends a check and gets a good answer.
    pub(crate) fn check(&mut self, path: Path, use_candidate: bool) -> StunOutcome {
        let datagram = self.client.check(use_candidate);
        let (outcome, reply) = self.stun(path, &datagram);
        assert_eq!(self.client.read_reply(&reply), Ok(path.remote));
        outcome
    }

    /// As `check`, where the outcome does not matter.
    pub(crate) fn authenticate(&mut self, path: Path, use_candidate: bool) {
        let _ = self.check(path, use_candidate);
    }

    pub(crate) fn stun(&mut self, path: Path, datagram: &[u8]) -> (StunOutcome, Vec<u8>) {
        let mut reply = [0; Transport::MAX_STUN_REPLY];
        let outcome = self.relay.handle_stun(self.now, path, datagram, &mut reply);
        assert!(outcome.reply_len <= datagram.len(), "no amplification");
        (outcome, reply[..outcome.reply_len].to_vec())
    }

    pub(crate) fn relay_drain(&mut self) -> Vec<Vec<u8>> {
        let mut buf = [0; 1_500];
        std::iter::from_fn(|| self.relay.poll_dtls(&mut buf).map(|len| buf[..len].to_vec())).collect()
    }

    /// Carries DTLS both ways until nothing is left to say.
    pub(crate) fn handshake(&mut self, path: Path) -> Result<(), TransportError> {
        loop {
            let (up, down) = (self.client.drain(), self.relay_drain());
            if up.is_empty() && down.is_empty() {
                return Ok(());
            }
            for datagram in up {
                self.relay.handle_dtls(self.now, path, &datagram)?;
            }
            for datagram in down {
                self.client.take_datagram(self.now, &datagram)?;
            }
        }
    }

    pub(crate) fn sleep(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// One packet each way gets through, with sequence number `sequence`.
    pub(crate) fn assert_media(&mut self, sequence: u16) {
        let up = rtp(0x11, sequence, b"up");
        let mut sealed = self.client.sealed(&up);
        let len = self.relay.open_rtp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], up);
        let down = rtp(0x22, sequence, b"down");
        let mut buf = down.clone();
        buf.resize(down.len() + transport::srtp::MAX_RTP_OVERHEAD, 0);
        let len = self.relay.seal_rtp(&mut buf, down.len()).unwrap();
        let len = self.client.srtp.as_mut().unwrap().open_rtp(&mut buf[..len]).unwrap();
        assert_eq!(buf[..len], down);
    }
}
