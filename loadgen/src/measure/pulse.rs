//! Whether the machine runs at its own speed: shared machines do not always, and what is late then says nothing of a server.
//!
//! Now and then a small piece of work that never changes is timed: one byte in each of 64 pages. Where the hypervisor is busy with the
//! machine, each page costs several times as much, for a tenth of a second or so and on all cores at once. Whether a window of time was
//! calm is decided by that alone, never by what was measured in it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Bytes of a page, and how many are touched.
const PAGE: usize = 4_096;
const PAGES: usize = 64;
/// Time between two pieces of work.
const PACE: Duration = Duration::from_micros(200);
/// What is judged at once.
const WINDOW: Duration = Duration::from_millis(20);
/// Work that takes so many times the usual is slow.
const SLOW: u64 = 3;
/// A window in which one of so many pieces was slow, and no fewer than this, is not calm.
const ONE_OF: u32 = 20;
const FEWEST: u32 = 2;
/// Longest piece of work that is told from longer ones, ns, and significant digits.
const LONGEST: u64 = 1_000_000_000;
const DIGITS: u8 = 2;

/// Feels the machine's pulse.
#[derive(Debug)]
pub struct Pulse {
    pages: Vec<u8>,
    due: Instant,
    usual: Usual,
    window: Window,
    /// The window before was calm: what it left behind does not count in the next.
    calm: bool,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    pieces: u32,
    slow: u32,
}

/// What a piece of work takes as a rule, ns: the median of all so far.
#[derive(Debug)]
struct Usual(Histogram<u64>);

impl Pulse {
    /// From now on.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { pages: vec![1; PAGE * PAGES], due: now, usual: Usual::new(), window: Window::begin(now), calm: false }
    }

    /// Call it often. At the end of a window it says whether that was calm, and the one before as well.
    pub fn feel(&mut self, now: Instant) -> Option<bool> {
        if now < self.due {
            return None;
        }
        for (index, page) in self.pages.chunks_exact_mut(PAGE).enumerate() {
            // Not always the same line of a page: they would displace each other from the cache.
            let byte = &mut page[index * 64 % PAGE];
            *byte = black_box(byte.wrapping_add(1));
        }
        let ended = Instant::now();
        self.due = ended + PACE;
        self.note(ended.saturating_duration_since(now), ended)
    }

    fn note(&mut self, took: Duration, now: Instant) -> Option<bool> {
        let slow = self.usual.note(took);
        self.window.pieces += 1;
        self.window.slow += u32::from(slow);
        if now < self.window.ends {
            return None;
        }
        let calm = self.window.is_calm();
        self.window = Window::begin(now);
        Some(std::mem::replace(&mut self.calm, calm) && calm)
    }
}

impl Window {
    fn begin(now: Instant) -> Self {
        Self { ends: now + WINDOW, pieces: 0, slow: 0 }
    }

    fn is_calm(&self) -> bool {
        self.slow < FEWEST || self.slow * ONE_OF <= self.pieces
    }
}

impl Usual {
    fn new() -> Self {
        // The bounds are constants that the library takes.
        Self(Histogram::new_with_bounds(1, LONGEST, DIGITS).unwrap_or_else(|_| unreachable!("constant bounds")))
    }

    /// Adds one; whether it is slow against those before.
    fn note(&mut self, took: Duration) -> bool {
        let nanos = took.as_nanos() as u64;
        let slow = self.median().is_some_and(|median| nanos > SLOW * median);
        self.0.saturating_record(nanos);
        slow
    }

    fn median(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(0.5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of 100 pieces, of which so many take five times as long as the others; whether each was calm.
    fn judged(slow: &[u32]) -> Vec<bool> {
        let (mut now, mut found) = (Instant::now(), Vec::new());
        let mut pulse = Pulse::new(now);
        for slow in slow {
            for piece in 0..100 {
                now += PACE;
                found.extend(pulse.note(Duration::from_nanos(if piece < *slow { 1_500 } else { 300 }), now));
            }
        }
        found
    }

    #[test]
    fn a_window_counts_when_it_and_the_one_before_were_calm() {
        assert_eq!(judged(&[0, 0, 1, 5, 0, 0, 40, 0, 0]), [false, true, true, true, true, true, false, false, true]);
    }

    #[test]
    fn what_is_usual_is_the_median_whatever_came_first() {
        let mut usual = Usual::new();
        assert_eq!(usual.median(), None);
        assert!(!usual.note(Duration::from_nanos(9_000)), "nothing is known yet");
        (0..10).for_each(|_| assert!(!usual.note(Duration::from_nanos(300))));
        assert!(usual.median().is_some_and(|median| (300..=350).contains(&median)), "{:?}", usual.median());
        assert!(usual.note(Duration::from_nanos(1_100)) && !usual.note(Duration::from_nanos(800)));
    }

    #[test]
    fn work_is_timed_at_its_pace_and_windows_end() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        let mut windows = 0;
        while start.elapsed() < Duration::from_millis(90) {
            windows += u32::from(pulse.feel(Instant::now()).is_some());
        }
        assert!((1..=4).contains(&windows), "{windows} windows in 90 ms");
        assert!(pulse.usual.0.len() > 20, "{} pieces", pulse.usual.0.len());
    }
}
