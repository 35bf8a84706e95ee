//! Puts the process together, and takes it apart in order.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use signal::sdp::Candidate;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use transport::Certificate;

use crate::audit::AuditMetrics;
use crate::clock::unix_seconds;
use crate::config::Config;
use crate::events::{Endpoint, EventMetrics, WebhookError};
use crate::http::{self, App, Health, Idempotency, Listening};
use crate::media_thread::{self, CandidateRules, IoError, MAX_THREADS, MediaConfig, MediaThreads, Ports, WorkerSettings};
use crate::metrics::{Metrics, Source};
use crate::records::{Records, RecordsError};
use crate::room_id::parse_room;
use crate::rooms::Rooms;
use crate::session::{Control, WorkerPort, pump};
use crate::store::StoreError;
use crate::tls::{self, TlsError};
use crate::tokens::{Issue, KeyError, KeyRing, TokenRole};

/// Connections of the operators' listener.
const ADMIN_CONNECTIONS: usize = 64;
/// How often an orderly stop looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Time for people to hear `bye`, and for running requests to end.
const FAREWELL: Duration = Duration::from_secs(2);
/// The host that development mode invites, and how long the invitation holds: seconds of a working day.
const HOST: &str = "Host";
const HOST_LIFE: u64 = 12 * 3600;
/// Id of the key that exists only while the process runs.
const THROW_AWAY_KEY: &str = "throw-away";

/// How the node was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// With a configuration file.
    Configured,
    /// Without one: throw-away keys, one open room, this machine only.
    Development,
    /// The same for the whole local network, over HTTPS, because browsers give no camera without it.
    DevelopmentLan,
}

/// Why the node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A token key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate of HTTPS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A webhook's secret or certificates.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// Events or audit log.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A TCP listener.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The media sockets or threads.
    #[error(transparent)]
    Media(#[from] IoError),
    /// The DTLS certificate.
    #[error("cannot make the DTLS certificate: {0}")]
    Dtls(String),
    /// The definitions of rooms.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No entropy.
    #[error("the system gives no entropy: {0}")]
    Entropy(#[from] getrandom::Error),
}

impl StartError {
    /// Whether the configuration is to blame, rather than this machine at this moment.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Tls(_) | Self::Webhook(_) | Self::Media(IoError::Config(_)))
    }
}

/// Everything configured that lives in files: read once, before anything is opened.
pub struct Material {
    keys: KeyRing,
    tls: Option<RustlsConfig>,
    webhooks: Vec<Endpoint>,
}

impl Material {
    /// Reads keys and certificate.
    ///
    /// # Errors
    /// [`StartError`] that [is the configuration's](StartError::is_configuration).
    pub fn load(config: &Config) -> Result<Self, StartError> {
        let keys = KeyRing::load(&config.keys)?;
        let tls = match (&config.http.tls_cert, &config.http.tls_key) {
            (Some(cert), Some(key)) => Some(tls::from_files(cert, key)?),
            _ => None,
        };
        let webhooks = config.webhooks.iter().enumerate().map(|(index, webhook)| Endpoint::load(index, webhook));
        let webhooks = webhooks.collect::<Result<_, _>>()?;
        Ok(Self { keys, tls, webhooks })
    }

    /// The token keys.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }
}

/// A running node.
pub struct Node {
    app: Arc<App>,
    http: Vec<Listening>,
    admin: Listening,
    media: MediaThreads,
    pump: JoinHandle<()>,
    max_websockets: usize,
    https: bool,
    notes: Vec<String>,
}

