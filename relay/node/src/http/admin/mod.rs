//! Operators' listener: metrics, health, rooms and the reasons behind what viewers get, and the page that shows them. Reads only, loopback
//! by default, no token, and no names in it.

mod node;
mod origin;
mod page;
mod rooms;

pub(super) use origin::same_machine;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::{App, health, why};

/// Media type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Routes of the listener for operators. Nothing here changes anything: every route is a GET.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/node", get(node::show))
        .route("/rooms", get(rooms::list))
        .route("/rooms/{room}", get(rooms::show))
        .route("/rooms/{room}/events", get(rooms::events))
        .route("/rooms/{room}/why", get(why::for_operators))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/", get(async || Redirect::temporary("/admin/")))
        .route("/admin", get(async || Redirect::temporary("/admin/")))
        .route("/admin/", get(page::serve))
        .route("/admin/{*path}", get(page::serve))
        .route("/css/base.css", get(page::shared))
        .route("/favicon.svg", get(page::shared))
}

/// All metrics.
async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], app.metrics.encode()).into_response()
}
