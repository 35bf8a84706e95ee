//! DTLS 1.2 and 1.3 on `dimpl`, as far as DTLS-SRTP needs it: handshake, certificate fingerprint, exported keys, close_notify.
//!
//! The handshake's randomness (hello random, key shares, signatures) is the crypto library's own; it cannot be passed in. The order
//! of SRTP profiles is the library's too: with DTLS 1.3 the client's, with DTLS 1.2 GCM-256, GCM-128, counter mode.

mod certificate;
mod error;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::Output;
use subtle::ConstantTimeEq;
use wire::ids::Fingerprint;

use crate::srtp::{KeyingMaterial, Profile, Role};

pub use certificate::Certificate;
pub use error::DtlsError;

/// Longest datagram that is looked at, bytes. A ClientHello with post-quantum key shares comes in several of at most the path's MTU.
const MAX_DATAGRAM: usize = 2_048;
/// Datagrams waiting to be sent: two of our largest flights. What does not fit is retransmitted later.
const MAX_OUTGOING: usize = 16;
/// Room for the engine's longest output, bytes. Until the handshake is done that is the peer's certificate, which may fill the engine's
/// receive queue of 30 datagrams; the engine panics when a certificate does not fit.
const MAX_HANDSHAKE_OUTPUT: usize = 65_536;
const _: () = assert!(MAX_HANDSHAKE_OUTPUT >= certificate::RECEIVE_QUEUE * MAX_DATAGRAM);
/// Timers further away than this mean "none" (the engine says ten years).
const HORIZON: Duration = Duration::from_secs(24 * 3_600);

/// One DTLS association.
///
/// After each `handle_*` call: drain `poll_datagram`, then ask `poll_timeout` again.
pub struct Dtls {
    engine: dimpl::Dtls,
    role: Role,
    expected: Fingerprint,
    phase: Phase,
    outgoing: VecDeque<Vec<u8>>,
    timeout: Option<Instant>,
    keys: Option<KeyingMaterial>,
    /// The latest time that was told.
    now: Instant,
}

/// ```text
/// Handshaking -> Verified -> Established -> Closed
///      |            |             |
///      +------------+-> Failed    +-> Retired
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The peer has not shown the right certificate yet.
    Handshaking,
    /// It has; keys may be released.
    Verified,
    /// Keys were exported. From here on nothing that arrives can fail the association: media does not depend on it any more.
    Established,
    /// The engine gave up after it had exported keys; nothing more is fed to it.
    Retired,
    /// The peer said close_notify, or aborted with an authenticated alert.
    Closed,
    /// An error was returned.
    Failed,
}

impl Dtls {
    /// The passive end: waits for a ClientHello of DTLS 1.2 or 1.3.
    #[must_use]
    pub fn new_server(now: Instant, certificate: &Arc<Certificate>, remote: Fingerprint) -> Self {
        let engine = dimpl::Dtls::new_auto(Arc::clone(&certificate.config), certificate.key_pair.clone(), now);
        Self {
            engine,
            role: Role::Server,
            expected: remote,
            phase: Phase::Handshaking,
            outgoing: VecDeque::new(),
            timeout: None,
            keys: None,
            now,
        }
    }

    /// The active end, for test and load clients; `poll_datagram` gives the ClientHello at once.
    ///
    /// # Errors
    /// [`DtlsError::Engine`] when no ClientHello could be made.
    pub fn new_client(now: Instant, certificate: &Arc<Certificate>, remote: Fingerprint) -> Result<Self, DtlsError> {
        let mut dtls = Self::new_server(now, certificate, remote);
        dtls.role = Role::Client;
        dtls.engine.set_active(true);
        dtls.handle_timeout(now)?;
        Ok(dtls)
    }

