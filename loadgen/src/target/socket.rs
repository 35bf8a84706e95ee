//! One WebSocket that never blocks: the connection, the handshake, then texts.

use std::io::{self, ErrorKind};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::MidHandshake;
use tokio_tungstenite::tungstenite::handshake::client::ClientHandshake;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, client};

use super::address::{Address, Stream};
use super::error::TargetError;

enum State {
    Connecting(TcpStream),
    Handshake(MidHandshake<ClientHandshake<Box<dyn Stream>>>),
    Open(Box<WebSocket<Box<dyn Stream>>>),
    Closed,
}

/// One connection.
pub(crate) struct Socket {
    state: State,
    at: Address,
    url: String,
    protocol: Option<&'static str>,
    /// Said before the connection was open.
    waiting: Vec<String>,
    unsent: bool,
}

impl Socket {
    /// Begins to connect; call [`Socket::hear`] whenever the socket has an event. `protocol` is the subprotocol, where the server wants one.
    pub(crate) fn connect(
        registry: &Registry,
        token: Token,
        at: &Address,
        url: String,
        protocol: Option<&'static str>,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(at.socket)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { state: State::Connecting(stream), at: at.clone(), url, protocol, waiting: Vec::new(), unsent: false })
    }

    /// Says something, at once or as soon as the connection is open.
    pub(crate) fn say(&mut self, text: String) {
        match &mut self.state {
            State::Open(socket) => self.unsent |= socket.send(Message::text(text)).is_err(),
            State::Closed => {}
            _ => self.waiting.push(text),
        }
    }

    /// The next text; `Ok(None)` when there is none yet.
    ///
    /// # Errors
    /// Why there never will be one: the connection is over, or never came to be.
    pub(crate) fn hear(&mut self) -> Result<Option<String>, String> {
        self.advance()?;
        let State::Open(socket) = &mut self.state else { return Ok(None) };
        if self.unsent {
            self.unsent = matches!(socket.flush(), Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock);
        }
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => return Ok(Some(text.as_str().to_owned())),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(self.close(&error)),
            }
        }
    }

    /// As far as it gets towards an open connection.
    fn advance(&mut self) -> Result<(), String> {
        let step = match std::mem::replace(&mut self.state, State::Closed) {
            State::Connecting(stream) => {
                if let Ok(Some(error)) = stream.take_error() {
                    return Err(error.to_string());
                }
                if stream.peer_addr().is_err() {
                    self.state = State::Connecting(stream);
                    return Ok(());
                }
                // Requests are small and wait for answers.
                let _ = stream.set_nodelay(true);
                let mut request = self.url.as_str().into_client_request().map_err(|error| error.to_string())?;
                if let Some(protocol) = self.protocol {
                    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
                }
                client(request, self.at.wrap(stream).map_err(|error| error.to_string())?)
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
            Err(HandshakeError::Failure(error)) => Err(self.close(&error)),
        }
    }

    fn close(&mut self, error: &Error) -> String {
        self.state = State::Closed;
        TargetError::of_tls(&self.url, error).map_or_else(|| error.to_string(), |error| error.to_string())
    }
}