impl Node {
    /// Opens everything and starts to serve. Must run within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn start(config: &Config, mode: Mode) -> Result<Self, StartError> {
        let Material { mut keys, mut tls, webhooks } = Material::load(config)?;
        let mut notes = Vec::new();
        if !config.rooms.open_rooms.is_empty() && !keys.can_issue() {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret)?;
            keys.add_throw_away(THROW_AWAY_KEY, &secret);
        }
        if tls.is_none() && mode == Mode::DevelopmentLan {
            tls = Some(tls::throw_away(&interface_addresses())?);
        }
        let listeners = listen_all(&config.http.listen, mode, &mut notes)?;
        let admin_listener = listen(config.admin.listen)?;
        // First, for it waits for the disk and may refuse: nothing runs yet.
        let rooms = Arc::new(Rooms::open(config.store.dir.as_deref())?);
        let records = Records::open(config, webhooks)?;
        let certificate = Arc::new(Certificate::generate().map_err(|error| StartError::Dtls(error.to_string()))?);
        let fingerprint = certificate.fingerprint();
        let settings = WorkerSettings { certificate, limits: worker_limits(config) };
        let (media, events) = media_thread::start(&media_config(config, mode, &mut notes), &settings)?;
        let control = Arc::new(Control::new(worker_ports(config, mode, &media)?, fingerprint, config.limits.rooms));
        let pump = tokio::spawn(pump(Arc::clone(&control), records.clone(), events));
        let app = Arc::new(app(config, keys, rooms, control, records, &media));
        let https = tls.is_some();
        let connections = Arc::new(Semaphore::new(config.limits.connections.min(Semaphore::MAX_PERMITS)));
        let mut http = Vec::new();
        for listener in listeners {
            http.push(serve(listener, tls.clone(), http::public(Arc::clone(&app)), &connections)?);
        }
        let guarded = config.admin.listen.ip().is_loopback();
        let admin = serve(admin_listener, None, http::admin(Arc::clone(&app), guarded), &Arc::new(Semaphore::new(ADMIN_CONNECTIONS)))?;
        let max_websockets = config.limits.websockets;
        Ok(Self { app, http, admin, media, pump, max_websockets, https, notes })
    }

    /// Where people's browsers go.
    #[must_use]
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        self.http.iter().map(|listening| listening.address).collect()
    }

    /// Where operators' tools go.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address
    }

    /// The media sockets' addresses, each once.
    #[must_use]
    pub fn media_addresses(&self) -> Vec<SocketAddr> {
        let all = (0..self.media.count()).flat_map(|worker| self.media.local_addresses(worker).to_vec());
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Media threads.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.media.count()
    }

    /// Whether people's listener speaks HTTPS.
    #[must_use]
    pub fn https(&self) -> bool {
        self.https
    }

    /// A token for the host of an open room; `None` when the keys cannot make one.
    pub(crate) fn host_token(&self, room: &str) -> Option<String> {
        let issue = Issue { room: Some(room), identity: HOST, name: Some(HOST), role: TokenRole::Host, life: HOST_LIFE };
        self.app.keys.issue(&issue, unix_seconds()).ok().map(|issued| issued.token)
    }

    /// What was found missing at the start and worked around.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// First step of an orderly stop: no new rooms, `/readyz` says so, and running meetings have until `deadline` from now.
    pub async fn drain(&self, deadline: Duration) {
        self.app.control.drain();
        let rooms = self.app.control.registry().len();
        tracing::info!(rooms, seconds = deadline.as_secs(), "draining");
        wait_until(deadline, || self.app.control.registry().is_empty()).await;
    }

    /// Last step: everybody hears `bye`, then listeners and threads end.
    pub async fn stop(self) {
        let control = Arc::clone(&self.app.control);
        control.drain();
        control.shut_down().await;
        wait_until(FAREWELL, || control.sessions() == 0).await;
        let websockets = Arc::clone(&self.app.websockets);
        wait_until(FAREWELL, || websockets.available_permits() >= self.max_websockets).await;
        let records = self.app.records.clone();
        records.events.end_readers();
        for listening in self.http {
            listening.stop(FAREWELL).await;
        }
        self.admin.stop(FAREWELL).await;
        // Waits for the threads, so not on a thread of the runtime. They end with the process if this one is refused.
        let _ = tokio::task::spawn_blocking(|| self.media.stop()).await;
        // Ends when the threads' last event was read.
        let _ = self.pump.await;
        records.close().await;
        tracing::info!("stopped");
    }
}

