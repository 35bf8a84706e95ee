//! Batched send: one call to the kernel for up to 64 messages, each with up to 64 datagrams for one receiver (GSO).
//!
//! What the kernel does not take at once is dropped and counted, never queued here: late media is worthless, and everything else is
//! repeated by its own protocol (DTLS by timers, STUN by the client, lost media by NACK). A full socket buffer means that the network
//! card cannot keep up; waiting for it would stop this thread's receiving too.

use std::io;

use worker::outbox::Outbox;

use super::IoCounters;
use super::runs::{Run, RunPlanner};
use super::socket::MediaSocket;
use super::sys::{Message, Messages};

/// Sends outboxes. One per thread; its buffers are kept.
pub struct Sender {
    planner: RunPlanner,
    messages: Messages,
    /// For each run, which socket; `None` when there is none.
    routes: Vec<Option<usize>>,
    /// The runs that go through one socket.
    queue: Vec<u32>,
    /// Empty between flushes; kept for its capacity.
    datagrams: Vec<&'static [u8]>,
}

/// What to do with a message the kernel refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    /// Try again: a signal came.
    Again,
    /// The send buffer is full: drop this and what follows.
    Full,
    /// Perhaps only the combination: try its datagrams one by one.
    Combined,
    /// This destination only.
    Destination,
}

impl Default for Sender {
    fn default() -> Self {
        Self::new()
    }
}

impl Sender {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { planner: RunPlanner::default(), messages: Messages::new(), routes: Vec::new(), queue: Vec::new(), datagrams: Vec::new() }
    }

    /// Sends everything in `outbox`, which the caller clears. Datagrams of one path keep their order.
    pub fn flush(&mut self, sockets: &mut [MediaSocket], outbox: &Outbox, counters: &mut IoCounters) {
        if outbox.is_empty() {
            return;
        }
        let mut datagrams: Vec<&[u8]> = std::mem::take(&mut self.datagrams);
        self.planner.begin();
        for (path, bytes) in outbox.iter() {
            self.planner.add(path, bytes.len());
            datagrams.push(bytes);
        }
        self.planner.finish(|path| best(sockets, path).map_or(1, |index| sockets[index].max_segments()));
        self.routes.clear();
        self.routes.extend(self.planner.runs().iter().map(|run| best(sockets, &run.path)));
        for (index, socket) in sockets.iter_mut().enumerate() {
            self.queue.clear();
            let routes = self.routes.iter().zip(0..);
            self.queue.extend(routes.filter(|(route, _)| **route == Some(index)).map(|(_, run)| run));
            send_queue(&self.planner, &mut self.messages, &self.queue, socket, &datagrams, counters);
        }
        for (run, route) in self.planner.runs().iter().zip(&self.routes) {
            if route.is_none() {
                counters.dropped_no_socket += run.count as u64;
            }
        }
        self.datagrams = recycle(datagrams);
    }
}

/// The socket that suits a path best.
fn best(sockets: &[MediaSocket], path: &transport::Path) -> Option<usize> {
    let suiting = sockets.iter().enumerate().filter_map(|(index, socket)| Some((socket.suits(path)?, index)));
    suiting.max_by_key(|(how_well, _)| *how_well).map(|(_, index)| index)
}

/// Sends the runs named in `queue` through one socket.
fn send_queue(
    planner: &RunPlanner,
    messages: &mut Messages,
    queue: &[u32],
    socket: &mut MediaSocket,
    datagrams: &[&[u8]],
    counters: &mut IoCounters,
) {
    let runs = planner.runs();
    let mut rest = queue;
    while let Some(first) = rest.first().map(|run| &runs[*run as usize]) {
        let waiting = rest.iter().map(|run| whole(planner, &runs[*run as usize]));
        match messages.send(socket.descriptor(), datagrams, waiting) {
            Ok(taken) => {
                counters.send_calls += 1;
                let (sent, others) = rest.split_at(taken.clamp(1, rest.len()));
                for run in sent {
                    let run = &runs[*run as usize];
                    counters.sent(run.count, run.bytes);
                }
                rest = others;
            }
            Err(error) => match refusal(&error, first.count) {
                Refusal::Again => {}
                Refusal::Full => {
                    let left = rest.iter().map(|run| runs[*run as usize].count as u64);
                    counters.dropped_send_full += left.sum::<u64>();
                    return;
                }
                Refusal::Combined => {
                    one_by_one(planner.members(first), first, messages, socket, datagrams, counters);
                    rest = &rest[1..];
                }
                Refusal::Destination => {
                    counters.dropped_send_refused += first.count as u64;
                    rest = &rest[1..];
                }
            },
        }
    }
}

