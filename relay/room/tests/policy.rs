//! Random command sequences: whatever happens, the room agrees with a reference model, and nobody gets what they may not.
//!
//! `ROOM_SEQUENCES=1000000 cargo test --release -p room --test policy` runs longer (a nightly run); `ROOM_SEED=7` elsewhere.
#![allow(clippy::unwrap_used)]

mod model;

use model::hunt::{Failure, explore, shrink};
use model::script::{Rng, setup};
use model::tally::{NAMES, Tally};

/// Operations of one sequence.
const LENGTH: usize = 100;
/// Sequences without `ROOM_SEQUENCES`; of their operations about a million are commands, the others come, go, publish, or let time pass.
const SEQUENCES: u64 = 18_500;
const THREADS: u64 = 2;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Plays the sequences of one thread; the first failure, made small, with what is needed to see it again.
fn sequences(seeds: impl Iterator<Item = u64>) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for seed in seeds {
        let setup = setup(&mut Rng(seed));
        if let Err(failure) = explore(&setup, seed.wrapping_mul(0x5851_f42d_4c95_7f2d), LENGTH, &mut tally) {
            let Failure { ops, found } = shrink(&setup, failure);
            let lines: Vec<String> = ops.iter().map(|op| format!("  {op:?}")).collect();
            return Err(format!("sequence {seed}: {found}\nlimit {}, {:?}\n{}", setup.limit, setup.settings, lines.join("\n")));
        }
    }
    Ok(tally)
}

#[test]
fn the_room_agrees_with_the_model_whatever_happens() {
    std::panic::set_hook(Box::new(|_| {}));
    let (count, first) = (number("ROOM_SEQUENCES", SEQUENCES), number("ROOM_SEED", 1) << 32);
    #[allow(clippy::disallowed_methods, reason = "the policy has no threads; its test has")]
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| std::thread::spawn(move || sequences((first + thread..first + count).step_by(THREADS as usize))))
        .collect();
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for thread in threads {
        match thread.join().unwrap() {
            Ok(part) => tally.add(&part),
            Err(failure) => failures.push(failure),
        }
    }
    let _ = std::panic::take_hook();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    println!("{tally:#?}");
    covered(&tally, count);
}

fn covered(tally: &Tally, sequences: u64) {
    let least = sequences / 200;
    for name in NAMES {
        let (done, refused) = tally.commands.get(name).copied().unwrap_or_default();
        assert!(done > least && refused > least, "{name}: {done} succeeded, {refused} were refused");
    }
    assert!(!tally.commands.contains_key("unnamed"));
    assert_eq!(tally.codes.len(), 11, "not every code was seen: {:?}", tally.codes);
    for (state, count) in &tally.states {
        assert!(*count > least, "{state}: only {count} times");
    }
}
