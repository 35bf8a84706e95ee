//! How a slot's numbers leave nothing out although packets are: runs of packets that moved up by the same number of places.
//!
//! ```text
//!  publisher's numbers   10 11 12 [13 14] 15 16 [17] 18    in brackets: left out
//!  viewer's numbers      10 11 12         13 14      15
//!  runs                  from 10: 0       from 15: 2 from 18: 3
//! ```
//! What is missing when something is left out keeps its place: it may come late, or the viewer asks for it. A place may also be added
//! behind a packet, for an empty one that the publisher did not send; the next run moves down by it.

use std::collections::VecDeque;

/// Runs remembered. A run ends with each frame that is left out (15 a second without the top one of three temporal layers, 30 without a
/// spatial layer) and with each picture that empty packets follow: two seconds at least at 60 pictures a second, as long as the store lasts.
const MAX_RUNS: usize = 128;

/// Packets that moved up by the same number of places.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Run {
    /// First number on the publisher's leg.
    pub(crate) from: u64,
    /// Packets left out before it, since the segment began.
    pub(crate) skipped: u64,
    /// Places added before it, likewise.
    pub(crate) added: u64,
    /// Pictures left out, modulo 2^16.
    pub(crate) pictures: u16,
    /// Highest spatial and temporal layer that went on.
    pub(crate) spatial: u8,
    pub(crate) temporal: u8,
}

impl Run {
    /// Place of its first number when what was left out is not counted.
    fn place(&self) -> u64 {
        self.from - self.skipped + self.added
    }
}

/// What has a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Placing {
    /// Number on the publisher's leg: of the packet, or of the one behind which the place was added.
    pub(crate) ext_seq: u64,
    pub(crate) run: Run,
    /// The place was added.
    pub(crate) added: bool,
}

/// The runs of one segment.
#[derive(Clone, Default, Debug)]
pub(crate) struct Runs {
    last: Run,
    /// Those before, oldest first.
    before: VecDeque<Run>,
}

impl Runs {
    /// A segment begins.
    pub(crate) fn begin(&mut self, run: Run) {
        self.before.clear();
        self.last = run;
    }

    /// The newest run.
    #[inline]
    pub(crate) fn last(&self) -> Run {
        self.last
    }

    /// The run of a number; `None` for what was left out, for what lies before the segment, and for what was forgotten.
    #[inline]
    pub(crate) fn of(&self, ext_seq: u64) -> Option<Run> {
        if ext_seq >= self.last.from {
            return Some(self.last);
        }
        let after = self.before.partition_point(|run| run.from <= ext_seq);
        let run = *self.before.get(after.checked_sub(1)?)?;
        let next = self.before.get(after).unwrap_or(&self.last);
        // What was left out lies right before the next run.
        (ext_seq + (next.skipped - run.skipped) < next.from).then_some(run)
    }

    /// What has this place.
    pub(crate) fn at(&self, place: u64) -> Option<Placing> {
        if place >= self.last.place() {
            return Some(Placing { ext_seq: place + self.last.skipped - self.last.added, run: self.last, added: false });
        }
        let after = self.before.partition_point(|run| run.place() <= place);
        let run = *self.before.get(after.checked_sub(1)?)?;
        let next = self.before.get(after).unwrap_or(&self.last);
        // What was left out lies right before the next run, and what was added behind the last packet that was not.
        let (number, end) = (place + run.skipped - run.added, next.from - (next.skipped - run.skipped));
        Some(Placing { ext_seq: number.min(end - 1), run, added: number >= end })
    }

    /// One place more right behind `behind`, `newest` being the newest number. False if anything between them was not left out.
    pub(crate) fn add_place(&mut self, newest: u64, behind: u64) -> bool {
        let last = match self.before.back() {
            Some(before) if self.last.from > newest => self.last.from - (self.last.skipped - before.skipped) - 1,
            _ => newest,
        };
        if last == behind {
            self.split(newest + 1);
            self.last.added += 1;
        }
        last == behind
    }

