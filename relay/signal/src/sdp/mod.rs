//! SDP: reads a client's offer, decides, writes the relay's answer (RFC 3264, RFC 8829, RFC 8843; the relay never offers).

mod answer;
mod answerer;
mod codecs;
mod error;
mod extensions;
mod fragment;
mod ice;
mod layers;
mod line;
mod offer;
mod remote;
mod slots;
mod sources;

pub use answerer::{Answered, Answerer, Local, Restarted};
pub use error::SdpError;
pub use fragment::{Fragment, parse_fragment};
pub use ice::{Candidate, MAX_WORKERS, ufrag_prefix, ufrag_worker};

/// Longest SDP that is read at all, bytes: a room of 33 needs 34 pairs of slots, about 2 KB each with one video codec and its RTX.
pub const MAX_SDP: usize = 112 * 1024;
/// Most lines of an SDP of any kind: offers have 25 to 35 bytes a line, and each line costs its parser.
pub const MAX_TEXT_LINES: usize = 5_120;
/// Most m-lines of an offer.
pub const MAX_LINES: usize = 80;
/// Most rids on one m-line.
pub const MAX_RIDS: usize = 4;
/// Most SSRCs announced on one m-line.
pub const MAX_SSRCS: usize = 16;
/// The canonical name of all streams the relay sends: one relay has one clock (RFC 3550 section 6.5.1). RTCP must say the same.
pub const CNAME: &str = "relay";
