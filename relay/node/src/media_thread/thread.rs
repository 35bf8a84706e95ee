//! One media thread: turns of look, receive, time, send, tell; then sleep until something comes or is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver as Commands;
use std::time::{Duration, Instant};

use mio::Poll;
use signal::message::ByeReason;
use worker::{Command, Event, Worker, WorkerConfig};

use super::counters::SharedCounters;
use super::delivery::Delivery;
use super::doorbell::Doorbell;
use super::guard::Guard;
use super::links::{Links, Notice};
use super::steering::Steering;
use super::{COMMAND_QUEUE, HEARTBEAT};
use crate::io::{IoCounters, MediaSocket, Receiver, Sender};

/// Commands obeyed in one turn, so that a join storm does not hold up the media of those who are here.
const MAX_COMMANDS_PER_TURN: usize = 32;
/// Datagrams taken from each other thread in one turn.
const MAX_HANDED_OVER_PER_TURN: usize = 256;
/// Receive calls for each socket in one turn; each brings up to 32 messages.
const MAX_BATCHES_PER_TURN: usize = 4;
/// Datagrams waiting to be sent at which they are sent without waiting for the turn's end: longer runs would gain nothing more, and the
/// memory they wait in stays in the cache.
const FLUSH_AT: usize = 1024;
/// Clients made to leave in one turn because they missed a message.
const MAX_OVERRUN_PER_TURN: usize = 64;
/// How soon to look again when a queue to somebody else was full.
const RETRY: Duration = Duration::from_millis(5);
/// How often totals are published.
const PUBLISH: Duration = Duration::from_millis(100);

/// What a thread is given.
pub(super) struct Parts {
    pub(super) poll: Poll,
    pub(super) sockets: Vec<MediaSocket>,
    pub(super) commands: Commands<Command>,
    pub(super) links: Links,
    pub(super) steering: Steering,
    pub(super) delivery: Delivery,
    pub(super) doorbell: Arc<Doorbell>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) shared: Arc<SharedCounters>,
    pub(super) worker: WorkerConfig,
}

/// The thread's own state.
pub(super) struct MediaThread {
    poll: Poll,
    sockets: Vec<MediaSocket>,
    commands: Commands<Command>,
    links: Links,
    steering: Steering,
    delivery: Delivery,
    doorbell: Arc<Doorbell>,
    stop: Arc<AtomicBool>,
    shared: Arc<SharedCounters>,
    worker: Worker,
    guard: Guard,
    receiver: Receiver,
    sender: Sender,
    counters: IoCounters,
    published: Instant,
    receive_error_logged: bool,
}

impl MediaThread {
    /// Built in the thread itself: its buffers are for it alone.
    pub(super) fn new(parts: Parts) -> Self {
        let published = parts.worker.epoch.0;
        Self {
            poll: parts.poll,
            sockets: parts.sockets,
            commands: parts.commands,
            links: parts.links,
            steering: parts.steering,
            delivery: parts.delivery,
            doorbell: parts.doorbell,
            stop: parts.stop,
            shared: parts.shared,
            worker: Worker::new(parts.worker),
            guard: Guard::default(),
            receiver: Receiver::new(),
            sender: Sender::new(),
            counters: IoCounters::default(),
            published,
            receive_error_logged: false,
        }
    }

