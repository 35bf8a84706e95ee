//! Tests of delivery against a small server that answers by script.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender as Tell, channel};
use std::time::Instant;

use room::{Change, ParticipantId, Time};
use serde_json::Value;
use worker::command::RoomId;
use worker::event::RoomEvent;

use super::*;
use crate::config::Webhook;
use crate::events::line::Draft;
use crate::events::log::{Bounds, Log};
use crate::pseudonym::Pseudonyms;

const QUICK: Pace = Pace { first: Duration::from_millis(5), longest: Duration::from_millis(40), give_up: Duration::from_secs(3600) };
const SECRET: &str = "a secret of a webhook, 32 bytes long";

/// One request as the server saw it.
struct Seen {
    delivery: String,
    body: Value,
}

impl Seen {
    /// Room and number, or from and to of a gap.
    fn events(&self) -> Vec<(String, u64, u64)> {
        let number = |event: &Value, key: &str| event[key].as_u64().unwrap();
        let row = |event: &Value| {
            let (from, to) = if event["type"] == "gap" { ("from", "to") } else { ("seq", "seq") };
            (event["room"].as_str().unwrap().to_owned(), number(event, from), number(event, to))
        };
        self.body["events"].as_array().unwrap().iter().map(row).collect()
    }
}

/// Answers with these statuses, one after the other, and then 200.
fn server(statuses: &'static [u16]) -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, seen) = channel();
    std::thread::spawn(move || {
        let mut statuses = statuses.iter().copied();
        for stream in listener.incoming() {
            if !serve(&stream.unwrap(), &mut statuses, &tell) {
                return;
            }
        }
    });
    (url, seen)
}

/// False when nobody listens any more.
fn serve(stream: &TcpStream, statuses: &mut impl Iterator<Item = u16>, tell: &Tell<Seen>) -> bool {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut delivery, mut line) = (0, String::new(), String::new());
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return true;
        }
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            match line.trim().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("relay-delivery", value)) => delivery = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let told = tell.send(Seen { delivery, body: serde_json::from_slice(&body).unwrap() });
        let status = statuses.next().unwrap_or(200);
        let location = "location: http://127.0.0.1:1/elsewhere\r\n";
        write!(&*stream, "HTTP/1.1 {status} x\r\n{location}content-length: 0\r\n\r\n").unwrap();
        if told.is_err() {
            return false;
        }
    }
}

fn endpoint(index: usize, url: &str) -> Endpoint {
    let file = std::env::temp_dir().join(format!("relay-webhook-{}-{index}-{:?}", std::process::id(), std::thread::current().id()));
    std::fs::write(&file, SECRET).unwrap();
    let webhook = Webhook { url: url.into(), secret_file: file.clone(), ca_file: None, rooms: None, events: Vec::new() };
    let endpoint = Endpoint::load(index, &webhook).unwrap();
    std::fs::remove_file(file).unwrap();
    endpoint
}

fn shared(endpoints: &[&Endpoint]) -> Arc<Shared> {
    let bounds = Bounds { per_room: 1000, total: 1000, age: 1 << 40, rooms: 1000 };
    let log = Log::open(None, bounds, endpoints.iter().map(|endpoint| endpoint.filter.clone()).collect()).unwrap();
    Arc::new(Shared::new(log, Arc::new(Pseudonyms::load(None).unwrap())))
}

fn add(shared: &Shared, room: &str, count: usize, age: Duration) {
    let at = Time(unix_millis() - u64::try_from(age.as_millis()).unwrap());
    let change = Change::Left { participant: ParticipantId(1) };
    let event = RoomEvent { room: RoomId(room.into()), at, actor: None, subject: None, change };
    let drafts = vec![Draft::new(&event, &shared.names); count];
    let added = shared.log.append(&drafts, unix_millis()).unwrap();
    shared.grown.send_replace(added.position);
}

fn start(endpoint: Endpoint, shared: &Arc<Shared>, pace: Pace) -> Arc<Delivered> {
    let delivered = Arc::new(Delivered::default());
    tokio::spawn(Sender::new(endpoint, Arc::clone(shared), Arc::clone(&delivered), pace).run());
    delivered
}

