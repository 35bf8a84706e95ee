//! What each choice of layers within one encoding costs: rates that a burst does not change and a pause does not forget.
//!
//! A shared screen is still for seconds and then sends a page at once. Who takes that second for the rate takes the screen away from
//! half of the viewers. So the rate is the median of the last four seconds, in quarters, and stays what it was when nothing comes.

use std::time::Instant;

use crate::quality::{CELLS, MAX_TEMPORAL, cell};

/// Buckets in a second.
const PER_SECOND: u64 = 4;

/// Full buckets looked at: four seconds, so that two seconds of a burst are still the exception.
const WINDOW: u64 = 16;

/// The window and the bucket being filled.
const BUCKETS: usize = WINDOW as usize + 1;

/// Full buckets before a remembered rate is given up for a new one: one second, of which a first keyframe is not the median.
const CONFIDENT: usize = 4;

/// A layer without a packet for so many buckets has gone away: two seconds, in which even a slow screen sends its top layer.
const RECENT: u64 = 8;

/// One that has not come in so many buckets in which others of its encoding did is not there any more: six seconds of pictures, in which it
/// may be asked for. A pause of all of them says nothing.
const GONE: u8 = 24;

/// The median of a slide show is nothing; at least this share of the mean is.
const LEAST_SHARE: u64 = 4;

#[derive(Clone, Copy, Default, Debug)]
struct Cell {
    bytes: u32,
    frames: u16,
}

/// Bytes and frames of one encoding, by layer.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    start: Instant,
    /// Bucket being filled, counted from `start`.
    current: u64,
    /// Bucket in which counting began.
    first: u64,
    /// By bucket modulo [`BUCKETS`], then by [`cell`]: this layer alone.
    cells: [[Cell; CELLS]; BUCKETS],
    /// Bucket of the last packet, by cell.
    heard: [Option<u64>; CELLS],
    /// Buckets since then in which others came, up to [`GONE`].
    missed: [u8; CELLS],
    /// bit/s and frames per second up to each cell, as of the last full bucket in which it was heard.
    known: [(u64, u8); CELLS],
}

