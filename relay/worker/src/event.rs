//! What a worker tells the control plane.

use std::net::SocketAddr;

use room::{Change, Code, Refusal, Role, Time};
use signal::message::{ByeReason, ServerMessage};

use crate::command::{ClientId, RoomId};
use crate::snapshot::{RoomSnapshot, WhySnapshot};

/// An event; drained with `Worker::poll_event` after every call that may change something.
#[derive(Clone, Debug)]
pub enum Event {
    /// Deliver to the client over its WebSocket (drop if it has none).
    Message {
        /// To whom.
        client: ClientId,
        /// What.
        message: ServerMessage,
    },
    /// The client's session is over; forget it. A `Bye` message was emitted before.
    Closed {
        /// Whose.
        client: ClientId,
        /// Why.
        reason: ByeReason,
    },
    /// The last person left a while ago; the room no longer lives here.
    RoomClosed {
        /// Which.
        room: RoomId,
        /// How many [`crate::command::Join`]s it saw, so that the control plane knows whether another is under way.
        joins: u64,
    },
    /// A line of a room's history.
    Room(RoomEvent),
    /// A host's function was used, or refused: a line of the audit log.
    Action(Action),
    /// Answer to `Command::ActFor`.
    Acted {
        /// The command's number.
        request: u64,
        /// How it went.
        result: Result<(), Refusal>,
    },
    /// Answer to `Command::Why`; `None` when there is no such room or viewer.
    Why {
        /// The command's number.
        request: u64,
        /// The rows.
        answer: Option<Box<WhySnapshot>>,
    },
    /// Datagrams from this address belong to this worker: it passed an authenticated check.
    Bound {
        /// Remote address.
        address: SocketAddr,
    },
    /// The address is free again.
    Unbound {
        /// Remote address.
        address: SocketAddr,
    },
    /// Answer to `Command::Inspect`; `None` when there is no such room.
    Snapshot {
        /// The command's number.
        request: u64,
        /// The room.
        room: Option<Box<RoomSnapshot>>,
    },
}

/// A line of a room's history. Holds identities, no names and no texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomEvent {
    /// Where.
    pub room: RoomId,
    /// When.
    pub at: Time,
    /// Who did it; `None` when time or the network did.
    pub actor: Option<Who>,
    /// Whom `change` is about, where it is about one person.
    pub subject: Option<Who>,
    /// What.
    pub change: Change,
}

/// The use of a host's function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// Where.
    pub room: RoomId,
    /// When.
    pub at: Time,
    /// By whom.
    pub actor: Who,
    /// The command's name, as it travels.
    pub action: &'static str,
    /// On whom.
    pub target: Option<Who>,
    /// How it went.
    pub result: Result<(), Code>,
}

/// Somebody in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// The API's caller.
    Service,
    /// A person.
    Person {
        /// The id in the room.
        participant: u64,
        /// The token's subject.
        identity: String,
        /// The role at that moment.
        role: Role,
    },
}
