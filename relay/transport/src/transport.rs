//! ICE, DTLS and SRTP of one peer put together.

use std::sync::Arc;
use std::time::Instant;

use wire::ids::{Fingerprint, IceCredentials};

use crate::dtls::{Certificate, Dtls, DtlsError};
use crate::ice::{Check, Ice};
use crate::path::Path;
use crate::srtp::{SrtpError, SrtpSession};

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

/// How far a [`Transport`] has come. Consent (RFC 7675) is no state: ask [`Transport::send_path`].
///
/// ```text
/// New -> Checking -> Connected -> Secure -> Closed
///  \________\___________/           (any but Secure and Closed) -> Failed
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// No authenticated check has arrived.
    New,
    /// Checks arrive, none has nominated a path.
    Checking,
    /// A path is nominated; the DTLS handshake is to come or under way.
    Connected,
    /// SRTP keys are in place and a path is nominated: media may flow both ways (while `send_path` is `Some`).
    Secure,
    /// The peer said goodbye in DTLS (close_notify, or an authenticated fatal alert).
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
    /// DTLS datagrams that arrived when DTLS was over.
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
    /// The exported keys are unusable; a bug here, not the peer's doing.
    #[error("no SRTP session: {0}")]
    Keys(SrtpError),
}

/// ICE-lite, passive DTLS and SRTP of one peer. Sans-IO: no clock, no socket; a `Send` value with one owner.
///
/// Call order: any `handle_*`; then `poll_dtls` until `None`, sending what it gives to `send_path`; then `poll_timeout`.
/// `open_*` and `seal_*` work from [`State::Secure`] on, at any time.
///
/// Nothing that is not authenticated changes more than a counter, and no answer is longer than what it answers to.
pub struct Transport {
    ice: Ice,
    dtls: Dtls,
    srtp: Option<SrtpSession>,
    failed: bool,
    counters: Counters,
}

/// A transport can be handed to another worker.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Transport>();
};

impl Transport {
    /// Longest STUN reply, bytes.
    pub const MAX_STUN_REPLY: usize = wire::stun::MAX_REPLY;

    /// A peer of which nothing has been heard yet.
    #[must_use]
    pub fn new(now: Instant, config: &TransportConfig) -> Self {
        Self {
            ice: Ice::new(config.local_ice.clone(), config.remote_ice.clone()),
            dtls: Dtls::new_server(now, &config.certificate, config.remote_fingerprint),
            srtp: None,
            failed: false,
            counters: Counters::default(),
        }
    }

    /// How far things have come.
    #[must_use]
    pub fn state(&self) -> State {
        if self.failed {
            State::Failed
        } else if self.dtls.is_closed() {
            State::Closed
        } else if self.ice.heard().is_none() {
            State::New
        } else if !self.ice.is_nominated() {
            State::Checking
        } else if self.srtp.is_none() {
            State::Connected
        } else {
            State::Secure
        }
    }

    /// Where to send: the nominated path, or `None` without one or when no authenticated check arrived on it for 30 s (RFC 7675).
    /// The next check on it brings it back.
    #[must_use]
    pub fn send_path(&self, now: Instant) -> Option<Path> {
        self.ice.send_path(now)
    }

    /// When the last authenticated check arrived, on any path.
    #[must_use]
    pub fn last_heard(&self) -> Option<Instant> {
        self.ice.heard()
    }

    /// Whether an authenticated check arrived on this path (and it was not forgotten since).
    #[must_use]
    pub fn knows(&self, path: Path) -> bool {
        self.ice.knows(path)
    }

    /// The authenticated paths, in no order; at most 8.
    pub fn paths(&self) -> impl Iterator<Item = Path> {
        self.ice.paths()
    }

