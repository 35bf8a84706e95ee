//! The two ends between which datagrams flow.

use std::net::{IpAddr, SocketAddr};

/// A network path: the peer's address, and the local address at which its datagrams arrive and from which ours leave.
///
/// The local port is not part of it: a worker has one media port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Path {
    /// The peer's address and port, as seen here.
    pub remote: SocketAddr,
    /// The local address the peer sends to.
    pub local: IpAddr,
}
