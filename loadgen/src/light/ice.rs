//! The controlling full agent's end of ICE (RFC 8445), against an ICE-lite relay above all: checks, nomination, consent (RFC 7675).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::ids::IceCredentials;
use wire::stun::{BindingRequest, Key, Role, StunRequest, StunResponse, TransactionId, binding_request, binding_success};

use super::entropy::Entropy;

/// Pace of checks while no path is nominated (RFC 8445 section 14.2, Ta).
const CHECK_PACE: Duration = Duration::from_millis(50);
/// Pace of consent checks on the nominated path; browsers use the same.
const CONSENT_PACE: Duration = Duration::from_millis(2_500);
/// The same while a full agent may still be making up its mind about the path, and how many of these there are: such an agent looks again
/// only when it hears of us, and browsers do not let it wait either.
const BRISK_PACE: Duration = Duration::from_millis(100);
const BRISK_CHECKS: u32 = 15;
/// A consent check that is not answered is repeated after this.
const CONSENT_RETRY: Duration = Duration::from_millis(500);
/// Checks under way that are remembered; more are not needed at the pace above.
const MAX_UNDER_WAY: usize = 32;
/// A check with this priority: peer-reflexive, highest local preference (RFC 8445 section 5.1.2.1).
const PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;
/// Round trip time assumed before the first answer.
const FIRST_RTT: Duration = Duration::from_millis(100);

/// One agent.
pub(super) struct Ice {
    local: IceCredentials,
    remote: Option<Remote>,
    tie_breaker: u64,
    under_way: VecDeque<Check>,
    next_check: Option<Instant>,
    turn: usize,
    selected: Option<SocketAddr>,
    nominated: bool,
    last_answer: Option<Instant>,
    rtt: Duration,
    refused: u64,
    /// Checks on the nominated path that still come briskly.
    brisk: u32,
}

struct Remote {
    ufrag: String,
    key: Key,
    candidates: Vec<SocketAddr>,
}

struct Check {
    transaction: TransactionId,
    sent: Instant,
    nominates: bool,
}

impl Ice {
    pub(super) fn new(entropy: &mut Entropy) -> Self {
        Self {
            local: fresh(entropy),
            remote: None,
            tie_breaker: entropy.next(),
            under_way: VecDeque::new(),
            next_check: None,
            turn: 0,
            selected: None,
            nominated: false,
            last_answer: None,
            rtt: FIRST_RTT,
            refused: 0,
            brisk: 0,
        }
    }

    /// The other side may be a full agent, which checks paths itself.
    pub(super) fn expect_full_agent(&mut self) {
        self.brisk = BRISK_CHECKS;
    }

    pub(super) fn local(&self) -> &IceCredentials {
        &self.local
    }

    /// New credentials for the next offer. Media goes on along the old path until its answer has come.
    pub(super) fn restart(&mut self, entropy: &mut Entropy) {
        self.local = fresh(entropy);
        self.remote = None;
        self.under_way.clear();
        self.nominated = false;
        self.next_check = None;
    }

    /// The answer's part; the same credentials again change nothing.
    pub(super) fn set_remote(&mut self, now: Instant, remote: &IceCredentials, candidates: &[SocketAddr]) {
        if self.remote.as_ref().is_some_and(|known| known.ufrag == remote.ufrag) {
            return;
        }
        let (ufrag, key) = (remote.ufrag.clone(), Key::new(&remote.pwd));
        self.remote = Some(Remote { ufrag, key, candidates: candidates.to_vec() });
        self.next_check = Some(now);
    }

    /// The nominated path.
    pub(super) fn path(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// True once a nominating check was answered.
    pub(super) fn is_nominated(&self) -> bool {
        self.nominated
    }

    pub(super) fn rtt(&self) -> Duration {
        self.rtt
    }

    /// When the relay last answered.
    pub(super) fn last_answer(&self) -> Option<Instant> {
        self.last_answer
    }

    /// Error responses received.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next_check
    }

    /// The check that is due now, if any: where to and how long.
    pub(super) fn poll_check(&mut self, now: Instant, entropy: &mut Entropy, buf: &mut [u8]) -> Option<(SocketAddr, usize)> {
        if self.next_check? > now {
            return None;
        }
        let remote = self.remote.as_ref().filter(|remote| !remote.candidates.is_empty())?;
        let fallback = remote.candidates[self.turn % remote.candidates.len()];
        let (to, nominates) = (self.selected.unwrap_or(fallback), self.selected.is_some());
        let request = BindingRequest {
            transaction: TransactionId(entropy.transaction()),
            remote_ufrag: &remote.ufrag,
            local_ufrag: &self.local.ufrag,
            priority: PRIORITY,
            role: Role::Controlling(self.tie_breaker),
            use_candidate: nominates,
        };
        let len = binding_request(&request, &remote.key, buf)?;
        self.turn += 1;
        if self.under_way.len() == MAX_UNDER_WAY {
            self.under_way.pop_front();
        }
        self.under_way.push_back(Check { transaction: request.transaction, sent: now, nominates });
        let pace = if self.nominated { CONSENT_RETRY } else { CHECK_PACE };
        self.next_check = Some(now + pace);
        Some((to, len))
    }

    /// The response to a check of the server's, where there is one: an ICE-lite agent makes none, but not every server is one, and libnice
    /// makes them even then.
    pub(super) fn respond(&self, from: SocketAddr, datagram: &[u8], buf: &mut [u8]) -> Option<usize> {
        let request = StunRequest::parse(datagram).ok()?;
        let key = Key::new(&self.local.pwd);
        let authentic = request.username().0 == self.local.ufrag && request.verify(&key);
        if authentic { binding_success(request.transaction(), from, &key, buf) } else { None }
    }

    /// A STUN datagram came from `from`. Whatever does not answer a check of ours is ignored.
    pub(super) fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let Ok(response) = StunResponse::parse(datagram) else { return };
        let Some(index) = self.under_way.iter().position(|check| check.transaction == response.transaction()) else { return };
        if !self.remote.as_ref().is_some_and(|remote| response.verify(&remote.key)) {
            return;
        }
        let Some(check) = self.under_way.remove(index) else { return };
        if response.outcome().is_err() {
            self.refused += 1;
            return;
        }
        self.rtt = now.saturating_duration_since(check.sent);
        self.last_answer = Some(now);
        if check.nominates && self.selected == Some(from) {
            self.nominated = true;
            self.under_way.clear();
            let pace = if self.brisk > 0 { BRISK_PACE } else { CONSENT_PACE };
            self.brisk = self.brisk.saturating_sub(1);
            self.next_check = Some(now + pace);
        } else if self.selected.is_none() {
            // The first path that works is taken and nominated at once.
            self.selected = Some(from);
            self.next_check = Some(now);
        }
    }
}

fn fresh(entropy: &mut Entropy) -> IceCredentials {
    IceCredentials { ufrag: entropy.ice_chars(8), pwd: entropy.ice_chars(24) }
}
