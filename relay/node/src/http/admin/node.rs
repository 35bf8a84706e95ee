//! `/node`: health and totals of this process as JSON; what `/readyz` and `/metrics` say, for the operator page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::super::App;
use super::super::health::not_ready;

/// The node now.
#[derive(Serialize)]
pub(super) struct NodeView {
    ready: bool,
    reasons: Vec<String>,
    uptime_seconds: u64,
    sessions: usize,
    rooms: usize,
    websockets: Websockets,
    slow_readers: u64,
    workers: Vec<WorkerView>,
}

#[derive(Serialize)]
struct Websockets {
    open: usize,
    limit: usize,
}

#[derive(Serialize)]
struct WorkerView {
    worker: usize,
    rooms: u64,
    peers: u64,
    sessions: usize,
    /// Since the thread last ended a turn of its loop.
    silent_seconds: f64,
    counters: BTreeMap<&'static str, u64>,
    io: BTreeMap<&'static str, u64>,
}

/// Answers whatever the node's state is: not being ready is an answer, too.
pub(super) async fn show(State(app): State<Arc<App>>) -> Json<NodeView> {
    let now = Instant::now();
    let control = &app.control;
    let workers = app.health.threads.iter().enumerate().map(|(worker, thread)| WorkerView {
        worker,
        rooms: thread.rooms(),
        peers: thread.peers(),
        sessions: control.registry().load(worker),
        silent_seconds: thread.last_turn(now).as_secs_f64(),
        counters: thread.worker().collect(),
        io: thread.io().collect(),
    });
    let reasons = not_ready(&app, now);
    let limit = app.max_websockets;
    Json(NodeView {
        ready: reasons.is_empty(),
        reasons,
        uptime_seconds: app.started.elapsed().as_secs(),
        sessions: control.sessions(),
        rooms: control.registry().len(),
        websockets: Websockets { open: limit.saturating_sub(app.websockets.available_permits()), limit },
        slow_readers: control.cut_off(),
        workers: workers.collect(),
    })
}
