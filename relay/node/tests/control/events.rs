//! Events of a room: one sequence without gaps for everybody who may read it, now, later, and after a restart.

use node::tokens::TokenRole;
use serde_json::{Value, json};

use crate::process::{File, Running};
use crate::reading::{Folder, Stream, ask};
use crate::support::{request, server, server_with};

#[tokio::test]
async fn live_readers_late_readers_and_pages_get_the_same_sequence() {
    let server = server().await;
    let mut live = server.stream("").await;
    let (mut anna, _) = server.enter(&server.host("anna@region.example"), None).await;
    let (mut bent, welcome) = server.enter(&server.participant("010190-1234"), None).await;
    let bents = welcome["participant"].clone();
    assert_eq!(ask(&mut anna, 1, &json!({"type": "mute", "participant": bents})).await["type"], "done");
    assert_eq!(ask(&mut bent, 1, &json!({"type": "raise_hand"})).await["type"], "done");
    assert_eq!(ask(&mut bent, 2, &json!({"type": "say", "text": "the text of a patient"})).await["type"], "done");
    bent.send(&json!({"type": "leave"})).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &Value| event["type"] != "left") {
        seen.push(live.event().await);
    }
    for (expected, event) in (1..).zip(&seen) {
        assert_eq!((event["seq"].as_u64(), event["room"].as_str()), (Some(expected), Some("demo")), "{event}");
    }
    let of = |kind: &str| seen.iter().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind}: {seen:?}"));
    let locked = of("source_locked");
    assert_eq!((&locked["participant"], &locked["source"], &locked["locked"]), (&bents, &json!("microphone"), &json!(true)));
    assert_eq!((&locked["actor"]["type"], &locked["actor"]["role"]), (&json!("person"), &json!("host")), "{locked}");
    assert_eq!(locked["subject"]["participant"], bents);
    assert_eq!(locked["subject"]["pseudonym"], of("hand_changed")["subject"]["pseudonym"]);
    assert_eq!(locked["subject"]["pseudonym"].as_str().map(str::len), Some(16));
    let at = locked["at"].as_str().unwrap();
    assert!(at.len() == 24 && at.starts_with("20") && at.ends_with('Z'), "{at}");
    of("chat_written");
    let text = json!(seen).to_string();
    for secret in ["anna", "0101", "patient"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }

    let page = server.page("", &server.service()).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("application/json")), "{}", page.body);
    assert_eq!(page.json()["events"], json!(seen));
    assert_eq!(page.json()["last"], seen.len());
    let part = server.page("?after=2&limit=2", &server.service()).await.json();
    assert_eq!(part["events"], json!(seen[2..4]));
    let mut late = server.stream("?after=1").await;
    for event in &seen[1..] {
        assert_eq!(late.event().await, *event);
    }
    // A browser that comes back says what it had, whatever stands in the address.
    let mut back = Stream::open(server.http, "/v1/rooms/demo/events?after=1", &server.service(), &[("last-event-id", "3")]).await;
    assert_eq!(back.event().await, seen[3]);
    assert_eq!(server.page("", &server.token(Some("demo"), "booking", TokenRole::Service)).await.status, 200);
}

#[tokio::test]
async fn the_sequence_and_the_pseudonyms_go_on_after_a_restart() {
    let folder = Folder::new();
    let dir = folder.0.clone();
    let start = async || server_with(|config| config.store.dir = Some(dir.clone())).await;
    let first = start().await;
    let (anna, _) = first.enter(&first.host("anna"), None).await;
    first.stream("").await.until("joined").await;
    first.into_node().stop().await;
    drop(anna);
    let second = start().await;
    let before = second.page("", &second.service()).await.json();
    let last = before["last"].as_u64().unwrap();
    assert_eq!(before["events"].as_array().map(|events| events.len() as u64), Some(last), "the farewells are there too: {before}");
    assert!(before["events"].as_array().unwrap().iter().any(|event| event["type"] == "left"), "{before}");
    let mut stream = second.stream(&format!("?after={last}")).await;
    let (_anna, _) = second.enter(&second.host("anna"), None).await;
    let joined = stream.event().await;
    assert_eq!((joined["seq"].as_u64(), joined["type"].as_str()), (Some(last + 1), Some("joined")));
    assert_eq!(joined["subject"]["pseudonym"], before["events"][0]["subject"]["pseudonym"]);
}

