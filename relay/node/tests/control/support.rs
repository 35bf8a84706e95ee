//! A node to test, a bare HTTP client that can also misbehave, and a WebSocket that speaks JSON.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use node::config::{self, Algorithm, Config, Key};
use node::node::{Mode, Node};
use node::tokens::{Issue, KeyRing, TokenRole};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything takes on a busy machine; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running node with one shared key, known to the test.
pub(crate) struct Server {
    pub(crate) node: Node,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
    keys: Vec<Key>,
    _secret: SecretFile,
}

/// The file of the shared key, removed at the end.
struct SecretFile(PathBuf);

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Development mode on free ports, one worker, open rooms `demo` and `second`.
pub(crate) async fn server() -> Server {
    server_with(|_| {}).await
}

pub(crate) async fn server_with(change: impl FnOnce(&mut Config)) -> Server {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut config = config::development(false);
    config.http.listen = vec![free];
    config.admin.listen = free;
    config.media.bind = vec![free.ip()];
    config.media.port = 0;
    config.media.workers = 1;
    config.rooms.open_rooms = vec!["demo".into(), "second".into()];
    let secret = std::env::temp_dir().join(format!("relay-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&secret, "a shared secret for tests, 32 bytes at least").unwrap();
    let key = Key {
        id: "test".into(),
        algorithm: Algorithm::HS256,
        secret_file: Some(secret.clone()),
        public_key_file: None,
        private_key_file: None,
    };
    config.keys = vec![key];
    change(&mut config);
    let node = Node::start(&config, Mode::Development).unwrap();
    let (http, admin) = (node.http_addresses()[0], node.admin_address());
    Server { node, http, admin, keys: config.keys, _secret: SecretFile(secret) }
}

impl Server {
    /// The node alone, to be stopped.
    pub(crate) fn into_node(self) -> Node {
        self.node
    }

    /// A token of the test's making; `room` `None` is for services.
    pub(crate) fn token(&self, room: Option<&str>, identity: &str, role: TokenRole) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        self.token_issued(room, identity, role, now)
    }

    /// One that was issued at `then` (Unix seconds), for ten minutes.
    pub(crate) fn token_issued(&self, room: Option<&str>, identity: &str, role: TokenRole, then: u64) -> String {
        let keys = KeyRing::load(&self.keys).unwrap();
        keys.issue(&Issue { room, identity, name: None, role, life: 600 }, then).unwrap().token
    }

    pub(crate) fn participant(&self, identity: &str) -> String {
        self.token(Some("demo"), identity, TokenRole::Participant)
    }

    pub(crate) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        request(self.http, method, path, headers, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "").await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// The room as a service sees it.
    pub(crate) async fn room(&self, room: &str) -> Answer {
        let token = self.token(None, "service", TokenRole::Service);
        self.request("GET", &format!("/v1/rooms/{room}"), &[("authorization", &format!("Bearer {token}"))], "").await
    }

    pub(crate) async fn socket(&self, room: &str) -> Socket {
        let (stream, _) = connect_async(format!("ws://{}/v1/rooms/{room}/connect", self.http)).await.unwrap();
        Socket(stream)
    }

    /// A socket that said hello, and the welcome.
    pub(crate) async fn enter(&self, token: &str, resume: Option<&str>) -> (Socket, Value) {
        let mut socket = self.socket("demo").await;
        let mut hello = json!({"type": "hello", "version": 1, "token": token});
        if let Some(resume) = resume {
            hello["resume"] = json!(resume);
        }
        socket.send(&hello).await;
        let welcome = socket.next().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (socket, welcome)
    }
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Asserts a typed refusal.
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        let body = self.json();
        assert_eq!(body["error"]["code"], code, "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    }
}

/// One request on a connection of its own.
pub(crate) async fn request(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A refusal may come before the body was read; the reset that follows must not hide it.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an answer in time");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {text:?}"));
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A WebSocket.
pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn send(&mut self, message: &Value) {
        self.raw(Message::Text(message.to_string().into())).await;
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next JSON message; panics when the connection ends instead.
    pub(crate) async fn next(&mut self) -> Value {
        self.next_or_end().await.expect("a message")
    }

    /// The next JSON message; `None` when the connection ended.
    pub(crate) async fn next_or_end(&mut self) -> Option<Value> {
        let read = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                    // After a close frame, reading on sends ours and comes to the end.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                    Some(Ok(other)) => panic!("the relay only speaks text: {other:?}"),
                    Some(Err(_)) | None => return None,
                }
            }
        };
        timeout(PATIENCE, read).await.expect("a message or the end in time")
    }

    /// Skips to the first message of a type.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Asserts that the relay says why it ends the connection, and ends it.
    pub(crate) async fn refused(&mut self, code: &str) {
        let error = self.until("error").await;
        assert_eq!(error["code"], code, "{error}");
        let bye = self.next().await;
        assert_eq!((bye["type"].as_str(), bye["reason"].as_str()), (Some("bye"), Some("protocol_error")));
        assert_eq!(self.next_or_end().await, None);
    }
}
