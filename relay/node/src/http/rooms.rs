//! `/v1/rooms/{room}`: the snapshot for operators, tokens for booking systems, and joining an open room by name.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use signal::message::Source;
use worker::snapshot::{LayerSnapshot, PersonSnapshot, PublicationSnapshot, RoomSnapshot, SlotSnapshot};

use super::App;
use super::error::ApiError;
use super::extract::{Room, bearer, json};
use crate::clock::unix_seconds;
use crate::tokens::{Issue, Issued, KeyError, MAX_LIFE_SECONDS, MAX_NAME, TokenRole, display_name, identity};

/// Life of a token for an open room, seconds: a working day, so that a meeting can reconnect to its end.
const OPEN_ROOM_LIFE: u64 = 12 * 3600;
/// Life of an issued token when the caller does not say, seconds.
const DEFAULT_LIFE: u64 = 3600;

/// Body of `join`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinBody {
    name: String,
}

/// Body of `tokens`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenBody {
    identity: String,
    role: TokenRole,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    ttl_seconds: Option<u64>,
}

/// A token for a person.
#[derive(Serialize)]
pub(super) struct TokenAnswer {
    token: String,
    room: String,
    identity: String,
    /// Unix seconds.
    expires: u64,
}

/// `POST /v1/rooms/{room}/join`: a name for a token, in open rooms only. All other rooms answer alike, whether they exist or not.
pub(super) async fn join(
    State(app): State<Arc<App>>,
    Room(room): Room,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TokenAnswer>, ApiError> {
    let body: JoinBody = json(&headers, body).await?;
    if !app.open_rooms.contains(&room) {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "token_required", "this room opens only with a token"));
    }
    let name = display_name(&body.name).ok_or_else(|| ApiError::field("name", bad_name()))?;
    let identity = guest_identity().map_err(|_| ApiError::unavailable("busy", "no entropy"))?;
    issue_for(&app, &room.0, &identity, Some(&name), TokenRole::Participant, OPEN_ROOM_LIFE)
}

/// `POST /v1/rooms/{room}/tokens` with a service token: a token for one person.
pub(super) async fn issue(
    State(app): State<Arc<App>>,
    Room(room): Room,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TokenAnswer>, ApiError> {
    app.keys.service(bearer(&headers)?, &room)?;
    let body: TokenBody = json(&headers, body).await?;
    if body.role.in_room().is_none() {
        return Err(ApiError::field("role", "expected host or participant"));
    }
    let identity =
        identity(&body.identity).ok_or_else(|| ApiError::field("identity", "expected 1 to 128 bytes without control characters"))?;
    let name = match body.name.as_deref() {
        Some(name) => Some(display_name(name).ok_or_else(|| ApiError::field("name", bad_name()))?),
        None => None,
    };
    let life = body.ttl_seconds.unwrap_or(DEFAULT_LIFE);
    if life == 0 || life > MAX_LIFE_SECONDS {
        return Err(ApiError::field("ttl_seconds", format!("expected 1 to {MAX_LIFE_SECONDS}")));
    }
    issue_for(&app, &room.0, &identity, name.as_deref(), body.role, life)
}

fn issue_for(app: &App, room: &str, identity: &str, name: Option<&str>, role: TokenRole, life: u64) -> Result<Json<TokenAnswer>, ApiError> {
    let issue = Issue { room: Some(room), identity, name, role, life };
    let Issued { token, expires } =
        app.keys.issue(&issue, unix_seconds()).map_err(|error: KeyError| ApiError::unavailable("no_key", error.to_string()))?;
    Ok(Json(TokenAnswer { token, room: room.to_owned(), identity: identity.to_owned(), expires }))
}

fn bad_name() -> String {
    format!("expected 1 to {MAX_NAME} characters without control characters")
}

/// `GET /v1/rooms/{room}` with a service token: the room as it is now, without names.
pub(super) async fn show(State(app): State<Arc<App>>, Room(room): Room, headers: HeaderMap) -> Result<Json<RoomView>, ApiError> {
    app.keys.service(bearer(&headers)?, &room)?;
    let snapshot = app.control.inspect(&room).await.ok_or_else(ApiError::not_found)?;
    Ok(Json(RoomView::new(room.0, snapshot)))
}

/// A room as JSON.
#[derive(Serialize)]
pub(super) struct RoomView {
    room: String,
    people: Vec<PersonView>,
}

#[derive(Serialize)]
struct PersonView {
    participant: u64,
    connected: bool,
    publications: Vec<PublicationView>,
    slots: Vec<SlotView>,
}

#[derive(Serialize)]
struct PublicationView {
    source: Source,
    active: bool,
    layers: Vec<LayerView>,
}

#[derive(Serialize)]
struct LayerView {
    rid: Option<String>,
    packets: u64,
    lost: u64,
    bits_per_second: u64,
    keyframe_requests: u64,
}

#[derive(Serialize)]
struct SlotView {
    mid: String,
    participant: Option<u64>,
    source: Option<Source>,
    layer: Option<String>,
    packets: u64,
    resent: u64,
}

impl RoomView {
    fn new(room: String, snapshot: RoomSnapshot) -> Self {
        Self { room, people: snapshot.people.into_iter().map(PersonView::new).collect() }
    }
}

impl PersonView {
    fn new(person: PersonSnapshot) -> Self {
        Self {
            participant: person.participant,
            connected: person.connected,
            publications: person.publications.into_iter().map(PublicationView::new).collect(),
            slots: person.slots.into_iter().map(SlotView::new).collect(),
        }
    }
}

impl PublicationView {
    fn new(publication: PublicationSnapshot) -> Self {
        let layers = publication.layers.into_iter().map(LayerView::new).collect();
        Self { source: publication.source, active: publication.active, layers }
    }
}

impl LayerView {
    fn new(layer: LayerSnapshot) -> Self {
        let LayerSnapshot { rid, packets, lost, bitrate, keyframe_requests } = layer;
        Self { rid, packets, lost, bits_per_second: bitrate, keyframe_requests }
    }
}

impl SlotView {
    fn new(slot: SlotSnapshot) -> Self {
        let SlotSnapshot { mid, participant, source, layer, packets, resent } = slot;
        Self { mid, participant, source, layer, packets, resent }
    }
}

/// A fresh identity for somebody who only gave a name.
fn guest_identity() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("guest-{:016x}", u64::from_be_bytes(bytes)))
}