impl Rates {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            start: now,
            current: 0,
            first: 0,
            cells: [[Cell::default(); CELLS]; BUCKETS],
            heard: [None; CELLS],
            missed: [0; CELLS],
            known: [(0, 0); CELLS],
        }
    }

    /// A packet of a layer; `starts` if a frame begins with it.
    #[inline]
    pub(crate) fn add(&mut self, now: Instant, spatial: u8, temporal: u8, bytes: usize, starts: bool) {
        let bucket = self.bucket(now);
        if bucket > self.current {
            self.advance(bucket);
        }
        let index = cell(spatial, temporal);
        let cell = &mut self.cells[self.current as usize % BUCKETS][index];
        cell.bytes = cell.bytes.saturating_add(bytes as u32);
        cell.frames = cell.frames.saturating_add(u16::from(starts));
        (self.heard[index], self.missed[index]) = (Some(self.current), 0);
    }

    /// The stream has all layers up to this from now on: whoever wants one need not wait until it has come.
    #[cold]
    pub(crate) fn promise(&mut self, spatial: u8, temporal: u8) {
        for index in (0..=spatial).flat_map(|spatial| (0..=temporal).map(move |temporal| cell(spatial, temporal))) {
            (self.heard[index], self.missed[index]) = (Some(self.current), 0);
        }
    }

    /// It was paused at our wish, and comes again: the silence says nothing of its rate, however short it was.
    #[cold]
    pub(crate) fn resume(&mut self, now: Instant) {
        (self.current, self.first) = (self.bucket(now), self.bucket(now));
        self.cells = [[Cell::default(); CELLS]; BUCKETS];
    }

    /// The stream began anew: other layers may come. What the old ones cost is still the best guess.
    pub(crate) fn restart(&mut self) {
        self.heard = [None; CELLS];
        self.first = self.current;
        self.cells = [[Cell::default(); CELLS]; BUCKETS];
    }

    /// Whether this layer was heard since the stream began, and not missed for long.
    pub(crate) fn exists(&self, spatial: u8, temporal: u8) -> bool {
        let index = cell(spatial, temporal);
        self.heard[index].is_some() && self.missed[index] < GONE
    }

    /// Whether this layer came when the stream was heard last.
    pub(crate) fn recent(&self, spatial: u8, temporal: u8) -> bool {
        self.heard[cell(spatial, temporal)].is_some_and(|heard| heard + RECENT > self.current)
    }

    /// bit/s and frames per second up to this layer; zeros before the first quarter of a second.
    pub(crate) fn known(&self, spatial: u8, temporal: u8) -> (u64, u8) {
        self.known[cell(spatial, temporal)]
    }

    /// bit/s of all layers together.
    pub(crate) fn highest(&self) -> u64 {
        self.known.iter().map(|known| known.0).max().unwrap_or(0)
    }

    fn bucket(&self, now: Instant) -> u64 {
        let age = now.saturating_duration_since(self.start);
        age.as_secs() * PER_SECOND + u64::from(age.subsec_millis()) * PER_SECOND / 1000
    }

    /// Ends the current bucket.
    #[cold]
    fn advance(&mut self, bucket: u64) {
        // A silence that is longer than the window says nothing about the rate; counting begins again.
        let pause = bucket - self.current > WINDOW;
        for (missed, heard) in self.missed.iter_mut().zip(self.heard) {
            *missed = (*missed + u8::from(heard != Some(self.current))).min(GONE);
        }
        self.current += 1;
        self.cells[self.current as usize % BUCKETS] = [Cell::default(); CELLS];
        self.measure();
        if pause || self.heard.iter().all(Option::is_none) {
            self.first = bucket;
            self.cells = [[Cell::default(); CELLS]; BUCKETS];
        }
        for skipped in self.current..=bucket.min(self.current + WINDOW) {
            self.cells[skipped as usize % BUCKETS] = [Cell::default(); CELLS];
        }
        self.current = bucket;
    }

    /// Computes what is known of each layer from the full buckets.
    fn measure(&mut self) {
        let begin = self.current.saturating_sub(WINDOW).max(self.first);
        let count = (self.current - begin) as usize;
        for index in 0..CELLS {
            let (spatial, temporal) = ((index / MAX_TEMPORAL) as u8, (index % MAX_TEMPORAL) as u8);
            if count == 0 || !self.recent(spatial, temporal) || (count < CONFIDENT && self.known[index].0 > 0) {
                continue;
            }
            let mut sums = [0u64; WINDOW as usize];
            let mut frames = 0;
            for (sum, bucket) in sums.iter_mut().zip(begin..self.current) {
                let cells = &self.cells[bucket as usize % BUCKETS];
                for (at, part) in cells[..=index].iter().enumerate().filter(|(at, _)| at % MAX_TEMPORAL <= index % MAX_TEMPORAL) {
                    *sum += u64::from(part.bytes);
                    // Spatial layers are parts of one picture.
                    frames += if at < MAX_TEMPORAL { u64::from(part.frames) } else { 0 };
                }
            }
            let sums = &mut sums[..count];
            sums.sort_unstable();
            let mean = sums.iter().sum::<u64>() / count as u64;
            let rate = 8 * PER_SECOND * sums[count / 2].max(mean / LEAST_SHARE);
            let fps = (frames * PER_SECOND + count as u64 / 2) / count as u64;
            self.known[index] = (rate, fps.min(255) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::Rates;
    use std::time::{Duration, Instant};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// 30 pictures a second in the pattern 0 2 1 2, of 1,000 bytes each; from `begin` to `end`, ms.
    fn pattern(rates: &mut Rates, start: Instant, begin: u64, end: u64) {
        for (nth, at) in (begin..end).step_by(33).enumerate() {
            rates.add(start + ms(at), 0, [0, 2, 1, 2][nth % 4], 1000, true);
        }
    }

    #[test]
    fn temporal_layers_add_up() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        pattern(&mut rates, start, 0, 5000);
        let [t0, t1, t2] = [0, 1, 2].map(|temporal| rates.known(0, temporal));
        assert!((180_000..300_000).contains(&t2.0) && (29..=31).contains(&t2.1), "{t2:?}");
        assert!((100_000..150_000).contains(&t1.0) && (14..=16).contains(&t1.1), "{t1:?}");
        assert!((40_000..80_000).contains(&t0.0) && (7..=8).contains(&t0.1), "{t0:?}");
        assert!(!rates.exists(1, 0) && !rates.exists(0, 3));
    }

    #[test]
    fn spatial_layers_add_up_but_are_one_picture() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        for at in (0..5000).step_by(40) {
            for spatial in 0..3 {
                rates.add(start + ms(at), spatial, 0, 500 << spatial, true);
            }
        }
        let of = |spatial| rates.known(spatial, 0);
        assert!((95_000..=112_000).contains(&of(0).0) && (660_000..=784_000).contains(&of(2).0), "{:?} {:?}", of(0), of(2));
        assert!((24..=26).contains(&of(2).1), "{:?}", of(2));
    }

    /// Two slides of 250 kB in four seconds: who takes them for the rate asks for 2 Mbit/s and more.
    #[test]
    fn a_burst_is_not_the_rate() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        for at in (0..8000).step_by(100) {
            rates.add(start + ms(at), 0, 0, if at % 2000 == 0 { 250_000 } else { 1000 }, true);
            let (rate, _) = rates.known(0, 0);
            assert!(at < 1500 || rate <= 500_000, "{rate} at {at}");
        }
        assert!(rates.known(0, 0).0 >= 200_000, "it is not nothing either: {:?}", rates.known(0, 0));
    }

    #[test]
    fn a_pause_forgets_nothing_and_a_keyframe_at_its_end_does_not_mislead() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        pattern(&mut rates, start, 0, 5000);
        let before = rates.known(0, 2);
        rates.add(start + ms(60_000), 0, 0, 100_000, true);
        assert_eq!((rates.known(0, 2), rates.recent(0, 2)), (before, false));
        pattern(&mut rates, start, 60_033, 60_900);
        assert_eq!((rates.known(0, 2), rates.recent(0, 2)), (before, true));
        pattern(&mut rates, start, 60_900, 62_500);
        let after = rates.known(0, 2).0;
        assert!(after <= before.0 * 5 / 4, "{after} after {before:?}");
    }

    #[test]
    fn a_pause_at_our_wish_is_no_low_rate_however_short() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        pattern(&mut rates, start, 0, 5000);
        let before = rates.known(0, 2).0;
        rates.resume(start + ms(8_000));
        for end in (8_000..16_000).step_by(250) {
            pattern(&mut rates, start, end, end + 250);
            let (rate, _) = rates.known(0, 2);
            assert!((before * 3 / 4..before * 5 / 4).contains(&rate), "{rate} of {before} at {end}");
        }
    }

    #[test]
    fn a_layer_that_went_away_keeps_its_price() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        pattern(&mut rates, start, 0, 5000);
        let before = rates.known(0, 2);
        for at in (5000..10_000).step_by(66) {
            rates.add(start + ms(at), 0, 0, 1000, true);
        }
        assert!(rates.exists(0, 2) && !rates.recent(0, 2) && rates.recent(0, 0));
        assert!(rates.known(0, 2).0 > before.0 / 2, "{:?} of {before:?}", rates.known(0, 2));
    }

    #[test]
    fn a_layer_that_stays_away_is_not_there_any_more_but_a_pause_of_all_takes_none_away() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        pattern(&mut rates, start, 0, 5000);
        let before = rates.known(0, 2);
        for at in (60_000..120_000).step_by(20_000) {
            rates.add(start + ms(at), 0, 0, 1000, true);
            assert!(rates.exists(0, 2), "at {at} ms");
        }
        for at in (120_000..128_000).step_by(66) {
            rates.add(start + ms(at), 0, 0, 1000, true);
            assert!(rates.exists(0, 2) == (at < 125_500) || (125_000..126_200).contains(&at), "at {at} ms");
        }
        assert!(rates.exists(0, 0));
        rates.add(start + ms(128_000), 0, 2, 1000, true);
        assert_eq!((rates.exists(0, 2), rates.known(0, 2)), (true, before), "it has come again");
    }
}
