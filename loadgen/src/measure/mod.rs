//! What is measured while a run goes on: latencies in HDR histograms, a row for each second, the machine and the server's process.

mod histogram;
pub mod machine;
mod metrics;
pub mod process;
mod pulse;
mod tally;

pub use histogram::Histogram;
pub use metrics::{Metrics, Watched};
pub use pulse::Pulse;
pub use tally::{JoinTimes, KINDS, Kind, SecondTally, Tally};
