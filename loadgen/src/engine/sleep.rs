//! Waits for sockets and for a moment at once, to the microsecond: a poll alone knows milliseconds only.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};

/// The timer's own event.
const TIMER: Token = Token(usize::MAX);
/// Events of one wake-up.
const EVENTS: usize = 256;
/// Waits at most this long, so that somebody who wants to stop is heard.
const LONGEST: Duration = Duration::from_millis(100);

/// A poll with a fine timer.
pub(super) struct Sleep {
    pub(super) poll: Poll,
    timer: OwnedFd,
    /// Never sleeps.
    spins: bool,
}

impl Sleep {
    pub(super) fn new(spins: bool) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        Ok(Self { poll, timer, spins })
    }

    pub(super) fn events() -> Events {
        Events::with_capacity(EVENTS)
    }

    /// Waits for sockets until `until` at the latest. Gives the sockets' tokens in `events`, and whether it would have slept.
    pub(super) fn wait(&mut self, until: Option<Instant>, events: &mut Events) -> io::Result<()> {
        let now = Instant::now();
        let span = until.map_or(LONGEST, |until| until.saturating_duration_since(now)).min(LONGEST);
        let timeout = if self.spins || span.is_zero() {
            Some(Duration::ZERO)
        } else {
            let value = Timespec { tv_sec: 0, tv_nsec: i64::from(span.subsec_nanos()).max(1) };
            let once = Timespec { tv_sec: 0, tv_nsec: 0 };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: once, it_value: value })?;
            None
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn is_timer(token: Token) -> bool {
        token == TIMER
    }
}
