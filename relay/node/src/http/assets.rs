//! The meeting page: files embedded in the binary, with types, entity tags and a strict content security policy.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::error::ApiError;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// Nothing from elsewhere, nothing inline, no frames around us. `connect-src 'self'` covers the WebSocket of the same origin; `blob:` and
/// `data:` are for the test picture and drawn icons.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Devices are for this page only; everything else a page could ask for is off.
const PERMISSIONS_POLICY: &str = "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), \
    picture-in-picture=(self), fullscreen=(self), screen-wake-lock=(self), geolocation=(), payment=(), usb=()";

/// Serves what is not an API path. `/` is the page. The operator page is on its own listener only.
pub(super) async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    match uri.path().trim_start_matches('/') {
        "" => file("index.html", &headers),
        path if path.starts_with("admin/") => ApiError::not_found().into_response(),
        path => file(path, &headers),
    }
}

/// One of the embedded files, by its path within `assets/`.
pub(super) fn file(path: &str, headers: &HeaderMap) -> Response {
    match (Assets::get(path), content_type(path)) {
        (Some(file), Some(content_type)) => respond(&file, content_type, headers),
        _ => ApiError::not_found().into_response(),
    }
}

/// Whether the page is in this binary.
#[must_use]
pub(crate) fn embedded() -> bool {
    Assets::get("index.html").is_some()
}

fn respond(file: &EmbeddedFile, content_type: &'static str, request: &HeaderMap) -> Response {
    let tag = entity_tag(file);
    let known = request.get_all(header::IF_NONE_MATCH).iter().any(|value| matches(value, &tag));
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { file.data.clone().into_response() };
    let fixed = [
        (header::CONTENT_TYPE, content_type),
        // Always ask, mostly get 304: a new relay is a new page at once, without hashed file names.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Strong: the first half of the content's SHA-256, which the embedding computed at build time.
fn entity_tag(file: &EmbeddedFile) -> String {
    let mut tag = String::from("\"");
    for byte in &file.metadata.sha256_hash()[..16] {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// RFC 9110 section 13.1.2; weak comparison.
fn matches(if_none_match: &HeaderValue, tag: &str) -> bool {
    let Ok(list) = if_none_match.to_str() else { return false };
    list.split(',').map(str::trim).any(|given| given == "*" || given.trim_start_matches("W/") == tag)
}

/// Only what a page is made of is served; files for the page's makers, such as `jsconfig.json` and README, are not.
fn content_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}
