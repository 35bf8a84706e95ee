//! Bad input to every endpoint, made from the API document: whatever the document does not allow gets a typed error, and changes nothing.

use node::tokens::TokenRole;
use serde_json::{Value, json};

use crate::contract::{Contract, Operation};
use crate::support::{Answer, Server, server};

/// Larger than any body that is taken.
const HUGE: usize = 70 * 1024;

/// A server with a room, a template and somebody in the room, and what the API shows of them.
struct Target {
    server: Server,
    contract: Contract,
    service: String,
    host: String,
    _socket: crate::support::Socket,
}

impl Target {
    async fn new() -> Self {
        let server = server().await;
        let contract = Contract::of(&server).await;
        let bearer = |token: String| format!("Bearer {token}");
        let service = bearer(server.token(None, "booking", TokenRole::Service));
        let token = server.token(Some("demo"), "host", TokenRole::Host);
        let (socket, _) = server.enter(&token, None).await;
        let target = Self { server, contract, service, host: bearer(token), _socket: socket };
        let json = [("content-type", "application/json")];
        assert_eq!(target.send("POST", "/v1/rooms", &json, r#"{"id": "demo", "host_pin": 1234567}"#).await.status, 201);
        assert_eq!(target.send("PUT", "/v1/templates/demo", &json, r#"{"settings": {"title": "A"}}"#).await.status, 201);
        target
    }

    /// As the one who may do most there.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let token = if path.contains("/whip") || path.contains("/whep") { &self.host } else { &self.service };
        let mut headers = headers.to_vec();
        headers.push(("authorization", token));
        self.server.request(method, path, &headers, body).await
    }

    async fn look(&self) -> Value {
        let mut seen = Vec::new();
        for path in ["/v1/rooms", "/v1/rooms/demo", "/v1/templates", "/v1/templates/demo", "/v1/rooms/demo/events"] {
            let answer = self.send("GET", path, &[("accept", "application/json")], "").await;
            assert_eq!(answer.status, 200, "{path}");
            seen.push(answer.json());
        }
        json!(seen)
    }

    /// Sends what must be refused, with a code that the document gives for it.
    async fn refused(&self, operation: &Operation, path: &str, headers: &[(&str, &str)], body: &str) {
        let answer = self.send(&operation.method, path, headers, body).await;
        let shown: String = body.chars().take(300).collect();
        let what = format!("{} {path} {headers:?} {shown}", operation.method);
        assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
        assert!(answer.json()["error"]["code"].is_string(), "{what}: {}", answer.body);
        self.contract.judge(&operation.method, &operation.path, &answer);
    }
}

fn filled(path: &str) -> String {
    path.replace("{room}", "demo").replace("{template}", "demo").replace("{resource}", "1-AAAAAAAAAAAAAAAAAAAAAA")
}

/// Bodies that are no JSON, or no object of ours.
fn nonsense() -> Vec<String> {
    let mut all: Vec<String> =
        ["", " ", "{", "}", "null", "true", "7", "\"x\"", "[]", "[{}]", "{\"a\":}", "{} {}", "{},", "\u{0}", "{'a': 1}", "1e999", "NaN"]
            .map(str::to_owned)
            .into();
    all.push("[".repeat(5000));
    all.push(format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000)));
    all.push(format!("{{\"{}\": 1}}", "x".repeat(3000)));
    all.push("{\"a\": \"\\ud800\"}".into());
    all
}

/// Values of every type, and past every limit.
fn values() -> Vec<Value> {
    let mut all = vec![json!(null), json!(true), json!(-1), json!(0), json!(1.5), json!(u64::MAX), json!(999), json!(1_000_000_000)];
    all.extend([json!(""), json!("\u{0}"), json!("a b"), json!("../x"), json!("x".repeat(2000)), json!("🙂".repeat(600))]);
    all.extend([json!([]), json!([1]), json!([null]), json!([[]]), json!({}), json!({"a": 1}), json!(vec!["x"; 60])]);
    all
}

/// Everything that one may do wrong with an object of this schema; some of it is right by chance.
fn mutations(contract: &Contract, schema: &Value) -> Vec<Value> {
    let schema = contract.resolved(schema);
    if let Some(ones) = schema.get("oneOf").and_then(Value::as_array) {
        return ones.iter().flat_map(|one| mutations(contract, one)).collect();
    }
    let good = contract.example(schema);
    let mut all = Vec::new();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return all };
    let mut more = good.clone();
    more["surprise"] = json!(1);
    all.push(more);
    for (name, property) in properties {
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove(name);
        all.push(less);
        let inner = contract.resolved(property);
        let nested = if inner.get("properties").is_some() { mutations(contract, inner) } else { Vec::new() };
        for value in values().into_iter().chain(nested) {
            let mut other = good.clone();
            other[name] = value;
            all.push(other);
        }
    }
    all
}

