//! What is measured of a stage: the same marked part is timed by criterion and counted by callgrind.

use std::time::{Duration, Instant};

/// Adds up the time spent in marked parts; what lies between them is preparation and costs nothing.
pub struct Meter {
    spent: Duration,
    counting: bool,
}

impl Default for Meter {
    fn default() -> Self {
        Self { spent: Duration::ZERO, counting: true }
    }
}

impl Meter {
    /// One whose parts callgrind does not count, for rounds that only warm.
    #[must_use]
    pub fn warming() -> Self {
        Self { counting: false, ..Self::default() }
    }

    /// Runs a part that counts.
    pub fn measure<T>(&mut self, part: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let value = if self.counting { counted(part) } else { part() };
        self.spent += begun.elapsed();
        value
    }

    /// Time in the marked parts so far.
    #[must_use]
    pub fn spent(&self) -> Duration {
        self.spent
    }
}

/// The instruction gate switches callgrind's counting on and off at this function: it must stay a function of its own.
#[inline(never)]
fn counted<T>(part: impl FnOnce() -> T) -> T {
    part()
}

/// What the gate tells callgrind to look for: `counted` for whatever it is made, with its name demangled or not.
pub const COUNTED: &str = "*meter*counted*";
