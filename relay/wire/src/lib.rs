//! Bytes to values and back: RTP, RTCP, STUN, header extensions, payload descriptors, the RFC 7983 demultiplexer.

pub mod codec;
pub mod demux;
pub mod ext;
pub mod fuzz;
pub mod ids;
pub mod ntp;
pub mod rtcp;
pub mod rtp;
pub mod seq;
pub mod stun;

#[cfg(test)]
mod testing;
