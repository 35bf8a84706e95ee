//! Joining with a PIN: roles, what looks alike, who has to wait, and who never does.

use std::time::{SystemTime, UNIX_EPOCH};

use node::tokens::TokenRole;
use serde_json::{Value, json};

use crate::support::{Answer, Server, server, server_with};

const HOST: &str = "48291377";
const GUEST: &str = "482913";

/// A server behind a proxy that says where requests come from, with a room that has both PINs.
async fn ward() -> Server {
    let server = server_with(|config| config.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    let made = server.manage("POST", "/v1/rooms", Some(&json!({"id": "ward", "host_pin": HOST, "guest_pin": GUEST}))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    server
}

impl Server {
    async fn join_from(&self, address: &str, room: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
        self.request("POST", &format!("/v1/rooms/{room}/join"), &headers, &body.to_string()).await
    }

    async fn pin_from(&self, address: &str, room: &str, pin: &str) -> Answer {
        self.join_from(address, room, &json!({"name": "Anna", "pin": pin})).await
    }
}

#[tokio::test]
async fn each_pin_opens_its_role() {
    let server = ward().await;
    for (pin, role) in [(json!(HOST), "host"), (json!(482_913), "participant"), (json!(GUEST), "participant")] {
        let answer = server.join_from("192.0.2.1", "WARD", &json!({"name": "Anna", "pin": pin, "device": "mobile"})).await;
        assert_eq!((answer.status, &answer.json()["role"]), (200, &json!(role)), "{}", answer.body);
        let mut socket = server.socket("ward").await;
        socket.send(&json!({"type": "hello", "version": 1, "token": answer.json()["token"]})).await;
        let welcome = socket.until("welcome").await;
        assert_eq!(welcome["roster"][0]["role"], role, "{welcome}");
        socket.send(&json!({"type": "leave"})).await;
        socket.until("bye").await;
    }
    server.join_from("192.0.2.1", "ward", &json!({"name": "Anna"})).await.refused(403, "token_required");
    server.manage("PATCH", "/v1/rooms/ward", Some(&json!({"guest_pin": null}))).await;
    server.pin_from("192.0.2.1", "ward", GUEST).await.refused(403, "pin_wrong");
    assert_eq!(server.pin_from("192.0.2.1", "ward", HOST).await.status, 200);
}

#[tokio::test]
async fn wrong_absent_and_without_a_pin_look_alike() {
    let server = ward().await;
    server.manage("POST", "/v1/rooms", Some(&json!({"id": "bare"}))).await;
    let mut answers = Vec::new();
    for (number, room) in ["ward", "bare", "nothing"].into_iter().enumerate() {
        let mut seen = Vec::new();
        for _ in 0..5 {
            let answer = server.pin_from(&format!("192.0.2.{number}"), room, "777777").await;
            let wait = answer.header("retry-after").map(|seconds| seconds.parse::<u32>().unwrap());
            assert!(if answer.status == 429 { wait.is_some_and(|wait| (1..=15).contains(&wait)) } else { wait.is_none() }, "{wait:?}");
            seen.push((answer.status, answer.body));
        }
        let without = server.join_from("192.0.2.77", room, &json!({"name": "Anna"})).await;
        seen.push((without.status, without.body));
        answers.push(seen);
    }
    assert_eq!((&answers[0], &answers[0]), (&answers[1], &answers[2]));
    let status: Vec<u16> = answers[0].iter().map(|answer| answer.0).collect();
    assert_eq!(status, [403, 403, 403, 429, 429, 403]);
}

#[tokio::test]
async fn what_is_no_pin_is_no_guess() {
    let server = ward().await;
    for pin in [
        json!(""),
        json!(" "),
        json!("#"),
        json!("٤٨٢٩١٣"),
        json!(" 482913"),
        json!("482913\n"),
        json!(999),
        json!(-1),
        json!(4.5),
        json!([]),
    ] {
        for room in ["ward", "nothing"] {
            let answer = server.join_from("192.0.2.1", room, &json!({"name": "Anna", "pin": pin})).await;
            answer.refused(400, "bad_request");
            assert_eq!(answer.json()["error"]["field"], "pin", "{pin}");
        }
    }
    server.join_from("192.0.2.1", "ward", &json!({"name": "", "pin": GUEST})).await.refused(400, "bad_request");
    server.join_from("192.0.2.1", "ward", &json!({"name": "Anna", "pin": GUEST, "role": "host"})).await.refused(400, "bad_request");
    assert_eq!(server.pin_from("192.0.2.1", "ward", GUEST).await.status, 200);
    server.join_from("192.0.2.2", "ward", &json!({"name": "Anna", "pin": null})).await.refused(403, "token_required");
}

#[tokio::test]
async fn guessing_closes_the_guest_pin_to_strangers_and_the_host_pin_to_guessers_only() {
    let server = ward().await;
    let token = server.pin_from("192.0.2.200", "ward", GUEST).await.json()["token"].clone();
    let mut wrong = 0;
    for number in 0..40 {
        for _ in 0..4 {
            wrong += usize::from(server.pin_from(&format!("192.0.2.{number}"), "ward", "777777").await.status == 403);
        }
    }
    assert_eq!(wrong, 25, "as many as the room allows, whoever tries");
    let closed = server.pin_from("192.0.2.100", "ward", GUEST).await;
    closed.refused(429, "too_many_tries");
    let seconds: u32 = closed.header("retry-after").unwrap().parse().unwrap();
    assert!((3000..=3600).contains(&seconds), "{seconds}");
    server.pin_from("192.0.2.1", "ward", HOST).await.refused(429, "too_many_tries");
    assert_eq!(server.pin_from("192.0.2.101", "ward", HOST).await.json()["role"], "host", "from an address that did not guess");
    let back = server.join_from("192.0.2.1", "ward", &json!({"name": "Anna", "pin": GUEST, "token": token})).await;
    assert_eq!(back.status, 200, "who was in before: {}", back.body);
    server.join_from("192.0.2.1", "ward", &json!({"name": "Anna", "pin": HOST, "token": token})).await.refused(403, "pin_wrong");
    assert_eq!(server.manage("PATCH", "/v1/rooms/ward", Some(&json!({"guest_pin": 913_482}))).await.status, 200);
    assert_eq!(server.pin_from("192.0.2.102", "ward", "913482").await.status, 200, "a new PIN starts anew");
}

#[tokio::test]
async fn who_is_no_proxy_of_ours_is_not_believed() {
    let server = server().await;
    for number in 0..3 {
        server.pin_from(&format!("192.0.2.{number}"), "demo", "777777").await.refused(403, "pin_wrong");
    }
    server.pin_from("192.0.2.4", "demo", "777777").await.refused(429, "too_many_tries");
}

#[tokio::test]
async fn an_earlier_token_keeps_the_identity_and_opens_nothing() {
    let server = ward().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = |room: &str, identity: &str, role, expired: u64| server.token_issued(Some(room), identity, role, now - expired - 600);
    let join = async |room: &str, token: &str, pin: Option<&str>| {
        let mut body = json!({"name": "Anna", "token": token});
        if let Some(pin) = pin {
            body["pin"] = json!(pin);
        }
        server.join_from("192.0.2.1", room, &body).await
    };
    let identity = |answer: &Answer| answer.json()["identity"].as_str().unwrap().to_owned();
    for expired in [0, 3600, 12 * 3600 - 60] {
        let known = token("ward", "anna@example", TokenRole::Participant, expired);
        let answer = join("ward", &known, Some(GUEST)).await;
        assert_eq!(identity(&answer), "anna@example", "{expired} s ago");
        assert_eq!(join("ward", &known, Some(HOST)).await.json()["role"], "host", "the PIN decides the role");
        join("ward", &known, None).await.refused(403, "token_required");
    }
    let host = token("ward", "doctor", TokenRole::Host, 60);
    assert_eq!(join("ward", &host, Some(GUEST)).await.json()["role"], "participant");
    join("ward", &host, None).await.refused(403, "token_required");
    let useless = [
        token("ward", "anna@example", TokenRole::Participant, 12 * 3600 + 60),
        token("second", "anna@example", TokenRole::Participant, 60),
        token("ward", "anna@example", TokenRole::Service, 60),
        "x.y.z".to_owned(),
        String::new(),
    ];
    for useless in useless {
        assert!(identity(&join("ward", &useless, Some(GUEST)).await).starts_with("guest-"), "{useless}");
    }
    let open = join("demo", &token("demo", "anna@example", TokenRole::Participant, 60), None).await;
    assert_eq!((identity(&open).as_str(), &open.json()["role"]), ("anna@example", &json!("participant")));
}

#[tokio::test]
async fn an_open_room_with_a_guest_pin_is_not_open() {
    let server = ward().await;
    assert_eq!(server.join_from("192.0.2.1", "demo", &json!({"name": "Anna"})).await.status, 200);
    server.manage("POST", "/v1/rooms", Some(&json!({"id": "demo", "host_pin": HOST}))).await;
    assert_eq!(server.join_from("192.0.2.1", "demo", &json!({"name": "Anna"})).await.status, 200);
    assert_eq!(server.pin_from("192.0.2.1", "demo", HOST).await.json()["role"], "host");
    server.manage("PATCH", "/v1/rooms/demo", Some(&json!({"guest_pin": GUEST}))).await;
    server.join_from("192.0.2.1", "demo", &json!({"name": "Anna"})).await.refused(403, "token_required");
    assert_eq!(server.pin_from("192.0.2.1", "demo", GUEST).await.status, 200);
}
