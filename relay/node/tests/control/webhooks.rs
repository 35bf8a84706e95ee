//! Webhooks of a running node: signature, order, restart, TLS, metrics.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use node::config::{Config, Webhook};
use serde_json::{Value, json};

use crate::reading::Folder;
use crate::support::{PATIENCE, Server, request, server_with};

const SECRET: &str = "the secret of a webhook, 32 bytes!!";

/// One request as the receiver saw it.
struct Seen {
    signature: String,
    delivery: String,
    body: String,
}

impl Seen {
    fn events(&self) -> Vec<Value> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["events"].as_array().unwrap().clone()
    }
}

/// Reads requests off one connection and answers 204, until it is closed.
fn receive(stream: &mut (impl Read + Write), mut tell: impl FnMut(Seen) -> bool) {
    loop {
        let mut reader = BufReader::new(&mut *stream);
        let (mut length, mut seen) = (0, Seen { signature: String::new(), delivery: String::new(), body: String::new() });
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        assert!(line.starts_with("POST /hook?key=1 "), "{line}");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            match line.trim().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("content-type", value)) => assert_eq!(value, "application/json"),
                Some(("relay-signature", value)) => seen.signature = value.to_owned(),
                Some(("relay-delivery", value)) => seen.delivery = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        seen.body = String::from_utf8(body).unwrap();
        // Answered before it is told: whoever stops the node then finds the place kept, or the same events once more.
        stream.write_all(b"HTTP/1.1 204 x\r\ncontent-length: 0\r\n\r\n").unwrap();
        stream.flush().unwrap();
        if !tell(seen) {
            return;
        }
    }
}

fn receiver() -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?key=1", listener.local_addr().unwrap());
    let (tell, seen) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell) = (stream.unwrap(), tell.clone());
            std::thread::spawn(move || receive(&mut stream, |seen| tell.send(seen).is_ok()));
        }
    });
    (url, seen)
}

