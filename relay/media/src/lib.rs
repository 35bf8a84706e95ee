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

pub mod allocator;
pub mod audio;
pub mod bandwidth;
mod clock;
mod config;
mod dependency;
mod feedback;
mod history;
mod inbound;
mod keyframe;
mod ladder;
mod layer;
mod meter;
mod nack;
mod numbering;
pub mod pacer;
mod packet;
mod publication;
mod quality;
mod rates;
mod reading;
mod receiver;
mod reception;
mod reports;
mod rewrite;
mod route;
mod runs;
mod segment;
mod selector;
mod slot;
mod speakers;
mod store;
mod streams;
mod thinning;
mod ticket;
mod twcc;
mod window;

pub use clock::SourceClock;
pub use config::{CodecIn, CodecOut, MediaKind, PublishConfig};
pub use inbound::{Inbound, Stored};
pub use keyframe::KeyframeCause;
pub use layer::Layer;
pub use packet::Packet;
pub use publication::Publication;
pub use quality::{Ladder, LayerId, Rung};
pub use receiver::{Receiver, ReceiverCounters};
pub use route::Route;
pub use slot::{Origin, Slot, SlotConfig, SlotCounters};
pub use speakers::Speakers;
pub use ticket::Ticket;
pub use wire::rtcp::SenderInfo as SenderReport;