    /// A packet newer than all is left out; `picture`: it is the first of its picture that is.
    pub(crate) fn skip(&mut self, ext_seq: u64, picture: bool) {
        self.split(ext_seq);
        self.last.from += 1;
        self.last.skipped += 1;
        self.last.pictures = self.last.pictures.wrapping_add(u16::from(picture));
    }

    /// From here on, which is newer than all, other layers go on.
    pub(crate) fn limit(&mut self, ext_seq: u64, spatial: u8, temporal: u8) {
        self.split(ext_seq);
        (self.last.spatial, self.last.temporal) = (spatial, temporal);
    }

    /// Lets the last run begin with this number.
    fn split(&mut self, ext_seq: u64) {
        if self.last.from < ext_seq {
            if self.before.len() == MAX_RUNS {
                self.before.pop_front();
            }
            self.before.push_back(self.last);
            self.last.from = ext_seq;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_RUNS, Run, Runs};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn begun() -> Runs {
        let mut runs = Runs::default();
        runs.begin(Run { from: 1000, ..Run::default() });
        runs
    }

    #[test]
    fn the_example() {
        let mut runs = begun();
        [1003, 1004, 1007].into_iter().for_each(|number| runs.skip(number, number != 1004));
        let places = |numbers: &[u64]| numbers.iter().map(|&number| runs.of(number).map(|run| number - run.skipped)).collect::<Vec<_>>();
        assert_eq!(places(&[1000, 1002, 1003, 1004]), [Some(1000), Some(1002), None, None]);
        assert_eq!(places(&[1005, 1006, 1007, 1008, 999]), [Some(1003), Some(1004), None, Some(1005), None]);
        assert_eq!((runs.last().skipped, runs.last().pictures), (3, 2));
        assert_eq!([1002, 1003, 1004, 1005].map(|place| runs.at(place).map(|found| found.ext_seq)), [1002, 1005, 1006, 1008].map(Some));
        assert_eq!(runs.at(999), None);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut runs = begun();
        (0..10_000).for_each(|nth| runs.skip(1000 + 2 * nth, true));
        assert_eq!(runs.before.len(), MAX_RUNS);
        assert_eq!((runs.of(1001), runs.at(1001)), (None, None));
        assert!(runs.of(20_901).is_some());
    }

    proptest! {
        /// Against a plain table, with packets that are missing at first: places follow each other, each stands for one number.
        #[test]
        fn equals_a_table(steps in proptest::collection::vec((1u64..4, 0u8..4, 0u8..3), 1..120)) {
            let mut runs = begun();
            let mut table: BTreeMap<u64, Option<u64>> = BTreeMap::new();
            let mut added = Vec::new();
            let (mut number, mut place) = (1000, 1000);
            for (step, what, behind) in steps {
                for missing in number..number + step - 1 {
                    table.insert(missing, Some(place));
                    place += 1;
                }
                number += step - 1;
                match what {
                    0 => runs.limit(number, 0, number as u8),
                    1 | 2 => runs.skip(number, true),
                    _ => {}
                }
                let kept = what % 3 == 0;
                table.insert(number, kept.then_some(place));
                place += u64::from(kept);
                // Behind what was not left out, whatever was left out since.
                let last = table.iter().rev().find(|(_, place)| place.is_some()).map(|(&number, _)| number);
                for last in last.into_iter().cycle().take(behind.into()) {
                    prop_assert!(!runs.add_place(number, last - 1));
                    prop_assert!(runs.add_place(number, last));
                    prop_assert_eq!(runs.at(place).map(|found| (found.ext_seq, found.added)), Some((last, true)));
                    added.push((place, last));
                    place += 1;
                }
                number += 1;
            }
            for (&number, &place) in &table {
                prop_assert_eq!(runs.of(number).map(|run| number - run.skipped + run.added), place, "{}", number);
                if let Some(place) = place {
                    prop_assert_eq!(runs.at(place).map(|found| (found.ext_seq, found.added)), Some((number, false)));
                }
            }
            for (place, number) in added {
                prop_assert_eq!(runs.at(place).map(|found| (found.ext_seq, found.added)), Some((number, true)));
            }
        }
    }
}
