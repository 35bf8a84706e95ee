//! A client's UDP socket: runs of equal datagrams leave in one call (GSO), and whatever waits is read in one (recvmmsg, GRO).

use std::io::{ErrorKind, IoSliceMut, Result};
use std::net::{IpAddr, SocketAddr};

use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::SockRef;

/// Buffers of one read.
const BUFFERS: usize = 8;
/// Longest row of datagrams that comes in one buffer, bytes.
const LONGEST: usize = 65_536;
/// Longest row of datagrams that leaves in one call, bytes: what IP allows, less headers.
const LONGEST_RUN: usize = 65_000;
/// Receive buffer asked for, bytes: a burst of keyframes from eight cameras; the system may give less.
const RECEIVE_BUFFER: usize = 1 << 20;

/// One socket.
pub(super) struct Udp {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
    port: u16,
}

impl Udp {
    pub(super) fn open(registry: &Registry, token: Token, local: IpAddr) -> Result<Self> {
        let mut socket = mio::net::UdpSocket::bind(SocketAddr::new(local, 0))?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // The default buffer works as well, for less.
        let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        registry.register(&mut socket, token, Interest::READABLE)?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, state, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Reads what is there, up to [`BUFFERS`] rows; `None` when there is nothing. `true`: there may be more.
    pub(super) fn receive(&self, inbox: &mut Inbox) -> Option<bool> {
        let mut slices = inbox.buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
        loop {
            match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut inbox.metas) {
                Ok(rows) => {
                    inbox.rows = rows;
                    return Some(rows == BUFFERS);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                // What an earlier send came back with.
                Err(_) => {}
            }
        }
    }

    /// One datagram; false when the socket takes no more.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) -> bool {
        self.transmit(to, bytes, None)
    }

    fn transmit(&self, destination: SocketAddr, contents: &[u8], segment_size: Option<usize>) -> bool {
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        match self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock),
            Ok(()) => true,
        }
    }
}

/// Where datagrams are read into.
pub(super) struct Inbox {
    buffers: [Vec<u8>; BUFFERS],
    metas: [RecvMeta; BUFFERS],
    rows: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { buffers: std::array::from_fn(|_| vec![0; LONGEST]), metas: [RecvMeta::default(); BUFFERS], rows: 0 }
    }

    /// One into which nothing can be read; stands in while the real one is in use.
    pub(super) fn empty() -> Self {
        Self { buffers: std::array::from_fn(|_| Vec::new()), metas: [RecvMeta::default(); BUFFERS], rows: 0 }
    }

    /// Each datagram of the last read with where it came from.
    pub(super) fn datagrams(&mut self, mut each: impl FnMut(SocketAddr, &mut [u8])) {
        for (buffer, meta) in self.buffers.iter_mut().zip(&self.metas).take(self.rows) {
            let row = &mut buffer[..meta.len.min(LONGEST)];
            row.chunks_mut(meta.stride.max(1)).for_each(|datagram| each(meta.addr, datagram));
        }
    }
}

/// Collects datagrams that can leave in one call: to one address, all alike but the last, which may be shorter.
#[derive(Default)]
pub(super) struct Run {
    bytes: Vec<u8>,
    to: Option<SocketAddr>,
    segment: usize,
    count: usize,
    /// A shorter one ends the run.
    ended: bool,
    /// Datagrams that the socket did not take.
    pub(super) unsent: u64,
}

impl Run {
    pub(super) fn push(&mut self, udp: &Udp, to: SocketAddr, datagram: &[u8]) {
        let fits = self.to == Some(to)
            && !self.ended
            && datagram.len() <= self.segment
            && self.count < udp.state.max_gso_segments()
            && self.bytes.len() + datagram.len() <= LONGEST_RUN;
        if !fits {
            self.flush(udp);
            (self.to, self.segment) = (Some(to), datagram.len());
        }
        self.ended = datagram.len() < self.segment;
        self.bytes.extend_from_slice(datagram);
        self.count += 1;
    }

    pub(super) fn flush(&mut self, udp: &Udp) {
        if let Some(to) = self.to.take().filter(|_| self.count > 0) {
            let segment = (self.count > 1).then_some(self.segment);
            if !udp.transmit(to, &self.bytes, segment) {
                self.unsent += self.count as u64;
            }
        }
        self.bytes.clear();
        (self.count, self.ended) = (0, false);
    }
}
