//! What the tests stand on: a simulated meeting in virtual time, real processes and browsers, an independent WebRTC stack,
//! and light clients over real sockets.

pub mod e2e;
pub mod live;
pub mod sim;
