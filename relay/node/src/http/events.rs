//! `GET /v1/rooms/{room}/events`: a room's events as server-sent events that follow the room, or as a page of JSON.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::Value;
use worker::command::RoomId;

use super::App;
use super::error::ApiError;
use super::extract::{Params, Room, bearer};
use crate::events::{Item, LogError, Subscription};
use crate::tokens::{Access, Unauthorized};

/// Where a browser's `EventSource` says what it had (HTML standard, server-sent events).
const LAST_EVENT_ID: &str = "last-event-id";
/// A comment is sent so often when nothing happens, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events of one page.
const PAGE: usize = 100;
const MAX_PAGE: usize = 500;

/// What may stand in the query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The last number that the caller has; 0: all that are kept.
    #[serde(default)]
    after: Option<u64>,
    /// Events of a page, 1 to 500.
    #[serde(default)]
    limit: Option<usize>,
}

/// Who reads.
enum Reader {
    /// A service.
    Service,
    /// Host or deputy, by pseudonym; they read while they are that.
    Staff(String),
}

impl Reader {
    /// Whether an event ends this reader's time as host or deputy.
    fn ends_with(&self, event: &Value) -> bool {
        let Self::Staff(pseudonym) = self else { return false };
        let ends = match event["type"].as_str() {
            Some("left" | "removed" | "waiting") => true,
            Some("role_changed") => event["role"] == "participant",
            _ => false,
        };
        ends && event["subject"]["pseudonym"] == *pseudonym
    }
}

/// Server-sent events, or with `Accept: application/json` one page. With a service token, or the host token of somebody who is host or
/// deputy there now.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Room(room): Room,
    headers: HeaderMap,
    query: Result<Params<Query>, ApiError>,
) -> Result<Response, ApiError> {
    let reader = reader(&app, bearer(&headers)?, &room).await?;
    let Params(Query { after, limit }) = query?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(ApiError::field("limit", format!("expected 1 to {MAX_PAGE}")));
    }
    // A browser that comes back knows better than the address it was first given.
    let after = last_event_id(&headers)?.or(after).unwrap_or(0);
    let wants_page = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("json"));
    let page = app.records.events.page(&room, after, if wants_page { limit } else { 0 }).await?;
    if after > page.last {
        return Err(gone(format!("number {after} was never reached: the sequence began anew, ask after 0")));
    }
    if after > 0 && after + 1 < page.first {
        return Err(gone(format!("events up to {} are not kept any more; ask after that", page.first - 1)));
    }
    if wants_page {
        let lines: Vec<&str> = page.events.iter().map(|event| event.line.as_str()).collect();
        // Lines are JSON, and a room id needs no escapes.
        let body = format!("{{\"room\":\"{}\",\"events\":[{}],\"last\":{}}}", room.0, lines.join(","), page.last);
        return Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response());
    }
    let subscription = app.records.events.subscribe(&room, after).map_err(|error| ApiError::unavailable("full", error.to_string()))?;
    Ok(stream(reader, subscription))
}

/// Who a token lets read the events of a room.
///
/// # Errors
/// 401 for a token that says nothing here; 403 for somebody who is not host or deputy now.
async fn reader(app: &App, token: &str, room: &RoomId) -> Result<Reader, ApiError> {
    let forbidden = || ApiError::new(StatusCode::FORBIDDEN, "forbidden", "only services, host and deputy read events");
    match app.keys.verify(token) {
        Ok(Access::Service(scope)) if scope.as_ref().is_none_or(|scope| scope == room) => Ok(Reader::Service),
        Ok(Access::Room(grant)) if grant.room == *room => {
            let snapshot = app.control.inspect(room).await;
            let people = snapshot.map(|snapshot| snapshot.people).unwrap_or_default();
            let staff = people.iter().any(|person| person.identity == grant.identity && person.role != room::Role::Participant);
            let host = grant.role == worker::command::Role::Host;
            if host && staff { Ok(Reader::Staff(app.records.names.of(&grant.identity))) } else { Err(forbidden()) }
        }
        _ => Err(Unauthorized.into()),
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|value| value.parse().ok());
    number.map(Some).ok_or_else(|| ApiError::bad_request("expected a number in last-event-id"))
}

fn gone(message: String) -> ApiError {
    ApiError::new(StatusCode::GONE, "gone", message)
}

fn stream(reader: Reader, subscription: Subscription) -> Response {
    let events = unfold(Some((reader, subscription)), async |state| {
        let (reader, mut subscription) = state?;
        let Item { seq, line } = subscription.next().await?;
        let ends = serde_json::from_str(&line).is_ok_and(|event: Value| reader.ends_with(&event));
        let event = Event::default().data(line);
        let event = seq.map_or(event.clone(), |seq| event.id(seq.to_string()));
        Some((Ok::<_, Infallible>(event), (!ends).then_some((reader, subscription))))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        tracing::warn!(%error, "events cannot be read");
        Self::unavailable("busy", "events cannot be read now")
    }
}
