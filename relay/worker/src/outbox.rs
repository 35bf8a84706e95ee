//! Datagrams waiting to be sent: one flat buffer, filled while a receive batch is handled, flushed at its end.

use std::net::SocketAddr;
use std::ops::Range;

use transport::Path;

/// Datagrams in the order they were produced. Buffers are reused; nothing is allocated once they have grown.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    datagrams: Vec<Datagram>,
}

/// One datagram of an [`Outbox`].
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Where to, and from which local address.
    pub path: Path,
    range: Range<usize>,
}

/// Largest datagram that is ever written, bytes; what a receiver behind common tunnels still gets whole is the sender's concern.
pub const MAX_DATAGRAM: usize = 1500;

impl Outbox {
    /// Lets `write` fill up to [`MAX_DATAGRAM`] bytes and say how many it used; `None` or 0 sends nothing.
    pub fn push(&mut self, path: Path, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let start = self.bytes.len();
        self.bytes.resize(start + MAX_DATAGRAM, 0);
        let written = write(&mut self.bytes[start..]).unwrap_or(0).min(MAX_DATAGRAM);
        self.bytes.truncate(start + written);
        if written > 0 {
            self.datagrams.push(Datagram { path, range: start..start + written });
        }
        written > 0
    }

    /// The datagrams, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.datagrams.iter().map(|datagram| (&datagram.path, &self.bytes[datagram.range.clone()]))
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Forgets everything, keeps the buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
    }

    /// Remote addresses in order, for callers that group runs per receiver.
    pub fn remotes(&self) -> impl Iterator<Item = SocketAddr> {
        self.datagrams.iter().map(|datagram| datagram.path.remote)
    }
}
