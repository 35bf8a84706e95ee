//! What a worker tells the control plane.

use std::net::SocketAddr;

use signal::message::{ByeReason, ServerMessage};

use crate::command::{ClientId, RoomId};
use crate::snapshot::RoomSnapshot;

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
    /// The last person left; the room no longer lives here.
    RoomClosed {
        /// Which.
        room: RoomId,
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
