//! Keeps a tile from changing its layer too often.

use std::time::{Duration, Instant};

use crate::quality::LayerId;

/// After a change the next step up waits so long: on a constant line nobody sees more than one change in this time.
const HOLD: Duration = Duration::from_secs(10);

/// After a tile got another person or another size it may climb freely for so long: the line is asked what it carries step by step.
const CLIMB: Duration = Duration::from_secs(5);

/// Whoever steps down while he still climbs climbs again so soon: the first guesses at the line and at what pictures take are wrong in both
/// directions, and a tile that made way for a more important one has shown nothing of the line.
const STUMBLE: Duration = Duration::from_secs(1);

/// A bar that appears, a window that is moved: such a part of a tile's height, as a divisor, calls for no other layer.
const SLIGHT: u16 = 16;

/// A picture that is back for so long may be taken away again without that speaking against it.
const LASTING: Duration = Duration::from_secs(60);

/// Times that are counted, and for how many minutes the second of them is.
const MOST_PAUSES: u8 = 4;
const LONG_REST: u8 = 3;

/// Another encoding that is given up again so soon was more than the line carries: its first picture alone may be. When that comes again
/// the next step up waits twice as long each time, whatever the line has become.
const FAILED: Duration = Duration::from_secs(5);
const MOST_FAILURES: u8 = 4;

/// What is remembered of one slot for [`super::Demand::held`] and [`super::Demand::pauses`]. Make a new one when somebody else comes into
/// the slot.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Since when somebody is there at this size.
    since: Instant,
    height: u16,
    until: Option<Instant>,
    /// Since when it has a picture.
    seen: Instant,
    /// How often it was taken away again soon, and when last.
    pauses: u8,
    taken: Option<Instant>,
    /// When it was given a higher encoding, and how often lately and when last that was in vain.
    rose: Option<Instant>,
    failures: u8,
    failed: Option<Instant>,
}

impl Held {
    /// Somebody has just come into the slot, which is shown at `height` lines.
    #[must_use]
    pub fn new(now: Instant, height: u16) -> Self {
        Self { since: now, height, until: None, seen: now, pauses: 0, taken: None, rose: None, failures: 0, failed: None }
    }

    /// The tile has this height now. A changed one sets it free, unless it is hardly another: the layer has to follow the layout at once. How
    /// often its picture was taken away is remembered: the least takes as much at any size.
    pub fn set_height(&mut self, now: Instant, height: u16) {
        let seen = self.height > 0 && height > 0;
        if !seen && self.height != height || self.height.abs_diff(height) > self.height / SLIGHT {
            let Self { seen, pauses, taken, .. } = *self;
            *self = Self { seen, pauses, taken, ..Self::new(now, height) };
        }
        self.height = height;
    }

    /// The line has become another: what the tile had before says nothing about what it may have, and it climbs from here. How often its
    /// picture was taken away, or a better one was given in vain, is remembered: a line that swings would make it come and go.
    pub fn set_free(&mut self, now: Instant) {
        *self = Self { since: now, until: None, ..*self };
    }

    /// The tile was granted `after` where it had `before`. Call it after each allocation.
    pub fn granted(&mut self, now: Instant, before: Option<LayerId>, after: Option<LayerId>) {
        // What nobody sees is not missed.
        if before.is_some() && after.is_none() && self.height > 0 {
            let lasted = now.saturating_duration_since(self.seen) >= LASTING;
            self.pauses = if lasted { 1 } else { (self.pauses(now) + 1).min(MOST_PAUSES) };
            self.taken = Some(now);
        }
        if before.is_none() && after.is_some() {
            self.seen = now;
        }
        self.note_failure(now, before, after);
        let hold = match (now.saturating_duration_since(self.since) < CLIMB, after > before) {
            _ if before.is_none() || before == after => return,
            (true, true) => return,
            (true, false) => STUMBLE,
            (false, _) => HOLD,
        };
        self.until = Some(now + hold);
    }

    fn note_failure(&mut self, now: Instant, before: Option<LayerId>, after: Option<LayerId>) {
        let (Some(before), Some(after)) = (before, after) else { return };
        if after.encoding > before.encoding {
            self.rose = Some(now);
        }
        if after.encoding < before.encoding && self.rose.take().is_some_and(|rose| now.saturating_duration_since(rose) < FAILED) {
            let lately = self.failed.is_some_and(|failed| now.saturating_duration_since(failed) < LASTING);
            self.failures = if lately { (self.failures + 1).min(MOST_FAILURES) } else { 1 };
            self.failed = Some(now);
        }
    }