fn secret(folder: &Folder) -> PathBuf {
    let file = folder.0.join("webhook.secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    file
}

fn webhook(folder: &Folder, url: &str) -> Webhook {
    Webhook { url: url.into(), secret_file: secret(folder), ca_file: None, rooms: None, events: Vec::new() }
}

async fn start(folder: &Folder, webhooks: Vec<Webhook>) -> Server {
    server_with(|config: &mut Config| {
        config.store.dir = Some(folder.0.join("store"));
        config.webhooks = webhooks;
    })
    .await
}

/// Waits on a thread that may block, for the server runs on this one.
async fn one(seen: Receiver<Seen>) -> (Receiver<Seen>, Seen) {
    let wait = move || {
        let one = seen.recv_timeout(PATIENCE).expect("a request in time");
        (seen, one)
    };
    tokio::task::spawn_blocking(wait).await.unwrap()
}

/// Events of `demo` up to one of a type.
async fn until(mut seen: Receiver<Seen>, kind: &str) -> (Receiver<Seen>, Vec<Value>) {
    let mut events = Vec::new();
    loop {
        let request;
        (seen, request) = one(seen).await;
        check(&request);
        events.extend(request.events());
        if events.iter().any(|event| event["type"] == kind) {
            return (seen, events);
        }
    }
}

/// The signature as a receiver checks it.
fn check(seen: &Seen) {
    let (at, signature) = seen.signature.split_once(",v1=").unwrap();
    let at = at.strip_prefix("t=").unwrap();
    let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().abs_diff(at.parse().unwrap());
    assert!(age < 60, "{at}");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let expected = aws_lc_rs::hmac::sign(&key, format!("{at}.{}", seen.body).as_bytes());
    let expected: String = expected.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, expected);
    assert_eq!(seen.delivery.len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_signed_in_order_and_go_on_after_a_restart() {
    let folder = Folder::new();
    let (url, seen) = receiver();
    let first = start(&folder, vec![webhook(&folder, &url)]).await;
    let (anna, _) = first.enter(&first.host("anna@region.example"), None).await;
    let (seen, mut events) = until(seen, "joined").await;
    first.into_node().stop().await;
    drop(anna);
    let second = start(&folder, vec![webhook(&folder, &url)]).await;
    let (_bent, _) = second.enter(&second.participant("bent"), None).await;
    let last = {
        let mut stream = second.stream("").await;
        let mut joins = 0;
        loop {
            let event = stream.event().await;
            joins += usize::from(event["type"] == "joined");
            if joins == 2 {
                break event["seq"].as_u64().unwrap();
            }
        }
    };
    let mut seen = seen;
    while events.last().is_none_or(|event| event["seq"].as_u64() < Some(last)) {
        let request;
        (seen, request) = one(seen).await;
        check(&request);
        // A request whose answer the first node did not hear comes again; receivers tell by room and number.
        let known = events.last().and_then(|event| event["seq"].as_u64()).unwrap_or(0);
        events.extend(request.events().into_iter().filter(|event| event["seq"].as_u64() > Some(known)));
    }
    for (expected, event) in (1..).zip(&events) {
        assert_eq!((event["seq"].as_u64(), &event["room"]), (Some(expected), &json!("demo")), "{event}");
    }
    let page = second.page("?limit=500", &second.service()).await.json();
    assert_eq!(page["events"].as_array().unwrap()[..events.len()], events, "the same lines as everywhere");
    assert!(!json!(events).to_string().contains("anna"));
    // A delivery counts when its answer has been read, which is after it was seen here.
    let deadline = Instant::now() + Duration::from_secs(5);
    let metrics = loop {
        let metrics = request(second.admin, "GET", "/metrics", &[], "").await.body;
        let deliveries = metrics.lines().find(|line| line.starts_with("relay_webhook_deliveries_total{webhook=\"0\"}")).unwrap();
        if !deliveries.ends_with(" 0") {
            break metrics;
        }
        assert!(Instant::now() < deadline, "{deliveries}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(
        metrics.contains("relay_webhook_failures_total{webhook=\"0\"} 0") && metrics.contains("relay_webhook_lag_seconds"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_the_rooms_and_types_it_asked_for() {
    let folder = Folder::new();
    let (url, seen) = receiver();
    let chosen = Webhook { rooms: Some("sec".into()), events: vec!["left".into()], ..webhook(&folder, &url) };
    let server = start(&folder, vec![chosen]).await;
    for room in ["demo", "second"] {
        let token = server.token(Some(room), "anna", node::tokens::TokenRole::Host);
        let mut socket = server.socket(room).await;
        socket.send(&json!({"type": "hello", "version": 1, "token": token})).await;
        socket.until("welcome").await;
        socket.send(&json!({"type": "leave"})).await;
        socket.until("bye").await;
    }
    let (_, events) = until(seen, "left").await;
    assert_eq!((events.len(), &events[0]["room"], &events[0]["type"]), (1, &json!("second"), &json!("left")));
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_checked_against_the_configured_authority_and_no_other() {
    let folder = Folder::new();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let authority = folder.0.join("ca.pem");
    std::fs::write(&authority, certified.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, seen) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(session, stream.unwrap());
            let tell = tell.clone();
            std::thread::spawn(move || receive(&mut tls, |seen| tell.send(seen).is_ok()));
        }
    });
    // Two addresses of the same receiver: one webhook trusts its certificate, the other only public ones.
    let trusting = Webhook { ca_file: Some(authority), ..webhook(&folder, &format!("https://localhost:{port}/hook?key=1")) };
    let strict = webhook(&folder, &format!("https://localhost:{port}/hook?key=1&strict"));
    let server = start(&folder, vec![trusting, strict]).await;
    let (_anna, _) = server.enter(&server.host("anna"), None).await;
    let (_, events) = until(seen, "joined").await;
    assert_eq!(events[0]["seq"], 1);
    let failed = async {
        loop {
            let metrics = request(server.admin, "GET", "/metrics", &[], "").await.body;
            if metrics.contains("relay_webhook_failures_total{webhook=\"1\"} 1") {
                return metrics;
            }
        }
    };
    let metrics = tokio::time::timeout(PATIENCE, failed).await.expect("the other one fails");
    assert!(metrics.contains("relay_webhook_deliveries_total{webhook=\"1\"} 0"), "{metrics}");
    assert!(metrics.contains("relay_webhook_failures_total{webhook=\"0\"} 0"), "{metrics}");
}

#[test]
fn files_that_a_webhook_names_are_read_by_config_check() {
    let config = crate::process::File::new("hook", "[[webhooks]]\nurl = \"https://a/\"\nsecret_file = \"/does/not/exist\"\n");
    let (code, _, errors) = crate::process::run(&["config", "check", config.path()]);
    assert_eq!(code, Some(78));
    assert!(errors.contains("webhook 0") && errors.contains("/does/not/exist"), "{errors}");
}