    /// A datagram arrived.
    ///
    /// # Errors
    /// [`DtlsError`]; the association is over. Once keys were exported there are none.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        if datagram.len() > MAX_DATAGRAM {
            return self.not_failed();
        }
        self.advance(now, |engine| {
            engine.handle_timeout(now)?;
            engine.handle_packet(datagram)
        })
    }

    /// Time has passed: retransmissions and the handshake's time limit.
    ///
    /// # Errors
    /// [`DtlsError`]; the association is over. Once keys were exported there are none.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        self.advance(now, |engine| engine.handle_timeout(now))
    }

    /// Sends close_notify, if the handshake is done.
    pub fn close(&mut self) {
        if self.phase == Phase::Established {
            // Errors cannot happen any more (see `advance`) and would change nothing: we are going.
            let _ = self.advance(self.now, dimpl::Dtls::close);
        }
    }

    /// The next datagram to send, copied to the start of `buf`; `None` when there is none, or it does not fit (1,500 bytes suffice).
    pub fn poll_datagram(&mut self, buf: &mut [u8]) -> Option<usize> {
        let datagram = self.outgoing.pop_front()?;
        buf.get_mut(..datagram.len())?.copy_from_slice(&datagram);
        Some(datagram.len())
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Exported SRTP keys, once, after the peer's certificate was found to be the announced one. With [`Dtls::role`] they make an
    /// `SrtpSession`.
    pub fn take_keys(&mut self) -> Option<KeyingMaterial> {
        self.keys.take()
    }

    /// Which end this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether the peer has said goodbye.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether datagrams still make a difference.
    pub(crate) fn is_listening(&self) -> bool {
        matches!(self.phase, Phase::Handshaking | Phase::Verified | Phase::Established)
    }

    fn not_failed(&self) -> Result<(), DtlsError> {
        if self.phase == Phase::Failed { Err(DtlsError::Over) } else { Ok(()) }
    }

    /// Lets the engine act, then takes everything it has to say.
    fn advance(&mut self, now: Instant, act: impl FnOnce(&mut dimpl::Dtls) -> Result<(), dimpl::Error>) -> Result<(), DtlsError> {
        if !self.is_listening() {
            return self.not_failed();
        }
        self.now = now;
        let acted = act(&mut self.engine).map_err(DtlsError::Engine);
        let result = acted.and_then(|()| self.drain());
        let Err(error) = result else { return Ok(()) };
        self.timeout = None;
        if self.phase == Phase::Established {
            // Fatal alerts are authenticated by now (the engine discards plaintext ones).
            let aborted = matches!(&error, DtlsError::Engine(dimpl::Error::SecurityError(dimpl::SecurityError::FatalAlert { .. })));
            self.phase = if aborted { Phase::Closed } else { Phase::Retired };
            return Ok(());
        }
        self.phase = Phase::Failed;
        self.outgoing.clear();
        self.keys = None;
        Err(error)
    }

    fn drain(&mut self) -> Result<(), DtlsError> {
        let mut buf = vec![0; if self.phase == Phase::Established { MAX_DATAGRAM } else { MAX_HANDSHAKE_OUTPUT }];
        let mut connected = false;
        loop {
            match self.engine.poll_output(&mut buf) {
                Output::Packet(datagram) if self.outgoing.len() < MAX_OUTGOING => self.outgoing.push_back(datagram.to_vec()),
                // Kept by the engine until it fits, so this makes progress.
                Output::BufferTooSmall { needed } => buf.resize(needed.max(buf.len()), 0),
                Output::Timeout(at) => {
                    self.timeout = Some(at).filter(|at| at.saturating_duration_since(self.now) < HORIZON);
                    break;
                }
                Output::PeerCert(der) => {
                    let shown = certificate::fingerprint(der);
                    if !bool::from(shown.0.ct_eq(&self.expected.0)) {
                        return Err(DtlsError::FingerprintMismatch);
                    }
                    self.phase = Phase::Verified;
                }
                Output::Connected => connected = true,
                Output::KeyingMaterial(material, profile) => {
                    if self.phase != Phase::Verified {
                        return Err(DtlsError::FingerprintMismatch);
                    }
                    let profile = known_profile(profile).ok_or(DtlsError::NoSrtpProfile)?;
                    let keys = KeyingMaterial::from_exporter(profile, &material).map_err(|_| DtlsError::NoSrtpProfile)?;
                    self.keys = Some(keys);
                    self.phase = Phase::Established;
                }
                Output::CloseNotify => self.phase = Phase::Closed,
                // No room for a packet: it will be sent again. And no data channels: what a peer sends over DTLS itself goes nowhere.
                _ => {}
            }
        }
        if connected && !matches!(self.phase, Phase::Established | Phase::Closed) {
            return Err(DtlsError::NoSrtpProfile);
        }
        Ok(())
    }
}

fn known_profile(profile: dimpl::SrtpProfile) -> Option<Profile> {
    match profile {
        dimpl::SrtpProfile::AEAD_AES_128_GCM => Some(Profile::AeadAes128Gcm),
        dimpl::SrtpProfile::AEAD_AES_256_GCM => Some(Profile::AeadAes256Gcm),
        dimpl::SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::AesCm128HmacSha1_80),
        _ => None,
    }
}
