//! The signalling protocol and the SDP answerer: what clients and the relay say to each other before media flows. Pure: no clock, no sockets,
//! no randomness (entropy is passed in).

pub mod fuzz;
pub mod message;
mod parse;
pub mod sdp;
pub mod session;
mod shared;
