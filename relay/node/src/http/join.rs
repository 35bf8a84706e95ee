//! `POST /v1/rooms/{room}/join`: a name, and a PIN where the room has one, for a token.
//!
//! A room that does not exist, one without a PIN and a wrong PIN answer alike, and as fast. An earlier token keeps the identity, also some
//! hours after it expired, and lets its holder type a PIN while strangers may not; it opens nothing by itself. Whether the person gets in
//! is decided again when they come with the new one.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use room::Device;
use serde::Deserialize;
use worker::command::{Role, RoomId};

use super::App;
use super::client::Client;
use super::error::ApiError;
use super::extract::{Room, json};
use super::tokens::{TokenAnswer, issue_for, name_of};
use crate::clock::unix_seconds;
use crate::rooms::{Pin, Verdict, Who};
use crate::tokens::{Grant, Issue, TokenRole};

/// Life of a token for somebody who only gave a name or a PIN, seconds: a working day, so that a meeting can reconnect to its end.
const LIFE: u64 = 12 * 3600;

/// Body of `join`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinBody {
    name: String,
    #[serde(default)]
    pin: Option<Pin>,
    /// An earlier token of this room.
    #[serde(default)]
    token: Option<String>,
    /// Taken so that a client may send what it will say in `hello`, where it counts.
    #[serde(default, rename = "device")]
    _device: Option<Device>,
}

/// Lets somebody in who has no token for now.
pub(super) async fn join(
    State(app): State<Arc<App>>,
    Room(room): Room,
    client: Client,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TokenAnswer>, ApiError> {
    let body: JoinBody = json(&headers, body).await?;
    let name = name_of(&body.name)?;
    // One that is too old or not ours is as good as none: the person would otherwise be stuck with it.
    let earlier = body.token.as_deref().and_then(|token| app.keys.earlier(token, &room, unix_seconds()));
    let role = match body.pin {
        Some(pin) => by_pin(&app, &room, client, earlier.as_ref(), pin)?,
        None if app.open_rooms.contains(&room) && app.rooms.is_free(&room) => TokenRole::Participant,
        None => return Err(ApiError::new(StatusCode::FORBIDDEN, "token_required", "this room opens only with a token or a PIN")),
    };
    let identity = match earlier {
        Some(grant) => grant.identity,
        None => new_identity().map_err(|_| ApiError::unavailable("busy", "no entropy"))?,
    };
    issue_for(&app, &Issue { room: Some(&room.0), identity: &identity, name: Some(&name), role, life: LIFE })
}

fn by_pin(app: &App, room: &RoomId, client: Client, earlier: Option<&Grant>, pin: Pin) -> Result<TokenRole, ApiError> {
    let who = match earlier {
        Some(grant) => Who::Holder { identity: &grant.identity, host: grant.role == Role::Host },
        None => Who::Address(client.0),
    };
    match app.rooms.try_pin(room, who, pin) {
        Verdict::Host => Ok(TokenRole::Host),
        Verdict::Guest => Ok(TokenRole::Participant),
        Verdict::Wrong => Err(ApiError::new(StatusCode::FORBIDDEN, "pin_wrong", "this PIN does not open this room")),
        Verdict::TooMany { wait } => Err(ApiError::too_many("too_many_tries", "too many wrong PINs", Duration::from_millis(wait))),
    }
}

/// A fresh identity for somebody who only gave a name.
fn new_identity() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("guest-{:016x}", u64::from_be_bytes(bytes)))
}
