//! Keeps a bug that one datagram or command brings out from taking everybody else's call down with it.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use signal::message::ByeReason;
use transport::Path;
use worker::{ClientId, Command, Worker};

use super::steering::Steering;
use crate::io::IoCounters;

/// After a panic in a timer, how long timers are left alone: one that stays due must not keep the thread busy with panicking.
const TIMER_PAUSE: Duration = Duration::from_millis(100);

/// Calls into the worker. A panic is counted, the first one is logged, and whoever most likely caused it is closed.
///
/// The worker is used on after a panic although its state may be inconsistent: that is the smaller evil next to ending all other
/// calls, and its memory is sound in any case.
#[derive(Default)]
pub(super) struct Guard {
    logged: bool,
    timers_paused_until: Option<Instant>,
}

impl Guard {
    /// The other worker that owns a datagram; finding out means reading what a stranger wrote.
    pub(super) fn owner(&mut self, steering: &Steering, remote: SocketAddr, bytes: &[u8], counters: &mut IoCounters) -> Option<usize> {
        let mut owner = None;
        self.call(counters, "whose a datagram is", || owner = steering.elsewhere(remote, bytes));
        owner
    }

    /// A datagram for the worker.
    pub(super) fn datagram(&mut self, worker: &mut Worker, now: Instant, path: Path, bytes: &mut [u8], counters: &mut IoCounters) {
        let remote = path.remote;
        if !self.call(counters, "a datagram", || worker.handle_datagram(now, path, bytes)) {
            self.close(worker, now, remote, counters);
        }
    }

    /// A command for the worker.
    pub(super) fn command(&mut self, worker: &mut Worker, now: Instant, command: Command, counters: &mut IoCounters) {
        let client = client(&command);
        if !self.call(counters, "a command", || worker.handle_command(now, command))
            && let Some(client) = client
        {
            let leave = Command::Leave { client, reason: ByeReason::ProtocolError };
            self.call(counters, "leaving after a panic", || worker.handle_command(now, leave));
        }
    }

    /// The worker's timers, if any is due.
    pub(super) fn timers(&mut self, worker: &mut Worker, now: Instant, counters: &mut IoCounters) {
        if self.deadline(worker).is_none_or(|at| at > now) {
            return;
        }
        self.timers_paused_until = None;
        if !self.call(counters, "a timer", || worker.handle_timeout(now)) {
            self.timers_paused_until = Some(now + TIMER_PAUSE);
        }
    }

    /// When timers want to be looked at.
    pub(super) fn deadline(&self, worker: &Worker) -> Option<Instant> {
        let at = worker.poll_timeout()?;
        Some(self.timers_paused_until.map_or(at, |pause| at.max(pause)))
    }

    /// Closes the peer behind an address.
    fn close(&mut self, worker: &mut Worker, now: Instant, remote: SocketAddr, counters: &mut IoCounters) {
        self.call(counters, "closing after a panic", || worker.quarantine(now, remote));
    }

    /// True if `work` came back.
    fn call(&mut self, counters: &mut IoCounters, what: &'static str, work: impl FnOnce()) -> bool {
        let returned = catch_unwind(AssertUnwindSafe(work)).is_ok();
        if !returned {
            counters.panics += 1;
            if !self.logged {
                self.logged = true;
                tracing::error!(what, "the worker panicked; further panics of this thread are only counted");
            }
        }
        returned
    }
}

/// Whom a command concerns.
fn client(command: &Command) -> Option<ClientId> {
    match command {
        Command::Join(join) => Some(join.client),
        Command::Detach { client }
        | Command::Attach { client }
        | Command::Negotiate { client, .. }
        | Command::Act { client, .. }
        | Command::Tiles { client, .. }
        | Command::Leave { client, .. } => Some(*client),
        Command::ActFor { .. } | Command::Configure { .. } | Command::Inspect { .. } | Command::Why { .. } | Command::Shutdown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_counted_and_the_next_call_works() {
        let mut guard = Guard::default();
        let mut counters = IoCounters::default();
        let mut reached = 0;
        assert!(!guard.call(&mut counters, "a test", || panic!("on purpose: this message belongs to a passing test")));
        assert!(guard.call(&mut counters, "a test", || reached += 1));
        assert_eq!((counters.panics, reached), (1, 1));
    }
}
