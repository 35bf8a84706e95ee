//! Page, health, metrics, joining, tokens, snapshots.

use node::tokens::TokenRole;
use serde_json::json;

use crate::support::{PATIENCE, request, server, server_with};

#[tokio::test]
async fn the_page_is_served_with_a_strict_policy_and_entity_tags() {
    let server = server().await;
    let page = server.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let tag = page.header("etag").unwrap();
    let again = server.request("GET", "/index.html", &[("if-none-match", tag)], "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let changed = server.request("GET", "/", &[("if-none-match", "\"other\"")], "").await;
    assert_eq!(changed.status, 200);
    let script = server.get("/js/main.js").await;
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    for missing in ["/jsconfig.json", "/nothing", "/js", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/v1", "/metrics", "/rooms"] {
        server.get(missing).await.refused(404, "not_found");
    }
    server.request("POST", "/", &[], "x").await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn health_and_metrics_answer_operators() {
    let server = server().await;
    for listener in [server.http, server.admin] {
        assert_eq!(request(listener, "GET", "/livez", &[], "").await.status, 200);
        let ready = request(listener, "GET", "/readyz", &[], "").await;
        assert_eq!((ready.status, ready.json()), (200, json!({"ready": true, "reasons": []})));
    }
    let (_socket, _) = server.enter(&server.participant("anna"), None).await;
    let metrics = request(server.admin, "GET", "/metrics", &[], "").await;
    assert_eq!(metrics.status, 200);
    let lines: Vec<&str> = metrics.body.lines().collect();
    for expected in ["relay_sessions 1", "relay_rooms 1", "relay_websockets 1", "relay_slow_readers_total 0", "# EOF"] {
        assert!(lines.contains(&expected), "{expected} is missing in\n{}", metrics.body);
    }
    let per_worker =
        ["relay_worker_joins_total", "relay_worker_crossed_zero_bit_total", "relay_media_received_bytes_total", "relay_media_panics_total"];
    for expected in per_worker {
        assert!(lines.iter().any(|line| line.starts_with(&format!("{expected}{{worker=\"0\"}} "))), "{expected} is missing");
    }
    for expected in ["process_cpu_seconds_total ", "process_resident_memory_bytes "] {
        let value = lines.iter().find_map(|line| line.strip_prefix(expected)).and_then(|value| value.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value >= 0.0), "{expected} is missing in\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("anna") && !metrics.body.contains("demo"), "no people and no rooms in metrics");
    let rooms = request(server.admin, "GET", "/rooms", &[], "").await;
    assert_eq!(rooms.json(), json!([{"room": "demo", "worker": 0, "sessions": 1}]));
}

#[tokio::test]
async fn a_name_opens_an_open_room_and_no_other() {
    let server = server().await;
    let answer = server.post_json("/v1/rooms/DEMO/join", &json!({"name": " Anna Å. "})).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let body = answer.json();
    assert_eq!(body["room"], "demo");
    let (_socket, welcome) = server.enter(body["token"].as_str().unwrap(), None).await;
    assert_eq!(welcome["roster"][0]["name"], "Anna Å.");
    assert_eq!(welcome["roster"][0]["role"], "participant");

    for room in ["closed", "another"] {
        server.post_json(&format!("/v1/rooms/{room}/join"), &json!({"name": "Anna"})).await.refused(403, "token_required");
    }
    server.post_json("/v1/rooms/not%20a%20room/join", &json!({"name": "Anna"})).await.refused(404, "not_found");
    for name in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(81)] {
        let answer = server.post_json("/v1/rooms/demo/join", &json!({ "name": name })).await;
        answer.refused(400, "bad_request");
        assert_eq!(answer.json()["error"]["field"], "name");
    }
    for body in [json!({}), json!({"name": "Anna", "role": "host"}), json!({"name": 1}), json!([])] {
        server.post_json("/v1/rooms/demo/join", &body).await.refused(400, "bad_request");
    }
    server.post_json("/v1/rooms/demo/join", &json!({"name": "x".repeat(5000)})).await.refused(413, "too_large");
    server.request("POST", "/v1/rooms/demo/join", &[("content-type", "text/plain")], "{}").await.refused(415, "unsupported_media_type");
    server.request("GET", "/v1/rooms/demo/join", &[], "").await.refused(405, "method_not_allowed");
    server.get("/v1/rooms/demo/connect").await.refused(400, "websocket_required");
}

