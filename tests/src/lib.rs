//! What the tests stand on: a simulated meeting in virtual time, real processes and browsers, an independent WebRTC stack.

pub mod e2e;
pub mod sim;
