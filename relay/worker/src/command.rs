//! What the control plane may ask of a worker.

use signal::message::{ByeReason, Source};
use signal::session::Session;

/// A room, by the id that tokens and URLs carry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomId(pub String);

/// One signalling session, given out by the control plane and never used twice in a node's life. It outlives a dropped WebSocket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(pub u64);

/// A command; each is applied whole, in arrival order, between two packets.
#[derive(Clone, Debug)]
pub enum Command {
    /// Bring a client into a room. Answered by `Welcome`, or `Error` and `Closed`.
    Join(Join),
    /// The client's WebSocket is gone; keep everything for the grace period.
    Detach {
        /// Whose.
        client: ClientId,
    },
    /// The client's WebSocket is back; answered by a `Welcome` with `resumed: true` and the present slots.
    Attach {
        /// Whose.
        client: ClientId,
    },
    /// An offer was answered: create or change the client's transport and lines. The answer itself was sent by the caller.
    Negotiate {
        /// Whose.
        client: ClientId,
        /// What was agreed.
        session: Box<Session>,
    },
    /// The person switched a source of their own on or off.
    SetSource {
        /// Whose.
        client: ClientId,
        /// Which source.
        source: Source,
        /// Whether it should flow.
        active: bool,
    },
    /// The client goes.
    Leave {
        /// Who.
        client: ClientId,
        /// Said in `bye`.
        reason: ByeReason,
    },
    /// Report a room for `GET /v1/rooms/{room}`; answered by `Event::Snapshot` with the same number.
    Inspect {
        /// Which room.
        room: RoomId,
        /// Echoed.
        request: u64,
    },
    /// Everybody leaves now; used when the node stops.
    Shutdown,
}

/// Who joins, as the token said.
#[derive(Clone, Debug)]
pub struct Join {
    /// The session.
    pub client: ClientId,
    /// The room; created when nobody is in it.
    pub room: RoomId,
    /// The token's subject. A present session of the same kind with the same identity is replaced.
    pub identity: String,
    /// Display name, 1 to 80 characters.
    pub name: String,
    /// Role from the token.
    pub role: Role,
    /// How the client is connected.
    pub kind: ClientKind,
    /// Secret for `Welcome.resume`, made by the control plane.
    pub resume: String,
}

/// Role of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Leads the meeting.
    Host,
    /// Takes part.
    Participant,
}

/// How a client is connected; decides what it can be told and how its slots fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientKind {
    /// Page or app with a WebSocket: publishes and receives, is in the roster.
    Interactive,
    /// WHIP: publishes only, is in the roster, receives no messages.
    Whip,
    /// WHEP: receives only, is not in the roster; its slots follow the speakers.
    Whep,
}
