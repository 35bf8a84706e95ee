//! What development mode prints: the links, the ports, and what was checked.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use crate::config::Config;
use crate::http::page_is_embedded;
use crate::node::{Mode, Node, interface_addresses};

/// The text for a person who just started the relay without a configuration.
#[must_use]
pub(crate) fn banner(config: &Config, mode: Mode, node: &Node) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, config, mode, node);
    text
}

fn write(text: &mut String, config: &Config, mode: Mode, node: &Node) -> fmt::Result {
    let media: Vec<String> = node.media_addresses().iter().map(|address| format!("{address}/udp")).collect();
    writeln!(text, "relay {} in development mode: no configuration file, keys that end with the process", env!("CARGO_PKG_VERSION"))?;
    writeln!(text)?;
    for room in &config.rooms.open_rooms {
        for link in links(mode, node) {
            writeln!(text, "  meet in room {room}   {link}?room={room}")?;
            if let Some(token) = node.host_token(room) {
                writeln!(text, "  and be its host     {link}?room={room}#token={token}")?;
            }
        }
    }
    writeln!(text, "  look inside         http://{}/admin/  /metrics  /readyz", node.admin_address())?;
    writeln!(text, "  media               {} ({} threads)", media.join("  "), node.workers())?;
    writeln!(text)?;
    writeln!(
        text,
        "checked: HTTP and media ports are ours, DTLS certificate made{}",
        if page_is_embedded() { ", page embedded" } else { "" }
    )?;
    for note in node.notes() {
        writeln!(text, "note: {note}")?;
    }
    if mode == Mode::DevelopmentLan {
        writeln!(text, "note: everybody on this network can reach the relay, and browsers will warn about its throw-away certificate")?;
    } else {
        writeln!(text, "note: only this machine can reach the relay; `--lan` opens it to the local network over HTTPS")?;
    }
    writeln!(text, "Ctrl-C ends it.")
}

/// Addresses for the browser's address bar. On this machine the name `localhost`, which browsers give a camera without HTTPS.
fn links(mode: Mode, node: &Node) -> Vec<String> {
    let scheme = if node.https() { "https" } else { "http" };
    let addresses = node.http_addresses();
    let Some(first) = addresses.first() else { return Vec::new() };
    if mode == Mode::DevelopmentLan && first.ip().is_unspecified() {
        let reachable = interface_addresses().into_iter().filter(|ip| !ip.is_loopback() && ip.is_ipv4() == first.is_ipv4());
        let links: Vec<String> = reachable.map(|ip: IpAddr| format!("{scheme}://{}/", SocketAddr::new(ip, first.port()))).collect();
        if !links.is_empty() {
            return links;
        }
    }
    let host =
        if first.ip().is_loopback() || first.ip().is_unspecified() { format!("localhost:{}", first.port()) } else { first.to_string() };
    vec![format!("{scheme}://{host}/")]
}
