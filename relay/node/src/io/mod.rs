//! UDP of the media threads: sockets, batched receive (GRO), batched send in GSO runs, candidate addresses. Linux only.
//!
//! Architecture invariant: this module knows addresses and bytes, not what the bytes mean. It is the only place of the project
//! where `unsafe` is allowed, and within it only the file `sys.rs` uses it.

mod bind;
mod candidates;
mod counters;
mod receive;
mod runs;
mod send;
mod socket;
mod sys;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

pub use bind::Ports;
pub(crate) use bind::{Buffers, open_sockets};
pub use candidates::{CandidateRules, MAX_CANDIDATES, candidates};
pub use counters::IoCounters;
pub use receive::{Received, Receiver};
pub use send::Sender;
pub use socket::MediaSocket;

/// Why the media sockets or threads could not be set up. Nothing of this happens once they run.
#[derive(Debug, thiserror::Error)]
pub enum IoError {
    /// The operator's settings contradict each other; the text says how.
    #[error("media settings: {0}")]
    Config(String),
    /// The address is taken, not ours, or not permitted.
    #[error("cannot open the media port {address}/udp: {source}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The range holds fewer free ports than there are media threads.
    #[error("only {found} of {wanted} ports are free between {first} and {last}/udp")]
    NoFreePort {
        /// Ports that could be opened.
        found: usize,
        /// Ports needed, one per thread.
        wanted: usize,
        /// First of the range.
        first: u16,
        /// Last of the range.
        last: u16,
    },
    /// The host's interfaces could not be listed.
    #[error("cannot list the network interfaces: {0}")]
    Interfaces(io::Error),
    /// No epoll instance, event descriptor or thread to be had, or no entropy.
    #[error("cannot start a media thread: {0}")]
    Thread(io::Error),
}
