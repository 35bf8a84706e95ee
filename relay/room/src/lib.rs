//! The policy of one meeting room, pure: who is here, what of theirs may flow, who may receive it, in which order.
//!
//! [`Room`] takes arrivals, commands and the time, and returns effects; the same calls give the same state and effects. All
//! collections are ordered, and time comes in as data.

mod apply;
mod arrivals;
mod authority;
mod breakouts;
mod chat;
mod command;
mod course;
mod effect;
mod hands;
mod ids;
mod layout;
mod live;
mod log;
mod matrix;
mod memory;
mod name;
mod object;
mod participant;
mod people;
mod portrait;
mod random;
mod refusal;
mod roles;
mod room;
mod roster;
mod scene;
mod settings;
mod sources;
mod stage;
#[cfg(test)]
mod testing;
mod view;
mod waiting;
mod why;

pub use command::{Actor, Command, MAX_BREAKOUT_NAME, MAX_BREAKOUTS, MAX_TEXT};
pub use effect::{Announcement, Change, ChatMessage, Effect, Event, Farewell};
pub use ids::{BreakoutId, ParticipantId, Place, Time};
pub use layout::Layout;
pub use matrix::Kind;
pub use name::PersonName;
pub use object::object;
pub use participant::{Device, Participant, Presence, Role, Source, SourceState, Sources};
pub use refusal::{Code, Refusal};
pub use room::{Arrival, Limits, Room};
pub use scene::{Breakout, Breakouts, Meeting, RosterEntry, Scene, StaffView, Tile, WaitingPage, You};
pub use settings::{
    Chat, Direction, GuestMicrophone, HostUnmute, Invitee, LayoutRule, Names, ScreenShare, Settings, Template, WaitingRoom, WhenAbandoned,
};
pub use view::View;
pub use why::{Reason, Why};
