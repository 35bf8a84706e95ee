//! One media socket: its options, and what it can do.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use mio::net::UdpSocket;
use quinn_udp::{UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use transport::Path;

use super::runs::MAX_SEGMENTS;

/// A bound, non-blocking UDP socket.
pub struct MediaSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    max_segments: usize,
    /// The kernel may have datagrams: readiness is reported once, so it is remembered until a read finds nothing.
    pub readable: bool,
}

impl MediaSocket {
    /// Binds and sets everything up. `shared` lets several sockets of this user have the port; the kernel spreads datagrams among them
    /// by a hash of both ends. `buffer`: bytes of kernel buffer for each direction.
    ///
    /// # Errors
    /// The address is taken, not ours, or not permitted.
    pub fn open(address: SocketAddr, shared: bool, buffer: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // IPv4 has sockets of its own, so that addresses never come in the mapped form.
            socket.set_only_v6(true)?;
        }
        if shared {
            socket.set_reuse_port(true)?;
        }
        socket.set_recv_buffer_size(buffer)?;
        socket.set_send_buffer_size(buffer)?;
        socket.bind(&address.into())?;
        let granted = (socket.recv_buffer_size()?, socket.send_buffer_size()?);
        let socket = UdpSocket::from_std(socket.into());
        // Also asks for GRO, destination addresses, and datagrams that are never fragmented.
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        let max_segments = state.max_gso_segments().clamp(1, MAX_SEGMENTS);
        // The kernel doubles what it grants to pay for its own bookkeeping.
        let short = granted.0.min(granted.1) / 2 < buffer;
        tracing::debug!(%local, receive_buffer = granted.0, send_buffer = granted.1, max_segments, "media socket open");
        if short {
            tracing::warn!(
                wanted = buffer,
                receive_buffer = granted.0 / 2,
                send_buffer = granted.1 / 2,
                "the kernel granted smaller socket buffers than asked for; raise net.core.rmem_max and net.core.wmem_max"
            );
        }
        Ok(Self { socket, state, local, max_segments, readable: true })
    }

    /// The bound address.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// For registration with a poll.
    pub fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// For batched receive.
    pub(super) fn quinn(&self) -> (&UdpSocketState, UdpSockRef<'_>) {
        (&self.state, UdpSockRef::from(&self.socket))
    }

    /// For batched send.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Datagrams one message may carry; 1 without GSO.
    pub(super) fn max_segments(&self) -> usize {
        self.max_segments
    }

    /// Sends one by one from now on: GSO was refused although the same datagrams went out alone. Benches do so to see what it saves.
    pub fn give_up_gso(&mut self) {
        if self.max_segments > 1 {
            self.max_segments = 1;
            tracing::warn!(local = %self.local, "the network refuses segmentation offload; this socket sends datagrams one by one");
        }
    }

    /// How well this socket suits a path: `None` if it cannot carry it, else larger is better.
    pub(super) fn suits(&self, path: &Path) -> Option<u8> {
        let ip = self.local.ip();
        if ip.is_ipv4() != path.remote.is_ipv4() {
            None
        } else if ip == path.local {
            Some(2)
        } else if ip.is_unspecified() || path.local.is_unspecified() {
            Some(1)
        } else {
            None
        }
    }
}