    /// How often its picture was taken away altogether lately, since somebody is there at this size; 4 at most. Of more than two it is one
    /// less for each minute since, and one alone is left after a few more: on a line that has become good again the picture is to come back,
    /// and on one that swings not to come and go.
    #[must_use]
    pub fn pauses(&self, now: Instant) -> u8 {
        let minutes = self.taken.map_or(0, |taken| now.saturating_duration_since(taken).as_secs() / LASTING.as_secs());
        let beyond = self.pauses.saturating_sub(2);
        match u8::try_from(minutes).unwrap_or(u8::MAX) {
            minutes if minutes <= beyond => self.pauses - minutes,
            minutes if minutes - beyond < LONG_REST => self.pauses.min(2),
            _ => self.pauses.min(1),
        }
    }

    /// Whether the tile must not go up now.
    #[must_use]
    pub fn holds(&self, now: Instant) -> bool {
        let again = HOLD * (1 << self.failures) / 2;
        let failed = self.failed.filter(|_| self.failures > 1).is_some_and(|failed| now < failed + again);
        failed || self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(encoding: u8) -> Option<LayerId> {
        Some(LayerId { encoding, spatial: 0, temporal: 0 })
    }

    #[test]
    fn only_climbing_at_first_and_a_new_size_are_free() {
        #[allow(clippy::disallowed_methods)]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut held = Held::new(start, 180);
        held.granted(start, None, layer(0));
        held.granted(at(1_000), layer(0), layer(1));
        assert!(!held.holds(at(1_000)), "climbs");
        held.granted(at(1_100), layer(1), layer(0));
        assert!(held.holds(at(1_100)) && !held.holds(at(2_100)), "stumbled");
        held.granted(at(5_000), layer(1), layer(0));
        assert!(held.holds(at(5_000)) && held.holds(at(14_999)) && !held.holds(at(15_000)), "came down");
        held.set_height(at(5_100), 180);
        held.set_height(at(5_100), 176);
        assert!(held.holds(at(5_100)), "hardly anything has changed");
        held.set_height(at(5_200), 720);
        assert!(!held.holds(at(5_200)), "shown larger");
        held.granted(at(10_300), layer(0), layer(2));
        assert!(held.holds(at(10_300)), "went up later on");
        held.granted(at(11_000), layer(2), layer(2));
        assert!(held.holds(at(20_299)) && !held.holds(at(20_300)), "no change prolongs nothing");
        held.granted(at(25_000), layer(2), layer(0));
        held.set_free(at(25_000));
        held.granted(at(26_000), layer(0), layer(1));
        assert!(!held.holds(at(26_000)), "climbs on a line that has become another");
    }

    #[test]
    fn what_was_in_vain_twice_is_not_tried_for_longer_each_time() {
        #[allow(clippy::disallowed_methods)]
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut held = Held::new(start, 720);
        let mut fails = |second: u64| {
            held.granted(at(second), layer(0), layer(1));
            held.granted(at(second + 2), layer(1), layer(0));
            held.set_free(at(second + 2));
            (second + 2..).find(|second| !held.holds(at(*second))).unwrap() - second - 2
        };
        assert_eq!([fails(0), fails(10), fails(40), fails(90), fails(140)], [0, 20, 40, 80, 80]);
        assert_eq!(fails(300), 0, "a minute later the line may be another");
        held.granted(at(310), layer(0), layer(1));
        held.granted(at(316), layer(1), layer(0));
        held.set_free(at(316));
        assert!(!held.holds(at(316)), "it had lasted");
    }

    #[test]
    fn it_is_remembered_how_often_a_picture_was_taken_away() {
        #[allow(clippy::disallowed_methods)]
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut held = Held::new(start, 180);
        held.granted(at(0), None, layer(0));
        let mut pauses = Vec::new();
        for turn in 1..=6 {
            held.granted(at(10 * turn), layer(0), None);
            held.set_free(at(10 * turn));
            pauses.push(held.pauses(at(10 * turn)));
            held.granted(at(10 * turn + 5), None, layer(0));
        }
        assert_eq!(pauses, [1, 2, 3, 4, 4, 4]);
        assert_eq!(
            [0, 59, 60, 120, 299, 300, 9_000].map(|later| held.pauses(at(60 + later))),
            [4, 4, 3, 2, 2, 1, 1],
            "one a minute, then slower"
        );
        held.granted(at(125), layer(0), None);
        assert_eq!(held.pauses(at(125)), 1, "it had been there for a minute");
        held.set_height(at(130), 360);
        assert_eq!(held.pauses(at(130)), 1, "another size takes no less");
        held.granted(at(131), None, layer(0));
        held.set_height(at(132), 0);
        held.granted(at(133), layer(0), None);
        assert_eq!(held.pauses(at(133)), 1, "nobody saw it go");
    }
}
