//! The media thread of the plain SFU: the same turns as the node's, with the node's own receiver and sender.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver as Commands, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use node::io::{IoCounters, MediaSocket, Receiver, Sender};
use transport::Certificate;

use super::sfu::{Counters, Join, Sfu};

/// Receive calls in one turn, and datagrams waiting at which they are sent without waiting for its end: as in the node.
const MAX_BATCHES: usize = 4;
const FLUSH_AT: usize = 1_024;
/// The kernel's buffer for each direction, bytes.
const BUFFER: usize = 4 << 20;
/// Joins and leaves that may wait.
const MAX_COMMANDS: usize = 1_024;
/// How often timers are looked at.
const TICK: Duration = Duration::from_millis(50);

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// What the control thread tells the media thread.
pub enum Command {
    /// Somebody comes.
    Join(Box<Join>),
    /// Somebody goes; the number of the join.
    Leave(u64),
}

/// What both threads see.
pub struct Shared {
    commands: SyncSender<Command>,
    waker: Waker,
    /// Where media is received.
    pub media: SocketAddr,
    population: AtomicUsize,
    opened: AtomicU64,
    forwarded: AtomicU64,
    dropped: AtomicU64,
    joined: AtomicU64,
}

impl Shared {
    /// Hands a command over.
    ///
    /// # Errors
    /// When too many wait, or the media thread has ended.
    pub fn tell(&self, command: Command) -> io::Result<()> {
        self.commands.try_send(command).map_err(|_| io::Error::other("the media thread takes no more commands"))?;
        self.waker.wake()
    }

    /// People who are here, and what was done so far; up to 50 ms old.
    pub fn counters(&self) -> (usize, Counters) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = Counters {
            opened: read(&self.opened),
            forwarded: read(&self.forwarded),
            dropped: read(&self.dropped),
            joined: read(&self.joined),
        };
        (self.population.load(Ordering::Relaxed), counters)
    }

    fn publish(&self, sfu: &Sfu) {
        self.population.store(sfu.population(), Ordering::Relaxed);
        let Counters { opened, forwarded, dropped, joined } = sfu.counters;
        for (shared, value) in [(&self.opened, opened), (&self.forwarded, forwarded), (&self.dropped, dropped), (&self.joined, joined)] {
            shared.store(value, Ordering::Relaxed);
        }
    }
}

/// Opens the socket and starts the thread, which runs until the process ends.
///
/// # Errors
/// The address is taken or not ours, or there is no thread to be had.
pub fn start(address: SocketAddr, certificate: Arc<Certificate>) -> io::Result<Arc<Shared>> {
    let mut socket = MediaSocket::open(address, false, BUFFER)?;
    let poll = Poll::new()?;
    poll.registry().register(socket.source(), SOCKET, Interest::READABLE)?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    let (sender, commands) = sync_channel(MAX_COMMANDS);
    let shared = Arc::new(Shared {
        commands: sender,
        waker,
        media: socket.local(),
        population: AtomicUsize::new(0),
        opened: AtomicU64::new(0),
        forwarded: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        joined: AtomicU64::new(0),
    });
    let seen = Arc::clone(&shared);
    // Built in the thread itself: its buffers are for it alone.
    let run = move || {
        let thread = MediaThread {
            poll,
            sockets: [socket],
            commands,
            sfu: Sfu::new(certificate),
            receiver: Receiver::new(),
            sender: Sender::new(),
            counters: IoCounters::default(),
            tick: Instant::now(),
            shared: seen,
        };
        thread.run();
    };
    std::thread::Builder::new().name("media".to_owned()).spawn(run)?;
    Ok(shared)
}

struct MediaThread {
    poll: Poll,
    sockets: [MediaSocket; 1],
    commands: Commands<Command>,
    sfu: Sfu,
    receiver: Receiver,
    sender: Sender,
    counters: IoCounters,
    /// When timers are looked at again.
    tick: Instant,
    shared: Arc<Shared>,
}

impl MediaThread {
    fn run(mut self) {
        let mut ready = Events::with_capacity(16);
        loop {
            self.turn();
            let rest = if self.sockets[0].readable { Duration::ZERO } else { self.tick.saturating_duration_since(Instant::now()) };
            match self.poll.poll(&mut ready, Some(rest)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
            if ready.iter().any(|event| event.token() == SOCKET) {
                self.sockets[0].readable = true;
            }
        }
    }

    fn turn(&mut self) {
        let now = Instant::now();
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Join(join) => self.sfu.join(now, *join),
                Command::Leave(id) => self.sfu.leave(id),
            }
        }
        for _ in 0..MAX_BATCHES {
            if !self.sockets[0].readable {
                break;
            }
            self.receive();
        }
        if now >= self.tick {
            self.tick = now + TICK;
            self.sfu.handle_timeout(now);
            self.shared.publish(&self.sfu);
        }
        self.flush();
    }

    fn receive(&mut self) {
        let Self { sockets, receiver, sender, counters, sfu, .. } = self;
        let Ok(batch) = receiver.receive(&mut sockets[0], counters) else {
            // The next datagram makes the socket readable again.
            sockets[0].readable = false;
            return;
        };
        let now = Instant::now();
        for mut message in batch {
            let path = message.path;
            for datagram in message.datagrams() {
                sfu.handle_datagram(now, path, datagram);
                if sfu.outbox.len() >= FLUSH_AT {
                    sender.flush(sockets, &sfu.outbox, counters);
                    sfu.outbox.clear();
                }
            }
        }
    }

    fn flush(&mut self) {
        self.sender.flush(&mut self.sockets, &self.sfu.outbox, &mut self.counters);
        self.sfu.outbox.clear();
    }
}