#[tokio::test]
async fn what_is_not_kept_is_gone_and_says_so() {
    let server = server().await;
    for query in ["?after=7", "?after=18446744073709551615"] {
        server.page(query, &server.service()).await.refused(410, "gone");
        let token = format!("Bearer {}", server.service());
        server.request("GET", &format!("/v1/rooms/demo/events{query}"), &[("authorization", &token)], "").await.refused(410, "gone");
    }
    let empty = server.page("", &server.service()).await.json();
    assert_eq!(empty, json!({"room": "demo", "events": [], "last": 0}));
}

#[tokio::test]
async fn bad_questions_are_refused() {
    let server = server().await;
    for query in ["?after=-1", "?after=x", "?limit=0", "?limit=501", "?limit=x", "?since=1", "?after=1&after=2"] {
        server.page(query, &server.service()).await.refused(400, "bad_request");
    }
    let token = format!("Bearer {}", server.service());
    let headers = [("authorization", token.as_str()), ("last-event-id", "x")];
    server.request("GET", "/v1/rooms/demo/events", &headers, "").await.refused(400, "bad_request");
    server.request("GET", "/v1/rooms/*/events", &headers, "").await.refused(404, "not_found");
}

#[tokio::test]
async fn only_services_and_present_staff_read() {
    let server = server().await;
    let (mut anna, welcome) = server.enter(&server.host("anna"), None).await;
    let (_bent, bents) = server.enter(&server.participant("bent"), None).await;
    server.request("GET", "/v1/rooms/demo/events", &[], "").await.refused(401, "unauthorized");
    for token in
        ["x.y.z".to_owned(), server.token(Some("second"), "anna", TokenRole::Host), server.token(Some("second"), "s", TokenRole::Service)]
    {
        server.page("", &token).await.refused(401, "unauthorized");
    }
    server.page("", &server.participant("bent")).await.refused(403, "forbidden");
    server.page("", &server.participant("stranger")).await.refused(403, "forbidden");
    server.page("", &server.host("stranger")).await.refused(403, "forbidden");
    server.page("", &server.host("bent")).await.refused(403, "forbidden");
    // The identity counts, not only the token: this one is in the room as host.
    server.page("", &server.participant("anna")).await.refused(403, "forbidden");
    assert_eq!(server.page("", &server.host("anna")).await.status, 200);

    let mut stream = Stream::open(server.http, "/v1/rooms/demo/events", &server.host("anna"), &[]).await;
    stream.until("joined").await;
    assert_eq!(ask(&mut anna, 1, &json!({"type": "mute", "participant": bents["participant"]})).await["type"], "done");
    stream.until("source_locked").await;
    anna.send(&json!({"type": "leave"})).await;
    let left = stream.until("left").await;
    assert_eq!(left["participant"], welcome["participant"]);
    assert!(stream.next().await.is_none(), "nothing more for somebody who left");
    server.page("", &server.host("anna")).await.refused(403, "forbidden");
}