    /// What was dropped so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// A STUN datagram arrived. `reply` must have room for [`Transport::MAX_STUN_REPLY`] bytes, else nothing is answered or learned.
    pub fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8], reply: &mut [u8]) -> StunOutcome {
        match self.ice.handle(now, path, datagram, reply) {
            Check::Rejected => {
                self.counters.stun_rejected += 1;
                StunOutcome::default()
            }
            Check::RoleConflict { reply_len } => {
                self.counters.stun_role_conflicts += 1;
                StunOutcome { reply_len, ..StunOutcome::default() }
            }
            Check::Accepted(accepted) => StunOutcome {
                reply_len: accepted.reply_len,
                newly_bound: accepted.learned.then_some(path),
                unbound: accepted.forgotten,
                selected: accepted.selected.then_some(path),
            },
        }
    }

    /// A DTLS datagram arrived. Counted and ignored unless its path passed an authenticated check.
    ///
    /// # Errors
    /// Fatal ones only, and only before [`State::Secure`]; the state is [`State::Failed`] afterwards.
    pub fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), TransportError> {
        if !self.ice.knows(path) {
            self.counters.dtls_unauthenticated += 1;
            return Ok(());
        }
        if self.failed || !self.dtls.is_listening() {
            self.counters.dtls_ignored += 1;
            return Ok(());
        }
        let handled = self.dtls.handle_datagram(now, datagram);
        self.after_dtls(handled)
    }

    /// Time has passed: DTLS retransmissions and time limits.
    ///
    /// # Errors
    /// As [`Transport::handle_dtls`].
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), TransportError> {
        if self.failed {
            return Ok(());
        }
        let handled = self.dtls.handle_timeout(now);
        self.after_dtls(handled)
    }

    /// ICE restart: new credentials. The old ones stay valid until the first check with the new ones. DTLS and SRTP go on, and so
    /// does sending on the old path until a check nominates another.
    pub fn restart_ice(&mut self, local: IceCredentials, remote: IceCredentials) {
        self.ice.restart(local, remote);
    }

    /// Says goodbye in DTLS: `poll_dtls` gives a close_notify. Packets can still be sealed and opened.
    pub fn close(&mut self) {
        self.dtls.close();
    }

    /// The next DTLS datagram to send along `send_path`, copied to the start of `buf` (1,500 bytes suffice); `None` when there is
    /// none. While no path is nominated, what there is waits.
    pub fn poll_dtls(&mut self, buf: &mut [u8]) -> Option<usize> {
        if self.ice.is_nominated() { self.dtls.poll_datagram(buf) } else { None }
    }

    /// When `handle_timeout` wants to be called: for DTLS, or because `send_path` becomes `None` unless a check arrives.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let dtls = if self.failed { None } else { self.dtls.poll_timeout() };
        let consent = self.ice.consent_until().filter(|until| *until > now);
        [dtls, consent].into_iter().flatten().min()
    }

    /// Authenticates and decrypts an SRTP packet in place; gives the length of the plain RTP packet at the start of `packet`.
    ///
    /// # Errors
    /// [`SrtpError`], see [`SrtpSession::open_rtp`]; [`SrtpError::NotReady`] before [`State::Secure`]. Nothing changed but a counter.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let opened = self.srtp.as_mut().ok_or(SrtpError::NotReady).and_then(|srtp| srtp.open_rtp(packet));
        self.count_refused(opened)
    }

    /// Authenticates and decrypts an SRTCP packet in place; gives the length of the plain compound packet.
    ///
    /// # Errors
    /// As [`Transport::open_rtp`], and [`SrtpError::Unencrypted`].
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let opened = self.srtp.as_mut().ok_or(SrtpError::NotReady).and_then(|srtp| srtp.open_rtcp(packet));
        self.count_refused(opened)
    }

    /// Encrypts the RTP packet in `buf[..len]` in place; `buf` needs [`crate::srtp::MAX_RTP_OVERHEAD`] bytes of tail room. Gives
    /// the length of the SRTP packet. What may be sealed in which order is said at [`SrtpSession::seal_rtp`].
    ///
    /// # Errors
    /// [`SrtpError`]; the buffer must not be sent then.
    pub fn seal_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.srtp.as_mut().ok_or(SrtpError::NotReady)?.seal_rtp(buf, len)
    }

    /// Encrypts the compound RTCP packet in `buf[..len]` in place; `buf` needs [`crate::srtp::MAX_RTCP_OVERHEAD`] bytes of tail room.
    ///
    /// # Errors
    /// As [`Transport::seal_rtp`].
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.srtp.as_mut().ok_or(SrtpError::NotReady)?.seal_rtcp(buf, len)
    }

    fn count_refused(&mut self, opened: Result<usize, SrtpError>) -> Result<usize, SrtpError> {
        self.counters.srtp_rejected += u64::from(opened.is_err());
        opened
    }

    /// Takes over keys once there are some, and notes failures.
    fn after_dtls(&mut self, handled: Result<(), DtlsError>) -> Result<(), TransportError> {
        let result = handled.map_err(TransportError::from).and_then(|()| match self.dtls.take_keys() {
            Some(keys) => {
                self.srtp = Some(SrtpSession::new(&keys, self.dtls.role()).map_err(TransportError::Keys)?);
                Ok(())
            }
            None => Ok(()),
        });
        self.failed |= result.is_err();
        result
    }
}
