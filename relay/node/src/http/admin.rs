//! Operators' listener: metrics and the list of rooms. Loopback by default, and no names in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::App;

/// Media type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One room in the list.
#[derive(Serialize)]
pub(super) struct RoomRow {
    room: String,
    worker: usize,
    sessions: usize,
}

/// All metrics.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], app.metrics.encode()).into_response()
}

/// All rooms, by id.
pub(super) async fn rooms(State(app): State<Arc<App>>) -> Json<Vec<RoomRow>> {
    let row = |entry: crate::session::RoomEntry| RoomRow { room: entry.room.0, worker: entry.worker, sessions: entry.sessions };
    Json(app.control.registry().rooms().into_iter().map(row).collect())
}
