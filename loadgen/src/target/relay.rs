//! A relay as newcomers see it: where it is, what it says of itself, and tokens, signed here with a key or given out for an open room.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::address::{Address, AsyncStream, HTTP, WEBSOCKET};
use super::error::TargetError;
use super::trust::Trust;

/// An answer that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(5);
/// Tokens outlive the longest run by this, s.
const SPARE_LIFE: u64 = 3_600;

/// A shared secret with which tokens are signed (HS256).
#[derive(Clone)]
pub struct Key {
    /// Its id, the token's `kid`.
    pub id: String,
    /// The secret.
    pub secret: Vec<u8>,
}

/// What a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Leads the meeting.
    Host,
    /// Takes part.
    Participant,
}

/// One relay.
#[derive(Clone)]
pub struct Relay {
    pub(super) at: Address,
    key: Option<Key>,
    http: ureq::Agent,
}

impl Relay {
    /// A relay at an `http://` or `https://` address.
    ///
    /// # Errors
    /// [`TargetError::Address`] when it is none, or its name is unknown.
    pub fn new(url: &str, key: Option<Key>, trust: &Trust) -> Result<Self, TargetError> {
        let refuse = |why: String| TargetError::Address { url: url.to_owned(), why };
        let at = Address::parse(url, HTTP, trust).map_err(refuse)?;
        Ok(Self { at, key, http: trust.http(PATIENCE) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at.socket
    }

    /// Its address without secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        self.at.base.as_str()
    }

    /// Whether tokens for any room and role can be made.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Address of a room's WebSocket.
    #[must_use]
    pub fn socket_url(&self, room: &str) -> String {
        self.at.at(WEBSOCKET, &format!("v1/rooms/{room}/connect"))
    }

    /// A connection for that, for those who await.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn AsyncStream>> {
        self.at.connect().await
    }

    /// Asks whether it is there; gives its version as far as it says one.
    ///
    /// # Errors
    /// [`TargetError::Silent`], or what TLS has against it.
    pub fn greet(&self) -> Result<Option<String>, TargetError> {
        let silent = |why: String| TargetError::Silent { url: self.url().to_owned(), why };
        let answer = self.http.get(self.path("livez")).call();
        let answer = answer.map_err(|error| TargetError::of_tls(self.url(), &error).unwrap_or_else(|| silent(error.to_string())))?;
        if !answer.status().is_success() {
            return Err(silent(format!("{} to /livez: no relay, or one in trouble", answer.status())));
        }
        let document = self.http.get(self.path("openapi.json")).call().map_err(|error| error.to_string()).and_then(json_of);
        Ok(document.ok().and_then(|document| document["info"]["version"].as_str().map(str::to_owned)))
    }

    /// A token for somebody. Without a key the relay is asked, which gives the identity and the role itself.
    ///
    /// # Errors
    /// [`TargetError::Token`].
    pub fn token(&self, room: &str, identity: &str, role: Role, life: Duration) -> Result<String, TargetError> {
        let refuse = |why: String| TargetError::Token { room: room.to_owned(), why };
        let Some(key) = &self.key else { return self.ask(room, identity).map_err(refuse) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let role = if role == Role::Host { "host" } else { "participant" };
        let expires = now + life.as_secs() + SPARE_LIFE;
        let claims = json!({ "room": room, "sub": identity, "name": identity, "role": role, "exp": expires });
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&key.secret)).map_err(|error| refuse(error.to_string()))
    }

    fn ask(&self, room: &str, name: &str) -> Result<String, String> {
        let request = self.http.post(self.path(&format!("v1/rooms/{room}/join"))).header("content-type", "application/json");
        let answer = json_of(request.send(json!({ "name": name }).to_string()).map_err(|error| error.to_string())?)?;
        let refusal = || answer["error"]["message"].as_str().unwrap_or("no token in its answer").to_owned();
        answer["token"].as_str().map(str::to_owned).ok_or_else(refusal)
    }

    fn path(&self, path: &str) -> String {
        self.at.at(HTTP, path)
    }
}

fn json_of(mut answer: ureq::http::Response<ureq::Body>) -> Result<Value, String> {
    let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| format!("no JSON in its answer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_relay_is_refused_with_what_to_do() {
        let trust = Trust::new(None).expect("the public ones");
        for bad in ["relay", "wss://127.0.0.1:7880", "http://"] {
            let error = Relay::new(bad, None, &trust).err().expect("no relay").to_string();
            assert!(error.contains(bad) && error.contains("http://127.0.0.1:7880"), "{error}");
        }
        let silent = Relay::new("http://127.0.0.1:1", None, &trust).expect("an address").greet().expect_err("nobody is there").to_string();
        assert!(silent.contains("cargo run --release"), "{silent}");
    }

    #[test]
    fn a_signed_token_names_its_key_and_who_it_is_for() {
        let key = Key { id: "tests".to_owned(), secret: vec![7; 32] };
        let trust = Trust::new(None).expect("the public ones");
        let relay = Relay::new("http://127.0.0.1:7880/", Some(key), &trust).expect("an address");
        let token = relay.token("room-1", "anna", Role::Host, Duration::ZERO).expect("signed");
        assert_eq!(jsonwebtoken::decode_header(&token).expect("a header").kid.as_deref(), Some("tests"));
        assert_eq!(relay.socket_url("room-1"), "ws://127.0.0.1:7880/v1/rooms/room-1/connect");
        let secure = Relay::new("https://localhost:7880", None, &trust).expect("an address");
        assert_eq!(secure.socket_url("room-1"), "wss://localhost:7880/v1/rooms/room-1/connect");
    }
}
