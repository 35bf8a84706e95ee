//! ICE in SDP: local credentials that name their worker, host candidates (RFC 8839).

use std::net::SocketAddr;

/// Workers that two base-32 characters can name.
pub const MAX_WORKERS: usize = 1024;

/// The alphabet of a ufrag's first two characters (RFC 4648 section 6, lower case; all are ice-chars).
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A host candidate of the relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Where clients can reach the media socket.
    pub address: SocketAddr,
}

/// The first two characters of every local ufrag that belongs to the worker with this index.
///
/// # Panics
/// When `worker` is not below [`MAX_WORKERS`]; the number of workers is the operator's choice, never a client's.
#[must_use]
pub fn ufrag_prefix(worker: usize) -> String {
    assert!(worker < MAX_WORKERS, "a ufrag can name {MAX_WORKERS} workers");
    [BASE32[worker / 32], BASE32[worker % 32]].map(char::from).iter().collect()
}

/// Which worker a local ufrag belongs to; `None` when it is none of ours.
#[must_use]
pub fn ufrag_worker(ufrag: &str) -> Option<usize> {
    let digit = |byte: u8| BASE32.iter().position(|&letter| letter == byte);
    match ufrag.as_bytes() {
        [high, low, ..] => Some(digit(*high)? * 32 + digit(*low)?),
        _ => None,
    }
}
