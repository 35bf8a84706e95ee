//! Makes scripts, plays them, and makes those that go wrong small.

use super::run::Play;
use super::script::{Generator, Op, Setup};
use super::tally::Tally;

/// A script that went wrong: how far it came, and what was found.
pub(crate) struct Failure {
    pub(crate) ops: Vec<Op>,
    pub(crate) found: String,
}

/// Makes a script of so many operations and plays it; on failure the script up to there.
pub(crate) fn explore(setup: &Setup, seed: u64, length: usize, tally: &mut Tally) -> Result<(), Failure> {
    let mut generator = Generator::new(seed);
    let mut play = Play::new(setup);
    let mut ops = Vec::with_capacity(length);
    for _ in 0..length {
        ops.push(generator.next(&play.model));
        let op = &ops[ops.len() - 1];
        if let Err(found) = guarded(|| play.step(op)) {
            return Err(Failure { ops, found });
        }
    }
    tally.add(&play.tally);
    Ok(())
}

/// Plays a script from the start.
pub(crate) fn replay(setup: &Setup, ops: &[Op]) -> Result<(), String> {
    let mut play = Play::new(setup);
    ops.iter().try_for_each(|op| guarded(|| play.step(op)))
}

fn guarded(step: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(step)) {
        Ok(found) => found,
        Err(panic) => Err(format!("panic: {:?}", panic.downcast_ref::<String>())),
    }
}

/// Leaves out what is not needed to fail in the same way (the first words of what was found).
pub(crate) fn shrink(setup: &Setup, failure: Failure) -> Failure {
    let kind = |found: &str| found.split(['(', '{', ':']).next().unwrap_or_default().to_owned();
    let wanted = kind(&failure.found);
    let mut best = failure;
    let mut chunk = best.ops.len() / 2;
    while chunk > 0 {
        let mut start = 0;
        while start < best.ops.len() {
            let mut fewer = best.ops.clone();
            fewer.drain(start..(start + chunk).min(best.ops.len()));
            match replay(setup, &fewer) {
                Err(found) if kind(&found) == wanted => best = Failure { ops: fewer, found },
                _ => start += chunk,
            }
        }
        chunk /= 2;
    }
    best
}