    /// Turns until told to stop. What was queued before is still done.
    pub(super) fn run(mut self) {
        let mut ready = mio::Events::with_capacity(16);
        loop {
            let stopping = self.stop.load(Ordering::Acquire);
            let more = self.turn(stopping);
            if stopping {
                return;
            }
            let timeout = if more { Duration::ZERO } else { self.rest() };
            if let Err(error) = self.poll.poll(&mut ready, Some(timeout))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                // Cannot happen with a descriptor that is ours. Ending is seen by the watchdog; going on would burn the core.
                tracing::error!(%error, "a media thread cannot wait for its sockets and ends");
                return;
            }
            for event in &ready {
                if let Some(socket) = self.sockets.get_mut(event.token().0) {
                    socket.readable = true;
                }
            }
        }
    }

    /// One turn, perhaps the last. True if work was left for the next because of a limit.
    fn turn(&mut self, last: bool) -> bool {
        let started = Instant::now();
        self.doorbell.answer();
        let mut more = self.obey(started, if last { COMMAND_QUEUE } else { MAX_COMMANDS_PER_TURN });
        more |= self.take_over(started);
        more |= self.receive();
        let now = Instant::now();
        self.guard.timers(&mut self.worker, now, &mut self.counters);
        // Before anything is sent: when a peer gets the answer to its first check, all threads can know whose peer it is.
        more |= self.tell(now);
        self.links.ring();
        self.flush();
        self.counters.turns += 1;
        if last || now.saturating_duration_since(self.published) >= PUBLISH {
            self.published = now;
            self.shared.publish(self.worker.counters(), &self.counters, self.worker.population());
        }
        self.shared.turned(started, Instant::now());
        more
    }

    /// How long to sleep, with everything done that can be done now.
    fn rest(&self) -> Duration {
        if !self.doorbell.may_sleep() {
            return Duration::ZERO;
        }
        let due = self.guard.deadline(&self.worker);
        let until_due = due.map_or(HEARTBEAT, |at| at.saturating_duration_since(Instant::now()));
        let behind = self.delivery.is_behind() || self.links.has_backlog();
        until_due.min(if behind { RETRY } else { HEARTBEAT })
    }

    /// Up to `most` commands. True if more may wait.
    fn obey(&mut self, now: Instant, most: usize) -> bool {
        for _ in 0..most {
            let Ok(command) = self.commands.try_recv() else { return false };
            self.guard.command(&mut self.worker, now, command, &mut self.counters);
        }
        true
    }

    /// What other threads sent. True if more waits.
    fn take_over(&mut self, now: Instant) -> bool {
        let Self { links, steering, worker, guard, counters, sender, sockets, .. } = self;
        links.read_notices(|from, notice| steering.learn(from, notice, counters));
        links.read_datagrams(MAX_HANDED_OVER_PER_TURN, |path, datagram| {
            counters.handover_received += 1;
            // Never handed on: the sender had a reason, and two who disagree would send it round for ever.
            guard.datagram(worker, now, path, datagram, counters);
            flush_if_long(worker, sender, sockets, counters);
        })
    }

    /// Datagrams from the sockets. True if more may wait.
    fn receive(&mut self) -> bool {
        for index in 0..self.sockets.len() {
            for _ in 0..MAX_BATCHES_PER_TURN {
                if !self.sockets[index].readable {
                    break;
                }
                self.receive_batch(index);
            }
        }
        self.sockets.iter().any(|socket| socket.readable)
    }

    /// One receive call, with one look at the clock.
    fn receive_batch(&mut self, index: usize) {
        let Self { sockets, receiver, steering, links, guard, worker, sender, counters, .. } = self;
        let batch = match receiver.receive(&mut sockets[index], counters) {
            Ok(batch) => batch,
            Err(error) => {
                // The next datagram makes the socket readable again.
                sockets[index].readable = false;
                if !self.receive_error_logged {
                    self.receive_error_logged = true;
                    tracing::warn!(%error, "receiving failed; further failures of this thread are only counted");
                }
                return;
            }
        };
        let now = Instant::now();
        // After the call: whoever sent a datagram because of another thread's answer finds that thread's news read.
        links.read_notices(|from, notice| steering.learn(from, notice, counters));
        for mut message in batch {
            let path = message.path;
            for datagram in message.datagrams() {
                match guard.owner(steering, path.remote, datagram, counters) {
                    Some(owner) => links.hand_over(owner, &path, datagram, counters),
                    None => guard.datagram(worker, now, path, datagram, counters),
                }
                flush_if_long(worker, sender, sockets, counters);
            }
        }
    }

    /// Sends what waits.
    fn flush(&mut self) {
        let outbox = self.worker.outbox();
        self.sender.flush(&mut self.sockets, outbox, &mut self.counters);
        outbox.clear();
    }

    /// Events to the control plane and the other threads. True if clients that missed a message are left.
    fn tell(&mut self, now: Instant) -> bool {
        self.delivery.retry(&mut self.counters);
        self.tell_events();
        let mut left = MAX_OVERRUN_PER_TURN;
        while left > 0
            && let Some(client) = self.delivery.next_overrun(&mut self.counters)
        {
            left -= 1;
            let leave = Command::Leave { client, reason: ByeReason::ProtocolError };
            self.guard.command(&mut self.worker, now, leave, &mut self.counters);
            self.tell_events();
        }
        left == 0
    }

    fn tell_events(&mut self) {
        while let Some(event) = self.worker.poll_event() {
            match event {
                Event::Bound { address } => {
                    self.steering.claim(address);
                    if self.steering.shares_port() {
                        self.links.announce(Notice::Bound(address), &mut self.counters);
                    }
                }
                Event::Unbound { address } => {
                    if self.steering.shares_port() {
                        self.links.announce(Notice::Unbound(address), &mut self.counters);
                    }
                }
                event => self.delivery.deliver(event, &mut self.counters),
            }
        }
    }
}

/// Sends what waits when it is a lot.
fn flush_if_long(worker: &mut Worker, sender: &mut Sender, sockets: &mut [MediaSocket], counters: &mut IoCounters) {
    let outbox = worker.outbox();
    if outbox.len() >= FLUSH_AT {
        sender.flush(sockets, outbox, counters);
        outbox.clear();
    }
}
