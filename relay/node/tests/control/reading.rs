//! Reading events over HTTP: server-sent ones as they come, pages, and a directory for a store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use node::tokens::TokenRole;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Answer, PATIENCE, Server, Socket};

/// A directory of its own, removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("relay-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A stream of server-sent events.
pub(crate) struct Stream(BufReader<TcpStream>);

impl Stream {
    /// Asks for events; panics when there are none to be had. HTTP/1.0, so that the body comes as it is.
    pub(crate) async fn open(to: SocketAddr, path: &str, token: &str, headers: &[(&str, &str)]) -> Self {
        let mut head = format!("GET {path} HTTP/1.0\r\nhost: {to}\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut stream = Self(BufReader::new(stream));
        let status = stream.line().await.unwrap();
        assert!(status.contains(" 200 "), "{status}");
        while stream.line().await.unwrap() != "" {}
        stream
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a line in time");
        read.ok().filter(|length| *length > 0).map(|_| line.trim_end().to_owned())
    }

    /// The next event with its id; `None` when the stream ended.
    pub(crate) async fn next(&mut self) -> Option<(Option<u64>, Value)> {
        let (mut id, mut data) = (None, None);
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("id", value)) => id = Some(value.parse().unwrap()),
                Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
                _ if line.is_empty() => {
                    if let Some(data) = data {
                        return Some((id, data));
                    }
                }
                _ => {}
            }
        }
    }

    /// The next event, whose id is its number.
    pub(crate) async fn event(&mut self) -> Value {
        let (id, event) = self.next().await.expect("an event");
        assert_eq!(event["seq"].as_u64(), id, "{event}");
        event
    }

    /// Reads on to an event of a type.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event().await;
            if event["type"] == kind {
                return event;
            }
        }
    }
}

impl Server {
    pub(crate) fn service(&self) -> String {
        self.token(None, "service", TokenRole::Service)
    }

    pub(crate) fn host(&self, identity: &str) -> String {
        self.token(Some("demo"), identity, TokenRole::Host)
    }

    pub(crate) async fn stream(&self, query: &str) -> Stream {
        Stream::open(self.http, &format!("/v1/rooms/demo/events{query}"), &self.service(), &[]).await
    }

    /// All events up to the first of a type; they are told a moment after they happened.
    pub(crate) async fn events_until(&self, kind: &str) -> Vec<Value> {
        let mut stream = self.stream("").await;
        let mut events = Vec::new();
        while events.last().is_none_or(|event: &Value| event["type"] != kind) {
            events.push(stream.event().await);
        }
        events
    }

    /// A page of events, or a refusal.
    pub(crate) async fn page(&self, query: &str, token: &str) -> Answer {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str()), ("accept", "application/json")];
        self.request("GET", &format!("/v1/rooms/demo/events{query}"), &headers, "").await
    }

    /// A command over HTTP.
    pub(crate) async fn command(&self, token: &str, key: Option<&str>, command: &Value) -> Answer {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("authorization", authorization.as_str()), ("content-type", "application/json")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.request("POST", "/v1/rooms/demo/commands", &headers, &command.to_string()).await
    }
}

/// A command over a WebSocket; the reply.
pub(crate) async fn ask(socket: &mut Socket, id: u32, command: &Value) -> Value {
    socket.send(&json!({"type": "command", "id": id, "command": command})).await;
    loop {
        let message = socket.next().await;
        if (message["type"] == "done" || message["type"] == "refused") && message["id"] == id {
            return message;
        }
    }
}
