//! The signalling protocol over a real WebSocket.

use node::tokens::TokenRole;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{PATIENCE, server, server_with};

const OFFER: &str = include_str!("../../../signal/tests/fixtures/chromium_meeting.sdp");

fn hello(token: &str) -> Value {
    json!({"type": "hello", "version": 1, "token": token})
}

#[tokio::test]
async fn two_people_see_each_other_come_and_go() {
    let server = server().await;
    let (mut anna, welcome) = server.enter(&server.participant("anna"), None).await;
    assert_eq!((welcome["room"].as_str(), welcome["resumed"].as_bool()), (Some("demo"), Some(false)));
    assert_eq!(welcome["roster"].as_array().map(Vec::len), Some(1));
    let (mut bent, welcome) = server.enter(&server.participant("bent"), None).await;
    assert_eq!(welcome["roster"].as_array().map(Vec::len), Some(2));
    let joined = anna.until("joined").await;
    assert_eq!(joined["participant"]["id"], welcome["participant"]);

    bent.send(&json!({"type": "ping", "id": 7})).await;
    assert_eq!(bent.until("pong").await["id"], 7);
    bent.send(&json!({"type": "leave"})).await;
    assert_eq!(bent.until("bye").await["reason"], "left");
    assert_eq!(bent.next_or_end().await, None);
    assert_eq!(anna.until("left").await["participant"], welcome["participant"]);
}

#[tokio::test]
async fn an_offer_is_answered_and_a_bad_one_refused_without_harm() {
    let server = server().await;
    let (mut anna, _) = server.enter(&server.participant("anna"), None).await;
    anna.send(&json!({"type": "offer", "id": 1, "sdp": "v=0 nonsense"})).await;
    let error = anna.until("error").await;
    assert_eq!((error["code"].as_str(), error["id"].as_u64()), (Some("bad_offer"), Some(1)));
    anna.send(&json!({"type": "offer", "id": 2, "sdp": OFFER})).await;
    let answer = anna.until("answer").await;
    let sdp = answer["sdp"].as_str().unwrap();
    assert_eq!(answer["id"], 2);
    let port = server.node.media_addresses()[0].port();
    assert!(sdp.contains(&format!("127.0.0.1 {port} typ host")), "{sdp}");
    assert!(sdp.contains("a=ice-lite") && sdp.contains("a=setup:passive"), "{sdp}");
    assert!(sdp.contains("a=ice-ufrag:aa"), "worker 0 is named by the ufrag: {sdp}");
    let people = server.room("demo").await.json();
    assert!(people["people"][0]["slots"].as_array().is_some_and(|slots| !slots.is_empty()), "the worker knows: {people}");
}

#[tokio::test]
async fn without_a_proper_hello_nobody_gets_in() {
    let server = server().await;
    let good = server.participant("anna");
    let rows = [
        (json!({"type": "ping", "id": 1}), "out_of_order"),
        (json!({"type": "hello", "version": 2, "token": good}), "unsupported_version"),
        (hello(""), "unauthorized"),
        (hello("x.y.z"), "unauthorized"),
        (hello(&server.token(Some("other"), "anna", TokenRole::Host)), "unauthorized"),
        (hello(&server.token(Some("other"), "anna", TokenRole::Service)), "unauthorized"),
        (json!({"type": "hello", "version": 1}), "bad_message"),
        (json!({"type": "hello", "version": 1, "token": good, "admin": true}), "bad_message"),
        (json!("hello"), "bad_message"),
    ];
    for (message, code) in rows {
        let mut socket = server.socket("demo").await;
        socket.send(&message).await;
        socket.refused(code).await;
    }
    server.room("demo").await.refused(404, "not_found");
}

