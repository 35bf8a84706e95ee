//! Tests of attachments: one live at a time, `welcome` first, slow readers cut off.
#![allow(clippy::unwrap_used)]

use signal::message::{ByeReason, ServerMessage};
use signal::sdp::{Answerer, Local};
use wire::ids::Fingerprint;
use worker::command::{ClientId, ClientKind, RoomId};

use super::*;

fn client() -> Client {
    let local = Local { ufrag_prefix: "aa".into(), fingerprint: Fingerprint([0; 32]), candidates: Vec::new(), session_id: 1 };
    let secret = Secret::generate().unwrap();
    Client::new(ClientId(1), RoomId("demo".into()), "anna".into(), 0, ClientKind::Interactive, secret, Answerer::new(local))
}

fn welcome() -> ServerMessage {
    let (resume, roster, scene) = (String::new(), std::sync::Arc::default(), room::Scene::Waiting(room::WaitingPage::default()));
    ServerMessage::Welcome { version: 1, room: "demo".into(), participant: 1, resume, resumed: false, roster, scene }
}

fn pong(id: u32) -> ServerMessage {
    ServerMessage::Pong { id }
}

#[test]
fn what_comes_before_welcome_is_held_back_but_errors_and_bye_are_not() {
    let client = client();
    assert_eq!(client.deliver(pong(1)), Delivery::Dropped, "nobody is attached");
    let mut attachment = client.attach(|| Ok(())).unwrap();
    assert_eq!(client.deliver(pong(2)), Delivery::Dropped);
    assert_eq!(client.deliver(ServerMessage::Bye { reason: ByeReason::TimedOut }), Delivery::Queued);
    assert_eq!(client.deliver(welcome()), Delivery::Queued);
    assert_eq!(client.deliver(pong(3)), Delivery::Queued);
    client.close();
    let mut received = Vec::new();
    while let Some(message) = attachment.messages.blocking_recv() {
        received.push(message);
    }
    assert_eq!(received, [ServerMessage::Bye { reason: ByeReason::TimedOut }, welcome(), pong(3)]);
}

#[test]
fn a_new_attachment_replaces_the_old_and_the_old_cannot_detach_it() {
    let client = client();
    let mut old = client.attach(|| Ok(())).unwrap();
    let mut new = client.attach(|| Ok(())).unwrap();
    assert_eq!(old.messages.blocking_recv(), Some(ServerMessage::Bye { reason: ByeReason::Replaced }));
    assert_eq!(old.messages.blocking_recv(), None);
    let mut told = false;
    client
        .detach(old.generation, || {
            told = true;
            Ok(())
        })
        .unwrap();
    assert!(!told, "the worker must not hear of the old one's end");
    client.deliver(welcome());
    assert_eq!(new.messages.try_recv(), Ok(welcome()));
    client
        .detach(new.generation, || {
            told = true;
            Ok(())
        })
        .unwrap();
    assert!(told);
    assert_eq!(new.messages.blocking_recv(), None);
}

#[test]
fn a_command_that_is_not_taken_changes_nothing() {
    let client = client();
    assert!(client.attach(|| Err(QueueFull)).is_none());
    let mut attachment = client.attach(|| Ok(())).unwrap();
    assert!(client.attach(|| Err(QueueFull)).is_none());
    assert_eq!(client.detach(attachment.generation, || Err(QueueFull)), Err(QueueFull));
    client.deliver(welcome());
    assert_eq!(attachment.messages.try_recv(), Ok(welcome()));
}

#[test]
fn a_reader_who_lets_messages_pile_up_is_cut_off() {
    let client = client();
    let mut attachment = client.attach(|| Ok(())).unwrap();
    client.deliver(welcome());
    let outcomes: Vec<Delivery> = (0..OUTGOING as u32).map(|id| client.deliver(pong(id))).collect();
    assert!(outcomes[..OUTGOING - 1].iter().all(|outcome| *outcome == Delivery::Queued));
    assert_eq!(outcomes[OUTGOING - 1], Delivery::CutOff);
    assert_eq!(client.deliver(pong(0)), Delivery::Dropped);
    let mut received = 0;
    while attachment.messages.blocking_recv().is_some() {
        received += 1;
    }
    assert_eq!(received, OUTGOING);
}

#[test]
fn nobody_attaches_to_a_session_that_is_over() {
    let client = client();
    client.close();
    let mut told = false;
    assert!(
        client
            .attach(|| {
                told = true;
                Ok(())
            })
            .is_none()
    );
    assert!(!told);
}
