//! What the tests of this crate share.

use proptest::test_runner::{Config, RngSeed};

/// Property tests draw the same cases each time, and leave no files behind.
pub(crate) fn seeded() -> Config {
    Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() }
}
