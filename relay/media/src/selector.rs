//! Chooses the layer for one slot: the highest that arrives and is worth its tile, without flapping.

use std::time::{Duration, Instant};

/// What the selector must know of one layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LayerState {
    /// See [`crate::Publication::active`].
    pub active: bool,
}

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

    /// Decides again, `current` being forwarded now; no layer above `cap` is taken while one up to it arrives. Returns the layer of which a
    /// keyframe is needed.
    pub(crate) fn choose(&mut self, now: Instant, current: Option<usize>, layers: &[LayerState], cap: usize) -> Option<usize> {
        let active = |layer: usize| layers.get(layer).is_some_and(|state| state.active);
        // Nothing arrives at all: stay, and ask when something does.
        let within = layers.iter().take(cap.saturating_add(1)).rposition(|state| state.active);
        let highest = within.or_else(|| layers.iter().position(|state| state.active))?;
        let alive = current.filter(|&current| active(current));
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
    use super::{LayerState, Selector};
    use std::time::{Duration, Instant};

    fn layers(active: [bool; 3]) -> [LayerState; 3] {
        active.map(|active| LayerState { active })
    }

    #[test]
    fn takes_the_highest_and_asks_until_it_flows() {
        let start = Instant::now();
        let mut selector = Selector::default();
        assert_eq!(selector.choose(start, None, &layers([false, false, false]), 2), None);
        assert_eq!(selector.choose(start, None, &layers([true, true, false]), 2), Some(1));
        assert_eq!(selector.choose(start, Some(1), &layers([true, true, false]), 2), None);
        assert_eq!(selector.choose(start, Some(1), &layers([true, true, true]), 2), Some(2));
        assert_eq!(selector.choose(start, Some(1), &layers([true, true, true]), 2), Some(2));
        assert_eq!(selector.choose(start, Some(2), &layers([true, true, true]), 2), None);
    }

    #[test]
    fn a_layer_that_comes_and_goes_is_not_followed_up_at_once() {
        let start = Instant::now();
        let mut selector = Selector::default();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(selector.choose(at(0), Some(2), &layers([true, true, false]), 2), Some(1));
        assert_eq!(selector.choose(at(300), Some(1), &layers([true, true, true]), 2), None);
        assert_eq!(selector.choose(at(300), Some(1), &layers([true, false, true]), 2), Some(2), "better than nothing");
        assert_eq!(selector.choose(at(2400), Some(1), &layers([true, true, true]), 2), Some(2));
    }

    #[test]
    fn a_pause_of_everything_changes_nothing() {
        let start = Instant::now();
        let mut selector = Selector::default();
        assert_eq!(selector.choose(start, Some(2), &layers([false, false, false]), 2), None);
        assert_eq!(selector.choose(start, Some(2), &[], 2), None);
    }

    #[test]
    fn a_small_tile_takes_a_small_layer_at_once() {
        let start = Instant::now();
        let mut selector = Selector::default();
        assert_eq!(selector.choose(start, Some(2), &layers([true, true, true]), 0), Some(0));
        assert_eq!(selector.choose(start, Some(0), &layers([true, true, true]), 0), None);
        assert_eq!(selector.choose(start, Some(0), &layers([true, true, true]), 1), Some(1), "and back without a pause");
        assert_eq!(selector.choose(start, Some(0), &layers([false, true, true]), 0), Some(1), "better than nothing");
    }
}
