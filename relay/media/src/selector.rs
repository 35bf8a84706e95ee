//! Which encoding a slot should carry, and how much of it: what it was given, as far as that arrives, without flapping.

use std::time::{Duration, Instant};

use crate::LayerId;
use crate::thinning::Limits;

/// After a layer has broken away, a higher one must wait so long: a publisher at the edge of his bandwidth lets layers come and go.
const HOLD: Duration = Duration::from_secs(2);

/// A publisher who pauses a lower encoding begins it again within this.
const GIVEN_UP: Duration = Duration::from_secs(1);

/// The choice for one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selector {
    /// What the slot was given; `None`: nothing.
    target: Option<LayerId>,
    /// The encoding to go for, as far as is known which ones arrive.
    chosen: Option<usize>,
    hold_until: Option<Instant>,
    /// Until then nothing above the target will do: that was broken off because the line cannot carry it.
    given_up_until: Option<Instant>,
}

impl Selector {
    /// Everything there is, until somebody says otherwise.
    pub(crate) const ALL: Self = Self {
        target: Some(LayerId { encoding: u8::MAX, spatial: u8::MAX, temporal: u8::MAX }),
        chosen: None,
        hold_until: None,
        given_up_until: None,
    };

    /// What the slot was given.
    pub(crate) fn target(&self) -> Option<LayerId> {
        self.target
    }

    /// The slot is given something else.
    pub(crate) fn set_target(&mut self, target: Option<LayerId>) {
        if self.target.map(|target| target.encoding) != target.map(|target| target.encoding) {
            self.chosen = None;
        }
        self.target = target;
    }

    /// What was forwarded is given up, for the line cannot carry it. A lower encoding that has been paused takes a moment to come.
    pub(crate) fn give_up(&mut self, now: Instant) {
        (self.chosen, self.given_up_until) = (None, Some(now + GIVEN_UP));
    }

    /// Whether a keyframe of this encoding may begin a segment, `current` being forwarded now. Better a lower one than nothing.
    #[inline]
    pub(crate) fn may_start(&self, current: Option<usize>, encoding: usize) -> bool {
        let Some(target) = self.target else { return false };
        let goal = self.chosen.unwrap_or(usize::from(target.encoding));
        match current {
            None => encoding <= goal,
            Some(_) => encoding == goal,
        }
    }

    /// What may go on of an encoding. Of one that is to be left for a lower one only the least, until the keyframe comes.
    #[inline]
    pub(crate) fn limits(&self, encoding: usize) -> Limits {
        let Some(target) = self.target else { return Limits::BASE };
        match encoding.cmp(&usize::from(target.encoding)) {
            std::cmp::Ordering::Less => Limits::ALL,
            std::cmp::Ordering::Equal => {
                let Limits { spatial, temporal } = Limits::ALL;
                Limits { spatial: spatial.min(target.spatial), temporal: temporal.min(target.temporal) }
            }
            std::cmp::Ordering::Greater => Limits::BASE,
        }
    }

    /// Decides again, `current` being forwarded now and `active` saying of each encoding whether it arrives
    /// ([`crate::Publication::active`]); none above the target is taken while one up to it arrives. Returns the encoding of which a
    /// keyframe is needed.
    pub(crate) fn choose(&mut self, now: Instant, current: Option<usize>, active: &[bool]) -> Option<usize> {
        let cap = usize::from(self.target?.encoding);
        // Nothing arrives at all: stay, and ask when something does.
        let within = active.iter().take(cap.saturating_add(1)).rposition(|active| *active);
        let given_up = self.given_up_until.is_some_and(|until| now < until);
        let highest = within.or_else(|| active.iter().position(|active| *active && !given_up))?;
        let alive = current.filter(|&current| active.get(current) == Some(&true));
        if current.is_some() && alive.is_none() {
            self.hold_until = Some(now + HOLD);
        }
        let held = self.hold_until.is_some_and(|until| now < until);
        let chosen = match alive {
            Some(current) if held && highest > current => current,
            _ => highest,
        };
        self.chosen = Some(chosen);
        (current != Some(chosen)).then_some(chosen)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::Selector;
    use crate::LayerId;
    use crate::thinning::Limits;
    use std::time::{Duration, Instant};

    fn up_to(encoding: u8) -> Selector {
        let mut selector = Selector::ALL;
        selector.set_target(Some(LayerId { encoding, spatial: 0, temporal: 1 }));
        selector
    }

    #[test]
    fn takes_the_highest_and_asks_until_it_flows() {
        let start = Instant::now();
        let mut selector = Selector::ALL;
        assert_eq!(selector.choose(start, None, &[false, false, false]), None);
        assert_eq!(selector.choose(start, None, &[true, true, false]), Some(1));
        assert_eq!(selector.choose(start, Some(1), &[true, true, false]), None);
        assert_eq!(selector.choose(start, Some(1), &[true, true, true]), Some(2));
        assert_eq!(selector.choose(start, Some(1), &[true, true, true]), Some(2));
        assert_eq!(selector.choose(start, Some(2), &[true, true, true]), None);
    }

    #[test]
    fn a_layer_that_comes_and_goes_is_not_followed_up_at_once() {
        let start = Instant::now();
        let mut selector = Selector::ALL;
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(selector.choose(at(0), Some(2), &[true, true, false]), Some(1));
        assert_eq!(selector.choose(at(300), Some(1), &[true, true, true]), None);
        assert_eq!(selector.choose(at(300), Some(1), &[true, false, true]), Some(2), "better than nothing");
        assert_eq!(selector.choose(at(2400), Some(1), &[true, true, true]), Some(2));
    }

    #[test]
    fn a_pause_of_everything_changes_nothing() {
        let start = Instant::now();
        let mut selector = Selector::ALL;
        assert_eq!(selector.choose(start, Some(2), &[false, false, false]), None);
        assert_eq!(selector.choose(start, Some(2), &[]), None);
    }

    #[test]
    fn a_small_target_takes_a_small_layer_at_once() {
        let start = Instant::now();
        let mut selector = up_to(0);
        assert_eq!(selector.choose(start, Some(2), &[true, true, true]), Some(0));
        assert_eq!(selector.choose(start, Some(0), &[true, true, true]), None);
        assert_eq!(selector.choose(start, Some(0), &[false, true, true]), Some(1), "better than nothing");
        selector = up_to(1);
        assert_eq!(selector.choose(start, Some(0), &[true, true, true]), Some(1), "and back without a pause");
    }

    #[test]
    fn no_target_is_a_pause() {
        let start = Instant::now();
        let mut selector = Selector::ALL;
        selector.set_target(None);
        assert_eq!(selector.choose(start, None, &[true, true]), None);
        assert!(!selector.may_start(None, 0));
    }

    #[test]
    fn the_way_down_is_thin_and_the_way_up_is_full() {
        let selector = up_to(1);
        assert_eq!([0, 1, 2].map(|encoding| selector.limits(encoding)), [Limits::ALL, Limits { spatial: 0, temporal: 1 }, Limits::BASE]);
        assert_eq!([0, 1, 2].map(|encoding| selector.may_start(None, encoding)), [true, true, false]);
        assert_eq!([0, 1, 2].map(|encoding| selector.may_start(Some(2), encoding)), [false, true, false]);
    }
}
