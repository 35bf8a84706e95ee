//! Whose datagram is it? Decides which worker a datagram belongs to when all share one port.
//!
//! The kernel spreads datagrams by a hash of both ends, so half or more of them arrive at a thread that does not own the peer. A
//! connectivity check names its owner in its username; everything else is known by its address, which the owner announced after the
//! address passed an authenticated check. So nobody can make a thread remember anything without authentication, and a datagram that
//! nobody claims stays where it came in, where the worker drops and counts it.

use std::collections::HashMap;
use std::net::SocketAddr;

use wire::demux::{Kind, demux};
use wire::stun::StunRequest;

use super::links::Notice;
use crate::io::IoCounters;

/// Most addresses of other workers' peers that are remembered; a peer has one or two at a time, 8 at most.
const MAX_FOREIGN: usize = 65_536;

/// One thread's knowledge of who owns what.
pub(super) struct Steering {
    me: usize,
    workers: usize,
    /// False when each thread has a port of its own: then everything that arrives is for its own worker.
    shared: bool,
    foreign: HashMap<SocketAddr, usize>,
}

impl Steering {
    /// Thread `me` of `workers`, with one port for all or not.
    pub(super) fn new(me: usize, workers: usize, shared: bool) -> Self {
        Self { me, workers, shared: shared && workers > 1, foreign: HashMap::new() }
    }

    /// True when datagrams may arrive at the wrong thread.
    pub(super) fn shares_port(&self) -> bool {
        self.shared
    }

    /// The other worker that owns a datagram; `None` when it is for this one, or nobody is known to own it.
    pub(super) fn elsewhere(&self, remote: SocketAddr, datagram: &[u8]) -> Option<usize> {
        if !self.shared {
            return None;
        }
        let owner = named_owner(datagram).filter(|owner| *owner < self.workers);
        let owner = owner.or_else(|| self.foreign.get(&remote).copied())?;
        (owner != self.me).then_some(owner)
    }

    /// Our own worker authenticated this address: whatever was heard before, it is ours.
    pub(super) fn claim(&mut self, address: SocketAddr) {
        self.foreign.remove(&address);
    }

    /// Another worker tells. The latest who authenticated an address has it.
    pub(super) fn learn(&mut self, from: usize, notice: Notice, counters: &mut IoCounters) {
        match notice {
            Notice::Bound(address) => {
                if self.foreign.len() < MAX_FOREIGN || self.foreign.contains_key(&address) {
                    self.foreign.insert(address, from);
                } else {
                    counters.dropped_foreign_full += 1;
                }
            }
            Notice::Unbound(address) => {
                if self.foreign.get(&address) == Some(&from) {
                    self.foreign.remove(&address);
                }
            }
        }
    }
}

/// The worker that a connectivity check's username names.
fn named_owner(datagram: &[u8]) -> Option<usize> {
    if demux(datagram) != Some(Kind::Stun) {
        return None;
    }
    let request = StunRequest::parse(datagram).ok()?;
    signal::sdp::ufrag_worker(request.username().0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use signal::sdp::ufrag_prefix;
    use wire::stun::{BindingRequest, Key, Role, TransactionId, binding_request};

    use super::*;

    const RTP: &[u8] = &[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];

    fn address(port: u16) -> SocketAddr {
        format!("192.0.2.1:{port}").parse().unwrap()
    }

    fn check_for(ufrag: &str) -> Vec<u8> {
        let mut buf = [0; 512];
        let request = BindingRequest {
            transaction: TransactionId([1; 12]),
            local_ufrag: "theirs",
            remote_ufrag: ufrag,
            priority: 1,
            role: Role::Controlling(2),
            use_candidate: true,
        };
        let len = binding_request(&request, &Key::new("a password of some length"), &mut buf).unwrap();
        buf[..len].to_vec()
    }

    fn ufrag(worker: usize) -> String {
        ufrag_prefix(worker) + "rest"
    }

    #[test]
    fn a_check_goes_to_whom_it_names() {
        let steering = Steering::new(1, 3, true);
        assert_eq!(steering.elsewhere(address(1), &check_for(&ufrag(0))), Some(0));
        assert_eq!(steering.elsewhere(address(1), &check_for(&ufrag(1))), None, "here");
        assert_eq!(steering.elsewhere(address(1), &check_for(&ufrag(2))), Some(2));
        assert_eq!(steering.elsewhere(address(1), &check_for(&ufrag(3))), None, "no such worker");
        assert_eq!(steering.elsewhere(address(1), &check_for("!!nonsense")), None);
    }

    #[test]
    fn other_datagrams_go_to_who_announced_their_address() {
        let mut steering = Steering::new(1, 3, true);
        let mut counters = IoCounters::default();
        assert_eq!(steering.elsewhere(address(1), RTP), None, "unknown: stays");
        steering.learn(2, Notice::Bound(address(1)), &mut counters);
        assert_eq!(steering.elsewhere(address(1), RTP), Some(2));
        assert_eq!(steering.elsewhere(address(2), RTP), None, "another port is another peer");
        assert_eq!(steering.elsewhere(address(1), &check_for(&ufrag(0))), Some(0), "a name counts more than an address");
        steering.learn(0, Notice::Unbound(address(1)), &mut counters);
        assert_eq!(steering.elsewhere(address(1), RTP), Some(2), "not theirs to give up");
        steering.learn(2, Notice::Unbound(address(1)), &mut counters);
        assert_eq!(steering.elsewhere(address(1), RTP), None);
    }

    #[test]
    fn the_latest_to_authenticate_an_address_has_it() {
        let mut steering = Steering::new(1, 3, true);
        let mut counters = IoCounters::default();
        steering.learn(0, Notice::Bound(address(1)), &mut counters);
        steering.learn(2, Notice::Bound(address(1)), &mut counters);
        assert_eq!(steering.elsewhere(address(1), RTP), Some(2));
        steering.claim(address(1));
        assert_eq!(steering.elsewhere(address(1), RTP), None);
    }

    #[test]
    fn with_a_port_of_its_own_everything_is_for_the_thread_itself() {
        let mut counters = IoCounters::default();
        for mut steering in [Steering::new(1, 3, false), Steering::new(0, 1, true)] {
            steering.learn(2, Notice::Bound(address(1)), &mut counters);
            assert_eq!(steering.elsewhere(address(1), RTP), None);
            assert_eq!(steering.elsewhere(address(1), &check_for(&ufrag(2))), None);
        }
    }

    #[test]
    fn memory_for_foreign_addresses_is_bounded() {
        let mut steering = Steering::new(0, 2, true);
        let mut counters = IoCounters::default();
        for number in 0..MAX_FOREIGN as u32 + 5 {
            let address = SocketAddr::new(std::net::Ipv4Addr::from(number).into(), 9);
            steering.learn(1, Notice::Bound(address), &mut counters);
        }
        assert_eq!((steering.foreign.len(), counters.dropped_foreign_full), (MAX_FOREIGN, 5));
    }

    /// Whatever comes in, deciding whose it is does not panic and names a worker that exists.
    #[test]
    fn garbage_of_every_first_byte_and_length() {
        let steering = Steering::new(0, 4, true);
        let valid = check_for(&ufrag(3));
        for first in 0..=255u8 {
            for len in 0..200usize {
                let mut datagram: Vec<u8> = valid.iter().copied().cycle().take(len).collect();
                if let Some(byte) = datagram.first_mut() {
                    *byte = first;
                }
                assert!(steering.elsewhere(address(1), &datagram).is_none_or(|owner| owner < 4));
            }
        }
    }
}