/// Sends the datagrams of a refused run one by one. If the kernel takes any, GSO was the reason, and the socket gives it up; if not,
/// the destination was (a source address that is gone, a link with a small MTU), and other receivers keep their runs.
fn one_by_one(
    members: &[u32],
    run: &Run,
    messages: &mut Messages,
    socket: &mut MediaSocket,
    datagrams: &[&[u8]],
    counters: &mut IoCounters,
) {
    let mut any = false;
    for member in members {
        let message = Message { path: &run.path, segment: None, members: std::slice::from_ref(member) };
        match messages.send(socket.descriptor(), datagrams, std::iter::once(message)) {
            Ok(_) => {
                any = true;
                counters.send_calls += 1;
                counters.sent(1, datagrams[*member as usize].len());
            }
            Err(error) if refusal(&error, 1) == Refusal::Full => counters.dropped_send_full += 1,
            Err(_) => counters.dropped_send_refused += 1,
        }
    }
    if any {
        counters.gso_given_up += u64::from(socket.max_segments() > 1);
        socket.give_up_gso();
    }
}

/// A run as one message.
fn whole<'a>(planner: &'a RunPlanner, run: &'a Run) -> Message<'a> {
    // At most MAX_DATAGRAM, so the size fits.
    let segment = (run.count > 1).then_some(run.size as u16);
    Message { path: &run.path, segment, members: planner.members(run) }
}

/// Reads the kernel's answer to a message of `segments` datagrams.
fn refusal(error: &io::Error, segments: usize) -> Refusal {
    match error.raw_os_error() {
        Some(libc::EINTR) => Refusal::Again,
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Refusal::Full,
        // udp(7) has EIO for a path without checksum offload; EINVAL and EMSGSIZE come when a segment does not fit the link's MTU (which
        // of them depends on the kernel), EINVAL also for a source address that is not ours.
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP) if segments > 1 => Refusal::Combined,
        _ => Refusal::Destination,
    }
}

/// An empty vector with the capacity of `datagrams`: collecting a mapped vector reuses its memory.
fn recycle(mut datagrams: Vec<&[u8]>) -> Vec<&'static [u8]> {
    datagrams.clear();
    datagrams.into_iter().map(|_| <&'static [u8]>::default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_by_what_they_concern() {
        let rows = [
            (libc::EINTR, Refusal::Again, Refusal::Again),
            (libc::EAGAIN, Refusal::Full, Refusal::Full),
            (libc::ENOBUFS, Refusal::Full, Refusal::Full),
            (libc::EIO, Refusal::Destination, Refusal::Combined),
            (libc::EINVAL, Refusal::Destination, Refusal::Combined),
            (libc::EMSGSIZE, Refusal::Destination, Refusal::Combined),
            (libc::EHOSTUNREACH, Refusal::Destination, Refusal::Destination),
            (libc::EPERM, Refusal::Destination, Refusal::Destination),
            (libc::ECONNREFUSED, Refusal::Destination, Refusal::Destination),
        ];
        for (errno, single, several) in rows {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!((refusal(&error, 1), refusal(&error, 2)), (single, several), "{error}");
        }
    }

    #[test]
    fn recycling_keeps_the_capacity() {
        let bytes = vec![1u8; 10];
        let kept: Vec<&[u8]> = Vec::with_capacity(777);
        let mut used = kept;
        used.push(&bytes);
        assert_eq!(recycle(used).capacity(), 777);
    }
}
