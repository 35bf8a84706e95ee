//! Every refusal over HTTP: a status and `{"error": {"code", "message", "field"?}}`. Codes are stable; `openapi/errors.json` lists
//! them, and a test compares that list with these sources.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::rooms::ChangeError;
use crate::session::{JoinError, OfferError};
use crate::tokens::Unauthorized;

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<Cow<'static, str>>,
    /// Seconds, for `Retry-After`.
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl ApiError {
    /// A refusal with a message for developers.
    #[must_use]
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after: None }
    }

    /// The stable code.
    #[must_use]
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// 400 for one field of a body.
    #[must_use]
    pub(super) fn field(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(StatusCode::BAD_REQUEST, "bad_request", message) }
    }

    /// The same, with the field of the body to blame.
    #[must_use]
    pub(super) fn blaming(self, field: Option<&'static str>) -> Self {
        Self { field: field.map(Cow::Borrowed), ..self }
    }

    /// 400.
    #[must_use]
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 404, the same whether the thing never was, is over, or is somebody else's.
    #[must_use]
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
    }

    /// 429, and when to try again, in whole seconds and at least one.
    #[must_use]
    pub(super) fn too_many(code: &'static str, message: impl Into<String>, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let retry_after = Some(u64::try_from(seconds).unwrap_or(u64::MAX));
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }

    /// 503: try again later or elsewhere.
    #[must_use]
    pub(super) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(Body { error: Inner { code: self.code, message: &self.message, field: self.field.as_deref() } });
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 11.6.1: a 401 names the scheme.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Unauthorized> for ApiError {
    fn from(error: Unauthorized) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string())
    }
}

impl From<JoinError> for ApiError {
    fn from(error: JoinError) -> Self {
        let code = match error {
            JoinError::NoNewRooms => "full",
            JoinError::Busy => "busy",
        };
        Self::unavailable(code, error.to_string())
    }
}

impl From<OfferError> for ApiError {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::Sdp(error) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_offer", error.to_string()),
            OfferError::Busy => Self::unavailable("busy", error.to_string()),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        let message = error.to_string();
        match error {
            ChangeError::Field { field, message } => Self::field(field, message),
            ChangeError::NotFound => Self::not_found(),
            ChangeError::Exists => Self::new(StatusCode::CONFLICT, "exists", message),
            ChangeError::InUse => Self::new(StatusCode::CONFLICT, "in_use", message),
            ChangeError::Changed => Self::new(StatusCode::PRECONDITION_FAILED, "changed", message),
            ChangeError::Full => Self::unavailable("full", message),
            ChangeError::Busy => Self::unavailable("busy", message),
            ChangeError::Store => Self::unavailable("store", message),
        }
    }
}
