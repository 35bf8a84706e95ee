//! A guard against other people's pages: on a loopback address this listener needs no token, so a page from elsewhere whose name was made
//! to resolve to this machine (DNS rebinding) could read it through the operator's browser. Such a request names that page's host.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::error::ApiError;

/// Refuses requests whose `Host` is a name other than `localhost`. Who has no `Host` (HTTP/1.0) is no browser.
pub(in crate::http) async fn same_machine(request: Request, next: Next) -> Response {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let host = authority.or_else(|| request.headers().get(header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()));
    if host.is_none_or(|host| is_here(&host)) {
        return next.run(request).await;
    }
    let message = "this listener is asked for by its address or as localhost";
    ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message).into_response()
}

/// An address, with or without a port, or `localhost`: nothing that a name server could have given a meaning.
fn is_here(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = without_port.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_pass_and_names_do_not() {
        for good in ["127.0.0.1", "127.0.0.1:7890", "localhost", "LOCALHOST:1", "[::1]", "[::1]:7890", "10.0.0.7:80"] {
            assert!(is_here(good), "{good}");
        }
        for bad in ["evil.example", "evil.example:7890", "localhost.evil.example", "127.0.0.1.evil.example:7890", "", ":7890", "x:y"] {
            assert!(!is_here(bad), "{bad}");
        }
    }
}
