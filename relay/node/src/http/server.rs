//! TCP listeners: bounded connections, timeouts on every phase, TLS where configured.

use std::future::{Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::middleware::AddExtension;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tower::{Layer, Service};

use super::client::Peer;

/// Time for the head of a request, also for the next one on an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Read buffer for a request's head, bytes.
const MAX_HEAD: usize = 32 * 1024;
/// Header fields of one request.
const MAX_HEADERS: usize = 64;
/// Requests under way on one HTTP/2 connection.
const MAX_STREAMS: u32 = 16;
/// How long the other side may leave sent data unread or unacknowledged; then the kernel ends the connection. A stream of events whose
/// reader stands still has nothing else that would end it.
const STALLED: Duration = Duration::from_secs(30);
/// Pending connections in the kernel.
const BACKLOG: i32 = 1024;

/// Opens a listener. IPv6 sockets take IPv6 only, so that both wildcards can be listened to.
///
/// # Errors
/// The address is taken, not ours, or not permitted.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    // Accepted connections inherit it: a scene must not wait for the acknowledgement of the roster before it.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(STALLED))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A listener that serves.
pub(crate) struct Listening {
    /// Its address.
    pub address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: JoinHandle<io::Result<()>>,
}

impl Listening {
    /// Takes no new connections, gives running requests `grace`, then ends the rest.
    pub(crate) async fn stop(self, grace: Duration) {
        self.handle.graceful_shutdown(Some(grace));
        // The task ends by itself at the grace's end; its result says nothing that was not logged.
        let _ = self.task.await;
    }
}

/// Serves `router` on `listener` until it is stopped, with at most as many connections as `connections` has permits.
///
/// # Errors
/// When the listener cannot be used.
pub(crate) fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    router: Router,
    connections: &Arc<Semaphore>,
) -> io::Result<Listening> {
    let address = listener.local_addr()?;
    let handle = Handle::new();
    let per_connection = PerConnection { router, connections: Arc::clone(connections) };
    let mut server = axum_server::from_tcp(listener)?.handle(handle.clone()).first_request_timeout(HEADER_TIMEOUT);
    let builder = server.http_builder();
    builder.http1().header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    builder.http2().max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD as u32).keep_alive_interval(HEADER_TIMEOUT);
    let task = match tls {
        None => tokio::spawn(server.serve(per_connection)),
        Some(config) => {
            let acceptor = RustlsAcceptor::new(config).handshake_timeout(HANDSHAKE_TIMEOUT);
            tokio::spawn(server.acceptor(acceptor).serve(per_connection))
        }
    };
    Ok(Listening { address, handle, task })
}

/// Gives each connection the routes, its peer's address and a permit, which it holds from the handshake to its end (a WebSocket: to its
/// upgrade).
struct PerConnection {
    router: Router,
    connections: Arc<Semaphore>,
}

/// No permit is left.
#[derive(Debug, thiserror::Error)]
#[error("as many connections as limits.connections allows")]
pub(super) struct TooMany;

impl Service<SocketAddr> for PerConnection {
    type Response = AddExtension<AddExtension<Router, Arc<OwnedSemaphorePermit>>, Peer>;
    type Error = TooMany;
    type Future = Ready<Result<Self::Response, TooMany>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TooMany>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, peer: SocketAddr) -> Self::Future {
        let permit = Arc::clone(&self.connections).try_acquire_owned();
        let serve = |permit: OwnedSemaphorePermit| Extension(Peer(peer)).layer(Extension(Arc::new(permit)).layer(self.router.clone()));
        ready(permit.map(serve).map_err(|_| TooMany))
    }
}
