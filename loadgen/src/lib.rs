//! The load generator's library: WebRTC clients in bulk, what they play, how it is measured, judged and reported, and the planner. The
//! simulator drives the light client too.

mod dice;
pub mod engine;
pub mod full;
pub mod light;
pub mod measure;
pub mod plan;
pub mod recording;
pub mod report;
pub mod scenario;
pub mod side;
pub mod summary;
pub mod target;
pub mod verdict;
