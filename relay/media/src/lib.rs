//! Publication in, subscription out: loss recovery, keyframes, layers, rewriting, reports. Pure: no clock, no sockets, no randomness.
//!
//! ```text
//!  publisher's leg                                        viewer's leg
//!  decrypted RTP -> Receiver::handle_rtp -> Inbound -> Slot::admit -> Ticket -> Slot::write -> plain RTP, ready to be sealed
//!                      |  store, NACK list, TWCC             ^           | waits    ^ Publication::stored
//!                      |  keyframe wishes, reports           |           +----------+
//!                      |                                     | Slot::resend <- Publication::stored <- NACK
//!                      |  Publication::ladder -> allocator -> Slot::set_target
//!                      |                                     | Slot::want -> Receiver::request_keyframe
//!                      v
//!                   Receiver::write_feedback -> RTCP to the publisher
//! ```
//! One [`Receiver`] holds all that one peer sends; one [`Slot`] is one stream that one peer receives. [`Inbound`] borrows only the
//! datagram, so the caller may hand it to slots of any peer. Everything here trusts that packets were authenticated before. Sound goes by
//! `Receiver::recover`, `Slot::write_sound` and `Slot::resend_sound` instead: see [`audio`].

pub mod allocator;
pub mod audio;
pub mod bandwidth;
mod by_number;
mod clock;
mod config;
mod dependency;
mod feedback;
mod flights;
mod history;
mod inbound;
mod intake;
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
pub use flights::{Flight, Flights};
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
