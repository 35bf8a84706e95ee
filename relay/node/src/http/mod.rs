//! The HTTP interfaces: the listener for people (page, API, WebSocket, WHIP and WHEP) and the one for operators.
//!
//! No cookies anywhere: whoever calls proves themselves with a bearer token or, on the WebSocket, in the first message. A foreign
//! page therefore has nothing to ride on, and the `Origin` of a request is not looked at.

mod admin;
mod assets;
mod client;
mod commands;
mod conditions;
mod connect;
mod error;
mod events;
mod extract;
mod health;
mod idempotency;
mod join;
mod limits;
mod live;
mod logos;
mod openapi;
mod rooms;
mod server;
mod templates;
mod tokens;
mod whip;
mod why;

pub(crate) use health::Health;
pub(crate) use idempotency::Idempotency;
pub(crate) use server::{Listening, bind, serve};

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::routing::{MethodRouter, delete, get, options, patch, post, put};
use room::Device;
use tokio::sync::Semaphore;
use tower_http::set_header::SetResponseHeaderLayer;
use worker::command::{ClientKind, RoomId};

use crate::metrics::Metrics;
use crate::records::Records;
use crate::rooms::Rooms;
use crate::session::{Attachment, Client, Control, Entrance, JoinError};
use crate::tokens::{Grant, KeyRing};
use error::ApiError;

pub(crate) use assets::embedded as page_is_embedded;

/// What all handlers share.
pub(crate) struct App {
    /// The sessions.
    pub control: Arc<Control>,
    /// What rooms are defined to be.
    pub rooms: Arc<Rooms>,
    /// What happened, and who did it.
    pub records: Records,
    /// Commands that were answered, so that asking twice does nothing twice.
    pub idempotency: Idempotency,
    /// The token keys.
    pub keys: KeyRing,
    /// Rooms that need no token from elsewhere.
    pub open_rooms: BTreeSet<RoomId>,
    /// Proxies whose word counts for where a request comes from.
    pub trusted_proxies: Vec<IpAddr>,
    /// Folder of the organisations' logos.
    pub logos: Option<PathBuf>,
    /// One permit for each WebSocket that may be opened now.
    pub websockets: Arc<Semaphore>,
    /// Permits that there are.
    pub max_websockets: usize,
    /// When the process began to serve.
    pub started: Instant,
    /// What `/readyz` looks at.
    pub health: Health,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

impl App {
    /// Brings somebody into a room as it is defined.
    ///
    /// # Errors
    /// [`JoinError`]; nothing was changed.
    async fn enter(&self, grant: Grant, kind: ClientKind, device: Device) -> Result<(Arc<Client>, Attachment), JoinError> {
        let room = grant.room.clone();
        let settings = self.rooms.settings(&room);
        let entered = self.control.join(grant, Entrance { kind, device, settings: Arc::clone(&settings) })?;
        // The definition may have changed before the room was known to be open; whoever changed it told nobody then.
        let now = self.rooms.settings(&room);
        if now != settings {
            self.control.configure(&room, now).await;
        }
        Ok(entered)
    }
}

/// An operation: its method in lower case, its path as axum and OpenAPI both write it, and what answers.
type Operation = (&'static str, &'static str, MethodRouter<Arc<App>>);

macro_rules! operations {
    ($($method:ident $path:literal => $handler:path;)*) => { vec![$((stringify!($method), $path, $method($handler)),)*] };
}

/// The API: the one list of its operations, each described in `openapi/`, which a test compares with this list both ways.
fn api() -> Vec<Operation> {
    operations! {
        get "/v1/rooms" => rooms::list;
        post "/v1/rooms" => rooms::create;
        get "/v1/rooms/{room}" => rooms::show;
        patch "/v1/rooms/{room}" => rooms::change;
        delete "/v1/rooms/{room}" => rooms::delete;
        get "/v1/templates" => templates::list;
        get "/v1/templates/{template}" => templates::show;
        put "/v1/templates/{template}" => templates::put;
        delete "/v1/templates/{template}" => templates::delete;
        post "/v1/rooms/{room}/join" => join::join;
        post "/v1/rooms/{room}/tokens" => tokens::issue;
        post "/v1/rooms/{room}/commands" => commands::act;
        get "/v1/rooms/{room}/events" => events::read;
        get "/v1/rooms/{room}/why" => why::for_services;
        get "/v1/rooms/{room}/connect" => connect::connect;
        get "/openapi.json" => openapi::show;
        get "/livez" => health::live;
        get "/readyz" => health::ready;
    }
}

/// The part of the API that any page may call.
fn cross_origin_api() -> Vec<Operation> {
    operations! {
        post "/v1/rooms/{room}/whip" => whip::publish;
        options "/v1/rooms/{room}/whip" => whip::preflight;
        post "/v1/rooms/{room}/whep" => whip::play;
        options "/v1/rooms/{room}/whep" => whip::preflight;
        patch "/v1/rooms/{room}/whip/{resource}" => whip::change;
        delete "/v1/rooms/{room}/whip/{resource}" => whip::end;
        options "/v1/rooms/{room}/whip/{resource}" => whip::preflight;
        patch "/v1/rooms/{room}/whep/{resource}" => whip::change;
        delete "/v1/rooms/{room}/whep/{resource}" => whip::end;
        options "/v1/rooms/{room}/whep/{resource}" => whip::preflight;
    }
}

fn router(operations: Vec<Operation>) -> Router<Arc<App>> {
    operations.into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
}

/// Routes of the listener for people.
pub(crate) fn public(app: Arc<App>) -> Router {
    let routes = router(api())
        .merge(router(cross_origin_api()).layer(axum::middleware::map_response(whip::cross_origin)))
        .route("/logos/{file}", get(logos::serve))
        .route("/", get(assets::serve))
        .route("/{*path}", get(assets::serve));
    finish(routes, app)
}

/// Routes of the listener for operators; `guarded` when it is on a loopback address.
pub(crate) fn admin(app: Arc<App>, guarded: bool) -> Router {
    let router = finish(admin::routes(), app);
    if guarded { router.layer(axum::middleware::from_fn(admin::same_machine)) } else { router }
}

fn finish(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    let no_sniffing = SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let no_referrer = SetResponseHeaderLayer::overriding(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Answers of the API carry tokens and snapshots; the page's files say otherwise themselves.
    let no_store = SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    routes
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address does not take that method")
        })
        .layer(no_sniffing)
        .layer(no_referrer)
        .layer(no_store)
        .with_state(app)
}
