//! The media threads: one `mio` loop per worker, with what joins it to the control plane and to the other workers.
//!
//! ```text
//!  control plane (tokio)            media thread i                        media thread j
//!  WorkerHandle --bounded queue-->  commands ┐
//!  Events <------bounded queue----  events   ├ worker::Worker
//!                                   sockets  ┘   │ datagram of another worker's peer
//!                                                └──slots and notices, one ring per ordered pair──> worker::Worker
//! ```
//! Nothing here blocks but `poll`: every queue is bounded, and what happens when it is full is said where it is declared.

mod counters;
mod delivery;
mod doorbell;
mod guard;
mod links;
mod start;
mod steering;
#[cfg(test)]
mod tests;
mod thread;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::Duration;

use transport::Certificate;
use worker::{Command, Event, Limits};

pub use crate::io::{CandidateRules, IoCounters, IoError, Ports};
pub use counters::SharedCounters;
use doorbell::Doorbell;

/// Most media threads of one process. Rings between them grow with the square.
pub const MAX_THREADS: usize = 64;
/// Commands waiting for one worker; a join storm of a whole node fits.
pub const COMMAND_QUEUE: usize = 4096;
/// Events of all workers waiting for the control plane. Deep, because overflowing costs people their session.
pub const EVENT_QUEUE: usize = 16_384;
/// An idle thread looks round this often, which also shows that it lives.
pub const HEARTBEAT: Duration = Duration::from_millis(250);

/// Sockets and threads, as configured.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Media threads, each with one worker, 1 to [`MAX_THREADS`].
    pub threads: usize,
    /// The UDP port or ports.
    pub ports: Ports,
    /// Local addresses; usually the wildcards `0.0.0.0` and `::`. A `::` that this host cannot open is skipped with a warning when
    /// there is another address. IPv6 sockets never take IPv4.
    pub bind: Vec<IpAddr>,
    /// Kernel buffers for each direction of each socket, bytes. The kernel may grant less (`net.core.rmem_max`); this is logged.
    pub socket_buffer: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            threads: 1,
            ports: Ports::Shared(7882),
            bind: vec![IpAddr::from([0u8; 4]), IpAddr::from([0u8; 16])],
            // About 30 ms of a gigabit, so that a thread that was not scheduled for a while loses nothing.
            socket_buffer: 4 << 20,
        }
    }
}

/// What every worker gets. Clock epoch and entropy are added by [`start`].
#[derive(Clone)]
pub struct WorkerSettings {
    /// DTLS identity of the node.
    pub certificate: Arc<Certificate>,
    /// Bounds of one worker.
    pub limits: Limits,
}

/// What the workers tell, with the worker's index. `Bound` and `Unbound` stay among the media threads. Ends when all threads ended.
pub type Events = tokio::sync::mpsc::Receiver<(usize, Event)>;

/// Opens the sockets and starts the threads.
///
/// When [`Events`] is not read fast enough and its [`EVENT_QUEUE`] places are taken, a message for a client is dropped, counted, and the
/// client leaves with `ProtocolError`, because it can no longer know the truth; all other events wait and are not lost.
///
/// # Errors
/// See [`IoError`]. Nothing is left running or open.
pub fn start(config: &MediaConfig, settings: &WorkerSettings) -> Result<(MediaThreads, Events), IoError> {
    start::start(config, settings)
}

/// The running threads. Dropping it stops them, as [`MediaThreads::stop`] does.
pub struct MediaThreads {
    stop: Arc<AtomicBool>,
    threads: Vec<Running>,
}

/// One of them, seen from outside.
struct Running {
    handle: WorkerHandle,
    sockets: Vec<SocketAddr>,
    counters: Arc<SharedCounters>,
    join: Option<JoinHandle<()>>,
}

impl MediaThreads {
    /// How many there are; indices run from 0 to `count() - 1`.
    #[must_use]
    pub fn count(&self) -> usize {
        self.threads.len()
    }

    /// The way to a worker's command queue.
    ///
    /// # Panics
    /// When there is no such worker; so do the other methods that take an index.
    #[must_use]
    pub fn handle(&self, worker: usize) -> WorkerHandle {
        self.threads[worker].handle.clone()
    }

    /// The UDP ports a worker receives on; one number, for IPv4 and IPv6 alike.
    #[must_use]
    pub fn local_ports(&self, worker: usize) -> Vec<u16> {
        let mut ports: Vec<u16> = self.threads[worker].sockets.iter().map(SocketAddr::port).collect();
        ports.dedup();
        ports
    }

    /// The addresses a worker's sockets are bound to, wildcards included.
    #[must_use]
    pub fn local_addresses(&self, worker: usize) -> &[SocketAddr] {
        &self.threads[worker].sockets
    }

    /// Where clients reach a worker: host candidates for its answers, most widely reachable first. Lists the interfaces anew.
    ///
    /// # Errors
    /// [`IoError::Interfaces`].
    pub fn candidates(&self, worker: usize, rules: &CandidateRules) -> Result<Vec<SocketAddr>, IoError> {
        crate::io::candidates(rules, &self.threads[worker].sockets)
    }

    /// Totals of a worker and its sockets, and how long ago it was seen alive.
    #[must_use]
    pub fn counters(&self, worker: usize) -> Arc<SharedCounters> {
        Arc::clone(&self.threads[worker].counters)
    }

    /// Ends the threads and waits for them: queued commands are still obeyed, their datagrams sent and their events delivered (as far
    /// as there is room). Send `Command::Shutdown` and wait for the clients' `Closed` before.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for MediaThreads {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for running in &self.threads {
            running.handle.doorbell.ring();
        }
        for running in &mut self.threads {
            if let Some(join) = running.join.take()
                && join.join().is_err()
            {
                tracing::error!("a media thread had ended by a panic");
            }
        }
    }
}

/// Takes commands to one worker, from any thread.
#[derive(Clone)]
pub struct WorkerHandle {
    commands: SyncSender<Command>,
    doorbell: Arc<Doorbell>,
}

/// The command was not taken: [`COMMAND_QUEUE`] others wait, or the thread has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the worker's command queue is full or its thread has ended")]
pub struct QueueFull;

impl WorkerHandle {
    /// Queues a command and wakes the worker when it sleeps. Never blocks. Commands of one caller keep their order.
    ///
    /// # Errors
    /// [`QueueFull`]; the command is dropped.
    pub fn send(&self, command: Command) -> Result<(), QueueFull> {
        self.commands.try_send(command).map_err(|_: TrySendError<Command>| QueueFull)?;
        self.doorbell.ring();
        Ok(())
    }
}
