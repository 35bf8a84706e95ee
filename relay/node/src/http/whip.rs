//! WHIP (RFC 9725) and WHEP: a session made of one POST, changed by PATCH, ended by DELETE.
//!
//! The relay answers with all its candidates at once, sends no `Link` (it is its own and only server), and takes trickle fragments only to
//! restart ICE: an ICE-lite agent learns the client's addresses from checks, never from what the client says.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use room::Device;
use signal::message::ByeReason;
use signal::sdp::{MAX_SDP, parse_fragment};
use worker::command::{ClientKind, RoomId};

use super::App;
use super::error::ApiError;
use super::extract::{Resource, Room, bearer, text};
use crate::session::{Attachment, Client, OfferError};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// `POST .../whip`: the caller publishes.
pub(super) async fn publish(state: State<Arc<App>>, room: Room, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    open(state, room, headers, body, ClientKind::Whip, "whip").await
}

/// `POST .../whep`: the caller receives.
pub(super) async fn play(state: State<Arc<App>>, room: Room, headers: HeaderMap, body: Body) -> Result<Response, ApiError> {
    open(state, room, headers, body, ClientKind::Whep, "whep").await
}

async fn open(
    State(app): State<Arc<App>>,
    Room(room): Room,
    headers: HeaderMap,
    body: Body,
    kind: ClientKind,
    endpoint: &str,
) -> Result<Response, ApiError> {
    let token = bearer(&headers)?;
    let grant = app.keys.grant(token, &room)?;
    let offer = text(&headers, body, SDP, MAX_SDP).await?;
    // Before the join, which would end a running session of the same person for nothing.
    app.control.check_offer(&offer)?;
    let (client, attachment) = app.enter(grant, kind, Device::Desktop).await?;
    client.remember_token(token);
    match settle(&app, &client, attachment, &offer).await {
        Ok(answer) => {
            tracing::info!(client = client.id.0, worker = client.worker, endpoint, "session opened");
            let location = format!("/v1/rooms/{}/{endpoint}/{}", room.0, client.secret.handle(client.id));
            let headers = [
                (header::CONTENT_TYPE, SDP.to_owned()),
                (header::LOCATION, location),
                (header::ETAG, entity_tag(&client)),
                (header::HeaderName::from_static("accept-patch"), FRAGMENT.to_owned()),
            ];
            Ok((StatusCode::CREATED, headers, answer).into_response())
        }
        Err(error) => {
            app.control.leave(&client, ByeReason::ProtocolError).await;
            Err(error)
        }
    }
}

/// Answers the offer, then makes sure that the worker let the client in: commands and events keep their order, so once the snapshot
/// is here, a refusal would be too.
async fn settle(app: &App, client: &Arc<Client>, attachment: Attachment, offer: &str) -> Result<String, ApiError> {
    let answer = app.control.offer(client, offer, &BTreeMap::new())?;
    let snapshot = app.control.inspect(&client.room).await;
    // Nobody reads messages for this client; the worker sends it none.
    drop(attachment);
    if snapshot.is_none() || app.control.client(client.id).is_none() {
        return Err(ApiError::unavailable("full", "the room or this node takes no more people"));
    }
    Ok(answer)
}

/// `PATCH` on the resource: an ICE restart, or candidates that need no action.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Room(room): Room,
    Resource(resource): Resource,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let client = authorised(&app, &room, &resource, &headers)?;
    // RFC 9725 section 4.3.1: trickle carries the entity tag of the ICE session, a restart carries `*`.
    let condition = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()).map(str::trim);
    let Some(condition) = condition else {
        return Err(ApiError::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", "expected If-Match"));
    };
    let fragment = text(&headers, body, FRAGMENT, MAX_SDP).await?;
    let fragment = parse_fragment(&fragment).map_err(OfferError::from)?;
    if condition != "*" && condition != entity_tag(&client) {
        return Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", "If-Match names an earlier ICE session"));
    }
    let Some(answer) = app.control.restart(&client, &fragment)? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let headers = [(header::CONTENT_TYPE, FRAGMENT.to_owned()), (header::ETAG, entity_tag(&client))];
    Ok((StatusCode::OK, headers, answer).into_response())
}

/// `DELETE` on the resource.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Room(room): Room,
    Resource(resource): Resource,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let client = authorised(&app, &room, &resource, &headers)?;
    app.control.leave(&client, ByeReason::Left).await;
    Ok(StatusCode::OK)
}

/// The session behind a resource, for its owner: the handle in the path is a secret, and the token must be the one that opened the
/// session (even if it expired since; encoders cannot renew it) or another one for the same person.
fn authorised(app: &App, room: &RoomId, resource: &str, headers: &HeaderMap) -> Result<Arc<Client>, ApiError> {
    let token = bearer(headers)?;
    let client = app.control.by_handle(resource).filter(|client| client.room == *room && client.kind != ClientKind::Interactive);
    if let Some(client) = &client
        && client.opened_with(token)
    {
        return Ok(Arc::clone(client));
    }
    let grant = app.keys.grant(token, room)?;
    client.filter(|client| client.identity == grant.identity).ok_or_else(ApiError::not_found)
}

fn entity_tag(client: &Client) -> String {
    format!("\"{}-{}\"", client.id.0, client.ice_generation())
}

/// `OPTIONS`: what may be sent here (RFC 9725 section 4.2), for browsers (CORS) and for the curious.
pub(super) async fn preflight() -> Response {
    let headers = [
        (header::HeaderName::from_static("accept-post"), SDP),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, PATCH, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, if-match"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Any page may call: the bearer token is the only thing that opens, and browsers send none by themselves.
pub(super) async fn cross_origin(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("location, etag, accept-patch"));
    response
}