#[tokio::test]
async fn silence_instead_of_hello_ends_the_connection() {
    let server = server().await;
    let mut socket = server.socket("demo").await;
    // The server's clock is this runtime's; nothing else is under way, so the five seconds pass at once.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(6)).await;
    tokio::time::resume();
    socket.refused("out_of_order").await;
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_given_up_but_not_its_session() {
    let server = server().await;
    let token = server.participant("anna");
    let (mut anna, welcome) = server.enter(&token, None).await;
    // Nobody reads Anna's socket, so nobody answers.
    tokio::time::pause();
    for _ in 0..5 {
        tokio::time::advance(std::time::Duration::from_secs(16)).await;
    }
    tokio::time::resume();
    while anna.next_or_end().await.is_some() {}
    let (_anna, again) = server.enter(&token, welcome["resume"].as_str()).await;
    assert_eq!((again["resumed"].as_bool(), &again["participant"]), (Some(true), &welcome["participant"]));
}

#[tokio::test]
async fn a_dropped_connection_is_taken_up_again() {
    let server = server().await;
    let token = server.participant("anna");
    let (mut bent, _) = server.enter(&server.participant("bent"), None).await;
    let (anna, first) = server.enter(&token, None).await;
    bent.until("joined").await;
    drop(anna);
    let resume = first["resume"].as_str().unwrap();
    let (mut anna, second) = server.enter(&token, Some(resume)).await;
    assert_eq!((second["resumed"].as_bool(), &second["participant"]), (Some(true), &first["participant"]));
    // Bent never saw her go.
    anna.send(&json!({"type": "leave"})).await;
    assert_eq!(bent.next().await["type"], "left");
    // The session is over, and its secret with it.
    assert_eq!(anna.until("bye").await["reason"], "left");
    let (_anna, third) = server.enter(&token, Some(resume)).await;
    assert_eq!(third["resumed"], false);
    assert_ne!(third["participant"], first["participant"]);
}

#[tokio::test]
async fn only_one_connection_holds_a_session() {
    let server = server().await;
    let token = server.participant("anna");
    let (mut first, welcome) = server.enter(&token, None).await;
    let resume = welcome["resume"].as_str().unwrap();
    // The same session from a second connection: the first is told.
    let (mut second, _) = server.enter(&token, Some(resume)).await;
    assert_eq!(first.until("bye").await["reason"], "replaced");
    assert_eq!(first.next_or_end().await, None);
    // The same identity without the secret: a new session replaces the old one.
    let (_third, welcome) = server.enter(&token, None).await;
    assert_eq!(second.until("bye").await["reason"], "replaced");
    assert_eq!(welcome["roster"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_resume_secret_is_of_no_use_to_anybody_else() {
    let server = server().await;
    let (mut anna, welcome) = server.enter(&server.participant("anna"), None).await;
    let resume = welcome["resume"].as_str().unwrap();
    let guessed = format!("{}0", &resume[..resume.len() - 1]);
    let guessed = if guessed == resume { format!("{}1", &resume[..resume.len() - 1]) } else { guessed };
    for (identity, secret) in [("bent", resume), ("carl", guessed.as_str()), ("dora", "1-"), ("emil", "")] {
        let (_socket, theirs) = server.enter(&server.participant(identity), Some(secret)).await;
        assert_eq!(theirs["resumed"], false, "{identity}");
        assert_ne!(theirs["participant"], welcome["participant"]);
    }
    anna.send(&json!({"type": "ping", "id": 1})).await;
    assert_eq!(anna.until("pong").await["id"], 1, "anna noticed nothing");
    // With her own token but a guessed secret it is a new session, as if there had been no secret.
    let (_socket, hers) = server.enter(&server.participant("anna"), Some(&guessed)).await;
    assert_eq!(hers["resumed"], false);
}

#[tokio::test]
async fn nonsense_is_answered_and_survived() {
    let server = server().await;
    let (mut anna, _) = server.enter(&server.participant("anna"), None).await;
    for bad in [
        "",
        "{",
        "[]",
        "null",
        r#"{"type":"fly"}"#,
        r#"{"type":"set_source","source":"camera","active":1}"#,
        r#"{"type":"ping","id":1,"id":2}"#,
    ] {
        anna.raw(Message::Text(bad.into())).await;
        assert_eq!(anna.until("error").await["code"], "bad_message", "{bad}");
    }
    anna.raw(Message::Binary(vec![0; 10].into())).await;
    assert_eq!(anna.until("error").await["code"], "bad_message");
    anna.send(&json!({"type": "ping", "id": 1})).await;
    assert_eq!(anna.until("pong").await["id"], 1);
    anna.send(&hello("again")).await;
    anna.refused("out_of_order").await;
}

#[tokio::test]
async fn floods_and_giants_end_the_connection() {
    let server = server().await;
    let (mut anna, _) = server.enter(&server.participant("anna"), None).await;
    for id in 0..300 {
        anna.raw(Message::Text(json!({"type": "ping", "id": id}).to_string().into())).await;
    }
    anna.refused("rate_limited").await;
    let (mut bent, _) = server.enter(&server.participant("bent"), None).await;
    let giant = json!({"type": "offer", "id": 1, "sdp": "a".repeat(200 * 1024)});
    // The relay stops reading half-way, so sending may fail; what counts is that it hangs up.
    let _ = futures_util::SinkExt::send(&mut bent.0, Message::Text(giant.to_string().into())).await;
    while let Some(message) = bent.next_or_end().await {
        assert!(message["type"] != "answer" && message["code"] != "bad_offer", "{message}");
    }
    assert_eq!(server.get("/livez").await.status, 200);
}

/// Each switch is work for the whole room.
#[tokio::test]
async fn switching_a_source_to_and_fro_costs_more_than_talking() {
    let server = server().await;
    let (mut anna, _) = server.enter(&server.participant("anna"), None).await;
    for _ in 0..8 {
        anna.send(&json!({"type": "set_source", "source": "camera", "active": false})).await;
    }
    anna.send(&json!({"type": "ping", "id": 1})).await;
    assert_eq!(anna.until("pong").await["id"], 1, "nobody's fingers are faster");
    for nth in 0..60 {
        anna.raw(Message::Text(json!({"type": "set_source", "source": "camera", "active": nth % 2 == 0}).to_string().into())).await;
    }
    anna.refused("rate_limited").await;
}

#[tokio::test]
async fn a_full_node_refuses_newcomers_only() {
    let server = server_with(|config| {
        config.limits.rooms = 1;
        config.limits.people_per_room = 2;
    })
    .await;
    let (mut anna, _) = server.enter(&server.participant("anna"), None).await;
    let mut other = server.socket("second").await;
    other.send(&hello(&server.token(Some("second"), "bent", TokenRole::Host))).await;
    other.refused("full").await;
    let (_bent, _) = server.enter(&server.participant("bent"), None).await;
    let mut third = server.socket("demo").await;
    third.send(&hello(&server.participant("carl"))).await;
    assert_eq!(third.until("refused").await["code"], "full");
    assert_eq!(third.until("bye").await["reason"], "refused");
    assert_eq!(third.next_or_end().await, None);
    anna.send(&json!({"type": "ping", "id": 1})).await;
    assert_eq!(anna.until("pong").await["id"], 1);
}

#[tokio::test]
async fn websockets_are_bounded() {
    let server = server_with(|config| config.limits.websockets = 2).await;
    let (_anna, _) = server.enter(&server.participant("anna"), None).await;
    let second = server.socket("demo").await;
    let connect = async || connect_async(format!("ws://{}/v1/rooms/demo/connect", server.http)).await;
    let full = |error: &Error| matches!(error, Error::Http(response) if response.status() == 503);
    assert!(connect().await.is_err_and(|error| full(&error)), "a third one is one too many");
    drop(second);
    // Its place comes free as soon as the relay noticed.
    let placed = async {
        while let Err(error) = connect().await {
            assert!(full(&error), "{error}");
        }
    };
    timeout(PATIENCE, placed).await.expect("a place comes free");
}
