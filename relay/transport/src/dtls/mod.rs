//! DTLS 1.2 and 1.3 on `dimpl`, as far as DTLS-SRTP needs it: handshake, certificate fingerprint, exported keys, close_notify.

use std::sync::Arc;
use std::time::Instant;

use wire::ids::Fingerprint;

use crate::srtp::{KeyingMaterial, Role};

/// A DTLS key pair with its self-signed certificate.
pub struct Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(..)")
    }
}

#[expect(clippy::unused_self, reason = "signatures first")]
impl Certificate {
    /// A fresh ECDSA P-256 key pair, from the crypto library's own randomness.
    ///
    /// # Errors
    /// [`DtlsError::Certificate`] when the library cannot make one.
    pub fn generate() -> Result<Self, DtlsError> {
        unimplemented!()
    }

    /// SHA-256 over the DER form, as announced in SDP.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        unimplemented!()
    }
}

/// Why a handshake failed. Every variant is final.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DtlsError {
    /// The peer showed another certificate than the one announced in SDP.
    #[error("the certificate is not the announced one")]
    FingerprintMismatch,
    /// No certificate could be made.
    #[error("no certificate could be made")]
    Certificate,
    /// The handshake ended without SRTP keys.
    #[error("no common SRTP profile")]
    NoSrtpProfile,
    /// The DTLS engine gave up.
    #[error("DTLS: {0}")]
    Engine(#[source] dimpl::Error),
}

/// One DTLS association.
pub struct Dtls {}

#[expect(unused_variables, clippy::unused_self, reason = "signatures first")]
impl Dtls {
    /// The passive end: waits for a ClientHello of DTLS 1.2 or 1.3.
    #[must_use]
    pub fn new_server(now: Instant, certificate: &Arc<Certificate>, remote: Fingerprint) -> Self {
        unimplemented!()
    }

    /// The active end, for test and load clients; `poll_datagram` gives the ClientHello at once.
    #[must_use]
    pub fn new_client(now: Instant, certificate: &Arc<Certificate>, remote: Fingerprint) -> Self {
        unimplemented!()
    }

    /// A datagram arrived.
    ///
    /// # Errors
    /// [`DtlsError`]; the association is over.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        unimplemented!()
    }

    /// The next datagram to send, copied to the start of `buf`; `None` when there is none.
    pub fn poll_datagram(&mut self, buf: &mut [u8]) -> Option<usize> {
        unimplemented!()
    }

    /// Time has passed.
    ///
    /// # Errors
    /// [`DtlsError`]; the association is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        unimplemented!()
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        unimplemented!()
    }

    /// Exported SRTP keys, once, after the peer's certificate was compared. With [`Dtls::role`] they make an `SrtpSession`.
    pub fn take_keys(&mut self) -> Option<KeyingMaterial> {
        unimplemented!()
    }

    /// Which end this is.
    #[must_use]
    pub fn role(&self) -> Role {
        unimplemented!()
    }

    /// Sends close_notify.
    pub fn close(&mut self) {
        unimplemented!()
    }

    /// Whether the peer sent close_notify.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        unimplemented!()
    }
}