fn one(seen: &Receiver<Seen>) -> Seen {
    seen.recv_timeout(Duration::from_secs(20)).expect("a request in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_come_in_order_and_again_until_they_are_taken() {
    // Refusals, an error of the server, and a redirect, which is not followed.
    let (url, seen) = server(&[500, 429, 302, 404]);
    let endpoint = endpoint(0, &url);
    let shared = shared(&[&endpoint]);
    add(&shared, "a", 150, Duration::ZERO);
    let delivered = start(endpoint, &shared, QUICK);
    let first = one(&seen);
    let expected: Vec<_> = (1..=100).map(|seq| ("a".to_owned(), seq, seq)).collect();
    assert_eq!(first.events(), expected);
    for _ in 0..4 {
        let again = one(&seen);
        assert_eq!((&again.delivery, &again.body), (&first.delivery, &first.body), "the same until it is taken");
    }
    let second = one(&seen);
    assert_eq!(second.events(), (101..=150).map(|seq| ("a".to_owned(), seq, seq)).collect::<Vec<_>>());
    assert_ne!(second.delivery, first.delivery);
    add(&shared, "b", 1, Duration::ZERO);
    assert_eq!(one(&seen).events(), [("b".to_owned(), 1, 1)]);
    assert_eq!(delivered.failures.load(Ordering::Relaxed), 4);
    assert!(seen.recv_timeout(Duration::from_millis(100)).is_err(), "nothing comes twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_old_is_given_up_and_told_as_a_gap() {
    let (url, seen) = server(&[500]);
    let endpoint = endpoint(0, &url);
    let shared = shared(&[&endpoint]);
    add(&shared, "a", 250, Duration::from_secs(7200));
    add(&shared, "b", 30, Duration::from_secs(7200));
    let delivered = start(endpoint, &shared, QUICK);
    assert_eq!(one(&seen).events().len(), 100);
    assert_eq!(one(&seen).events(), [("a".to_owned(), 1, 250), ("b".to_owned(), 1, 30)]);
    add(&shared, "a", 1, Duration::ZERO);
    assert_eq!(one(&seen).events(), [("a".to_owned(), 251, 251)]);
    assert_eq!(delivered.skipped.load(Ordering::Relaxed), 280);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_does_not_answer_holds_up_no_other() {
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, seen) = server(&[]);
    let dead = endpoint(0, &format!("http://{}/", silent.local_addr().unwrap()));
    let alive = endpoint(1, &url);
    let shared = shared(&[&dead, &alive]);
    let dead = start(dead, &shared, QUICK);
    let _alive = start(alive, &shared, QUICK);
    let began = Instant::now();
    for round in 1..=5 {
        add(&shared, "a", 1, Duration::ZERO);
        assert_eq!(one(&seen).events(), [("a".to_owned(), round, round)]);
    }
    assert!(began.elapsed() < Duration::from_secs(9), "less than one request of the other takes");
    assert!(dead.waiting_since.load(Ordering::Relaxed) > 0, "its lag shows");
}

#[tokio::test]
async fn pauses_double_up_to_the_longest() {
    let endpoint = endpoint(0, "http://127.0.0.1:1/");
    let shared = shared(&[&endpoint]);
    let mut sender = Sender::new(endpoint, shared, Arc::default(), PACE);
    for (failures, seconds) in [(1, 1.0), (2, 2.0), (4, 8.0), (10, 512.0), (11, 600.0), (u32::MAX, 600.0)] {
        sender.failures = failures;
        let pause = sender.pause().as_secs_f64();
        assert!(pause >= seconds / 2.0 && pause <= seconds, "{failures}: {pause}");
    }
}

#[test]
fn secrets_are_checked() {
    let webhook =
        |file: &str| Webhook { url: "http://x/".into(), secret_file: file.into(), ca_file: None, rooms: None, events: Vec::new() };
    assert!(matches!(Endpoint::load(0, &webhook("/does/not/exist")), Err(super::super::WebhookError::Unreadable { .. })));
    assert!(matches!(Endpoint::load(0, &webhook("/dev/null")), Err(super::super::WebhookError::Unusable { .. })));
}
