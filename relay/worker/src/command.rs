//! What the control plane may ask of a worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use room::{Device, Settings};
use signal::message::ByeReason;
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
    /// A client asks something of its room; answered by `Done` or `Refused`.
    Act {
        /// Who asks.
        client: ClientId,
        /// Echoed in the answer; without it only a refusal is told.
        id: Option<u32>,
        /// What.
        command: room::Command,
    },
    /// Somebody without a connection of their own asks something of a room; answered by `Event::Acted` with the same number.
    ActFor {
        /// Which room.
        room: RoomId,
        /// Who asks.
        by: By,
        /// What.
        command: room::Command,
        /// Echoed.
        request: u64,
    },
    /// The room's stored settings changed; nothing happens when it does not live here.
    Configure {
        /// Which room.
        room: RoomId,
        /// All of them.
        settings: Arc<Settings>,
    },
    /// How large a client shows its slots.
    Tiles {
        /// Whose.
        client: ClientId,
        /// Width and height in physical pixels by mid; zeros for what is not visible, nothing for what is shown in full.
        tiles: BTreeMap<String, [u16; 2]>,
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
    /// Report for each source of a room why a viewer gets it or does not; answered by `Event::Why` with the same number.
    Why {
        /// Which room.
        room: RoomId,
        /// The viewer's participant id.
        viewer: u64,
        /// Echoed.
        request: u64,
    },
    /// Everybody leaves now; used when the node stops.
    Shutdown,
}

/// Who asks something of a room from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// The API's caller: the host's powers.
    Service,
    /// Somebody who is in the room now, by the token's subject: their powers.
    Identity(String),
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
    /// What the person holds.
    pub device: Device,
    /// The room's settings, for the case that it has to be created.
    pub settings: Arc<Settings>,
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
