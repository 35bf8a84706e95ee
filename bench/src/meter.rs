//! What is measured of a stage: the same marked part is timed by criterion and counted by callgrind.

use std::time::{Duration, Instant};

/// Adds up the time spent in marked parts; what lies between them is preparation and costs nothing.
#[derive(Default)]
pub struct Meter {
    spent: Duration,
}

impl Meter {
    /// Runs a part that counts.
    pub fn measure<T>(&mut self, part: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let value = counted(part);
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

/// What the gate tells callgrind to look for: [`counted`] as its demangled symbol, whatever it is made for.
pub const COUNTED: &str = "*bench::meter::counted*";
