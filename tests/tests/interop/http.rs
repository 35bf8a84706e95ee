//! A bare HTTP client: it reads refusals that come before the body was taken, as a patient stranger would.

use serde_json::Value;
use tests::e2e::relay::RelayProcess;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::soon;

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts a typed refusal.
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["error"]["code"], code, "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    }
}

/// One request to the relay on a connection of its own. `path` begins with `/`.
pub(crate) async fn request(relay: &RelayProcess, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let url = relay.http_url("");
    let to = url.trim_start_matches("http://").trim_end_matches('/');
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let (mut reading, mut writing) = TcpStream::connect(to).await.unwrap().into_split();
    let (message, mut bytes) = (format!("{head}\r\n{body}"), Vec::new());
    // The relay may answer and hang up before it took everything; what it says is read meanwhile.
    let (_, _) =
        soon("an HTTP answer", async { tokio::join!(writing.write_all(message.as_bytes()), reading.read_to_end(&mut bytes)) }).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {text:?}"));
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// A token of the open room, for a person of this name.
pub(crate) async fn join(relay: &RelayProcess, room: &str, name: &str) -> String {
    let body = serde_json::json!({ "name": name }).to_string();
    let reply = request(relay, "POST", &format!("/v1/rooms/{room}/join"), &[("content-type", "application/json")], &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["token"].as_str().unwrap().to_owned()
}

/// Asserts that the relay says it lives.
pub(crate) async fn assert_alive(relay: &RelayProcess) {
    assert_eq!(request(relay, "GET", "/livez", &[], "").await.status, 200);
}
