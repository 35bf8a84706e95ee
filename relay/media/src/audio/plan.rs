//! Which earlier packets of sound go along with each new one, by what the viewer's line loses.

use std::time::{Duration, Instant};

/// Redundancy begins when the line loses more than this share ...
const ON: f32 = 0.02;

/// ... for so long: where a queue overflows, that is known by then, and copies would make it fuller.
const DOUBT: Duration = Duration::from_millis(300);

/// It ends when the line loses less than this ...
const OFF: f32 = 0.005;

/// ... for so long. Also how long a smaller plan must have been enough before it is taken.
const CALM: Duration = Duration::from_secs(10);

/// Share of the sound that may stay lost before a plan with more in it is taken.
const GOAL: f32 = 0.005;

/// Plans, the cheapest and quickest first. Near ones are there at once, but a burst takes all copies; far ones outlast a burst, and the
/// furthest must still come within the 200 ms that a listener's buffer waits at most.
const PLANS: [Plan; 4] = [Plan(&[1, 2]), Plan(&[1, 2, 4]), Plan(&[1, 3, 6]), Plan(&[2, 5, 8])];

/// Furthest distance of a plan, packets.
pub(crate) const MAX_DISTANCE: u8 = 8;

/// Distances of the earlier packets that go along, in packets, nearest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Plan(&'static [u8]);

impl Plan {
    /// The packet alone.
    pub const NONE: Self = Self(&[]);

    /// See [`Plan`].
    #[must_use]
    pub fn distances(self) -> &'static [u8] {
        self.0
    }

    /// The nearest of these copies, so many at most.
    pub(crate) fn at_most(self, count: usize) -> Self {
        Self(&self.0[..self.0.len().min(count)])
    }

    /// The cheapest plan that leaves less than [`GOAL`] lost, else the one that leaves least.
    fn for_line(loss: f32, burst: f32) -> Self {
        let left = |plan: &&Self| plan.residual(loss, burst);
        let enough = PLANS.iter().find(|plan| left(plan) <= GOAL);
        let best = || PLANS.iter().min_by(|a, b| left(a).total_cmp(&left(b)));
        enough.or_else(best).copied().unwrap_or(Self::NONE)
    }

    /// Share of packets that are lost with all their copies, where `loss` of them are lost in rows of `burst` on average.
    ///
    /// By the model of Gilbert: given that one packet was lost, the one `d` later is lost with `loss + (1 - loss) * persistence^d`.
    fn residual(self, loss: f32, burst: f32) -> f32 {
        let persistence = (1.0 - 1.0 / (burst * (1.0 - loss))).clamp(0.0, 1.0);
        let lost_too = |steps: u8| loss + (1.0 - loss) * persistence.powi(i32::from(steps));
        let (all, _) = self.0.iter().fold((loss, 0), |(all, before), distance| (all * lost_too(distance - before), *distance));
        all
    }

    fn weight(self) -> Option<usize> {
        PLANS.iter().position(|plan| *plan == self)
    }
}

/// The plan towards one viewer, with hysteresis.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Redundancy {
    plan: Plan,
    /// Since when a smaller plan would do.
    calm: Option<Instant>,
    /// Since when there is no plan though something is lost.
    doubt: Option<Instant>,
}

impl Redundancy {
    /// The plan in force.
    pub(crate) fn plan(&self) -> Plan {
        self.plan
    }

    /// What the line loses now: a share of 0 to 1, in rows of `burst` packets of sound on average (1 or more). To be called a few times a
    /// second.
    pub(crate) fn update(&mut self, now: Instant, loss: f32, burst: f32) {
        if !self.is_lossy(now, loss) && self.plan == Plan::NONE {
            return;
        }
        let enough = if loss > OFF { Plan::for_line(loss.min(MAX_LOSS), burst.max(1.0)) } else { Plan::NONE };
        let more = enough.weight() >= self.plan.weight();
        if more || now.saturating_duration_since(*self.calm.get_or_insert(now)) >= CALM {
            (self.plan, self.calm) = (enough, None);
        }
    }

