//! The load generator's library: WebRTC clients in bulk. So far it holds the efficient client; the simulator drives it too.

pub mod engine;
pub mod light;
pub mod measure;
pub mod plan;
pub mod scenario;
pub mod summary;
pub mod target;
pub mod verdict;
