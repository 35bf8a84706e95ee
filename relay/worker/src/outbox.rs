//! Datagrams waiting to be sent: one flat buffer, filled while a receive batch is handled, flushed at its end.

use std::ops::Range;

use transport::Path;

/// Datagrams in the order they were produced. Buffers are reused; nothing is allocated once they have grown.
#[derive(Default)]
pub struct Outbox {
    /// Never shrinks, so that bytes are zeroed once and not for each datagram.
    bytes: Vec<u8>,
    used: usize,
    datagrams: Vec<Datagram>,
}

/// One datagram of an [`Outbox`].
struct Datagram {
    /// Where to, and from which local address.
    path: Path,
    range: Range<usize>,
}

/// Most datagrams that may wait between two flushes: one receive batch of 256 packets to 33 viewers each, twice over. What comes
/// beyond is lost as if the network had lost it.
const MAX_WAITING: usize = 16_384;

/// Largest datagram that is ever written, bytes; what a receiver behind common tunnels still gets whole is the sender's concern.
pub const MAX_DATAGRAM: usize = 1500;

impl Outbox {
    /// Lets `write` fill up to [`MAX_DATAGRAM`] bytes and say how many it used; `None` or 0 sends nothing.
    pub fn push(&mut self, path: Path, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        if self.datagrams.len() >= MAX_WAITING {
            return false;
        }
        let end = self.used + MAX_DATAGRAM;
        if self.bytes.len() < end {
            self.bytes.resize(end.next_power_of_two(), 0);
        }
        let written = write(&mut self.bytes[self.used..end]).unwrap_or(0).min(MAX_DATAGRAM);
        if written > 0 {
            self.datagrams.push(Datagram { path, range: self.used..self.used + written });
            self.used += written;
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
        self.used = 0;
        self.datagrams.clear();
    }
}
