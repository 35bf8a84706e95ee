//! `/openapi.json`: the API as a document. Written by hand, in parts; tests hold it against the routes, the types and real answers.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// The parts. Objects of the same place are merged, so that each part may bring paths, schemas and responses of its own.
const PARTS: [&str; 8] = [
    include_str!("base.json"),
    include_str!("errors.json"),
    include_str!("rooms.json"),
    include_str!("meeting.json"),
    include_str!("settings.json"),
    include_str!("commands.json"),
    include_str!("events.json"),
    include_str!("media.json"),
];

/// The whole, as text.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| Value::Object(document()).to_string());

/// The document. Anybody may read what the API is.
pub(super) async fn show() -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], DOCUMENT.as_str()).into_response()
}

/// The parts put together. A part that is not JSON would be an empty one; a test reads each.
fn document() -> Map<String, Value> {
    let mut whole = Map::new();
    for part in PARTS {
        merge(&mut whole, serde_json::from_str(part).unwrap_or_default());
    }
    whole
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(more)) => merge(there, more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
