//! Wakes a media thread that sleeps in `poll`, and spares the system call when it does not.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use mio::{Registry, Token, Waker};

/// The thread works; it looks into its queues before it sleeps.
const AWAKE: u8 = 0;
/// The thread sleeps or is about to.
const ASLEEP: u8 = 1;
/// Somebody put work into a queue since the thread last began to look.
const RUNG: u8 = 2;

/// Shared by the thread and everybody who puts work into its queues.
///
/// Who adds work: put it into the queue, then [`Doorbell::ring`]. The thread: [`Doorbell::answer`], look into every queue,
/// [`Doorbell::may_sleep`], and only if that is true wait. Work added after the look leaves `RUNG` behind, so it is never slept over.
pub(super) struct Doorbell {
    state: AtomicU8,
    waker: Waker,
}

impl Doorbell {
    /// A wake-up appears in the poll of `registry` under `token`.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self { state: AtomicU8::new(AWAKE), waker: Waker::new(registry, token)? })
    }

    /// Work was added.
    pub(super) fn ring(&self) {
        if self.state.swap(RUNG, Ordering::AcqRel) == ASLEEP {
            // Fails only when the descriptor is gone; then so is the thread.
            let _ = self.waker.wake();
        }
    }

    /// The thread begins to look into its queues.
    pub(super) fn answer(&self) {
        self.state.swap(AWAKE, Ordering::AcqRel);
    }

    /// True: nothing was added since [`Doorbell::answer`], and who adds now will wake. False: look again.
    #[must_use]
    pub(super) fn may_sleep(&self) -> bool {
        self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;

    const BELL: Token = Token(7);

    fn bell() -> (Poll, Doorbell) {
        let poll = Poll::new().unwrap();
        let bell = Doorbell::new(poll.registry(), BELL).unwrap();
        (poll, bell)
    }

    fn wakes(poll: &mut Poll) -> usize {
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        events.iter().filter(|event| event.token() == BELL).count()
    }

    #[test]
    fn ringing_an_awake_thread_costs_no_wake_and_keeps_it_from_sleeping() {
        let (mut poll, bell) = bell();
        bell.answer();
        bell.ring();
        assert_eq!(wakes(&mut poll), 0);
        assert!(!bell.may_sleep(), "work was added after the look");
        bell.answer();
        assert!(bell.may_sleep());
    }

    #[test]
    fn a_sleeper_is_woken_once_however_many_ring() {
        let (mut poll, bell) = bell();
        bell.answer();
        assert!(bell.may_sleep());
        for _ in 0..5 {
            bell.ring();
        }
        assert_eq!(wakes(&mut poll), 1);
        assert!(!bell.may_sleep());
    }

    /// A producer and a sleeper race many times; if a ring were lost, the sleeper would time out.
    #[test]
    fn no_ring_is_slept_over() {
        const ROUNDS: u64 = 20_000;
        let (mut poll, bell) = bell();
        let bell = Arc::new(bell);
        let added = Arc::new(AtomicU64::new(0));
        let seen = Arc::new(AtomicU64::new(0));
        let producer = {
            let (bell, added, seen) = (Arc::clone(&bell), Arc::clone(&added), Arc::clone(&seen));
            std::thread::spawn(move || {
                for round in 1..=ROUNDS {
                    added.store(round, Ordering::Release);
                    bell.ring();
                    while seen.load(Ordering::Acquire) < round {
                        std::thread::yield_now();
                    }
                }
            })
        };
        let mut events = Events::with_capacity(8);
        let mut last = 0;
        while last < ROUNDS {
            bell.answer();
            let now = added.load(Ordering::Acquire);
            if now > last {
                last = now;
                seen.store(now, Ordering::Release);
                continue;
            }
            if bell.may_sleep() {
                poll.poll(&mut events, Some(Duration::from_secs(20))).unwrap();
                assert!(!events.is_empty(), "slept over round {}", last + 1);
            }
        }
        producer.join().unwrap();
    }
}
