//! Free ports. Somebody else may take one between the asking and the using; the tests of one machine do not race for them.

use std::net::{TcpListener, UdpSocket};

/// A TCP port on which nobody listens.
#[must_use]
pub fn free_tcp() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free TCP port");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// A UDP port that nobody holds.
#[must_use]
pub fn free_udp() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free UDP port");
    socket.local_addr().expect("a bound socket has an address").port()
}
