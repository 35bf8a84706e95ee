//! From the address in a URL to one that a socket takes.

use std::net::{SocketAddr, ToSocketAddrs};

use url::Url;

/// The first address of a URL's host, and its port or `usual`.
///
/// # Errors
/// What is missing, in words.
pub(super) fn resolve(url: &Url, usual: u16) -> Result<SocketAddr, String> {
    let host = url.host_str().ok_or_else(|| "it has no host".to_owned())?;
    let port = url.port_or_known_default().unwrap_or(usual);
    let mut addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs().map_err(|error| error.to_string())?;
    addresses.next().ok_or_else(|| "its name has no address".to_owned())
}
