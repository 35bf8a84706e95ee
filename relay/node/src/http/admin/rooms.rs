//! `/rooms` and `/rooms/{room}`: where each room lives, how much is in it, and everything about one of them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use worker::command::RoomId;
use worker::snapshot::RoomSnapshot;

use super::super::App;
use super::super::error::ApiError;
use super::super::extract::{Params, Room};
use super::super::live::RoomView;
use crate::room_id::parse_room;
use crate::session::RoomEntry;

/// Most rooms that one request looks into.
const MAX_PAGE: usize = 100;
/// Most events of a room that one request shows.
const MAX_EVENTS: u64 = 200;

/// What may be asked of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Look into each room; then the list comes in pages.
    #[serde(default)]
    detail: bool,
    /// The last room of the page before.
    #[serde(default)]
    after: Option<String>,
    /// Rooms at most; with details 1 to [`MAX_PAGE`], which is also what comes without it.
    #[serde(default)]
    limit: Option<usize>,
}

/// One room in the list.
#[derive(Serialize)]
pub(super) struct RoomRow {
    room: String,
    worker: usize,
    sessions: usize,
    #[serde(flatten)]
    inside: Option<Inside>,
}

/// What only a look into the room tells.
#[derive(Serialize)]
struct Inside {
    /// Admitted, viewers included.
    people: usize,
    waiting: usize,
    publications: usize,
    /// What arrives from all of them.
    bits_per_second: u64,
}

/// The rooms, by id.
pub(super) async fn list(State(app): State<Arc<App>>, Params(query): Params<ListQuery>) -> Result<Json<Vec<RoomRow>>, ApiError> {
    let after = match query.after {
        Some(after) => Some(parse_room(&after).ok_or_else(|| ApiError::field("after", "expected a room"))?),
        None => None,
    };
    let most = if query.detail { MAX_PAGE } else { usize::MAX };
    let limit = query.limit.unwrap_or(most);
    if limit == 0 || limit > most {
        return Err(ApiError::field("limit", format!("expected 1 to {most}")));
    }
    let all = app.control.registry().rooms().into_iter();
    let entries: Vec<RoomEntry> = all.filter(|entry| after.as_ref().is_none_or(|after| entry.room > *after)).take(limit).collect();
    let mut insides = if query.detail { look_into(&app, &entries).await } else { HashMap::new() };
    let row = |RoomEntry { room, worker, sessions }| {
        let inside = insides.remove(&room);
        RoomRow { room: room.0, worker, sessions, inside }
    };
    Ok(Json(entries.into_iter().map(row).collect()))
}

/// Looks into all at once: each answer takes a turn of a media thread's loop.
async fn look_into(app: &Arc<App>, entries: &[RoomEntry]) -> HashMap<RoomId, Inside> {
    let mut looks = JoinSet::new();
    for entry in entries {
        let (app, room) = (Arc::clone(app), entry.room.clone());
        looks.spawn(async move {
            let inside = app.control.inspect(&room).await.map(|snapshot| Inside::new(&snapshot))?;
            Some((room, inside))
        });
    }
    looks.join_all().await.into_iter().flatten().collect()
}

impl Inside {
    fn new(snapshot: &RoomSnapshot) -> Self {
        let publications = || snapshot.people.iter().flat_map(|person| &person.publications);
        let waiting = snapshot.people.iter().filter(|person| person.waiting).count();
        Self {
            people: snapshot.people.len() - waiting,
            waiting,
            publications: publications().count(),
            bits_per_second: publications().flat_map(|publication| &publication.layers).map(|layer| layer.bitrate).sum(),
        }
    }
}

/// One room with its worker.
#[derive(Serialize)]
pub(super) struct PlacedRoom {
    worker: usize,
    #[serde(flatten)]
    room: RoomView,
}

/// Everything about one room.
pub(super) async fn show(State(app): State<Arc<App>>, Room(room): Room) -> Result<Json<PlacedRoom>, ApiError> {
    let worker = app.control.registry().worker_of(&room).ok_or_else(ApiError::not_found)?;
    let snapshot = app.control.inspect(&room).await.ok_or_else(ApiError::not_found)?;
    Ok(Json(PlacedRoom { worker, room: RoomView::new(room.0, snapshot, &app.records.names) }))
}

/// What may be asked of a room's events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// How many of the latest, 1 to [`MAX_EVENTS`].
    last: u64,
}

/// The latest events of a room, oldest first; the lines that services get, as they are kept.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Room(room): Room,
    Params(query): Params<EventsQuery>,
) -> Result<Response, ApiError> {
    if query.last == 0 || query.last > MAX_EVENTS {
        return Err(ApiError::field("last", format!("expected 1 to {MAX_EVENTS}")));
    }
    let log = &app.records.events;
    let newest = log.page(&room, 0, 0).await?.last;
    let page = log.page(&room, newest.saturating_sub(query.last), usize::try_from(query.last).unwrap_or(0)).await?;
    let lines: Vec<&str> = page.events.iter().map(|event| event.line.as_str()).collect();
    // Each line is JSON.
    Ok(([(header::CONTENT_TYPE, "application/json")], format!("[{}]", lines.join(","))).into_response())
}
