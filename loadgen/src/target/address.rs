//! Where a server is, and how one connects to it: its URL, the address that a socket takes, and TLS where the URL says so.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::trust::Trust;

/// A URL's schemes, without TLS and with it.
pub(super) type Schemes = [&'static str; 2];
pub(super) const HTTP: Schemes = ["http", "https"];
pub(super) const WEBSOCKET: Schemes = ["ws", "wss"];

/// A connection, plain or not.
pub(super) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// The same for those who await.
pub(crate) trait AsyncStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> AsyncStream for S {}

/// A server's place.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) base: Url,
    pub(super) socket: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Address {
    /// A URL of one of these schemes; where it names no port, the scheme's own is meant.
    ///
    /// # Errors
    /// In words: what is wrong with it.
    pub(super) fn parse(url: &str, [plain, secure]: Schemes, trust: &Trust) -> Result<Self, String> {
        let base = Url::parse(url).map_err(|error| error.to_string())?;
        if ![plain, secure].contains(&base.scheme()) {
            return Err(format!("only {plain} and {secure} are spoken"));
        }
        let host = base.host_str().ok_or_else(|| "it has no host".to_owned())?.trim_matches(['[', ']']);
        let port = base.port_or_known_default().ok_or_else(|| "it has no port".to_owned())?;
        let mut addresses = (host, port).to_socket_addrs().map_err(|error| error.to_string())?;
        let socket = addresses.next().ok_or_else(|| "its name has no address".to_owned())?;
        let tls = if base.scheme() == secure {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| "a certificate cannot hold its name".to_owned())?;
            Some((trust.tls(), name))
        } else {
            None
        };
        Ok(Self { base, socket, tls })
    }

    /// Something at this address, in the scheme of these that says the same of TLS.
    pub(super) fn at(&self, [plain, secure]: Schemes, path: &str) -> String {
        let scheme = if self.tls.is_some() { secure } else { plain };
        format!("{scheme}://{}/{path}", self.base.authority())
    }

    /// Puts TLS around a connection where the URL asks for it. Shakes hands with the first that is said or heard, so it never waits itself.
    pub(super) fn wrap<S: Stream + 'static>(&self, stream: S) -> io::Result<Box<dyn Stream>> {
        let Some((config, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let session = ClientConnection::new(config.clone(), name.clone()).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(session, stream)))
    }

    /// Connects, for those who await.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn AsyncStream>> {
        let stream = TcpStream::connect(self.socket).await?;
        // Requests are small and wait for answers.
        let _ = stream.set_nodelay(true);
        let Some((config, name)) = &self.tls else { return Ok(Box::new(stream)) };
        Ok(Box::new(TlsConnector::from(config.clone()).connect(name.clone(), stream).await?))
    }
}
