//! Spreads what is sent to one viewer over time: sound at once, pictures in short runs.
//!
//! ```text
//!  offer --> Audio ---------------------------------------> now; the pictures pay for it
//!        --> Resend --> room? --> now, or it waits \
//!        --> Video  --> room? --> now, or it waits  } poll: resends first, then pictures, a run at a time
//!                       (not if others wait)       /
//!  start_probe --> a question: media at its rate, poll_padding fills the gaps; then the next
//! ```
//! Pictures leave 2.5 times as fast as the line carries, so that a frame is there early and the line still has gaps to settle. What may
//! leave at once is short ([`bucket`]); once that is used up, packets wait until as many of them fit together, so that they leave in
//! one call of the kernel. The last of them leaves no later than if each had gone alone.

mod bucket;
mod question;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::bandwidth::{Probe, Purpose};

use bucket::{Bucket, PACKET, bytes_in, time_of};
use question::Question;

/// How much faster than the line carries is sent, as a fraction. As libwebrtc does.
const HASTE: (u64, u64) = (5, 2);

/// Assumed before the estimator has spoken, bit/s.
const START: u64 = 2_500_000;

/// Nothing waits longer. What could only leave later is refused, and when the line got worse in the meantime, what waits is hurried.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// So many bytes may wait however slow the line: a keyframe of the smallest picture.
const LEAST_ROOM: u64 = 20 * PACKET;

/// Most packets that wait, resends included: a keyframe of half a megabyte.
const MAX_WAITING: usize = 512;

/// Most resends that wait: more than a slot's budget lets through in the time.
const MAX_RESENDS: usize = 128;

/// Most questions that wait for the present one to be answered: the estimator begins with two.
const MAX_QUESTIONS: usize = 8;

/// What a packet is to the pacer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Never waits.
    Audio,
    /// A retransmission: goes before pictures. How many there are is limited by who asks for them ([`crate::Slot::may_resend`]).
    Resend,
    /// Pictures.
    Video,
}

/// What becomes of a packet that is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Verdict<T> {
    /// Send it now.
    Now(T),
    /// It waits; [`Pacer::poll`] gives it back when its time has come.
    Waits,
    /// There is no room: it is lost.
    Full(T),
}

/// The queue to one viewer. It holds what the caller needs to write the packet when its time has come, not its bytes.
///
/// Call [`Pacer::poll`] and then [`Pacer::poll_padding`], each until it has nothing, at [`Pacer::poll_timeout`].
#[derive(Debug)]
pub struct Pacer<T> {
    resends: VecDeque<Waiting<T>>,
    pictures: VecDeque<Waiting<T>>,
    /// Bytes of both.
    waiting: u64,
    bucket: Bucket,
    /// When the run that is leaving began to leave: what follows at the same moment belongs to it.
    run: Option<Instant>,
    question: Option<Question>,
    next: VecDeque<Probe>,
}

#[derive(Debug)]
struct Waiting<T> {
    since: Instant,
    bytes: u64,
    item: T,
}

