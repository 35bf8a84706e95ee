//! Tests of readers: catching up and going live without gap or double, bounds, slow readers, the writer's honesty about losses.
#![allow(clippy::unwrap_used)]

use room::{Change, ParticipantId, Time};
use serde_json::Value;
use tokio::time::timeout;
use worker::event::RoomEvent;

use super::*;
use crate::clock::unix_millis;
use crate::events::{Hub, HubConfig};
use crate::pseudonym::Pseudonyms;

const PATIENCE: Duration = Duration::from_secs(20);

fn hub() -> Arc<Hub> {
    let names = Arc::new(Pseudonyms::load(None).unwrap());
    let keep = Duration::from_secs(86_400);
    Arc::new(Hub::open(HubConfig { file: None, keep, webhooks: Vec::new(), names }).unwrap())
}

fn room(name: &str) -> RoomId {
    RoomId(name.into())
}

fn event(name: &str, participant: u64) -> RoomEvent {
    let change = Change::Left { participant: ParticipantId(participant) };
    RoomEvent { room: room(name), at: Time(unix_millis()), actor: None, subject: None, change }
}

async fn next(reader: &mut Subscription) -> Item {
    timeout(PATIENCE, reader.next()).await.expect("an item in time").expect("an item")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_comes_once_and_in_order_whenever_one_starts_to_read() {
    const EVENTS: u64 = 3000;
    let hub = hub();
    let mut readers = Vec::new();
    for number in 1..=EVENTS {
        hub.record(event("a", number));
        hub.record(event("b", number));
        if number % 300 == 1 {
            let hub = Arc::clone(&hub);
            readers.push(tokio::spawn(async move {
                let mut reader = hub.subscribe(&room("a"), 0).unwrap();
                for expected in 1..=EVENTS {
                    let item = next(&mut reader).await;
                    let line: Value = serde_json::from_str(&item.line).unwrap();
                    let seen = (item.seq, line["seq"].as_u64(), line["participant"].as_u64(), line["room"].as_str());
                    assert_eq!(seen, (Some(expected), Some(expected), Some(expected), Some("a")));
                }
            }));
            tokio::task::yield_now().await;
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn a_number_that_was_never_reached_is_a_reset() {
    let hub = hub();
    for number in 1..=3 {
        hub.record(event("a", number));
    }
    let mut all = hub.subscribe(&room("a"), 0).unwrap();
    while next(&mut all).await.seq != Some(3) {}
    let mut reader = hub.subscribe(&room("a"), 57).unwrap();
    let notice = next(&mut reader).await;
    assert_eq!((notice.seq, notice.line.as_str()), (None, r#"{"last":3,"room":"a","type":"reset"}"#));
    assert_eq!(next(&mut reader).await.seq, Some(1));
}

#[tokio::test]
async fn readers_are_bounded_and_leave_nothing_behind() {
    let hub = hub();
    let mut readers: Vec<_> = (0..MAX_READERS_OF_ROOM).map(|_| hub.subscribe(&room("a"), 0).unwrap()).collect();
    assert!(hub.subscribe(&room("a"), 0).is_err());
    readers.push(hub.subscribe(&room("b"), 0).unwrap());
    assert_eq!(hub.shared.doors.readers(), MAX_READERS_OF_ROOM + 1);
    drop(readers);
    let empty = async {
        while hub.shared.doors.readers() > 0 || !hub.shared.doors.rooms().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, empty).await.expect("all have left");
}

#[tokio::test]
async fn a_reader_who_takes_nothing_is_cut_off_and_the_others_are_not() {
    let hub = hub();
    for number in 1..=100 {
        hub.record(event("a", number));
    }
    let mut idle = hub.subscribe(&room("a"), 0).unwrap();
    let mut awake = hub.subscribe(&room("a"), 0).unwrap();
    for expected in 1..=100 {
        assert_eq!(next(&mut awake).await.seq, Some(expected));
    }
    tokio::time::pause();
    while hub.shared.counters.cut_off.load(Ordering::Relaxed) == 0 {
        tokio::time::advance(READ_TIMEOUT).await;
    }
    tokio::time::resume();
    let mut got = 0;
    while let Some(item) = timeout(PATIENCE, idle.next()).await.expect("an end") {
        got += 1;
        assert_eq!(item.seq, Some(got));
    }
    assert!(got < 100, "{got}");
    hub.record(event("a", 101));
    assert_eq!(next(&mut awake).await.seq, Some(101));
}

#[tokio::test]
async fn what_does_not_fit_into_the_queue_is_counted_in_the_sequence() {
    let hub = hub();
    // The writer has no turn before the first await, so the queue fills.
    for number in 0..20_000 {
        hub.record(event("a", number));
    }
    let lost = hub.shared.counters.lost.load(Ordering::Relaxed);
    assert!(lost > 0);
    let mut reader = hub.subscribe(&room("a"), 0).unwrap();
    loop {
        let item = next(&mut reader).await;
        let line: Value = serde_json::from_str(&item.line).unwrap();
        if line["type"] == "events_lost" {
            assert_eq!(line["count"], lost);
            break;
        }
    }
}

#[tokio::test]
async fn closing_writes_what_was_recorded_and_ends_the_readers() {
    let hub = hub();
    let mut reader = hub.subscribe(&room("a"), 0).unwrap();
    for number in 1..=50 {
        hub.record(event("a", number));
    }
    hub.close().await;
    assert_eq!(hub.page(&room("a"), 0, 100).await.unwrap().last, 50);
    while timeout(PATIENCE, reader.next()).await.expect("an end").is_some() {}
    hub.record(event("a", 51));
    assert_eq!(hub.page(&room("a"), 0, 100).await.unwrap().last, 50);
}
