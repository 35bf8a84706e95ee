//! Notices when a line limits somebody's pictures for longer than a moment, and when it is well again: once each, for the room's history.

use std::time::{Duration, Instant};

/// What does not last so long is no event.
const LASTING: Duration = Duration::from_secs(3);

/// The least time between two reports that the line limits: a line that comes and goes is told of twice a minute at most.
const PAUSE: Duration = Duration::from_secs(30);

/// What the history knows of one viewer's line.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Strain {
    /// The last thing told: the line limits.
    told: bool,
    told_at: Option<Instant>,
    /// Since when it is otherwise.
    otherwise: Option<Instant>,
}

impl Strain {
    /// How it is now; gives what should be told.
    pub(crate) fn observe(&mut self, now: Instant, limited: bool) -> Option<bool> {
        if limited == self.told {
            self.otherwise = None;
            return None;
        }
        let since = *self.otherwise.get_or_insert(now);
        let rested = !limited || self.told_at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        if now.saturating_duration_since(since) < LASTING || !rested {
            return None;
        }
        *self = Self { told: limited, told_at: Some(now), otherwise: None };
        Some(limited)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    /// What is told, and when, of a line that limits in the given seconds.
    fn told(limits: impl Fn(u64) -> bool) -> Vec<(u64, bool)> {
        let (start, mut strain) = (Instant::now(), Strain::default());
        let observe = |ms: u64| Some((ms / 1000, strain.observe(start + Duration::from_millis(ms), limits(ms / 1000))?));
        (0..120_000).step_by(100).filter_map(observe).collect()
    }

    #[test]
    fn only_what_lasts_is_told_and_no_more_than_twice_a_minute() {
        assert_eq!(told(|second| second % 4 < 2), [], "two seconds are a moment");
        assert_eq!(told(|second| (10..20).contains(&second)), [(13, true), (23, false)]);
        let flapping = told(|second| second % 10 < 5);
        assert_eq!(flapping[..2], [(3, true), (8, false)]);
        assert!(flapping.len() <= 8, "{flapping:?}");
    }
}