#[tokio::test]
async fn hosts_get_events_on_their_websocket_while_they_are_hosts() {
    let server = server().await;
    let hello = |token: &str, after: u64| json!({"type": "hello", "version": 1, "token": token, "events_after": after});
    let mut anna = server.socket("demo").await;
    anna.send(&hello(&server.host("anna"), 0)).await;
    let mut expected = 1;
    loop {
        let event = anna.until("event").await["event"].clone();
        assert_eq!(event["seq"], expected, "{event}");
        expected += 1;
        if event["type"] == "meeting_started" || expected > 2 {
            break;
        }
    }
    let (_bent, bents) = server.enter(&server.participant("bent"), None).await;
    let delegate = json!({"type": "command", "id": 1, "command": {"type": "delegate", "participant": bents["participant"]}});
    anna.send(&delegate).await;
    loop {
        let event = anna.until("event").await["event"].clone();
        if event["type"] == "role_changed" {
            assert_eq!((&event["participant"], &event["role"]), (&bents["participant"], &json!("deputy")));
            break;
        }
    }
    // A second host token finds the seats taken: a participant, who gets no events.
    let mut carl = server.socket("demo").await;
    carl.send(&hello(&server.host("carl"), 0)).await;
    let welcome = carl.until("welcome").await;
    assert_eq!(welcome["scene"]["you"]["role"], "participant", "{welcome}");
    anna.send(&json!({"type": "command", "id": 2, "command": {"type": "lock"}})).await;
    while anna.until("event").await["event"]["type"] != "lock_changed" {}
    carl.send(&json!({"type": "ping", "id": 1})).await;
    loop {
        let message = carl.next().await;
        assert_ne!(message["type"], "event");
        if message["type"] == "pong" {
            break;
        }
    }
    // Until the seat is his.
    anna.send(&json!({"type": "command", "id": 3, "command": {"type": "delegate", "participant": welcome["participant"]}})).await;
    assert_eq!(carl.until("event").await["event"]["seq"], 1);

    let mut guest = server.socket("demo").await;
    guest.send(&hello(&server.participant("dora"), 0)).await;
    guest.refused("forbidden").await;
}

#[tokio::test]
async fn a_service_has_a_websocket_for_events_and_commands_and_is_nobody() {
    let server = server().await;
    let mut service = server.socket("demo").await;
    service.send(&json!({"type": "hello", "version": 1, "token": server.service(), "events_after": 0})).await;
    let (mut anna, welcome) = server.enter(&server.host("anna"), None).await;
    assert_eq!(welcome["roster"].as_array().map(Vec::len), Some(1), "nobody sees a service");
    assert_eq!(service.until("event").await["event"]["seq"], 1);
    assert_eq!(ask(&mut service, 5, &json!({"type": "lock"})).await["type"], "done");
    loop {
        let event = service.until("event").await["event"].clone();
        if event["type"] == "lock_changed" {
            assert_eq!(event["actor"], json!({"type": "service"}));
            break;
        }
    }
    let refused = ask(&mut service, 6, &json!({"type": "mute", "participant": 1})).await;
    assert_eq!((&refused["code"], &refused["field"]), (&json!("not_found"), &json!("participant")), "{refused}");
    for message in [
        json!({"type": "offer", "id": 7, "sdp": "v=0"}),
        json!({"type": "set_source", "source": "camera", "active": true}),
        json!({"type": "tiles", "tiles": {}}),
    ] {
        service.send(&message).await;
        let error = service.until("error").await;
        assert_eq!((&error["code"], &error["id"]), (&json!("forbidden"), &message["id"]), "{error}");
    }
    service.send(&json!({"type": "ping", "id": 8})).await;
    assert_eq!(service.until("pong").await["id"], 8);
    service.send(&json!({"type": "fly"})).await;
    assert_eq!(service.until("error").await["code"], "bad_message");
    service.send(&json!({"type": "leave"})).await;
    assert_eq!(service.until("bye").await["reason"], "left");
    assert_eq!(service.next_or_end().await, None);
    anna.send(&json!({"type": "ping", "id": 1})).await;
    anna.until("pong").await;

    // Without `events_after`: commands only.
    let mut quiet = server.socket("demo").await;
    quiet.send(&json!({"type": "hello", "version": 1, "token": server.service()})).await;
    assert_eq!(ask(&mut quiet, 1, &json!({"type": "unlock"})).await["type"], "done");
    quiet.send(&json!({"type": "ping", "id": 2})).await;
    assert_eq!(quiet.next().await["type"], "pong");
    let mut elsewhere = server.socket("demo").await;
    let token = server.token(Some("second"), "booking", TokenRole::Service);
    elsewhere.send(&json!({"type": "hello", "version": 1, "token": token, "events_after": 0})).await;
    elsewhere.refused("unauthorized").await;
}

