//! `POST /v1/rooms/{room}/tokens`: tokens for booking systems. Also how every other handler here issues one.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::App;
use super::error::ApiError;
use super::extract::{Room, bearer, json};
use crate::clock::unix_seconds;
use crate::tokens::{Issue, Issued, KeyError, MAX_LIFE_SECONDS, MAX_NAME, TokenRole, display_name, identity};

/// Life of an issued token when the caller does not say, seconds.
const DEFAULT_LIFE: u64 = 3600;

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
    role: TokenRole,
    /// Unix seconds.
    expires: u64,
}

/// With a service token: a token for one person.
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
    let name = body.name.as_deref().map(name_of).transpose()?;
    let life = body.ttl_seconds.unwrap_or(DEFAULT_LIFE);
    if life == 0 || life > MAX_LIFE_SECONDS {
        return Err(ApiError::field("ttl_seconds", format!("expected 1 to {MAX_LIFE_SECONDS}")));
    }
    let issue = Issue { room: Some(&room.0), identity: &identity, name: name.as_deref(), role: body.role, life };
    issue_for(&app, &issue)
}

/// Issues a token for a person; the room must be given.
///
/// # Errors
/// 503 when this node cannot issue any.
pub(super) fn issue_for(app: &App, issue: &Issue<'_>) -> Result<Json<TokenAnswer>, ApiError> {
    let Issued { token, expires } =
        app.keys.issue(issue, unix_seconds()).map_err(|error: KeyError| ApiError::unavailable("no_key", error.to_string()))?;
    let room = issue.room.unwrap_or_default().to_owned();
    Ok(Json(TokenAnswer { token, room, identity: issue.identity.to_owned(), role: issue.role, expires }))
}

/// A display name.
///
/// # Errors
/// 400 for the field `name`.
pub(super) fn name_of(text: &str) -> Result<String, ApiError> {
    display_name(text).ok_or_else(|| ApiError::field("name", format!("expected 1 to {MAX_NAME} characters without control characters")))
}