#[tokio::test]
async fn a_service_issues_tokens_and_nobody_else_does() {
    let server = server().await;
    let post = async |token: Option<&str>, room: &str, body: serde_json::Value| {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
        server.request("POST", &format!("/v1/rooms/{room}/tokens"), &headers, &body.to_string()).await
    };
    let service = server.token(None, "booking", TokenRole::Service);
    let scoped = server.token(Some("other"), "booking", TokenRole::Service);
    let person = server.token(Some("demo"), "host", TokenRole::Host);
    let anna = json!({"identity": "anna", "role": "host", "name": "Anna"});

    let answer = post(Some(&service), "demo", anna.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (_socket, welcome) = server.enter(answer.json()["token"].as_str().unwrap(), None).await;
    assert_eq!((welcome["roster"][0]["name"].as_str(), welcome["roster"][0]["role"].as_str()), (Some("Anna"), Some("host")));
    assert_eq!(post(Some(&scoped), "other", anna.clone()).await.status, 200);

    for token in [None, Some(""), Some("x.y.z"), Some(scoped.as_str()), Some(person.as_str())] {
        let answer = post(token, "demo", anna.clone()).await;
        answer.refused(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let rows = [
        (json!({"identity": "a", "role": "service"}), "role"),
        (json!({"identity": "", "role": "host"}), "identity"),
        (json!({"identity": "a", "role": "host", "name": "\u{0}"}), "name"),
        (json!({"identity": "a", "role": "host", "ttl_seconds": 0}), "ttl_seconds"),
        (json!({"identity": "a", "role": "host", "ttl_seconds": 86_401}), "ttl_seconds"),
    ];
    for (body, field) in rows {
        let answer = post(Some(&service), "demo", body).await;
        answer.refused(400, "bad_request");
        assert_eq!(answer.json()["error"]["field"], field);
    }
    post(Some(&service), "demo", json!({"identity": "a", "role": "king"})).await.refused(400, "bad_request");
}

#[tokio::test]
async fn a_room_shows_itself_to_services_only() {
    let server = server().await;
    server.room("demo").await.refused(404, "not_found");
    server.get("/v1/rooms/demo").await.refused(401, "unauthorized");
    let (_socket, welcome) = server.enter(&server.participant("anna"), None).await;
    let room = server.room("demo").await;
    assert_eq!(room.status, 200);
    let body = room.json();
    assert_eq!((body["room"].as_str(), body["people"].as_array().map(Vec::len)), (Some("demo"), Some(1)));
    assert_eq!(body["people"][0]["participant"], welcome["participant"]);
    assert!(!room.body.contains("anna"));
    let token = server.participant("anna");
    server.request("GET", "/v1/rooms/demo", &[("authorization", &format!("Bearer {token}"))], "").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn connections_are_bounded() {
    use tokio::io::AsyncReadExt as _;
    let server = server_with(|config| config.limits.connections = 1).await;
    let held = tokio::net::TcpStream::connect(server.http).await.unwrap();
    // Whether the first is counted yet is only seen from outside: at the latest then, the second is hung up on.
    let refused = async {
        loop {
            let mut second = tokio::net::TcpStream::connect(server.http).await.unwrap();
            let mut byte = [0];
            let read = tokio::time::timeout(std::time::Duration::from_millis(200), second.read(&mut byte)).await;
            if matches!(read, Ok(Ok(0) | Err(_))) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the second connection is refused");
    drop(held);
    let served = async {
        // Once the first is gone there is room again.
        while try_get(&server).await.is_none() {}
    };
    tokio::time::timeout(PATIENCE, served).await.expect("a later connection is served");
}

async fn try_get(server: &crate::support::Server) -> Option<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(server.http).await.ok()?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.ok()?;
    text.starts_with("HTTP/1.1 200").then_some(())
}
