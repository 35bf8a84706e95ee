//! The floor as a process: the plainest forwarding SFU there can be, to hold the relay's runs against under the same load.
//!
//! ICE-lite, DTLS and SRTP are the relay's own, and so are the receiver, the sender and the turns: a packet is opened once, copied and
//! sealed for each receiver of its room, and everything leaves at the end of the turn, in runs. Nothing else happens: whoever publishes is
//! forwarded to everybody's free slots in the order of coming, with the slot's SSRC and payload type and a shifted sequence number (SRTP
//! wants one that grows). No policy, no layers (the first rid is forwarded, others are opened and dropped), no retransmission, no
//! estimation, no pacing, no reports; header extensions are blanked once, and keyframe requests go through.
//!
//! ```text
//!  http.rs    POST offer -> signal's answerer -> answer; Join, Leave -> queue and waker
//!  thread.rs  wait, obey, receive batches, handle, flush: the turns of the node's media thread
//!  sfu.rs     datagram -> peer -> open once -> copy, seal per receiver -> outbox
//!  peer.rs    one transport with its streams and slots
//! ```

mod http;
mod peer;
mod sfu;
mod thread;

pub use http::{Http, router};
pub use sfu::{Counters, Join};
pub use thread::{Command, Shared, start};
