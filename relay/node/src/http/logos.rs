//! `GET /logos/{file}`: the organisations' logos for their waiting pages, from the operator's folder.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as UrlPath, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::App;
use super::error::ApiError;

/// Largest logo, bytes.
const MAX_LOGO: u64 = 256 * 1024;
/// Longest file name, bytes.
const MAX_NAME: usize = 64;

/// Whatever is in the picture, it may not do anything, also when somebody opens it alone.
const HEADERS: [(header::HeaderName, &str); 2] =
    [(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"), (header::CACHE_CONTROL, "max-age=300")];

/// One picture; what is too large, of another kind, or not there answers alike.
pub(super) async fn serve(State(app): State<Arc<App>>, UrlPath(name): UrlPath<String>) -> Result<Response, ApiError> {
    let (Some(folder), Some(content_type)) = (&app.logos, content_type(&name)) else { return Err(ApiError::not_found()) };
    let file = folder.join(&name);
    let read = tokio::task::spawn_blocking(move || read(&file)).await.ok().flatten();
    let picture = read.ok_or_else(ApiError::not_found)?;
    Ok((HEADERS, [(header::CONTENT_TYPE, content_type)], picture).into_response())
}

fn read(file: &Path) -> Option<Vec<u8>> {
    let about = std::fs::metadata(file).ok()?;
    if about.is_file() && about.len() <= MAX_LOGO { std::fs::read(file).ok() } else { None }
}

/// By the ending; `None` for names that are not plain file names of pictures.
fn content_type(name: &str) -> Option<&'static str> {
    let plain = name.len() <= MAX_NAME
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let (_, ending) = name.rsplit_once('.').filter(|_| plain)?;
    Some(match ending {
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::content_type;

    #[test]
    fn only_plain_names_of_pictures() {
        assert_eq!(content_type("region-nord.svg"), Some("image/svg+xml"));
        assert_eq!(content_type("Region_Nord.2026.png"), Some("image/png"));
        for name in
            ["", ".svg", "..", "../relay.toml", "a/b.png", "a\\b.png", "relay.toml", "logo", "æ.png", &format!("{}.png", "x".repeat(64))]
        {
            assert_eq!(content_type(name), None, "{name}");
        }
    }
}
