//! A configuration with a key that the tests know, so that they can sign tokens for anybody.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;

/// Id of the key.
pub const KEY: &str = "tests";
/// The key itself (HS256).
pub const SECRET: &str = "known to the tests and to nobody else";
/// Longer than any test.
const LIFE_SECONDS: u64 = 3600;

/// A folder with the configuration and the key, removed at the end.
pub(super) struct Keys {
    folder: PathBuf,
}

impl Keys {
    pub(super) fn write() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("relay-keys-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder in the temporary directory");
        let secret = folder.join("secret");
        std::fs::write(&secret, SECRET).expect("the key file is written");
        let text = format!(
            "[timeouts]\ndrain_seconds = 0\n[[keys]]\nid = \"{KEY}\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n",
            secret.display()
        );
        std::fs::write(folder.join("relay.toml"), text).expect("the configuration is written");
        Self { folder }
    }

    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.join("relay.toml")
    }

    pub(super) fn sign(&self, room: &str, identity: &str, name: &str, role: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
        let claims = serde_json::json!({ "room": room, "sub": identity, "name": name, "role": role, "exp": now + LIFE_SECONDS });
        signed_with(&claims, SECRET)
    }
}

/// Any claims, signed with any secret under the key's id.
#[must_use]
pub fn signed_with(claims: &Value, secret: &str) -> String {
    let header = Header { kid: Some(KEY.to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).expect("claims can be signed")
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
