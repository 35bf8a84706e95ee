//! A person's two sockets, both non-blocking: UDP for media, and a WebSocket that speaks the protocol's messages.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};
use signal::message::{ClientMessage, ServerMessage};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// Which of the two sockets an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Port {
    Media,
    Signalling,
}

/// Why there is no message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The connection is over.
    Closed,
    /// This is none of the protocol's.
    Unreadable(String),
}

/// Tokens of a person's sockets.
pub(super) fn token(member: usize, port: Port) -> Token {
    Token(2 * member + usize::from(port == Port::Signalling))
}

/// Whose socket a token is.
pub(super) fn port(token: Token) -> (usize, Port) {
    (token.0 / 2, if token.0.is_multiple_of(2) { Port::Media } else { Port::Signalling })
}

/// The sockets.
pub(super) struct Link {
    udp: UdpSocket,
    socket: Option<WebSocket<TcpStream>>,
    unsent: bool,
}

impl Link {
    /// A UDP socket, and a WebSocket where there is an address for one. The handshake blocks: the relay is on this machine.
    pub(super) fn open(registry: &Registry, member: usize, url: Option<&str>) -> Self {
        let mut udp = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a UDP port");
        registry.register(&mut udp, token(member, Port::Media), Interest::READABLE).expect("a socket can be watched");
        let socket = url.map(|url| {
            let mut stream = TcpStream::from_std(handshake(url));
            registry.register(&mut stream, token(member, Port::Signalling), Interest::READABLE).expect("a socket can be watched");
            WebSocket::from_raw_socket(stream, Role::Client, None)
        });
        Self { udp, socket, unsent: false }
    }

    pub(super) fn send_media(&self, to: SocketAddr, bytes: &[u8]) {
        // A full buffer is a lossy network.
        let _ = self.udp.send_to(bytes, to);
    }

    /// The next datagram; `None` when there is none.
    pub(super) fn receive_media(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            match self.udp.recv_from(buffer) {
                Ok(received) => return Some(received),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                // What an earlier send came back with.
                Err(_) => {}
            }
        }
    }

    pub(super) fn say(&mut self, message: &ClientMessage) {
        let Some(socket) = &mut self.socket else { return };
        let text = serde_json::to_string(message).expect("our own messages serialise");
        self.unsent = socket.send(Message::text(text)).is_err();
    }

    /// Sends what did not fit before.
    pub(super) fn flush(&mut self) {
        if let Some(socket) = self.socket.as_mut().filter(|_| self.unsent) {
            self.unsent = matches!(socket.flush(), Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock);
        }
    }

    /// The next message; `Ok(None)` when there is none yet, an error when there never will be, or when it cannot be read.
    pub(super) fn hear(&mut self) -> Result<Option<ServerMessage>, End> {
        let Some(socket) = &mut self.socket else { return Ok(None) };
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => {
                    return serde_json::from_str(&text).map(Some).map_err(|error| End::Unreadable(format!("{error} in {text}")));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(_) => {
                    self.socket = None;
                    return Err(End::Closed);
                }
            }
        }
    }
}

fn handshake(url: &str) -> std::net::TcpStream {
    let host = url.trim_start_matches("ws://").split('/').next().unwrap_or_default();
    let stream = std::net::TcpStream::connect(host).expect("the relay takes connections");
    let _ = stream.set_nodelay(true);
    let (socket, _) = client(url, stream).expect("the relay speaks WebSocket");
    // The relay says nothing before it heard `hello`, so nothing is lost with the handshake's buffer.
    let stream = socket.into_inner();
    stream.set_nonblocking(true).expect("a socket can be non-blocking");
    stream
}
