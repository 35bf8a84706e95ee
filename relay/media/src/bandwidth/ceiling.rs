//! What the line carries at most, as was seen when it was full.
//!
//! The estimate goes beyond it from time to time to find out whether that is still so. What cannot be taken back soon, like a layer that
//! begins with a keyframe, should not.

use super::probe::Answer;

/// How long it is remembered, us.
const LIFETIME: u64 = 120_000_000;

/// Where something is believed to count bytes, media may go a little further each time nothing was lost for so long, us: losses that ended by
/// themselves, or a queue that overflowed once, look the same, and would keep the viewer small for all that time.
const CALM: u64 = 20_000_000;
const STEP_EVERY: f64 = 10_000_000.0;
const STEP: f64 = 1.1;

/// Weight of a new measurement: a fraction of a second has few packets.
const WEIGHT: f64 = 0.3;

/// A line that is full at less than this share of it has become worse for good.
const FALLEN: f64 = 0.66;

/// An answer beyond so many times it shows that the line has become better.
pub(super) const SURPRISE: f64 = 1.2;

#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Ceiling {
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// bit/s.
    rate: f64,
    /// When the line was last full, us.
    at: u64,
    /// What did not fit was lost without waiting before: something counts bytes on the way, which lets a short question pass.
    policed: bool,
}

impl Ceiling {
    /// bit/s; `None` if it is not known, or no more.
    pub(super) fn rate(&self, now: u64) -> Option<f64> {
        self.alive(now).map(|known| {
            let calm = if known.policed { now.saturating_sub(known.at + CALM) } else { 0 };
            known.rate * STEP.powf(calm as f64 / STEP_EVERY)
        })
    }

    /// Whether answers of the line are worth nothing because it takes short questions however much they ask.
    pub(super) fn fools_probes(&self, now: u64) -> bool {
        self.alive(now).is_some_and(|known| known.policed)
    }

    /// The line is full, and so much arrives, as far as a fraction of a second can tell.
    pub(super) fn met(&mut self, now: u64, arrives: Option<f64>, policed: bool) {
        let Some(arrives) = arrives else { return };
        let known = self.alive(now).filter(|known| arrives > FALLEN * known.rate);
        let rate = known.map_or(arrives, |known| known.rate + WEIGHT * (arrives - known.rate));
        self.known = Some(Known { rate, at: now, policed });
    }

    /// A question to the line was answered.
    pub(super) fn answered(&mut self, now: u64, answer: Answer) {
        let Some(known) = self.known.as_mut().filter(|known| !known.policed) else { return };
        if answer.bitrate > SURPRISE * known.rate || now.saturating_sub(known.at) > LIFETIME {
            self.known = None;
        } else if answer.bitrate > known.rate || !answer.good {
            known.rate += WEIGHT * (answer.bitrate - known.rate);
        }
    }

    /// What was lost is lost whatever is sent, so nothing that was lost before showed an end.
    pub(super) fn forget_policer(&mut self) {
        self.known = self.known.filter(|known| !known.policed);
    }

    /// The line has shown that it carries more.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    fn alive(&self, now: u64) -> Option<Known> {
        self.known.filter(|known| now.saturating_sub(known.at) < LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn is_the_mean_of_what_arrived_and_follows_a_fall_at_once() {
        let mut ceiling = Ceiling::default();
        assert_eq!(ceiling.rate(0), None);
        for (nth, arrives) in [0.9e6, 1.1e6, 1.05e6, 0.95e6, 1.0e6, 1.0e6].into_iter().enumerate() {
            ceiling.met(nth as u64 * SECOND, Some(arrives), false);
        }
        assert!(ceiling.rate(SECOND).is_some_and(|rate| (0.97e6..1.03e6).contains(&rate)));
        ceiling.met(6 * SECOND, Some(0.3e6), false);
        assert_eq!(ceiling.rate(7 * SECOND), Some(0.3e6));
        assert_eq!(ceiling.rate(127 * SECOND), None, "forgotten");
    }

    #[test]
    fn a_much_better_answer_lifts_it_unless_bytes_are_counted() {
        let mut ceiling = Ceiling::default();
        ceiling.met(0, Some(1e6), false);
        ceiling.answered(SECOND, Answer { bitrate: 1.1e6, good: true });
        assert_eq!(ceiling.rate(SECOND), Some(1.03e6));
        ceiling.answered(SECOND, Answer { bitrate: 2e6, good: true });
        assert_eq!(ceiling.rate(SECOND), None);
        ceiling.met(SECOND, Some(1e6), true);
        ceiling.answered(SECOND, Answer { bitrate: 2e6, good: true });
        assert!(ceiling.fools_probes(SECOND) && ceiling.rate(21 * SECOND) == Some(1e6));
        assert!(ceiling.rate(61 * SECOND).is_some_and(|rate| (1.4e6..1.5e6).contains(&rate)), "nothing was lost for a minute");
    }
}
