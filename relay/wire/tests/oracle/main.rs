//! Independent implementations as oracles, and the fuzz bodies over crafted and mutated datagrams.
#![allow(clippy::unwrap_used)]

mod bits;
mod codec;
mod dependency;
mod layers;
mod rtcp;
mod rtp;
mod stun;
mod sweep;

use proptest::test_runner::{Config, RngSeed};

/// Property tests draw the same cases each time, and leave no files behind.
fn seeded() -> Config {
    Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() }
}
