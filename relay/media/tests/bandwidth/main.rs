//! The estimator on simulated lines, in virtual time: each scenario has its floor, and a twin without the part that it needs, which must
//! fail. `cargo test --release -p media --test bandwidth -- --nocapture table` prints all of them beside another implementation.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, unreachable_pub, missing_docs)]

mod call;
mod line;
mod measure;
mod scenarios;

/// A small generator of the xorshift kind; the same seed, the same run.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