fn app(config: &Config, keys: KeyRing, rooms: Arc<Rooms>, control: Arc<Control>, records: Records, media: &MediaThreads) -> App {
    let threads: Vec<_> = (0..media.count()).map(|worker| media.counters(worker)).collect();
    let max_websockets = config.limits.websockets.min(Semaphore::MAX_PERMITS);
    let websockets = Arc::new(Semaphore::new(max_websockets));
    let source = Source { control: Arc::clone(&control), threads: threads.clone(), websockets: Arc::clone(&websockets), max_websockets };
    let mut metrics = Metrics::new(source);
    metrics.add(Box::new(EventMetrics(Arc::clone(&records.events))));
    metrics.add(Box::new(AuditMetrics(Arc::clone(&records.audit))));
    App {
        control,
        records,
        idempotency: Idempotency::default(),
        rooms,
        keys,
        logos: config.http.logos.clone(),
        trusted_proxies: config.http.trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
        open_rooms: config.rooms.open_rooms.iter().filter_map(|room| parse_room(room)).collect(),
        websockets,
        max_websockets,
        started: std::time::Instant::now(),
        health: Health { threads },
        metrics,
    }
}

fn worker_limits(config: &Config) -> worker::config::Limits {
    worker::config::Limits {
        people_per_room: config.limits.people_per_room,
        peers: config.limits.people_per_worker,
        grace: config.timeouts.reconnect(),
        linger: config.timeouts.remember(),
    }
}

fn media_config(config: &Config, mode: Mode, notes: &mut Vec<String>) -> MediaConfig {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = if config.media.workers == 0 { cores } else { config.media.workers };
    let (ports, most) = match config.media.port_last {
        None => (Ports::Shared(config.media.port), MAX_THREADS),
        Some(last) => (Ports::Range(config.media.port, last), usize::from(last.saturating_sub(config.media.port)) + 1),
    };
    let mut bind = config.media.bind.clone();
    let ipv6_loopback = IpAddr::from(Ipv6Addr::LOCALHOST);
    if mode != Mode::Configured && bind.contains(&ipv6_loopback) && std::net::UdpSocket::bind((ipv6_loopback, 0)).is_err() {
        bind.retain(|ip| *ip != ipv6_loopback);
        notes.push("no IPv6 loopback on this machine: media over IPv4 only".to_owned());
    }
    MediaConfig { threads: wanted.min(most).min(MAX_THREADS), ports, bind, ..MediaConfig::default() }
}

fn worker_ports(config: &Config, mode: Mode, media: &MediaThreads) -> Result<Vec<WorkerPort>, StartError> {
    let loopback = mode != Mode::Configured || config.media.bind.iter().any(IpAddr::is_loopback);
    let rules = CandidateRules { loopback, public: config.media.public_addresses.clone(), public_only: false };
    let mut ports = Vec::new();
    for worker in 0..media.count() {
        let candidates: Vec<Candidate> = media.candidates(worker, &rules)?.into_iter().map(|address| Candidate { address }).collect();
        if candidates.is_empty() {
            return Err(IoError::Config("media.bind leaves no address that a client could reach".to_owned()).into());
        }
        ports.push(WorkerPort { handle: media.handle(worker), candidates });
    }
    Ok(ports)
}

/// In development mode an IPv6 address that this machine does not have is left out; there must be one that it has.
fn listen_all(addresses: &[SocketAddr], mode: Mode, notes: &mut Vec<String>) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::new();
    for address in addresses {
        match listen(*address) {
            Ok(listener) => listeners.push(listener),
            Err(StartError::Listen { source, .. })
                if mode != Mode::Configured && address.is_ipv6() && no_ipv6(&source) && addresses.len() > 1 =>
            {
                notes.push(format!("no IPv6 on this machine: not listening on {address}"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

fn no_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    http::bind(address).map_err(|source| StartError::Listen { address, source })
}

fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    router: axum::Router,
    connections: &Arc<Semaphore>,
) -> Result<Listening, StartError> {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    http::serve(listener, tls, router, connections).map_err(|source| StartError::Listen { address, source })
}

/// Addresses of this machine, for the throw-away certificate and the links that are printed; none when they cannot be listed.
#[must_use]
pub fn interface_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().filter(|interface| !interface.is_link_local()).map(if_addrs::Interface::ip).collect()
}

async fn wait_until(limit: Duration, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() && Instant::now() < deadline {
        sleep(LOOK_EVERY).await;
    }
}
