//! Batched receive: up to 32 messages a call, each of up to 64 equal datagrams that the kernel kept together (GRO).

use std::io::{self, IoSliceMut};

use quinn_udp::{BATCH_SIZE, RecvMeta};
use transport::Path;

use super::IoCounters;
use super::socket::MediaSocket;

/// Room for one message, bytes: the most that GRO puts together.
const SLOT: usize = 1 << 16;

/// Receive buffers of one thread, used for all its sockets in turn. Pages are touched only as far as messages reach.
pub struct Receiver {
    buffers: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

/// One message: datagrams from one sender.
pub struct Received<'a> {
    /// Where from and where to.
    pub path: Path,
    bytes: &'a mut [u8],
    stride: usize,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// Reserves the buffers.
    #[must_use]
    pub fn new() -> Self {
        Self { buffers: vec![0; SLOT * BATCH_SIZE], meta: [RecvMeta::default(); BATCH_SIZE] }
    }

    /// One call to the kernel. Gives the messages, and clears `socket.readable` when there are no more.
    ///
    /// # Errors
    /// What the kernel said, counted; "nothing there" is none.
    pub fn receive<'a>(
        &'a mut self,
        socket: &mut MediaSocket,
        counters: &mut IoCounters,
    ) -> io::Result<impl Iterator<Item = Received<'a>> + use<'a>> {
        let mut free = self.buffers.chunks_exact_mut(SLOT);
        let mut slots: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| IoSliceMut::new(free.next().unwrap_or_default()));
        let (state, reference) = socket.quinn();
        let count = match state.recv(reference, &mut slots, &mut self.meta) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => {
                counters.receive_errors += 1;
                return Err(error);
            }
        };
        if count < BATCH_SIZE {
            // It was empty for a moment; what comes now is reported anew. Saves the call that would find nothing.
            socket.readable = false;
        }
        for meta in &self.meta[..count] {
            counters.datagrams_received += meta.len.div_ceil(meta.stride.max(1)).max(1) as u64;
            counters.bytes_received += meta.len as u64;
        }
        counters.receive_calls += u64::from(count > 0);
        let bound = socket.local().ip();
        Ok(self.meta[..count].iter().zip(self.buffers.chunks_exact_mut(SLOT)).map(move |(meta, slot)| Received {
            path: Path { remote: meta.addr, local: meta.dst_ip.unwrap_or(bound) },
            bytes: &mut slot[..meta.len],
            stride: meta.stride,
        }))
    }
}

impl Received<'_> {
    /// Its datagrams, in order. An empty datagram gives nothing.
    pub fn datagrams(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.bytes.chunks_mut(self.stride.max(1))
    }
}
