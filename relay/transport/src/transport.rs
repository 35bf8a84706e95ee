//! ICE, DTLS and SRTP of one peer put together.

use std::sync::Arc;
use std::time::Instant;

use wire::ids::{Fingerprint, IceCredentials};

use crate::dtls::{Certificate, DtlsError};
use crate::path::Path;
use crate::srtp::SrtpError;

/// What was agreed in SDP for one peer.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Our credentials, as written in the answer.
    pub local_ice: IceCredentials,
    /// The peer's credentials.
    pub remote_ice: IceCredentials,
    /// SHA-256 fingerprint of the only certificate that is accepted.
    pub remote_fingerprint: Fingerprint,
    /// Our DTLS key pair.
    pub certificate: Arc<Certificate>,
}

/// How far a [`Transport`] has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No authenticated check has arrived.
    New,
    /// Checks arrive, none has nominated a path.
    Checking,
    /// A path is nominated; the DTLS handshake is to come or under way.
    Connected,
    /// SRTP keys are in place: media may flow both ways (while `send_path` is `Some`).
    Secure,
    /// The peer said goodbye in DTLS (close_notify).
    Closed,
    /// A fatal error was returned. It is final.
    Failed,
}

/// What one STUN datagram led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct StunOutcome {
    /// Bytes of `reply` to send back along the path the datagram came from; 0 for none.
    pub reply_len: usize,
    /// The path was authenticated for the first time: datagrams from its remote address belong to this peer from now on.
    pub newly_bound: Option<Path>,
    /// A path that was forgotten to make room for the new one: its remote address no longer belongs to this peer.
    pub unbound: Option<Path>,
    /// The path we send on changed to this one.
    pub selected: Option<Path>,
}

/// What was dropped and why; only ever grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// STUN datagrams that were malformed, for other credentials, or whose MESSAGE-INTEGRITY was wrong.
    pub stun_rejected: u64,
    /// Checks answered with 487 (role conflict).
    pub stun_role_conflicts: u64,
    /// DTLS datagrams from a path without an authenticated check.
    pub dtls_unauthenticated: u64,
    /// DTLS datagrams that arrived when DTLS had nothing more to do.
    pub dtls_ignored: u64,
    /// RTP or RTCP packets that were refused: forged, replayed, truncated or too early.
    pub srtp_rejected: u64,
}

/// Why a [`Transport`] failed. Every variant is final.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The DTLS handshake failed.
    #[error(transparent)]
    Dtls(#[from] DtlsError),
    /// The handshake came to an end without usable SRTP keys.
    #[error("no SRTP keys: {0}")]
    Keys(#[source] SrtpError),
    /// An earlier call already failed.
    #[error("the transport has failed before")]
    Failed,
}

/// ICE-lite, passive DTLS and SRTP of one peer.
///
/// After each `handle_*` call: drain `poll_dtls` until `None` and send what it gives to `send_path`, then ask `poll_timeout` again.
pub struct Transport {}

#[expect(unused_variables, clippy::unused_self, reason = "signatures first")]
impl Transport {
    /// A peer of which nothing has been heard yet.
    #[must_use]
    pub fn new(now: Instant, config: &TransportConfig) -> Self {
        unimplemented!()
    }

    /// ICE restart: new credentials. The old ones stay valid until the first check with the new ones. DTLS and SRTP go on.
    pub fn restart_ice(&mut self, local: IceCredentials, remote: IceCredentials) {
        unimplemented!()
    }

    /// A STUN datagram arrived. `reply` must have room for [`Transport::MAX_STUN_REPLY`] bytes.
    pub fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8], reply: &mut [u8]) -> StunOutcome {
        unimplemented!()
    }

    /// Longest STUN reply, bytes.
    pub const MAX_STUN_REPLY: usize = 128;

    /// A DTLS datagram arrived. Counted and ignored unless its path passed an authenticated check.
    ///
    /// # Errors
    /// Fatal ones only; the state is [`State::Failed`] afterwards.
    pub fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), TransportError> {
        unimplemented!()
    }

    /// The next DTLS datagram to send along `send_path`, copied to the start of `buf` (1,500 bytes suffice); `None` when there
    /// is none, or no nominated path yet.
    pub fn poll_dtls(&mut self, buf: &mut [u8]) -> Option<usize> {
        unimplemented!()
    }

    /// Time has passed: DTLS retransmissions and time limits.
    ///
    /// # Errors
    /// Fatal ones only; the state is [`State::Failed`] afterwards.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), TransportError> {
        unimplemented!()
    }

    /// When `handle_timeout` wants to be called.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        unimplemented!()
    }

    /// Says goodbye in DTLS: `poll_dtls` gives a close_notify. Sealing still works until the value is dropped.
    pub fn close(&mut self) {
        unimplemented!()
    }

    /// How far things have come.
    #[must_use]
    pub fn state(&self) -> State {
        unimplemented!()
    }

    /// Where to send: the nominated path, or `None` without one or when no authenticated check arrived on it for 30 s (RFC 7675).
    #[must_use]
    pub fn send_path(&self, now: Instant) -> Option<Path> {
        unimplemented!()
    }

    /// When the last authenticated check arrived, on any path.
    #[must_use]
    pub fn last_heard(&self) -> Option<Instant> {
        unimplemented!()
    }

    /// Whether an authenticated check arrived on this path (and it was not forgotten since).
    #[must_use]
    pub fn knows(&self, path: Path) -> bool {
        unimplemented!()
    }

    /// The authenticated paths, in no order; at most 8.
    pub fn paths(&self) -> impl Iterator<Item = Path> {
        std::iter::empty()
    }

    /// What was dropped so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        unimplemented!()
    }

    /// Authenticates and decrypts an SRTP packet in place; gives the length of the plain RTP packet at the start of `packet`.
    ///
    /// # Errors
    /// [`SrtpError`]; nothing was changed except a counter, and the bytes after the header are undefined.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        unimplemented!()
    }

    /// Authenticates and decrypts an SRTCP packet in place; gives the length of the plain compound packet.
    ///
    /// # Errors
    /// As [`Transport::open_rtp`].
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        unimplemented!()
    }

    /// Encrypts the RTP packet in `buf[..len]` in place; `buf` needs [`crate::srtp::MAX_RTP_OVERHEAD`] bytes of tail room. Gives
    /// the length of the SRTP packet.
    ///
    /// # Errors
    /// [`SrtpError`]; the buffer must not be sent then.
    pub fn seal_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        unimplemented!()
    }

    /// Encrypts the compound RTCP packet in `buf[..len]` in place; `buf` needs [`crate::srtp::MAX_RTCP_OVERHEAD`] bytes of tail room.
    ///
    /// # Errors
    /// As [`Transport::seal_rtp`].
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        unimplemented!()
    }
}