#[tokio::test]
async fn what_the_document_does_not_allow_is_refused_and_changes_nothing() {
    let target = Target::new().await;
    let before = target.look().await;
    let mut sent = 0;
    for operation in target.contract.operations() {
        let Some(body) = operation.value.get("requestBody") else { continue };
        let Some(schema) = body["content"].get("application/json").map(|media| &media["schema"]) else { continue };
        let path = filled(&operation.path);
        let json = [("content-type", "application/json")];
        for body in nonsense() {
            target.refused(&operation, &path, &json, &body).await;
        }
        target.refused(&operation, &path, &json, &format!("{{\"a\": \"{}\"}}", "x".repeat(HUGE))).await;
        let good = target.contract.example(schema).to_string();
        for kind in ["text/plain", "application/sdp", "application/jsonx", "application/x-www-form-urlencoded", ""] {
            target.refused(&operation, &path, &[("content-type", kind)], &good).await;
        }
        target.refused(&operation, &path, &[], &good).await;
        sent += nonsense().len() + 7;
        let wrong = mutations(&target.contract, schema).into_iter().filter(|body| target.contract.check(schema, body).is_err());
        for body in wrong {
            target.refused(&operation, &path, &json, &body.to_string()).await;
            sent += 1;
        }
    }
    assert_eq!(target.look().await, before);
    println!("bad bodies: {sent} sent, all refused with a documented code");
    assert!(sent > 1000, "{sent}");
}

#[tokio::test]
async fn bad_queries_headers_and_paths_are_refused_and_change_nothing() {
    let target = Target::new().await;
    let before = target.look().await;
    for operation in target.contract.operations().iter().filter(|operation| operation.path.starts_with("/v1")) {
        let path = filled(&operation.path);
        let kinds = operation.value.get("requestBody").map(|body| body["content"].as_object().unwrap().keys().next().unwrap().clone());
        let parameters = operation.value.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
        let queries: Vec<&Value> = parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
        for parameter in &queries {
            let name = parameter["name"].as_str().unwrap();
            let schema = target.contract.resolved(&parameter["schema"]);
            for value in ["", "x", "-1", "1.5", "99999999999999999999999", "%00", "a%20b", "[]"] {
                // A room's id may be called `x`.
                if schema["type"] == "string" && target.contract.check(schema, &json!(value)).is_ok() {
                    continue;
                }
                target.refused(operation, &format!("{path}?{name}={value}"), &[("accept", "application/json")], "").await;
            }
            target.refused(operation, &format!("{path}?{name}=1&{name}=2"), &[("accept", "application/json")], "").await;
        }
        if !queries.is_empty() {
            target.refused(operation, &format!("{path}?surprise=1"), &[("accept", "application/json")], "").await;
        }
        if operation.path.contains('{') && operation.method != "OPTIONS" {
            let long = "x".repeat(65);
            for id in ["*", "a%20b", "%00", "%2e%2e", "a.b", "%F0%9F%99%82", "%FF", long.as_str()] {
                let path = operation.path.replace("{room}", id).replace("{template}", id).replace("{resource}", id);
                let headers: Vec<_> = kinds.iter().map(|kind| ("content-type", kind.as_str())).collect();
                let answer = target.send(&operation.method, &path, &headers, "{}").await;
                answer.refused(404, "not_found");
            }
        }
        if parameters.iter().any(|parameter| parameter["name"] == "if-none-match") {
            let pairs: [&[(&str, &str)]; 4] =
                [&[("if-match", "x")], &[("if-none-match", "\"1\"")], &[("if-match", "*"), ("if-none-match", "*")], &[("if-match", "\"1")]];
            for headers in pairs {
                let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
                target.refused(operation, &path, &headers, "{}").await;
            }
        }
    }
    let key = "x".repeat(129);
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    target.send("POST", "/v1/rooms/demo/commands", &headers, r#"{"type": "mute_all"}"#).await.refused(400, "bad_request");
    let headers = [("accept", "application/json"), ("last-event-id", "x")];
    target.send("GET", "/v1/rooms/demo/events", &headers, "").await.refused(400, "bad_request");
    assert_eq!(target.look().await, before);
}

#[tokio::test]
async fn bad_descriptions_are_refused_and_change_nothing() {
    let target = Target::new().await;
    let before = target.look().await;
    for operation in target.contract.operations() {
        let Some(content) = operation.value.get("requestBody").map(|body| body["content"].as_object().unwrap()) else { continue };
        let kind = content.keys().next().unwrap();
        if kind == "application/json" {
            continue;
        }
        let path = filled(&operation.path);
        let giant = "v".repeat(HUGE);
        let lines = "a=x\r\n".repeat(5000);
        for body in ["", "v=0", "nonsense", "{}", "\u{0}\u{0}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", lines.as_str(), giant.as_str()] {
            target.refused(&operation, &path, &[("content-type", kind), ("if-match", "*")], body).await;
        }
        for other in ["application/json", "text/plain", ""] {
            target.refused(&operation, &path, &[("content-type", other), ("if-match", "*")], "v=0").await;
        }
    }
    assert_eq!(target.look().await, before);
}
