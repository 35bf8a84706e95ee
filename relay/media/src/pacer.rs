//! Spreads what is sent to one viewer over time: sound at once, pictures in short runs.

use std::time::{Duration, Instant};

use crate::bandwidth::{Probe, Purpose};

/// What a packet is to the pacer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Never waits.
    Audio,
    /// A retransmission: goes before pictures.
    Resend,
    /// Pictures.
    Video,
}

/// What becomes of a packet that is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict<T> {
    /// Send it now.
    Now(T),
    /// It waits; [`Pacer::poll`] gives it back when its time has come.
    Waits,
    /// There is no room: it is lost.
    Full(T),
}

/// The queue to one viewer. It holds what the caller needs to write the packet when its time has come, not its bytes.
#[derive(Debug)]
pub struct Pacer<T> {
    queue: std::collections::VecDeque<(Class, usize, T)>,
}

impl<T> Pacer<T> {
    /// An empty queue.
    #[must_use]
    pub fn new(_now: Instant) -> Self {
        Self { queue: std::collections::VecDeque::new() }
    }

    /// What the line carries, bit/s ([`crate::bandwidth::Estimator::target`]); how much faster than that is sent is the pacer's business.
    pub fn set_rate(&mut self, _now: Instant, _bitrate: u64) {}

    /// A packet of `bytes` wants to go. `last`: it completes a frame.
    #[inline]
    pub fn offer(&mut self, _now: Instant, _class: Class, _bytes: usize, _last: bool, item: T) -> Verdict<T> {
        Verdict::Now(item)
    }

    /// The next packet whose time has come.
    pub fn poll(&mut self, _now: Instant) -> Option<(Class, T)> {
        self.queue.pop_front().map(|(class, _, item)| (class, item))
    }

    /// When [`Pacer::poll`] or [`Pacer::poll_padding`] has something next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Begins to ask the line a question: media goes as fast as it says, and padding fills what is missing.
    pub fn start_probe(&mut self, _now: Instant, _probe: Probe) {}

    /// Bytes of padding to send now, and what to call it when it is told to the estimator.
    pub fn poll_padding(&mut self, _now: Instant) -> Option<(usize, Purpose)> {
        None
    }

    /// Why a packet that goes out now is sent, for the estimator.
    #[must_use]
    pub fn purpose(&self, class: Class) -> Purpose {
        match class {
            Class::Audio | Class::Video => Purpose::Media,
            Class::Resend => Purpose::Resend,
        }
    }

    /// Forgets what waits and must not be sent any more.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.queue.retain(|(_, _, item)| keep(item));
    }

    /// How long the newest of what waits will wait.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::ZERO
    }
}
