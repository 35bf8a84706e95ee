//! The load generator's library: WebRTC clients in bulk. So far it holds the efficient client; the simulator drives it too.

mod dice;
pub mod light;
pub mod plan;
pub mod report;
pub mod summary;
