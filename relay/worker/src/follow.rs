//! Empty packets that follow pictures over lines that lose, so that a viewer sees soon what is missing of a picture's end, or that the line
//! is back.
//!
//! They get their numbers when they leave: a browser that sees a number come after a higher one waits from then on before it asks for what
//! it misses.

use std::time::{Duration, Instant};

use media::Ticket;
use media::pacer::Class;
use wire::ids::Ssrc;

use crate::keys::PeerKey;
use crate::peer::Link;
use crate::worker::Worker;

/// How long after a picture the first leaves, and after it the others at the soonest. Pictures come each 33 or 66 ms, and until the next
/// comes nothing else shows what is missing.
const FIRST: Duration = Duration::from_millis(4);
const EVERY: Duration = Duration::from_millis(6);

/// Most behind one picture: as many as fit between two at 20 pictures a second.
const MOST: u8 = 8;

/// But for the first behind each picture all of them take no more than this share of what the line carries, as a divisor; one takes so many
/// bits with its headers.
const SHARE: u64 = 10;
const BITS: u64 = 70 * 8;

/// A picture that is followed.
#[derive(Clone, Copy, Debug)]
struct Followed {
    stream: Ssrc,
    /// The newest packet of the picture or behind it.
    last: Ticket,
    due: Instant,
    left: u8,
}

/// The newest picture of each stream that goes to one viewer.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    pictures: Vec<Followed>,
}

impl Followers {
    /// A picture of this stream ends with `last`, which leaves at `gone`; those before it are followed no more. Says when the first is due.
    pub(crate) fn begin(&mut self, gone: Instant, stream: Ssrc, last: Ticket) -> Instant {
        let due = gone + FIRST;
        self.retain(|other, _| other != stream);
        self.pictures.push(Followed { stream, last, due, left: MOST });
        due
    }

    /// Forgets those of which this is not true.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Ssrc, Ticket) -> bool) {
        self.pictures.retain(|followed| keep(followed.stream, followed.last));
    }

    /// When the next is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.pictures.iter().map(|followed| followed.due).min()
    }

    fn take_due(&mut self, now: Instant) -> Option<Followed> {
        let place = self.pictures.iter().position(|followed| followed.due <= now)?;
        Some(self.pictures.swap_remove(place))
    }

    /// Time between two empty packets where so many pictures are followed over a line of `bitrate`.
    fn pause(pictures: usize, bitrate: u64) -> Duration {
        let least = Duration::from_micros(pictures as u64 * BITS * SHARE * 1_000_000 / bitrate.max(1));
        least.max(EVERY)
    }
}

impl Link {
    /// The next empty packet that is due: its stream, and its ticket.
    fn next_follower(&mut self, now: Instant) -> Option<(Ssrc, Ticket)> {
        let Self { downlink, slots, .. } = self;
        while let Some(followed) = downlink.followers.take_due(now) {
            let Some(slot) = slots.iter_mut().find(|slot| slot.line.ssrc == followed.stream) else { continue };
            if !downlink.pacer.is_empty() {
                // The picture may be among what waits.
                let due = now + downlink.pacer.delay() + FIRST;
                downlink.followers.pictures.push(Followed { due, ..followed });
                continue;
            }
            let Some(ticket) = slot.media.follow(&followed.last) else { continue };
            // While it is found out what sending less would do, it must be less; but without any the few pictures of then are missed late.
            let left = if downlink.is_tried() { 0 } else { followed.left - 1 };
            if left > 0 {
                let pause = Followers::pause(downlink.followers.pictures.len() + 1, downlink.estimator.target());
                downlink.followers.pictures.push(Followed { last: ticket, due: now + pause, left, ..followed });
            }
            return Some((followed.stream, ticket));
        }
        None
    }
}

impl Worker {
    /// Sends the empty packets that are due.
    pub(crate) fn follow(&mut self, now: Instant, viewer: PeerKey) {
        while let Some((stream, ticket)) = self.link_mut(viewer).and_then(|link| link.next_follower(now)) {
            self.counters.rtp_empty += u64::from(self.send_waiting(now, viewer, Class::Video, stream, &ticket));
        }
    }
}
