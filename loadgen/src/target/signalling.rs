//! The relay's own protocol over one WebSocket, or over none, for a peer with whom all is agreed otherwise.

use std::io;

use mio::{Registry, Token};
use signal::message::{ClientMessage, ServerMessage};

use super::relay::Relay;
use super::socket::Socket;

/// Why there is no message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The connection is over, or never came to be.
    Closed(String),
    /// This is none of the protocol's.
    Unreadable(String),
}

/// The connection of one person.
pub(crate) struct Signalling(Option<Socket>);

impl Signalling {
    /// Begins to connect; call [`Signalling::hear`] whenever the socket has an event.
    pub(crate) fn connect(registry: &Registry, token: Token, relay: &Relay, room: &str) -> io::Result<Self> {
        Ok(Self(Some(Socket::connect(registry, token, &relay.at, relay.socket_url(room), None)?)))
    }

    /// None: for a peer with whom all is agreed already, or in another way.
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    /// Says something, at once or as soon as the connection is open.
    pub(crate) fn say(&mut self, message: &ClientMessage) {
        // Every message of the protocol has a form in JSON.
        if let (Some(socket), Ok(text)) = (&mut self.0, serde_json::to_string(message)) {
            socket.say(text);
        }
    }

    /// The next message; `Ok(None)` when there is none yet, an error when there never will be, or when it cannot be read.
    pub(crate) fn hear(&mut self) -> Result<Option<ServerMessage>, End> {
        let Some(socket) = &mut self.0 else { return Ok(None) };
        let Some(text) = socket.hear().map_err(End::Closed)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| End::Unreadable(format!("{error} in {text}")))
    }
}
