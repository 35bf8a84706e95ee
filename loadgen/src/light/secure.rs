//! The client's end of DTLS and SRTP: the active role, then sealing and opening.

use std::sync::Arc;
use std::time::Instant;

use transport::dtls::{Certificate, Dtls, DtlsError};
use transport::srtp::{KeyingMaterial, Profile, Role, SrtpSession};
use wire::ids::Fingerprint;

/// DTLS handshake and the SRTP session that comes out of it.
pub(super) struct Secure {
    certificate: Arc<Certificate>,
    remote: Option<Fingerprint>,
    dtls: Option<Dtls>,
    srtp: Option<SrtpSession>,
    /// For whoever overhears: what is overheard must not count as received, or its retransmission would be a replay.
    keys: Option<KeyingMaterial>,
    overheard: Option<SrtpSession>,
    failure: Option<String>,
}

impl Secure {
    pub(super) fn new(certificate: Arc<Certificate>) -> Self {
        Self { certificate, remote: None, dtls: None, srtp: None, keys: None, overheard: None, failure: None }
    }

    /// Starts the handshake; does nothing when it has begun before.
    pub(super) fn start(&mut self, now: Instant, remote: Fingerprint) {
        if self.dtls.is_none() && self.failure.is_none() {
            self.remote = Some(remote);
            match Dtls::new_client(now, &self.certificate, remote) {
                Ok(dtls) => self.dtls = Some(dtls),
                Err(error) => self.failure = Some(error.to_string()),
            }
        }
    }

    /// The relay showed another certificate in a later answer: that would be somebody else.
    pub(super) fn is_other(&self, remote: Fingerprint) -> bool {
        self.remote.is_some_and(|known| known != remote)
    }

    pub(super) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(dtls) = &mut self.dtls {
            let result = dtls.handle_datagram(now, datagram);
            self.settle(result);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(dtls) = &mut self.dtls
            && dtls.poll_timeout().is_some_and(|due| due <= now)
        {
            let result = dtls.handle_timeout(now);
            self.settle(result);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.dtls.as_ref().filter(|_| self.failure.is_none())?.poll_timeout()
    }

    pub(super) fn poll_datagram(&mut self, buf: &mut [u8]) -> Option<usize> {
        self.dtls.as_mut()?.poll_datagram(buf)
    }

    /// Keys are there: media may flow.
    pub(super) fn session(&mut self) -> Option<&mut SrtpSession> {
        self.srtp.as_mut()
    }

    /// The same keys in the hands of somebody who overhears.
    pub(super) fn overhearer(&mut self) -> Option<&mut SrtpSession> {
        if self.overheard.is_none() {
            self.overheard = SrtpSession::new(self.keys.as_ref()?, Role::Client).ok();
        }
        self.overheard.as_mut()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.srtp.is_some()
    }

    /// What protects the media, once there are keys.
    pub(super) fn profile(&self) -> Option<Profile> {
        self.keys.as_ref().map(KeyingMaterial::profile)
    }

    /// Why the handshake failed, for good.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Says goodbye; the datagram comes out of [`poll_datagram`](Self::poll_datagram).
    pub(super) fn close(&mut self) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close();
        }
    }

    /// The relay said goodbye.
    pub(super) fn is_closed(&self) -> bool {
        self.dtls.as_ref().is_some_and(Dtls::is_closed)
    }

    fn settle(&mut self, result: Result<(), DtlsError>) {
        if let Err(error) = result {
            self.failure.get_or_insert_with(|| error.to_string());
        }
        let Some(dtls) = &mut self.dtls else { return };
        let Some(keys) = dtls.take_keys() else { return };
        match SrtpSession::new(&keys, Role::Client) {
            Ok(session) => self.srtp = Some(session),
            Err(error) => self.failure = Some(error.to_string()),
        }
        self.keys = Some(keys);
    }
}
