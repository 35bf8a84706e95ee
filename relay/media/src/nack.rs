//! Which packets of one stream are missing, and when to ask for each again (RFC 4585 section 6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::MediaKind;

/// Missing packets remembered per stream.
const MAX_PENDING: usize = 1000;

/// A larger hole is not asked for: filling it would take longer than a keyframe, and for audio nobody waits.
pub(crate) const MAX_HOLE: u64 = 500;

/// First request after `max(RTT / 8, 10 ms)`: packets overtake each other by less than that.
const MIN_REORDER: Duration = Duration::from_millis(10);

/// Bounds of the round trip used for repetition, whatever was measured.
const MIN_RTT: Duration = Duration::from_millis(20);
const MAX_RTT: Duration = Duration::from_millis(500);

/// How long it is worth asking.
#[derive(Clone, Copy, Debug)]
struct Patience {
    tries: u8,
    age: Duration,
}

/// About as long as the store keeps packets: fourteen tries of RTT x 1.25^n are 1.7 s at 20 ms.
const VIDEO: Patience = Patience { tries: 14, age: Duration::from_millis(2000) };

/// A jitter buffer for speech seldom waits longer than this.
const AUDIO: Patience = Patience { tries: 3, age: Duration::from_millis(300) };

/// Missing packets of one stream.
#[derive(Clone, Debug)]
pub(crate) struct NackList {
    /// In order of `ext`.
    missing: VecDeque<Missing>,
    /// Not later than the earliest `due`.
    wake: Option<Instant>,
    patience: Patience,
    lost: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    ext: u64,
    since: Instant,
    due: Instant,
    tries: u8,
}

impl NackList {
    pub(crate) fn new(kind: MediaKind) -> Self {
        let patience = match kind {
            MediaKind::Audio => AUDIO,
            MediaKind::Video => VIDEO,
        };
        Self { missing: VecDeque::new(), wake: None, patience, lost: 0 }
    }

    /// Packets given up.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// The numbers `newest - count .. newest` were jumped over.
    pub(crate) fn jumped(&mut self, now: Instant, newest: u64, count: u64, rtt: Duration) {
        if count > MAX_HOLE {
            self.lost += count + self.missing.len() as u64;
            self.missing.clear();
            return;
        }
        let due = now + (rtt / 8).max(MIN_REORDER);
        for ext in newest - count..newest {
            if self.missing.len() == MAX_PENDING {
                self.missing.pop_front();
                self.lost += 1;
            }
            self.missing.push_back(Missing { ext, since: now, due, tries: 0 });
        }
        self.wake = Some(self.wake.map_or(due, |wake| wake.min(due)));
    }

    /// A missing packet came after all.
    pub(crate) fn filled(&mut self, ext: u64) {
        match self.missing.binary_search_by_key(&ext, |missing| missing.ext) {
            Ok(index) => drop(self.missing.remove(index)),
            // Given up before it came.
            Err(_) => self.lost = self.lost.saturating_sub(1),
        }
    }

    /// Those of these numbers that are missing, lowest first.
    pub(crate) fn missing(&self, numbers: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
        let begin = self.missing.partition_point(move |missing| missing.ext < numbers.start);
        self.missing.range(begin..).map(|missing| missing.ext).take_while(move |ext| *ext < numbers.end)
    }

    /// The stream begins anew; what is missing now is missing for ever.
    pub(crate) fn restart(&mut self) {
        self.lost += self.missing.len() as u64;
        self.missing.clear();
        self.wake = None;
    }

    /// When [`NackList::take_due`] should be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }

    /// Fills `out` with the numbers to be asked for now and returns how many; call again if all of `out` was used.
    pub(crate) fn take_due(&mut self, now: Instant, rtt: Duration, out: &mut [u16]) -> usize {
        if self.wake.is_none_or(|wake| wake > now) {
            return 0;
        }
        let Patience { tries, age } = self.patience;
        let mut count = 0;
        let mut given_up = 0;
        let mut wake = None;
        self.missing.retain_mut(|missing| {
            if missing.due <= now {
                if missing.tries == tries || now.saturating_duration_since(missing.since) >= age {
                    given_up += 1;
                    return false;
                }
                if let Some(place) = out.get_mut(count) {
                    *place = missing.ext as u16;
                    count += 1;
                    missing.due = now + pause(rtt, missing.tries);
                    missing.tries += 1;
                }
            }
            wake = Some(wake.map_or(missing.due, |wake: Instant| wake.min(missing.due)));
            true
        });
        self.lost += given_up;
        self.wake = wake;
        count
    }
}

