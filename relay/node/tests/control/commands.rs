//! Commands over HTTP: who may, what comes back, and asking twice.

use node::tokens::TokenRole;
use serde_json::json;

use crate::reading::ask;
use crate::support::server;

#[tokio::test]
async fn services_and_people_in_the_room_are_heard_by_their_role() {
    let server = server().await;
    let lock = json!({"type": "lock"});
    server.command(&server.service(), None, &lock).await.refused(404, "not_found");
    let (mut anna, _) = server.enter(&server.host("anna"), None).await;
    let (mut bent, welcome) = server.enter(&server.participant("bent"), None).await;
    let bents = &welcome["participant"];
    let answer = server.command(&server.service(), None, &lock).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(server.command(&server.service(), None, &lock).await.status, 204, "asked twice is no error");
    assert_eq!(server.command(&server.host("anna"), None, &json!({"type": "mute", "participant": bents})).await.status, 204);
    assert_eq!(server.command(&server.participant("bent"), None, &json!({"type": "raise_hand"})).await.status, 204);
    let events = server.events_until("hand_changed").await;
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((of("lock_changed"), of("source_locked"), of("hand_changed")), (1, 1, 1), "{events:?}");

    let refused = server.command(&server.participant("bent"), None, &json!({"type": "unlock"})).await;
    refused.refused(403, "forbidden");
    let muted = json!({"type": "set_source", "source": "microphone", "active": true});
    server.command(&server.participant("bent"), None, &muted).await.refused(403, "locked_by_host");
    let unknown = server.command(&server.service(), None, &json!({"type": "mute", "participant": 77})).await;
    unknown.refused(404, "not_found");
    assert_eq!(unknown.json()["error"]["field"], "participant");
    let empty = server.command(&server.participant("bent"), None, &json!({"type": "say", "text": ""})).await;
    empty.refused(422, "invalid");
    assert_eq!(empty.json()["error"]["field"], "text");
    server.command(&server.participant("stranger"), None, &json!({"type": "raise_hand"})).await.refused(404, "not_found");
    let says = json!({"type": "say", "text": "hello"});
    let mut last = server.command(&server.participant("bent"), Some("say"), &says).await;
    for _ in 0..9 {
        last = server.command(&server.participant("bent"), None, &says).await;
    }
    last.refused(429, "rate_limited");
    assert_eq!(ask(&mut anna, 1, &json!({"type": "unlock"})).await["type"], "done");
    assert_eq!(ask(&mut bent, 1, &json!({"type": "lower_hand"})).await["type"], "done");
}

#[tokio::test]
async fn bad_requests_change_nothing() {
    let server = server().await;
    let (_anna, _) = server.enter(&server.host("anna"), None).await;
    server.events_until("meeting_started").await;
    let before = server.page("", &server.service()).await.body;
    let lock = json!({"type": "lock"});
    for token in
        ["x.y.z".to_owned(), server.token(Some("second"), "anna", TokenRole::Host), server.token(Some("second"), "s", TokenRole::Service)]
    {
        server.command(&token, None, &lock).await.refused(401, "unauthorized");
    }
    let bad = [
        json!(null),
        json!([]),
        json!({}),
        json!({"type": "fly"}),
        json!({"type": "lock", "now": true}),
        json!({"type": "mute"}),
        json!({"type": "mute", "participant": -1}),
        json!({"type": "mute", "participant": "7"}),
    ];
    for command in &bad {
        server.command(&server.service(), None, command).await.refused(400, "bad_request");
    }
    let authorization = format!("Bearer {}", server.service());
    let post = async |kind: &str, body: &str| {
        server.request("POST", "/v1/rooms/demo/commands", &[("authorization", &authorization), ("content-type", kind)], body).await
    };
    post("text/plain", "{\"type\":\"lock\"}").await.refused(415, "unsupported_media_type");
    post("application/json", "").await.refused(400, "bad_request");
    post("application/json", &" ".repeat(64 * 1024 + 1)).await.refused(413, "too_large");
    post("application/json", "{\"type\":\"lock\",\"type\":\"lock\"}").await.refused(400, "bad_request");
    assert_eq!(server.get("/v1/rooms/demo/commands").await.status, 405);
    assert_eq!(server.page("", &server.service()).await.body, before);
}

#[tokio::test]
async fn a_key_makes_asking_twice_safe() {
    let server = server().await;
    let (mut anna, _) = server.enter(&server.host("anna"), None).await;
    let says = json!({"type": "broadcast", "text": "five minutes"});
    for _ in 0..3 {
        assert_eq!(server.command(&server.service(), Some("one"), &says).await.status, 204);
    }
    anna.until("announcement").await;
    assert_eq!(server.command(&server.service(), Some("end"), &json!({"type": "lock"})).await.status, 204);
    let events = server.events_until("lock_changed").await;
    let broadcasts = events.iter().filter(|event| event["type"] == "broadcast").count();
    assert_eq!(broadcasts, 1, "{events:?}");
    server.command(&server.service(), Some("one"), &json!({"type": "lock"})).await.refused(422, "idempotency_mismatch");
    // A refusal is an answer too.
    let mute = json!({"type": "mute", "participant": 77});
    for _ in 0..2 {
        server.command(&server.service(), Some("two"), &mute).await.refused(404, "not_found");
    }
    // The key is the caller's own.
    assert_eq!(server.command(&server.host("anna"), Some("one"), &json!({"type": "unlock"})).await.status, 204);
    let long = "x".repeat(129);
    server.command(&server.service(), Some(&long), &says).await.refused(400, "bad_request");
}
