//! Publication in, subscription out: loss recovery, keyframes, layers, rewriting, reports. Pure: no clock, no sockets, no randomness.
//!
//! ```text
//!  publisher's leg                                        viewer's leg
//!  decrypted RTP -> Receiver::handle_rtp -> Inbound -> Slot::forward -> plain RTP, ready to be sealed
//!                      |  store, NACK list, TWCC             ^ Slot::resend <- Publication::stored <- NACK
//!                      |  keyframe wishes, reports           | Slot::want -> Receiver::request_keyframe
//!                      v
//!                   Receiver::write_feedback -> RTCP to the publisher
//! ```
//! One [`Receiver`] holds all that one peer sends; one [`Slot`] is one stream that one peer receives. [`Inbound`] borrows only the
//! datagram, so the caller may hand it to slots of any peer. Everything here trusts that packets were authenticated before.

mod config;
mod inbound;
mod publication;
mod receiver;
mod route;
mod slot;
mod speakers;

pub use config::{CodecIn, CodecOut, MediaKind, PublishConfig};
pub use inbound::{Inbound, Stored};
pub use publication::{Layer, Publication, SourceClock};
pub use receiver::{KeyframeCause, Receiver, ReceiverCounters};
pub use route::Route;
pub use slot::{LayerState, Origin, SenderReport, Slot, SlotConfig, SlotCounters};
pub use speakers::Speakers;
