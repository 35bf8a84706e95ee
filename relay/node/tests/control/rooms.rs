//! Definitions over HTTP: what services make, change and forget, what meetings learn of it, and what is refused.

use std::time::{Duration, Instant};

use node::tokens::TokenRole;
use serde_json::{Value, json};

use crate::reading::{Folder, ask};
use crate::support::{Answer, Server, server, server_with};

const JSON: (&str, &str) = ("content-type", "application/json");

impl Server {
    /// A request with a token and perhaps a body.
    pub(crate) async fn call(&self, token: &str, method: &str, path: &str, more: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(body.map(|_| JSON));
        headers.extend(more);
        self.request(method, path, &headers, &body.map(ToString::to_string).unwrap_or_default()).await
    }

    /// The same for a service that may do everything.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.call(&self.service(), method, path, &[], body).await
    }

    /// Everything that is defined, to compare before and after.
    async fn everything(&self) -> (String, String) {
        (self.manage("GET", "/v1/rooms", None).await.body, self.manage("GET", "/v1/templates", None).await.body)
    }
}

#[tokio::test]
async fn a_room_is_made_found_changed_and_forgotten() {
    let server = server().await;
    let body = json!({"id": "Ward-7", "settings": {"title": "Ward 7", "chat": "off"}, "host_pin": "48291377", "guest_pin": 1234});
    let made = server.manage("POST", "/v1/rooms", Some(&body)).await;
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/rooms/ward-7")), "{}", made.body);
    let view = made.json();
    let tag = made.header("etag").unwrap().to_owned();
    assert_eq!((view["id"].as_str(), view["etag"].as_str()), (Some("ward-7"), Some(tag.as_str())));
    assert_eq!(view["links"]["page"], "/?room=ward-7");
    assert_eq!(view["settings"], json!({"title": "Ward 7", "chat": "off"}), "what is left open is not there");
    assert_eq!((&view["effective"]["chat"], &view["effective"]["hands"]), (&json!("off"), &json!(true)));
    assert_eq!(server.manage("POST", "/v1/rooms", Some(&body)).await.status, 200, "the same request is the same room");
    server.manage("POST", "/v1/rooms", Some(&json!({"id": "ward-7"}))).await.refused(409, "exists");

    let shown = server.manage("GET", "/v1/rooms/WARD-7", None).await;
    assert_eq!((shown.status, shown.header("etag")), (200, Some(tag.as_str())));
    let view = shown.json();
    assert_eq!(
        (&view["live"], &view["people"], &view["has_host_pin"], &view["has_guest_pin"]),
        (&json!(false), &json!([]), &json!(true), &json!(true))
    );
    assert_eq!(view["expires"], Value::Null, "a room with an id of its own stays");

    let patch = json!({"settings": {"chat": null, "screens": 2}, "guest_pin": null});
    let change = async |tag: &str, query: &str| {
        server.call(&server.service(), "PATCH", &format!("/v1/rooms/ward-7{query}"), &[("if-match", tag)], Some(&patch)).await
    };
    change("\"999\"", "").await.refused(412, "changed");
    let dry = change(&tag, "?dry_run=true").await;
    assert_eq!((&dry.json()["changes"], &dry.json()["live"]), (&json!(["screens", "chat"]), &json!(false)), "{}", dry.body);
    assert_eq!(server.manage("GET", "/v1/rooms/ward-7", None).await.body, shown.body, "a dry run changes nothing");
    let changed = change(&tag, "").await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.json()["settings"], json!({"title": "Ward 7", "screens": 2}));
    assert_eq!((&changed.json()["has_host_pin"], &changed.json()["has_guest_pin"]), (&json!(true), &json!(false)));
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    change(&tag, "").await.refused(412, "changed");

    let delete = async |tag: &str| server.call(&server.service(), "DELETE", "/v1/rooms/ward-7", &[("if-match", tag)], None).await;
    delete(&tag).await.refused(412, "changed");
    assert_eq!(delete("*").await.status, 204);
    for (method, body) in [("GET", None), ("PATCH", Some(&patch)), ("DELETE", None)] {
        server.manage(method, "/v1/rooms/ward-7", body).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn an_instant_room_can_be_joined_within_100_ms() {
    let folder = Folder::new();
    let server = server_with(|config| config.store.dir = Some(folder.0.clone())).await;
    let mut took = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let made = server.manage("POST", "/v1/rooms", Some(&json!({"guest_pin": 482_913}))).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let room = made.json()["id"].as_str().unwrap().to_owned();
        assert!(room.len() == 10 && room.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{room}");
        let joined = server.post_json(&format!("/v1/rooms/{}/join", room.to_uppercase()), &json!({"name": "Anna", "pin": "482913"})).await;
        let mut socket = server.socket(&room).await;
        socket.send(&json!({"type": "hello", "version": 1, "token": joined.json()["token"]})).await;
        socket.until("welcome").await;
        took.push(began.elapsed());
        assert!(made.json()["expires"].as_u64() > made.json()["created"].as_u64(), "{}", made.body);
    }
    took.sort();
    println!("creation to welcome, store on disk: median {:?}, worst {:?} of {}", took[took.len() / 2], took[took.len() - 1], took.len());
    assert!(took[0] <= Duration::from_millis(100), "{took:?}");
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let server = server().await;
    for name in ["c", "a", "e", "b", "d"] {
        assert_eq!(server.manage("POST", "/v1/rooms", Some(&json!({ "id": name }))).await.status, 201);
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.manage("GET", &format!("/v1/rooms?limit=2{after}"), None).await.json();
        seen.extend(page["rooms"].as_array().unwrap().iter().map(|room| room["room"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    for bad in ["limit=0", "limit=1001", "limit=x", "after=a%20b", "colour=1"] {
        server.manage("GET", &format!("/v1/rooms?{bad}"), None).await.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_changes_nothing() {
    let server = server().await;
    server.manage("PUT", "/v1/templates/org", Some(&json!({}))).await;
    server.manage("PUT", "/v1/templates/unit", Some(&json!({"parent": "org"}))).await;
    server.manage("POST", "/v1/rooms", Some(&json!({"id": "a", "template": "unit", "host_pin": 12_345_678}))).await;
    let before = server.everything().await;
    let long = "x".repeat(121);
    let rows = [
        ("POST", "/v1/rooms", json!({"id": "a b"}), "id"),
        ("POST", "/v1/rooms", json!({"id": 7}), "id"),
        ("POST", "/v1/rooms", json!({"template": "nothing"}), "template"),
        ("POST", "/v1/rooms", json!({"template": "../x"}), "template"),
        ("POST", "/v1/rooms", json!({"settings": {"colour": 1}}), "settings.colour"),
        ("POST", "/v1/rooms", json!({"settings": {"layout": "round"}}), "settings.layout"),
        ("POST", "/v1/rooms", json!({"settings": {"title": long}}), "settings.title"),
        ("POST", "/v1/rooms", json!({"settings": {"screens": 5}}), "settings.screens"),
        ("POST", "/v1/rooms", json!({"host_pin": 999}), "host_pin"),
        ("POST", "/v1/rooms", json!({"guest_pin": "0999"}), "guest_pin"),
        ("POST", "/v1/rooms", json!({"guest_pin": "#"}), "guest_pin"),
        ("POST", "/v1/rooms", json!({"host_pin": 1234, "guest_pin": "1234"}), "host_pin"),
        ("PATCH", "/v1/rooms/a", json!({"guest_pin": 12_345_678}), "guest_pin"),
        ("PATCH", "/v1/rooms/a", json!({"settings": {"colour": null}}), "settings.colour"),
        ("PATCH", "/v1/rooms/a", json!({"settings": {"max_participants": 0}}), "settings.max_participants"),
        ("PATCH", "/v1/rooms/a", json!({"settings": {"opens_at": 2, "ends_at": 1}}), "settings.ends_at"),
        ("PATCH", "/v1/rooms/a", json!({"settings": null}), "settings"),
        ("PATCH", "/v1/rooms/a", json!({"template": "nothing"}), "template"),
        ("PUT", "/v1/templates/org", json!({"parent": "org"}), "parent"),
        ("PUT", "/v1/templates/org", json!({"parent": "unit"}), "parent"),
        ("PUT", "/v1/templates/third", json!({"parent": "unit"}), "parent"),
        ("PUT", "/v1/templates/third", json!({"settings": {"early_seconds": 9_999_999}}), "settings.early_seconds"),
    ];
    for (method, path, body, field) in rows {
        let answer = server.manage(method, path, Some(&body)).await;
        answer.refused(400, "bad_request");
        assert_eq!(answer.json()["error"]["field"], field, "{method} {path} {body}: {}", answer.body);
    }
    for body in [json!([]), json!(null), json!("x"), json!({"colour": 1}), json!({"revision": 1})] {
        server.manage("POST", "/v1/rooms", Some(&body)).await.refused(400, "bad_request");
        server.manage("PATCH", "/v1/rooms/a", Some(&body)).await.refused(400, "bad_request");
        server.manage("PUT", "/v1/templates/org", Some(&body)).await.refused(400, "bad_request");
    }
    let token = format!("Bearer {}", server.service());
    let raw = async |headers: &[(&str, &str)], body: &str| {
        server.request("POST", "/v1/rooms", &[headers, &[("authorization", &token)]].concat(), body).await
    };
    raw(&[JSON], "{\"id\":\"x\",\"id\":\"y\"}").await.refused(400, "bad_request");
    raw(&[JSON], "{\"settings\":{\"title\":\"a\",\"title\":\"b\"}}").await.refused(400, "bad_request");
    raw(&[JSON], "{} {}").await.refused(400, "bad_request");
    raw(&[("content-type", "text/plain")], "{}").await.refused(415, "unsupported_media_type");
    raw(&[JSON], &format!("{{\"id\":\"{}\"}}", "x".repeat(65 * 1024))).await.refused(413, "too_large");
    for path in ["/v1/rooms/a%20b", "/v1/rooms/nothing", "/v1/templates/nothing", "/v1/templates/a.b"] {
        server.manage("GET", path, None).await.refused(404, "not_found");
        server.manage("DELETE", path, None).await.refused(404, "not_found");
    }
    for header in ["a", "\"1\", *"] {
        server.call(&server.service(), "DELETE", "/v1/rooms/a", &[("if-match", header)], None).await.refused(400, "bad_request");
    }
    server.manage("DELETE", "/v1/templates/org", None).await.refused(409, "in_use");
    server.manage("DELETE", "/v1/templates/unit", None).await.refused(409, "in_use");
    assert_eq!(server.everything().await, before);
}

#[tokio::test]
async fn a_service_of_one_room_finds_no_other_and_people_find_none() {
    let server = server().await;
    for name in ["own", "other"] {
        server.manage("POST", "/v1/rooms", Some(&json!({ "id": name }))).await;
    }
    server.manage("PUT", "/v1/templates/org", Some(&json!({"settings": {"title": "of another"}}))).await;
    let before = server.everything().await;
    let own = server.token(Some("own"), "booking", TokenRole::Service);
    let nothing = json!({});
    for (method, body) in [("GET", None), ("PATCH", Some(&nothing)), ("DELETE", None)] {
        let [there, absent] =
            ["other", "absent"].map(|room| server.call(&own, method, Box::leak(format!("/v1/rooms/{room}").into()), &[], body));
        let (there, absent) = (there.await, absent.await);
        there.refused(404, "not_found");
        assert_eq!(there.body, absent.body, "{method}");
    }
    for body in [json!({"id": "other"}), json!({"id": "absent"}), json!({}), json!({"id": "own", "template": "org"})] {
        server.call(&own, "POST", "/v1/rooms", &[], Some(&body)).await.refused(403, "forbidden");
    }
    server.call(&own, "PATCH", "/v1/rooms/own", &[], Some(&json!({"template": "org"}))).await.refused(403, "forbidden");
    for path in ["/v1/templates", "/v1/templates/org", "/v1/templates/nothing"] {
        server.call(&own, "GET", path, &[], None).await.refused(403, "forbidden");
    }
    server.call(&own, "PUT", "/v1/templates/org", &[], Some(&nothing)).await.refused(403, "forbidden");
    server.call(&own, "DELETE", "/v1/templates/org", &[], None).await.refused(403, "forbidden");
    for token in ["", "x.y.z", &server.token(Some("own"), "anna", TokenRole::Host), &server.token(Some("own"), "b", TokenRole::Participant)]
    {
        for path in ["/v1/rooms", "/v1/rooms/own", "/v1/templates", "/v1/templates/org"] {
            server.call(token, "GET", path, &[], None).await.refused(401, "unauthorized");
        }
        server.call(token, "POST", "/v1/rooms", &[], Some(&nothing)).await.refused(401, "unauthorized");
        server.call(token, "PATCH", "/v1/rooms/own", &[], Some(&nothing)).await.refused(401, "unauthorized");
        server.call(token, "DELETE", "/v1/rooms/own", &[], None).await.refused(401, "unauthorized");
        server.call(token, "PUT", "/v1/templates/org", &[], Some(&nothing)).await.refused(401, "unauthorized");
    }
    assert_eq!(server.everything().await, before);
    let list = server.call(&own, "GET", "/v1/rooms", &[], None).await.json();
    assert_eq!((list["rooms"].as_array().unwrap().len(), &list["rooms"][0]["room"]), (1, &json!("own")));
    assert_eq!(server.call(&own, "PATCH", "/v1/rooms/own", &[], Some(&json!({"settings": {"hands": false}}))).await.status, 200);
}

#[tokio::test]
async fn a_running_meeting_learns_of_room_and_template() {
    let server = server().await;
    let put = async |settings: Value, query: &str| {
        server.manage("PUT", &format!("/v1/templates/org{query}"), Some(&json!({ "settings": settings }))).await
    };
    assert_eq!(put(json!({}), "").await.status, 201);
    let (_host, _) = server.enter(&server.host("anna"), None).await;
    let (mut bent, _) = server.enter(&server.participant("bent"), None).await;
    let mut id = 0;
    let mut says = async || {
        id += 1;
        ask(&mut bent, id, &json!({"type": "say", "text": "hello"})).await["type"].clone()
    };
    assert_eq!(says().await, "done", "a meeting that nobody defined has the defaults");
    let made = server.manage("POST", "/v1/rooms", Some(&json!({"id": "demo", "template": "org", "settings": {"chat": "off"}}))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(says().await, "refused", "the definition reached the meeting that ran already");
    let open = json!({"settings": {"chat": null}});
    let dry = server.manage("PATCH", "/v1/rooms/demo?dry_run=true", Some(&open)).await.json();
    assert_eq!((&dry["changes"], &dry["live"]), (&json!(["chat"]), &json!(true)));
    assert_eq!(says().await, "refused");
    assert_eq!(server.manage("PATCH", "/v1/rooms/demo", Some(&open)).await.status, 200);
    assert_eq!(says().await, "done");

    let dry = put(json!({"chat": "off", "hands": false}), "?dry_run=true").await.json();
    assert_eq!(dry["rooms"], json!([{"room": "demo", "live": true, "changes": ["chat", "hands"]}]), "{dry}");
    assert_eq!(says().await, "done");
    let changed = put(json!({"chat": "off", "hands": false}), "").await;
    assert_eq!((changed.status, &changed.json()["rooms_changed"]), (200, &json!(1)));
    assert_eq!(says().await, "refused");
    let shown = server.room("demo").await.json();
    assert_eq!((&shown["live"], shown["people"].as_array().unwrap().len(), &shown["effective"]["chat"]), (&json!(true), 2, &json!("off")));
    assert_eq!(server.manage("DELETE", "/v1/rooms/demo", None).await.status, 204);
    assert_eq!(says().await, "refused", "a running meeting keeps what it has");
    let shown = server.room("demo").await.json();
    assert_eq!((&shown["live"], &shown["revision"], &shown["effective"]["chat"]), (&json!(true), &Value::Null, &json!("everyone")));
}

#[tokio::test]
async fn templates_are_made_once_and_replaced_on_condition() {
    let server = server().await;
    let put = async |header: (&str, &str), title: &str| {
        server.call(&server.service(), "PUT", "/v1/templates/Org", &[header], Some(&json!({"settings": {"title": title}}))).await
    };
    put(("if-match", "*"), "one").await.refused(412, "changed");
    let made = put(("if-none-match", "*"), "one").await;
    assert_eq!((made.status, &made.json()["template"]), (201, &json!("org")));
    let tag = made.header("etag").unwrap().to_owned();
    put(("if-none-match", "*"), "two").await.refused(412, "changed");
    let same = put(("if-match", &tag), "one").await;
    assert_eq!((same.status, same.header("etag")), (200, Some(tag.as_str())), "the same again is no change");
    assert_eq!(put(("if-match", &tag), "two").await.status, 200);
    put(("if-match", &tag), "three").await.refused(412, "changed");
    let shown = server.manage("GET", "/v1/templates/org", None).await.json();
    assert_eq!(shown["settings"], json!({"title": "two"}));
    assert_eq!(server.manage("DELETE", "/v1/templates/org", None).await.status, 204);
    server.manage("DELETE", "/v1/templates/org", None).await.refused(404, "not_found");
}

#[tokio::test]
async fn changes_are_in_the_audit_log_and_what_only_asks_is_not() {
    let folder = Folder::new();
    let server = server_with(|config| config.store.dir = Some(folder.0.clone())).await;
    server.manage("PUT", "/v1/templates/org", Some(&json!({}))).await;
    for _ in 0..2 {
        server.manage("POST", "/v1/rooms", Some(&json!({"id": "a", "host_pin": 48_291_377}))).await;
    }
    server.manage("PATCH", "/v1/rooms/a?dry_run=true", Some(&json!({"settings": {"hands": false}}))).await;
    server.manage("PATCH", "/v1/rooms/a", Some(&json!({"settings": {"screens": 0}}))).await;
    server.manage("DELETE", "/v1/rooms/a", None).await;
    server.into_node().stop().await;
    let log = std::fs::read_to_string(folder.0.join("audit.log")).unwrap();
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seen: Vec<_> =
        entries.map(|entry| format!("{} {}", entry["action"].as_str().unwrap(), entry["result"].as_str().unwrap())).collect();
    assert_eq!(seen, ["template_changed ok", "room_created ok", "room_changed bad_request", "room_deleted ok"]);
    for file in ["audit.log", "events.redb", "rooms.redb"] {
        let bytes = std::fs::read(folder.0.join(file)).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"48291377"), "the PIN is in {file}");
    }
}
