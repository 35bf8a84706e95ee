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

/// A picture that is back for so long may be taken away again without that speaking against it.
const LASTING: Duration = Duration::from_secs(60);

/// Times that are counted.
const MOST_PAUSES: u8 = 4;

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
    pauses: u8,
}

impl Held {
    /// Somebody has just come into the slot, which is shown at `height` lines.
    #[must_use]
    pub fn new(now: Instant, height: u16) -> Self {
        Self { since: now, height, until: None, seen: now, pauses: 0 }
    }

    /// The tile has this height now. A changed one sets it free: the layer has to follow the layout at once.
    pub fn set_height(&mut self, now: Instant, height: u16) {
        if self.height != height {
            *self = Self::new(now, height);
        }
    }

    /// The line has become another: what the tile had before says nothing about what it may have, and it climbs from here. How often its
    /// picture was taken away is remembered: a line that swings would make it come and go.
    pub fn set_free(&mut self, now: Instant) {
        *self = Self { since: now, until: None, ..*self };
    }

    /// The tile was granted `after` where it had `before`. Call it after each allocation.
    pub fn granted(&mut self, now: Instant, before: Option<LayerId>, after: Option<LayerId>) {
        if before.is_some() && after.is_none() {
            let lasted = now.saturating_duration_since(self.seen) >= LASTING;
            self.pauses = if lasted { 1 } else { (self.pauses + 1).min(MOST_PAUSES) };
        }
        if before.is_none() && after.is_some() {
            self.seen = now;
        }
        let hold = match (now.saturating_duration_since(self.since) < CLIMB, after > before) {
            _ if before.is_none() || before == after => return,
            (true, true) => return,
            (true, false) => STUMBLE,
            (false, _) => HOLD,
        };
        self.until = Some(now + hold);
    }

    /// How often its picture was taken away altogether lately, since somebody is there at this size; 4 at most.
    #[must_use]
    pub fn pauses(&self) -> u8 {
        self.pauses
    }

    /// Whether the tile must not go up now.
    #[must_use]
    pub fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
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
        assert!(held.holds(at(5_100)), "nothing has changed");
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
            pauses.push(held.pauses());
            held.granted(at(10 * turn + 5), None, layer(0));
        }
        assert_eq!(pauses, [1, 2, 3, 4, 4, 4]);
        held.granted(at(125), layer(0), None);
        assert_eq!(held.pauses(), 1, "it had been there for a minute");
        held.set_height(at(130), 360);
        assert_eq!(held.pauses(), 0, "another size");
    }
}
