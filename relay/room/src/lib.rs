//! The policy of one meeting room, pure: who is here, what of theirs may flow, who may receive it, in which order.
//!
//! [`Room::apply`] takes a command and returns its effects; the same commands give the same state and effects. Ids are given out
//! in order of arrival, all collections are ordered, and time comes in as data where it matters.

mod participant;
mod refusal;
mod room;
mod view;

pub use participant::{Participant, ParticipantId, Presence, Role, Source, SourceState, Sources};
pub use refusal::Refusal;
pub use room::{Command, Effect, Room};
pub use view::View;
