//! The operator page's files: embedded like the meeting page's, and on this listener only.

use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::super::assets;

/// `/admin/…`; `/admin/` is the page.
pub(super) async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let index = path == "admin/";
    assets::file(if index { "admin/index.html" } else { path }, &headers)
}

/// What the operator page takes from the meeting page.
pub(super) async fn shared(uri: Uri, headers: HeaderMap) -> Response {
    assets::file(uri.path().trim_start_matches('/'), &headers)
}
