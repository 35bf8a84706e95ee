//! Builds the media threads: sockets, queues, rings between them; then sets them running.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mio::{Interest, Poll, Token};
use tokio::sync::mpsc;
use wire::ntp::Ntp;
use worker::WorkerConfig;

use super::counters::SharedCounters;
use super::delivery::Delivery;
use super::doorbell::Doorbell;
use super::links::Links;
use super::steering::Steering;
use super::thread::{MediaThread, Parts};
use super::{COMMAND_QUEUE, EVENT_QUEUE, Events, MAX_THREADS, MediaConfig, MediaThreads, Running, WorkerHandle, WorkerSettings};
use crate::io::{Buffers, IoError, MediaSocket, Ports, open_sockets};

/// Where a poll reports the doorbell; sockets have their index.
const DOORBELL: Token = Token(usize::MAX - 1);

pub(super) fn start(config: &MediaConfig, settings: &WorkerSettings) -> Result<(MediaThreads, Events), IoError> {
    if config.threads == 0 || config.threads > MAX_THREADS {
        return Err(IoError::Config(format!("{} media threads are not between 1 and {MAX_THREADS}", config.threads)));
    }
    let sockets = open_sockets(config.ports, config.threads, &config.bind, Buffers(config.socket_buffer))?;
    let now = Instant::now();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = (now, Ntp::from_unix(wall));
    let mut bells = Vec::with_capacity(config.threads);
    let mut polls = Vec::with_capacity(config.threads);
    for _ in 0..config.threads {
        let poll = Poll::new().map_err(IoError::Thread)?;
        bells.push(Arc::new(Doorbell::new(poll.registry(), DOORBELL).map_err(IoError::Thread)?));
        polls.push(poll);
    }
    let shared = matches!(config.ports, Ports::Shared(_));
    let links = if shared { Links::mesh(&bells) } else { (0..config.threads).map(|_| Links::none()).collect() };
    let (events, receiver) = mpsc::channel(EVENT_QUEUE);
    // Built up as the threads are, so that an error stops those that run already.
    let mut all = MediaThreads { stop: Arc::new(AtomicBool::new(false)), threads: Vec::with_capacity(config.threads) };
    for (index, (((poll, doorbell), links), sockets)) in polls.into_iter().zip(bells).zip(links).zip(sockets).enumerate() {
        let (commands, command_queue) = sync_channel(COMMAND_QUEUE);
        let local = sockets.iter().map(MediaSocket::local).collect();
        let counters = Arc::new(SharedCounters::new(now));
        let parts = Parts {
            sockets: registered(&poll, sockets).map_err(IoError::Thread)?,
            poll,
            commands: command_queue,
            links,
            steering: Steering::new(index, config.threads, shared),
            delivery: Delivery::new(index, events.clone()),
            doorbell: Arc::clone(&doorbell),
            stop: Arc::clone(&all.stop),
            shared: Arc::clone(&counters),
            worker: WorkerConfig {
                certificate: Arc::clone(&settings.certificate),
                epoch,
                seed: seed().map_err(IoError::Thread)?,
                limits: settings.limits,
            },
        };
        let join =
            thread::Builder::new().name(format!("media-{index}")).spawn(move || MediaThread::new(parts).run()).map_err(IoError::Thread)?;
        let handle = WorkerHandle { commands, doorbell };
        all.threads.push(Running { handle, sockets: local, counters, join: Some(join) });
    }
    Ok((all, receiver))
}

/// The sockets, with the poll told to report each under its index.
fn registered(poll: &Poll, mut sockets: Vec<MediaSocket>) -> io::Result<Vec<MediaSocket>> {
    for (index, socket) in sockets.iter_mut().enumerate() {
        poll.registry().register(socket.source(), Token(index), Interest::READABLE)?;
    }
    Ok(sockets)
}

/// Entropy for one worker.
fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(seed)
}
