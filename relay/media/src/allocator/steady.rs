//! What a line has carried for a while: the least of the last seconds.

use std::time::{Duration, Instant};

use super::Budget;

/// Length of a generation; the least of two of them counts, so a dip holds everybody back for 2.5 to 5 s.
const GENERATION: Duration = Duration::from_millis(2_500);

/// The same while the line is being found out about: nobody should look at a blurred picture because of the first guess.
const FIRST_GENERATION: Duration = Duration::from_millis(500);

/// For how long that is.
const FINDING_OUT: Duration = Duration::from_secs(5);

/// The least bandwidth of the last seconds of one viewer's line.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    born: Instant,
    /// When the present generation began.
    began: Instant,
    present: u64,
    before: u64,
}

impl Steady {
    /// A line of which nothing is known but a first guess, bit/s.
    #[must_use]
    pub fn new(now: Instant, bitrate: u64) -> Self {
        Self { born: now, began: now, present: bitrate, before: bitrate }
    }

    /// The line has become another, of which nothing is known but a first guess, bit/s.
    pub fn begin_anew(&mut self, now: Instant, bitrate: u64) {
        *self = Self::new(now, bitrate);
    }

    /// The line carries `bitrate` bit/s now. Gives both budgets for [`super::allocate`].
    pub fn budget(&mut self, now: Instant, bitrate: u64) -> Budget {
        let settled = now.saturating_duration_since(self.born) >= FINDING_OUT;
        let generation = if settled { GENERATION } else { FIRST_GENERATION };
        let age = now.saturating_duration_since(self.began);
        if age >= generation {
            // After a long silence nothing older than now counts.
            self.before = if age >= 2 * generation { bitrate } else { self.present };
            self.present = bitrate;
            self.began = now;
        }
        self.present = self.present.min(bitrate);
        Budget { now: bitrate, steady: self.present.min(self.before) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[allow(clippy::disallowed_methods)]
        Instant::now()
    }

    /// How long after a dip at `dip` ms the steady budget is whole again, in steps of 100 ms.
    fn recovery(dip: u64) -> u64 {
        let start = start();
        let mut steady = Steady::new(start, 1_000);
        for at in (0..60_000).step_by(100) {
            let bitrate = if at == dip { 300 } else { 1_000 };
            let budget = steady.budget(start + Duration::from_millis(at), bitrate);
            assert_eq!(budget.now, bitrate);
            if at >= dip && budget.steady == 1_000 {
                return at - dip;
            }
            assert_eq!(budget.steady, if at < dip { 1_000 } else { 300 }, "at {at} ms");
        }
        unreachable!("the dip is forgotten")
    }

    #[test]
    fn a_dip_counts_for_two_and_a_half_to_five_seconds() {
        for dip in (10_000..16_000).step_by(300) {
            assert!((2_500..=5_000).contains(&recovery(dip)), "dip at {dip} ms: {} ms", recovery(dip));
        }
    }

    #[test]
    fn the_first_guess_is_forgotten_within_a_second() {
        assert!(recovery(0) <= 1_000);
        assert!(recovery(1_700) <= 1_000);
    }

    #[test]
    fn a_long_silence_leaves_only_the_present() {
        let start = start();
        let mut steady = Steady::new(start, 100);
        assert_eq!(steady.budget(start + Duration::from_secs(60), 900), Budget { now: 900, steady: 900 });
    }
}
