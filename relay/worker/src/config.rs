//! What a worker is given at birth: identity, clock epoch, entropy, limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use transport::Certificate;
use wire::ntp::Ntp;

/// Everything a worker needs to know; the clock and randomness enter here and with each call.
pub struct WorkerConfig {
    /// DTLS identity, shared by all peers of the node.
    pub certificate: Arc<Certificate>,
    /// One moment on both clocks: the monotonic one of every `now`, and wall time for sender reports.
    pub epoch: (Instant, Ntp),
    /// Seed of SSRCs and first sequence numbers.
    pub seed: [u8; 32],
    /// Bounds.
    pub limits: Limits,
}

/// Bounds that an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most people in one room, viewers included.
    pub people_per_room: usize,
    /// Most peers on this worker.
    pub peers: usize,
    /// How long a person whose WebSocket dropped, or whose media never came or fell silent (WHIP, WHEP), keeps the place.
    pub grace: Duration,
    /// How long a room without people is remembered: who was removed, who had which role, what was locked.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { people_per_room: 40, peers: 4000, grace: Duration::from_secs(30), linger: Duration::from_secs(300) }
    }
}
