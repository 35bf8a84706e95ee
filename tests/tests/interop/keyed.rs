//! Tokens that were good once, or elsewhere, or that nobody signed.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::e2e::keys::{KEY, SECRET, signed_with};

/// The claims of a good token for a room; `seconds` from now it ends.
pub(crate) fn claims(room: &str, seconds: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    json!({ "room": room, "sub": "stranger", "role": "participant", "exp": now + seconds })
}

/// Signed with the right key.
pub(crate) fn signed(claims: &Value) -> String {
    signed_with(claims, SECRET)
}

/// Not signed at all: `alg` is `none`.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none", "kid": KEY, "typ": "JWT" })), part(claims))
}
