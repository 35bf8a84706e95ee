//! One WebSocket that never blocks: the connection, the handshake, then messages of the protocol.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use signal::message::{ClientMessage, ServerMessage};
use tokio_tungstenite::tungstenite::handshake::MidHandshake;
use tokio_tungstenite::tungstenite::handshake::client::ClientHandshake;
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, client};

/// Why there is no message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The connection is over, or never came to be.
    Closed(String),
    /// This is none of the protocol's.
    Unreadable(String),
}

enum State {
    Connecting(TcpStream),
    Handshake(MidHandshake<ClientHandshake<TcpStream>>),
    Open(Box<WebSocket<TcpStream>>),
    /// Nobody is there to talk to.
    Silent,
    Closed,
}

/// The connection of one person.
pub(crate) struct Signalling {
    state: State,
    url: String,
    /// Said before the connection was open.
    waiting: Vec<String>,
    unsent: bool,
}

impl Signalling {
    /// Begins to connect; call [`Signalling::hear`] whenever the socket has an event.
    pub(crate) fn connect(registry: &Registry, token: Token, address: SocketAddr, url: String) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { state: State::Connecting(stream), url, waiting: Vec::new(), unsent: false })
    }

    /// None: for a peer with whom all is agreed already.
    pub(crate) fn silent() -> Self {
        Self { state: State::Silent, url: String::new(), waiting: Vec::new(), unsent: false }
    }

    /// Says something, at once or as soon as the connection is open.
    pub(crate) fn say(&mut self, message: &ClientMessage) {
        // Every message of the protocol has a form in JSON.
        let Ok(text) = serde_json::to_string(message) else { return };
        match &mut self.state {
            State::Open(socket) => self.unsent |= socket.send(Message::text(text)).is_err(),
            State::Closed | State::Silent => {}
            _ => self.waiting.push(text),
        }
    }

    /// The next message; `Ok(None)` when there is none yet, an error when there never will be, or when it cannot be read.
    pub(crate) fn hear(&mut self) -> Result<Option<ServerMessage>, End> {
        self.advance()?;
        let State::Open(socket) = &mut self.state else { return Ok(None) };
        if self.unsent {
            self.unsent = matches!(socket.flush(), Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock);
        }
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => {
                    return serde_json::from_str(&text).map(Some).map_err(|error| End::Unreadable(format!("{error} in {text}")));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(self.close(error.to_string())),
            }
        }
    }

    /// As far as it gets towards an open connection.
    fn advance(&mut self) -> Result<(), End> {
        let step = match std::mem::replace(&mut self.state, State::Closed) {
            State::Connecting(stream) => {
                if let Ok(Some(error)) = stream.take_error() {
                    return Err(End::Closed(error.to_string()));
                }
                if stream.peer_addr().is_err() {
                    self.state = State::Connecting(stream);
                    return Ok(());
                }
                // Requests are small and wait for answers.
                let _ = stream.set_nodelay(true);
                client(self.url.as_str(), stream)
            }
            State::Handshake(handshake) => handshake.handshake(),
            open => {
                self.state = open;
                return Ok(());
            }
        };
        match step {
            Ok((mut socket, _)) => {
                for text in self.waiting.drain(..) {
                    self.unsent |= socket.send(Message::text(text)).is_err();
                }
                self.state = State::Open(Box::new(socket));
                Ok(())
            }
            Err(HandshakeError::Interrupted(handshake)) => {
                self.state = State::Handshake(handshake);
                Ok(())
            }
            Err(HandshakeError::Failure(error)) => Err(self.close(error.to_string())),
        }
    }

    fn close(&mut self, why: String) -> End {
        self.state = State::Closed;
        End::Closed(why)
    }
}
