//! Every configuration key: its type, its default and its limits. `config/relay.toml` documents them; a test holds the two together.

mod error;
mod load;
mod validate;

pub use error::{ConfigError, Origin};
pub use load::{Overrides, development, load, print};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The room that development mode opens.
pub const DEVELOPMENT_ROOM: &str = "demo";
/// Port of HTTP and WebSocket.
pub const HTTP_PORT: u16 = 7880;
/// Port of all media.
pub const MEDIA_PORT: u16 = 7882;
/// Port of the admin listener.
pub const ADMIN_PORT: u16 = 7890;

/// The whole configuration. Unknown keys are errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[http]`
    pub http: Http,
    /// `[admin]`
    pub admin: Admin,
    /// `[media]`
    pub media: Media,
    /// `[rooms]`
    pub rooms: Rooms,
    /// `[limits]`
    pub limits: Limits,
    /// `[timeouts]`
    pub timeouts: Timeouts,
    /// `[log]`
    pub log: Log,
    /// `[store]`
    pub store: Store,
    /// `[events]`
    pub events: Events,
    /// `[audit]`
    pub audit: Audit,
    /// `[[keys]]`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// `[[webhooks]]`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Webhook>,
}

/// The listener for people: page, API, WebSocket, WHIP and WHEP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// PEM file with the certificate chain; HTTPS when set, together with `tls_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Proxies in front of this listener, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Folder with the organisations' logos, served under `/logos/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logos: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: any_address(HTTP_PORT), tls_cert: None, tls_key: None, trusted_proxies: Vec::new(), logos: None }
    }
}

/// The listener for operators: metrics, health, room list. It asks for no credentials, hence loopback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Address to listen on.
    pub listen: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT)) }
    }
}

/// The media sockets and the threads behind them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Local addresses of the media sockets.
    pub bind: Vec<IpAddr>,
    /// UDP port; the only one, unless `port_last` makes it the first of a range.
    pub port: u16,
    /// Last port of a range with one port per worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_last: Option<u16>,
    /// Addresses under which the media sockets are reached from outside (1:1 NAT); announced before the local ones.
    pub public_addresses: Vec<IpAddr>,
    /// Worker threads, 0 to [`crate::media_thread::MAX_THREADS`]; 0 means one per core.
    pub workers: usize,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            bind: vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
            port: MEDIA_PORT,
            port_last: None,
            public_addresses: Vec::new(),
            workers: 0,
        }
    }
}

/// Rooms that need no token from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rooms {
    /// Rooms that anybody who reaches the page may join by giving a name.
    pub open_rooms: Vec<String>,
}

/// What the node takes at most. Beyond it, newcomers are refused; nobody present is touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Rooms at one time.
    pub rooms: usize,
    /// Sessions in one room.
    pub people_per_room: usize,
    /// Sessions on one worker.
    pub people_per_worker: usize,
    /// WebSockets at one time.
    pub websockets: usize,
    /// TCP connections of the listener for people.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rooms: 10_000, people_per_room: 100, people_per_worker: 4_000, websockets: 10_000, connections: 20_000 }
    }
}

/// How long the node waits before it gives something up, seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// A session without a WebSocket.
    pub reconnect_seconds: u64,
    /// What is remembered of a meeting that everybody left: who was removed, roles, locks.
    pub remember_seconds: u64,
    /// Running meetings, after the first SIGTERM.
    pub drain_seconds: u64,
}

impl Timeouts {
    /// [`Timeouts::reconnect_seconds`] as a duration.
    #[must_use]
    pub fn reconnect(&self) -> Duration {
        Duration::from_secs(self.reconnect_seconds)
    }

    /// [`Timeouts::remember_seconds`] as a duration.
    #[must_use]
    pub fn remember(&self) -> Duration {
        Duration::from_secs(self.remember_seconds)
    }

    /// [`Timeouts::drain_seconds`] as a duration.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { reconnect_seconds: 30, remember_seconds: 300, drain_seconds: 300 }
    }
}

/// The log, on standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,worker=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".into() }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Where everything is kept that outlives the process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The directory; in memory only when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

/// The events of rooms, for readers who come later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// How long an event is kept, days.
    pub keep_days: u64,
}

impl Events {
    /// [`Events::keep_days`] as a duration.
    #[must_use]
    pub fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_days * 86_400)
    }
}

impl Default for Events {
    fn default() -> Self {
        Self { keep_days: 30 }
    }
}

/// The audit log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// The file; `audit.log` in the store's directory when left out, none without either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// Where events are sent. The secret is only ever named by file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// `https://…` or `http://…`.
    pub url: String,
    /// File whose bytes (without a final newline) sign the requests, at least 32.
    pub secret_file: PathBuf,
    /// PEM file with the certificates that the other side's is checked against, instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Only rooms whose id begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<String>,
    /// Only these types of events; all when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

/// A key that signs or verifies tokens. Key material is only ever named by file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The `kid` of tokens made with it.
    pub id: String,
    /// The one algorithm it is used with.
    pub algorithm: Algorithm,
    /// HS256: file whose bytes (without a final newline) are the secret, at least 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// ES256, EdDSA: PEM file (SPKI) that verifies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_file: Option<PathBuf>,
    /// ES256, EdDSA: PEM file (PKCS #8) that signs; only where this node is to issue tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_file: Option<PathBuf>,
}

/// Signature algorithms of tokens (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

fn any_address(port: u16) -> Vec<SocketAddr> {
    vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))]
}

fn loopback_address(port: u16) -> Vec<SocketAddr> {
    vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))]
}

#[cfg(test)]
mod tests;