#[tokio::test]
async fn readers_of_a_room_are_bounded() {
    let server = server().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(server.stream("").await);
    }
    let token = format!("Bearer {}", server.service());
    server.request("GET", "/v1/rooms/demo/events", &[("authorization", &token)], "").await.refused(503, "full");
    assert_eq!(server.page("", &server.service()).await.status, 200, "pages are no streams");
    let metrics = request(server.admin, "GET", "/metrics", &[], "").await;
    assert!(metrics.body.contains("relay_events_readers 20"), "{}", metrics.body);
    drop(streams);
    let free = async { while request(server.admin, "GET", "/metrics", &[], "").await.body.contains("relay_events_readers 20") {} };
    tokio::time::timeout(crate::support::PATIENCE, free).await.expect("readers who go make room");
    server.stream("").await;
}

#[tokio::test]
async fn stopping_ends_the_streams() {
    let server = server().await;
    let (_anna, _) = server.enter(&server.host("anna"), None).await;
    let mut stream = server.stream("").await;
    stream.until("joined").await;
    let stopped = tokio::spawn(server.into_node().stop());
    while stream.next().await.is_some() {}
    tokio::time::timeout(crate::support::PATIENCE, stopped).await.expect("stops in time").unwrap();
}

#[tokio::test]
async fn no_event_that_was_told_is_lost_by_kill_9() {
    let folder = Folder::new();
    let secret = File::new("kill-secret", "a shared secret for tests, 32 bytes at least");
    let key = format!("[[keys]]\nid = \"test\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n", secret.path());
    let text =
        format!("[rooms]\nopen_rooms = [\"demo\"]\n[media]\nbind = [\"127.0.0.1\"]\n[store]\ndir = \"{}\"\n{key}", folder.0.display());
    let config = File::new("kill", &text);
    // For its tokens only: the key is the same.
    let tokens = server().await;
    let mut told: Vec<Value> = Vec::new();
    for round in 0..3 {
        let relay = Running::start(&["--config", config.path()]);
        let path = format!("/v1/rooms/demo/events?after={}", told.len());
        let mut stream = Stream::open(relay.http, "/v1/rooms/demo/events", &tokens.service(), &[]).await;
        for event in &told {
            assert_eq!(stream.event().await, *event, "round {round}");
        }
        drop(stream);
        // Events of a run that nobody had been told of yet may be there too, and nothing may be missing.
        let authorization = format!("Bearer {}", tokens.service());
        let headers = [("authorization", authorization.as_str()), ("accept", "application/json")];
        let kept = request(relay.http, "GET", &path, &headers, "").await.json();
        told.extend(kept["events"].as_array().unwrap().iter().cloned());
        let mut stream = Stream::open(relay.http, &format!("/v1/rooms/demo/events?after={}", told.len()), &tokens.service(), &[]).await;
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/v1/rooms/demo/connect", relay.http)).await.unwrap();
        let mut anna = crate::support::Socket(socket);
        anna.send(&json!({"type": "hello", "version": 1, "token": tokens.host("anna")})).await;
        anna.until("welcome").await;
        for id in 0..40 {
            let lock = if id % 2 == 0 { "lock" } else { "unlock" };
            anna.send(&json!({"type": "command", "id": id, "command": {"type": lock}})).await;
        }
        while told.len() < 30 * (round + 1) {
            let event = stream.event().await;
            assert_eq!(event["seq"], told.len() + 1);
            told.push(event);
        }
        relay.signal("-KILL");
        relay.end();
    }
}