/// RTT x 1.25^tries.
fn pause(rtt: Duration, tries: u8) -> Duration {
    (0..tries).fold(rtt.clamp(MIN_RTT, MAX_RTT), |pause, _| pause * 5 / 4)
}

#[cfg(test)]
mod tests {
    use super::{MAX_HOLE, MAX_PENDING, NackList};
    use crate::MediaKind;
    use std::time::{Duration, Instant};

    const RTT: Duration = Duration::from_millis(70);

    fn start() -> Instant {
        #[allow(clippy::disallowed_methods)]
        Instant::now()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn reordered_packets_are_not_asked_for() {
        let start = start();
        let mut list = NackList::new(MediaKind::Video);
        list.jumped(start, 102, 2, RTT);
        assert_eq!(list.poll_timeout(), Some(start + ms(10)));
        list.filled(100);
        list.filled(101);
        assert_eq!(list.take_due(start + ms(10), RTT, &mut [0; 8]), 0);
        assert_eq!((list.poll_timeout(), list.lost()), (None, 0));
    }

    #[test]
    fn asks_for_two_seconds_with_growing_pauses_then_gives_up() {
        let start = start();
        let mut list = NackList::new(MediaKind::Video);
        list.jumped(start, 66_000, 1, RTT);
        let mut asked = Vec::new();
        while let Some(due) = list.poll_timeout() {
            let mut out = [0; 8];
            if list.take_due(due, RTT, &mut out) == 1 {
                assert_eq!(out[0], (65_999 - 65_536) as u16);
                asked.push(due.duration_since(start).as_millis());
            }
        }
        assert_eq!(asked, [10, 80, 167, 276, 413, 584, 798, 1065, 1398, 1816]);
        assert_eq!(list.lost(), 1);
    }

    #[test]
    fn a_slow_line_is_given_up_by_age() {
        let start = start();
        let mut list = NackList::new(MediaKind::Video);
        list.jumped(start, 66_000, 1, ms(500));
        let mut last = start;
        while let Some(due) = list.poll_timeout() {
            if list.take_due(due, ms(500), &mut [0; 8]) == 1 {
                last = due;
            }
        }
        assert!(last > start && last < start + ms(2000), "{:?}", last.duration_since(start));
        assert_eq!(list.lost(), 1);
    }

    #[test]
    fn audio_is_given_up_early() {
        let start = start();
        let mut list = NackList::new(MediaKind::Audio);
        list.jumped(start, 66_000, 1, RTT);
        let mut asked = 0;
        while let Some(due) = list.poll_timeout() {
            assert!(due <= start + ms(400));
            asked += list.take_due(due, RTT, &mut [0; 8]);
        }
        assert_eq!((asked, list.lost()), (3, 1));
    }

    #[test]
    fn memory_and_work_are_bounded() {
        let start = start();
        let mut list = NackList::new(MediaKind::Video);
        let mut newest = 100_000;
        for _ in 0..1000 {
            newest += MAX_HOLE + 1;
            list.jumped(start, newest, MAX_HOLE, RTT);
        }
        assert_eq!(list.missing.len(), MAX_PENDING);
        assert_eq!(list.lost(), 1000 * MAX_HOLE - MAX_PENDING as u64);
        newest += MAX_HOLE + 2;
        list.jumped(start, newest, MAX_HOLE + 1, RTT);
        assert_eq!(list.missing.len(), 0, "a huge hole is not asked for");
    }

    #[test]
    fn a_short_buffer_is_served_in_turns() {
        let start = start();
        let mut list = NackList::new(MediaKind::Video);
        list.jumped(start, 110, 10, RTT);
        let now = start + ms(10);
        let mut out = [0; 4];
        assert_eq!(list.take_due(now, RTT, &mut out), 4);
        assert_eq!(out, [100, 101, 102, 103]);
        assert_eq!(list.take_due(now, RTT, &mut out), 4);
        assert_eq!(list.take_due(now, RTT, &mut out), 2);
        assert_eq!(out[..2], [108, 109]);
        assert_eq!(list.take_due(now, RTT, &mut out), 0);
    }
}
