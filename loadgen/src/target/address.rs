//! Where a server is: its URL, and the address that a socket takes.

use std::net::{SocketAddr, ToSocketAddrs};

use url::Url;

/// What is said to whoever gives an address behind TLS to a target over HTTP.
pub(super) const HTTP_ONLY: &str = "only http is spoken; behind TLS, name the address behind the proxy";

/// A server's place.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) base: Url,
    pub(super) socket: SocketAddr,
}

impl Address {
    /// A URL of this scheme; `usual` is the port where it names none.
    ///
    /// # Errors
    /// In words: what is wrong with it, `only` if that is the scheme.
    pub(super) fn parse(url: &str, scheme: &str, usual: u16, only: &str) -> Result<Self, String> {
        let base = Url::parse(url).map_err(|error| error.to_string())?;
        if base.scheme() != scheme {
            return Err(only.to_owned());
        }
        let host = base.host_str().ok_or_else(|| "it has no host".to_owned())?;
        let port = base.port_or_known_default().unwrap_or(usual);
        let mut addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs().map_err(|error| error.to_string())?;
        let socket = addresses.next().ok_or_else(|| "its name has no address".to_owned())?;
        Ok(Self { base, socket })
    }
}
