//! `/livez`: the process answers. `/readyz`: whether new rooms should be placed here, and if not, why not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::App;
use crate::media_thread::SharedCounters;

/// A media thread that was not seen for so long is stuck: its loop wakes at least once a second.
const SILENT: Duration = Duration::from_secs(5);

/// What readiness depends on.
pub(crate) struct Health {
    /// One per worker.
    pub threads: Vec<Arc<SharedCounters>>,
}

/// The answer of `/readyz`.
#[derive(Serialize)]
pub(super) struct Readiness {
    ready: bool,
    reasons: Vec<String>,
}

/// Never looks at a store, a peer or a worker: being restarted would help none of them.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// 503 with reasons means only: place no new rooms here.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let reasons = not_ready(&app, Instant::now());
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: reasons.is_empty(), reasons }))
}

/// Why no new rooms should be placed here; empty when they may.
pub(super) fn not_ready(app: &App, now: Instant) -> Vec<String> {
    let mut reasons = Vec::new();
    if app.control.is_draining() {
        reasons.push("the node is stopping".to_owned());
    }
    if app.control.registry().is_full() {
        reasons.push("the node has as many rooms as it may (limits.rooms)".to_owned());
    }
    for (worker, counters) in app.health.threads.iter().enumerate() {
        if counters.last_turn(now) > SILENT {
            reasons.push(format!("media thread {worker} has not been seen for {} s", SILENT.as_secs()));
        }
    }
    reasons
}
