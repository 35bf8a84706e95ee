//! Our DTLS key pair and what is configured with it.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};
use sha2::{Digest, Sha256};
use wire::ids::Fingerprint;

use super::DtlsError;

/// Largest DTLS datagram that is sent, bytes: fits every path that carries WebRTC media.
const MTU: usize = 1_150;
/// First retransmission of a handshake flight; doubles each time. Shorter than the one second of RFC 9147 section 5.8.2 because a
/// person is waiting, and early enough for a lost packet to cost a third of a second. On longer paths a few duplicates are sent.
const FIRST_RETRANSMISSION: Duration = Duration::from_millis(300);
/// Retransmissions per flight; the handshake's time limit ends them first.
const RETRANSMISSIONS: usize = 8;
/// Datagrams that the engine keeps for reassembly.
pub(super) const RECEIVE_QUEUE: usize = 30;
/// From the ClientHello to the end of the handshake.
const HANDSHAKE_TIME_LIMIT: Duration = Duration::from_secs(30);

/// A DTLS key pair with its self-signed certificate, shared by all transports of a node.
pub struct Certificate {
    pub(super) key_pair: dimpl::DtlsCertificate,
    pub(super) config: Arc<dimpl::Config>,
    fingerprint: Fingerprint,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(..)")
    }
}

impl Certificate {
    /// A fresh ECDSA P-256 key pair, from the crypto library's own randomness.
    ///
    /// The validity dates are constants: peers judge the certificate by the fingerprint in SDP alone (RFC 8122 section 6), and
    /// nothing here reads a clock. The serial number is a hash of the public key, so that no two certificates share one.
    ///
    /// # Errors
    /// [`DtlsError::Certificate`] when the library cannot make one.
    pub fn generate() -> Result<Self, DtlsError> {
        let failed = |error: rcgen::Error| DtlsError::Certificate(error.to_string());
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "relay");
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2049, 12, 31);
        let certificate = params.self_signed(&key).map_err(failed)?;
        let key_pair = dimpl::DtlsCertificate { certificate: certificate.der().to_vec(), private_key: key.serialize_der() };
        let fingerprint = fingerprint(&key_pair.certificate);
        let config = dimpl::Config::builder()
            .mtu(MTU)
            // Return-routability is shown by ICE before DTLS is listened to; a cookie would only cost a round trip.
            .use_server_cookie(false)
            .max_queue_rx(RECEIVE_QUEUE)
            .flight_start_rto(FIRST_RETRANSMISSION)
            .flight_retries(RETRANSMISSIONS)
            .handshake_timeout(HANDSHAKE_TIME_LIMIT)
            .build()
            .map_err(|error| DtlsError::Certificate(error.to_string()))?;
        Ok(Self { key_pair, config: Arc::new(config), fingerprint })
    }

    /// SHA-256 over the DER form, as announced in SDP.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// SHA-256 over a certificate's DER form (RFC 8122 section 5).
pub(super) fn fingerprint(der: &[u8]) -> Fingerprint {
    Fingerprint(Sha256::digest(der).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_certificates_differ() {
        let (one, other) = (Certificate::generate().unwrap(), Certificate::generate().unwrap());
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(format!("{one:?}"), "Certificate(..)", "no key in logs");
    }

    /// FIPS 180-2 appendix B.1.
    #[test]
    fn known_digest() {
        let text = fingerprint(b"abc").to_string();
        assert!(text.starts_with("BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23"), "{text}");
        assert_eq!(Fingerprint::parse(&text), Some(fingerprint(b"abc")));
    }
}
