//! Draining and stopping.

use std::time::Duration;

use node::tokens::TokenRole;
use serde_json::json;

use crate::support::{PATIENCE, request, server};

#[tokio::test]
async fn draining_keeps_meetings_and_opens_none_and_stopping_says_goodbye() {
    let server = server().await;
    let (mut anna, _) = server.enter(&server.participant("anna"), None).await;
    let mut bystander = server.socket("demo").await;
    server.node.drain(Duration::ZERO).await;

    let ready = request(server.admin, "GET", "/readyz", &[], "").await;
    assert_eq!(ready.status, 503);
    assert!(ready.json()["reasons"][0].as_str().is_some_and(|reason| reason.contains("stopping")));
    assert_eq!(request(server.admin, "GET", "/livez", &[], "").await.status, 200);
    let mut other = server.socket("second").await;
    other.send(&json!({"type": "hello", "version": 1, "token": server.token(Some("second"), "carl", TokenRole::Host)})).await;
    other.refused("full").await;
    let (mut bent, _) = server.enter(&server.participant("bent"), None).await;
    anna.until("joined").await;

    let (http, admin) = (server.http, server.admin);
    let stopped = tokio::spawn(server.into_node().stop());
    for socket in [&mut anna, &mut bent, &mut bystander] {
        assert_eq!(socket.until("bye").await["reason"], "shutting_down");
        assert_eq!(socket.next_or_end().await, None);
    }
    tokio::time::timeout(PATIENCE, stopped).await.expect("stops in time").unwrap();
    for address in [http, admin] {
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{address} is closed");
    }
}

#[tokio::test]
async fn an_empty_node_drains_at_once() {
    let server = server().await;
    let began = std::time::Instant::now();
    server.node.drain(Duration::from_secs(3600)).await;
    server.into_node().stop().await;
    assert!(began.elapsed() < PATIENCE);
}
