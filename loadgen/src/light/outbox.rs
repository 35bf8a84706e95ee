//! Datagrams waiting to be sent, in one flat buffer that is reused.

use std::net::SocketAddr;
use std::ops::Range;

/// Largest datagram a client makes, bytes.
pub(super) const MAX_DATAGRAM: usize = 1_500;

/// Datagrams in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    datagrams: Vec<(SocketAddr, Range<usize>)>,
}

impl Outbox {
    /// Lets `write` fill a datagram and say how long it is; `None` sends nothing.
    pub(super) fn push(&mut self, to: SocketAddr, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let start = self.bytes.len();
        self.bytes.resize(start + MAX_DATAGRAM, 0);
        let len = write(&mut self.bytes[start..]).unwrap_or(0);
        self.bytes.truncate(start + len);
        if len > 0 {
            self.datagrams.push((to, start..start + len));
        }
        len > 0
    }

    /// Hands out everything and forgets it.
    pub(super) fn drain(&mut self, mut send: impl FnMut(SocketAddr, &[u8])) {
        for (to, range) in self.datagrams.drain(..) {
            send(to, &self.bytes[range]);
        }
        self.bytes.clear();
    }
}
