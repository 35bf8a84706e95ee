//! The load generator's library: WebRTC clients in bulk. So far it holds the efficient client; the simulator drives it too.

pub mod light;
pub mod plan;
pub mod summary;
