//! A configuration with a key that the test knows, so that it can make tokens which were good once, or elsewhere.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const KEY: &str = "interop";
const SECRET: &str = "known to the test and to nobody else";

/// A configuration file and its key file, removed at the end.
pub(crate) struct Configuration {
    folder: PathBuf,
}

impl Configuration {
    /// Opens no room: entry is by token only.
    pub(crate) fn write() -> Self {
        let folder = std::env::temp_dir().join(format!("relay-interop-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let secret = folder.join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let text = format!(
            "[timeouts]\ndrain_seconds = 0\n[[keys]]\nid = \"{KEY}\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n",
            secret.display()
        );
        std::fs::write(folder.join("relay.toml"), text).unwrap();
        Self { folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        Path::new(&self.folder).join("relay.toml")
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The claims of a good token for a room; `seconds` from now it ends.
pub(crate) fn claims(room: &str, seconds: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    json!({ "room": room, "sub": "stranger", "role": "participant", "exp": now + seconds })
}

/// Signed with the right key.
pub(crate) fn signed(claims: &Value) -> String {
    signed_with(claims, SECRET)
}

/// Signed with any secret.
pub(crate) fn signed_with(claims: &Value, secret: &str) -> String {
    let header = Header { kid: Some(KEY.to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// Not signed at all: `alg` is `none`.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none", "kid": KEY, "typ": "JWT" })), part(claims))
}