    /// Whether more is lost than goes without copies, and not only for a moment.
    fn is_lossy(&mut self, now: Instant, loss: f32) -> bool {
        if loss <= ON {
            self.doubt = None;
            return false;
        }
        now.saturating_duration_since(*self.doubt.get_or_insert(now)) >= DOUBT
    }
}

/// Above this nothing can be said of rows.
const MAX_LOSS: f32 = 0.9;

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::{MAX_DISTANCE, PLANS, Plan, Redundancy};
    use std::time::{Duration, Instant};

    #[test]
    fn plans_by_line() {
        for (loss, burst, expected) in [
            (0.03, 1.0, &[1, 2][..]),
            (0.1, 1.1, &[1, 2]),
            (0.2, 1.25, &[1, 2, 4]),
            (0.1, 2.0, &[1, 3, 6]),
            (0.05, 4.0, &[2, 5, 8]),
            (0.3, 4.0, &[2, 5, 8]),
        ] {
            assert_eq!(Plan::for_line(loss, burst).distances(), expected, "{loss} lost in rows of {burst}");
        }
        assert!(PLANS.iter().flat_map(|plan| plan.distances()).all(|distance| *distance <= MAX_DISTANCE));
    }

    /// The model against chance itself.
    #[test]
    fn the_residual_is_what_a_bursty_line_leaves() {
        let mut state = 7u64;
        let mut chance = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        for (loss, burst) in [(0.1f32, 1.2f32), (0.2, 2.0), (0.3, 4.0)] {
            let (leave, mut lost) = (1.0 / burst, false);
            let enter = leave * loss / (1.0 - loss);
            let line: Vec<bool> = (0..200_000)
                .map(|_| {
                    lost ^= chance() < if lost { leave } else { enter };
                    lost
                })
                .collect();
            for plan in PLANS {
                let all = |at: &usize| line[*at] && plan.distances().iter().all(|distance| line[at + usize::from(*distance)]);
                let share = (0..line.len() - 8).filter(all).count() as f32 / line.len() as f32;
                let said = plan.residual(loss, burst);
                assert!((share - said).abs() < 0.004 + said * 0.1, "{plan:?} at {loss}, {burst}: {said}, in truth {share}");
            }
        }
    }

    #[test]
    fn on_when_it_is_no_queue_off_after_ten_calm_seconds() {
        let start = Instant::now();
        let mut redundancy = Redundancy::default();
        let mut at = |ms: u64, loss| {
            redundancy.update(start + Duration::from_millis(ms), loss, 1.0);
            redundancy.plan().distances()
        };
        assert_eq!(at(0, 0.015), [] as [u8; 0], "a clean line");
        assert_eq!(at(50, 0.03), [] as [u8; 0], "perhaps a queue");
        assert_eq!(at(100, 0.015), [] as [u8; 0], "it was");
        assert_eq!(at(100, 0.03), [] as [u8; 0]);
        assert_eq!(at(400, 0.03), [1, 2]);
        assert_eq!(at(500, 0.01), [1, 2], "between the thresholds nothing changes");
        assert_eq!(at(600, 0.001), [1, 2]);
        assert_eq!(at(9_000, 0.006), [1, 2], "the calm is over");
        assert_eq!(at(9_100, 0.0), [1, 2]);
        assert_eq!(at(19_000, 0.0), [1, 2]);
        assert_eq!(at(19_100, 0.0), [] as [u8; 0]);
        assert_eq!(at(19_200, 0.3), [] as [u8; 0]);
        assert_eq!(at(19_500, 0.3), [1, 2, 4], "and again");
        assert_eq!(at(19_600, 0.05), [1, 2, 4], "less is taken as slowly");
        assert_eq!(at(29_600, 0.05), [1, 2]);
    }
}
