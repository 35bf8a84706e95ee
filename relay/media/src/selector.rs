//! Chooses the layer for one slot: the highest that arrives and is worth its tile, without flapping.

use std::time::{Duration, Instant};

/// After a layer has broken away, a higher one must wait so long: a publisher at the edge of his bandwidth lets layers come and go.
const HOLD: Duration = Duration::from_secs(2);

/// The choice for one slot.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Selector {
    target: Option<usize>,
    hold_until: Option<Instant>,
}

impl Selector {
    /// The layer that should be forwarded.
    pub(crate) fn target(&self) -> Option<usize> {
        self.target
    }

    /// Decides again, `current` being forwarded now and `active` saying of each layer whether it arrives
    /// ([`crate::Publication::active`]); no layer above `cap` is taken while one up to it arrives. Returns the layer of which a keyframe
    /// is needed.
    pub(crate) fn choose(&mut self, now: Instant, current: Option<usize>, active: &[bool], cap: usize) -> Option<usize> {
        // Nothing arrives at all: stay, and ask when something does.
        let within = active.iter().take(cap.saturating_add(1)).rposition(|active| *active);
        let highest = within.or_else(|| active.iter().position(|active| *active))?;
        let alive = current.filter(|&current| active.get(current) == Some(&true));
        if current.is_some() && alive.is_none() {
            self.hold_until = Some(now + HOLD);
        }
        let held = self.hold_until.is_some_and(|until| now < until);
        let target = match alive {
            Some(current) if held && highest > current => current,
            _ => highest,
        };
        self.target = Some(target);
        (current != Some(target)).then_some(target)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::Selector;
    use std::time::{Duration, Instant};

    #[test]
    fn takes_the_highest_and_asks_until_it_flows() {
        let start = Instant::now();
        let mut selector = Selector::default();
        assert_eq!(selector.choose(start, None, &[false, false, false], 2), None);
        assert_eq!(selector.choose(start, None, &[true, true, false], 2), Some(1));
        assert_eq!(selector.choose(start, Some(1), &[true, true, false], 2), None);
        assert_eq!(selector.choose(start, Some(1), &[true, true, true], 2), Some(2));
        assert_eq!(selector.choose(start, Some(1), &[true, true, true], 2), Some(2));
        assert_eq!(selector.choose(start, Some(2), &[true, true, true], 2), None);
    }

    #[test]
    fn a_layer_that_comes_and_goes_is_not_followed_up_at_once() {
        let start = Instant::now();
        let mut selector = Selector::default();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(selector.choose(at(0), Some(2), &[true, true, false], 2), Some(1));
        assert_eq!(selector.choose(at(300), Some(1), &[true, true, true], 2), None);
        assert_eq!(selector.choose(at(300), Some(1), &[true, false, true], 2), Some(2), "better than nothing");
        assert_eq!(selector.choose(at(2400), Some(1), &[true, true, true], 2), Some(2));
    }

    #[test]
    fn a_pause_of_everything_changes_nothing() {
        let start = Instant::now();
        let mut selector = Selector::default();
        assert_eq!(selector.choose(start, Some(2), &[false, false, false], 2), None);
        assert_eq!(selector.choose(start, Some(2), &[], 2), None);
    }

    #[test]
    fn a_small_tile_takes_a_small_layer_at_once() {
        let start = Instant::now();
        let mut selector = Selector::default();
        assert_eq!(selector.choose(start, Some(2), &[true, true, true], 0), Some(0));
        assert_eq!(selector.choose(start, Some(0), &[true, true, true], 0), None);
        assert_eq!(selector.choose(start, Some(0), &[true, true, true], 1), Some(1), "and back without a pause");
        assert_eq!(selector.choose(start, Some(0), &[false, true, true], 0), Some(1), "better than nothing");
    }
}