impl<T> Pacer<T> {
    /// An empty queue.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            resends: VecDeque::new(),
            pictures: VecDeque::new(),
            waiting: 0,
            bucket: Bucket::new(now, hasty(START)),
            run: None,
            question: None,
            next: VecDeque::new(),
        }
    }

    /// What the line carries, bit/s ([`crate::bandwidth::Estimator::target`]); how much faster than that is sent is the pacer's business.
    pub fn set_rate(&mut self, now: Instant, bitrate: u64) {
        self.bucket.set_rate(now, hasty(bitrate));
    }

    /// A packet of `bytes` wants to go.
    #[inline]
    pub fn offer(&mut self, now: Instant, class: Class, bytes: usize, item: T) -> Verdict<T> {
        let bytes = bytes as u64;
        self.ask(now);
        let overtakes = match class {
            Class::Audio => true,
            Class::Resend => self.resends.is_empty() && self.has_room(now, bytes),
            Class::Video => self.waiting == 0 && self.has_room(now, bytes),
        };
        if overtakes {
            self.pay(now, bytes, self.bucket.rate());
            return Verdict::Now(item);
        }
        let room = bytes_in(LONGEST_WAIT, self.bucket.rate()).max(LEAST_ROOM);
        let full = self.len() >= MAX_WAITING || self.waiting + bytes > room;
        let queue = if class == Class::Resend { &mut self.resends } else { &mut self.pictures };
        if full || (class == Class::Resend && queue.len() >= MAX_RESENDS) {
            return Verdict::Full(item);
        }
        queue.push_back(Waiting { since: now, bytes, item });
        self.waiting += bytes;
        Verdict::Waits
    }

    /// The next packet whose time has come.
    pub fn poll(&mut self, now: Instant) -> Option<(Class, T)> {
        self.ask(now);
        if self.run != Some(now) {
            if self.next_run()? > now {
                return None;
            }
            self.run = Some(now);
        }
        let first = self.resends.front().or(self.pictures.front())?;
        if !self.has_room(now, first.bytes) && now < self.latest()? {
            return None;
        }
        let rate = self.hurry(now);
        let (class, next) = match self.resends.pop_front() {
            Some(next) => (Class::Resend, next),
            None => (Class::Video, self.pictures.pop_front()?),
        };
        self.waiting -= next.bytes;
        self.pay(now, next.bytes, rate);
        Some((class, next.item))
    }

    /// When [`Pacer::poll`] or [`Pacer::poll_padding`] has something next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let padding = self.question.as_ref().map(Question::next_at);
        self.next_run().into_iter().chain(padding).min()
    }

    /// Begins to ask the line a question: media goes as fast as it says, and padding fills what is missing. What is asked before the last
    /// answer waits for its turn.
    pub fn start_probe(&mut self, now: Instant, probe: Probe) {
        if self.next.len() < MAX_QUESTIONS {
            self.next.push_back(probe);
        }
        self.ask(now);
    }

    /// Bytes of padding to send now, headers included, and what to call it when it is told to the estimator. They count as sent.
    pub fn poll_padding(&mut self, now: Instant) -> Option<(usize, Purpose)> {
        self.ask(now);
        let question = self.question.as_ref().filter(|_| self.waiting == 0)?;
        let (bytes, cluster) = (question.padding(now)?, question.cluster);
        self.pay(now, bytes, self.bucket.rate());
        Some((bytes as usize, Purpose::Probe(cluster)))
    }

    /// Why a packet that goes out now is sent, for the estimator.
    #[must_use]
    pub fn purpose(&self, class: Class) -> Purpose {
        match (&self.question, class) {
            (Some(question), _) => Purpose::Probe(question.cluster),
            (None, Class::Audio | Class::Video) => Purpose::Media,
            (None, Class::Resend) => Purpose::Resend,
        }
    }

    /// Forgets what waits and must not be sent any more.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for queue in [&mut self.resends, &mut self.pictures] {
            queue.retain(|waiting| keep(&waiting.item));
        }
        self.waiting = self.resends.iter().chain(&self.pictures).map(|waiting| waiting.bytes).sum();
    }

    /// How many packets wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resends.len() + self.pictures.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Bytes that wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// How long the newest of what waits will wait.
    #[must_use]
    pub fn delay(&self) -> Duration {
        time_of(self.waiting, self.bucket.rate()).min(LONGEST_WAIT)
    }

    /// Ends a question that has been asked and begins the next.
    fn ask(&mut self, now: Instant) {
        if self.question.as_ref().is_some_and(|question| question.is_over(now)) {
            self.question = None;
        }
        if self.question.is_none()
            && let Some(probe) = self.next.pop_front()
        {
            self.question = Some(Question::new(now, probe));
        }
    }

    #[inline]
    fn has_room(&self, now: Instant, bytes: u64) -> bool {
        match &self.question {
            Some(question) => question.has_room(now),
            None => self.bucket.has_room(now, bytes),
        }
    }

    #[inline]
    fn pay(&mut self, now: Instant, bytes: u64, rate: u64) {
        self.bucket.take(now, bytes, rate);
        if let Some(question) = &mut self.question {
            question.take(bytes);
        }
    }

    /// When the next run may leave: when all that waits fits, or as much as ever leaves at once; at the latest when it is too old.
    fn next_run(&self) -> Option<Instant> {
        let latest = self.latest()?;
        let room = match &self.question {
            Some(question) => question.next_at(),
            None => self.bucket.room_at(self.waiting),
        };
        Some(room.min(latest))
    }

    /// When the oldest of what waits has waited long enough.
    fn latest(&self) -> Option<Instant> {
        let oldest = [self.resends.front(), self.pictures.front()].into_iter().flatten().map(|waiting| waiting.since).min()?;
        Some(oldest + LONGEST_WAIT)
    }

    /// The rate at which everything that waits has left when the newest has waited long enough, bit/s. If that is too slow for the oldest
    /// of an uneven queue, it leaves by [`Pacer::latest`].
    fn hurry(&self, now: Instant) -> u64 {
        let newest = [self.resends.back(), self.pictures.back()].into_iter().flatten().map(|waiting| waiting.since).max();
        let left = newest.map_or(LONGEST_WAIT, |since| (since + LONGEST_WAIT).saturating_duration_since(now));
        let needed = u128::from(self.waiting) * 8_000_000_000 / left.as_nanos().max(1);
        self.bucket.rate().max(u64::try_from(needed).unwrap_or(u64::MAX))
    }
}

/// The pacing rate for what the line carries.
fn hasty(bitrate: u64) -> u64 {
    bitrate.saturating_mul(HASTE.0) / HASTE.1
}
