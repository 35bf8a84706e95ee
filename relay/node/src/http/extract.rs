//! What handlers take out of a request: room, bearer token, bounded body. Each failure is an [`ApiError`].

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::command::RoomId;

use super::error::ApiError;
use crate::room_id::parse_room;
use crate::rooms::TemplateId;
use crate::tokens::Unauthorized;

/// Largest JSON body, bytes; the longest legitimate one is a name and an identity.
pub(super) const MAX_JSON: usize = 4 * 1024;
/// Largest body of a room or template, bytes.
pub(super) const MAX_DEFINITION: usize = 64 * 1024;
/// How long a body may take; 64 KiB over a bad mobile network needs a fraction of it.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The `{room}` of the path. An id that no room can have answers like a room that is not there.
pub(super) struct Room(pub RoomId);

impl<S: Send + Sync> FromRequestParts<S> for Room {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        parameter(parts, state, "room").await.and_then(|room| parse_room(&room)).map(Self).ok_or_else(ApiError::not_found)
    }
}

/// The `{template}` of the path. An id that no template can have answers like a template that is not there.
pub(super) struct TemplatePath(pub TemplateId);

impl<S: Send + Sync> FromRequestParts<S> for TemplatePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let template = parameter(parts, state, "template").await;
        template.and_then(|id| TemplateId::parse(&id)).map(Self).ok_or_else(ApiError::not_found)
    }
}

/// The `{resource}` of the path, unchecked.
pub(super) struct Resource(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Resource {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        parameter(parts, state, "resource").await.map(Self).ok_or_else(ApiError::not_found)
    }
}

/// The query. What is missing, unknown or of another type is a 400.
pub(super) struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|rejection| ApiError::bad_request(rejection.body_text()))
    }
}

async fn parameter<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok()?;
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1).
///
/// # Errors
/// [`Unauthorized`] when there is none.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Unauthorized> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Unauthorized)?;
    let (scheme, token) = value.split_once(' ').ok_or(Unauthorized)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Unauthorized) }
}

/// Reads a text body of a given content type.
///
/// # Errors
/// 415, 413, 408, or 400 when it is not UTF-8 or the connection broke.
pub(super) async fn text(headers: &HeaderMap, body: Body, content_type: &'static str, limit: usize) -> Result<String, ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(content_type) {
        let message = format!("expected content-type {content_type}");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    }
    let too_large = || ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("expected at most {limit} bytes"));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    // One more than allowed, so that "too large" and "broken" can be told apart.
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit + 1)).await;
    let bytes = match read {
        Err(_) => return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long")),
        Ok(Err(error)) if is_length_limit(&error) => return Err(too_large()),
        Ok(Err(_)) => return Err(ApiError::bad_request("the body broke off")),
        Ok(Ok(bytes)) if bytes.len() > limit => return Err(too_large()),
        Ok(Ok(bytes)) => bytes,
    };
    String::from_utf8(bytes.into()).map_err(|_| ApiError::bad_request("expected UTF-8"))
}

/// Reads a short JSON body. Unknown fields are refused where the type says so.
///
/// # Errors
/// As [`text`], and 400 with what was expected.
pub(super) async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, ApiError> {
    json_up_to(headers, body, MAX_JSON).await
}

/// Reads a JSON body of at most `limit` bytes.
///
/// # Errors
/// As [`json`].
pub(super) async fn json_up_to<T: DeserializeOwned>(headers: &HeaderMap, body: Body, limit: usize) -> Result<T, ApiError> {
    parsed(&text(headers, body, "application/json", limit).await?)
}

/// Reads an object.
///
/// # Errors
/// 400 with what was expected, and the field to blame.
pub(super) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Object(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let message = error.inner().to_string();
        // A path of "." is the body as a whole.
        if field == "." { ApiError::bad_request(message) } else { ApiError::field(field, message) }
    })?;
    deserializer.end().map_err(|error| ApiError::bad_request(error.to_string()))?;
    Ok(value)
}

/// A body is an object.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned", transparent)]
struct Object<T>(#[serde(deserialize_with = "room::object")] T);

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}
