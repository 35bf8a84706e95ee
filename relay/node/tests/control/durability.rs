//! The real binary and its store: `kill -9` at any moment, a damaged file, a disk that takes no more.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use node::tokens::TokenRole;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{File, Running, relay, run};
use crate::reading::{Folder, ask};
use crate::support::{Server, Socket, server};

const ROUNDS: u64 = 12;
const CLIENTS: usize = 4;

/// A configuration with a store, and a server of our own whose only purpose is to sign tokens with the same key.
struct Setup {
    config: File,
    _secret: File,
    folder: Folder,
    tokens: Server,
}

impl Setup {
    async fn new(name: &str) -> Self {
        let folder = Folder::new();
        let secret = File::new(&format!("{name}-secret"), "a shared secret for tests, 32 bytes at least");
        let key = format!("[[keys]]\nid = \"test\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n", secret.path());
        let text =
            format!("[rooms]\nopen_rooms = [\"demo\"]\n[media]\nbind = [\"127.0.0.1\"]\n[store]\ndir = \"{}\"\n{key}", folder.0.display());
        Self { config: File::new(name, &text), _secret: secret, folder, tokens: server().await }
    }

    fn start(&self) -> Running {
        Running::start(&["--config", self.config.path()])
    }
}

/// One request to a process that may die at any moment; `None` when it did before it answered.
async fn call(to: std::net::SocketAddr, token: &str, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(to).await.ok()?;
    stream.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
}

/// What a client knows of one room: what was acknowledged, and what was asked since.
#[derive(Clone, Default)]
struct Known {
    room: String,
    revision: u64,
    title: String,
    asked: Option<String>,
}

/// Makes rooms and changes them until the process is gone.
async fn work(to: std::net::SocketAddr, token: String, client: usize, round: u64) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    for step in 0.. {
        let title = format!("{round}-{client}-{step}");
        let make = step % 3 == 0;
        if make {
            known.push(Known { room: format!("room-{title}"), ..Known::default() });
        }
        let at = if make { known.len() - 1 } else { step % known.len() };
        let room = &mut known[at];
        room.asked = Some(title.clone());
        let settings = json!({ "title": title });
        let answer = if make {
            call(to, &token, "POST", "/v1/rooms", &json!({"id": room.room, "settings": settings})).await
        } else {
            call(to, &token, "PATCH", &format!("/v1/rooms/{}", room.room), &json!({ "settings": settings })).await
        };
        let Some((status, answer)) = answer else { break };
        assert!(status < 300, "{status} {answer}");
        room.revision = answer["revision"].as_u64().unwrap();
        room.title = title;
        room.asked = None;
    }
    known
}

#[tokio::test]
async fn no_acknowledged_change_is_lost_by_kill_9() {
    let setup = Setup::new("durability").await;
    let token = setup.tokens.service();
    let (mut known, mut total, mut unanswered): (Vec<Known>, usize, usize) = (Vec::new(), 0, 0);
    for round in 0..ROUNDS {
        let relay = setup.start();
        for room in &mut known {
            let (status, found) = call(relay.http, &token, "GET", &format!("/v1/rooms/{}", room.room), &Value::Null).await.unwrap();
            let (revision, title) = (found["revision"].as_u64().unwrap_or(0), found["settings"]["title"].as_str().unwrap_or_default());
            let as_acknowledged = status == 200 && revision == room.revision && title == room.title;
            let never_was = status == 404 && room.revision == 0;
            let as_asked = status == 200 && revision > room.revision && Some(title) == room.asked.as_deref();
            assert!(
                as_acknowledged || ((as_asked || never_was) && room.asked.is_some()),
                "round {round}: {status} {found} for {} at {}",
                room.room,
                room.revision
            );
            unanswered += usize::from(room.asked.is_some());
            (room.revision, room.title, room.asked) = (revision, title.to_owned(), None);
        }
        known.retain(|room| room.revision > 0);
        let clients: Vec<_> = (0..CLIENTS).map(|client| tokio::spawn(work(relay.http, token.clone(), client, round))).collect();
        // Another moment each time, from the first writes on.
        tokio::time::sleep(Duration::from_millis(10 + round * 37 % 200)).await;
        relay.signal("-KILL");
        for client in clients {
            known.extend(client.await.unwrap());
        }
        relay.end();
        total = known.iter().filter(|room| room.revision > 0).count();
    }
    let newest = known.iter().map(|room| room.revision).max().unwrap();
    println!("{ROUNDS} kills, {total} rooms, revision {newest}, {unanswered} requests without an answer");
    assert!(newest > 3 * ROUNDS && unanswered > 0, "{newest} changes, {unanswered} broken off");
}

#[tokio::test]
async fn pins_and_templates_survive_too() {
    let setup = Setup::new("durable-pins").await;
    let token = setup.tokens.service();
    let relay = setup.start();
    let template = json!({"settings": {"chat": "off"}});
    assert_eq!(call(relay.http, &token, "PUT", "/v1/templates/org", &template).await.unwrap().0, 201);
    let room = json!({"id": "bed-x17q", "template": "org", "host_pin": 48_291_377});
    assert_eq!(call(relay.http, &token, "POST", "/v1/rooms", &room).await.unwrap().0, 201);
    relay.signal("-KILL");
    relay.end();
    let relay = setup.start();
    let (status, joined) =
        call(relay.http, &token, "POST", "/v1/rooms/bed-x17q/join", &json!({"name": "Anna", "pin": "48291377"})).await.unwrap();
    assert_eq!((status, &joined["role"]), (200, &json!("host")));
    let (_, found) = call(relay.http, &token, "GET", "/v1/rooms/bed-x17q", &Value::Null).await.unwrap();
    assert_eq!((&found["template"], &found["effective"]["chat"]), (&json!("org"), &json!("off")));
    relay.signal("-TERM");
    let (_, log, _) = relay.end();
    assert!(!log.contains("48291377") && !log.contains("bed-x17q"), "{log}");
}

#[tokio::test]
async fn a_damaged_store_is_said_at_the_start() {
    let setup = Setup::new("damaged").await;
    let relay = setup.start();
    relay.signal("-TERM");
    relay.end();
    let file = setup.folder.0.join("rooms.redb");
    std::fs::write(&file, b"this is no store").unwrap();
    let ports = ["--http-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--media-port", "0", "--workers", "1"];
    let (code, _, errors) = run(&[&["--config", setup.config.path()], &ports[..]].concat());
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("rooms.redb") && errors.contains("damaged"), "{errors}");
    std::fs::remove_file(&file).unwrap();
    let setup_again = setup.start();
    setup_again.signal("-KILL");
    setup_again.end();
    std::fs::remove_file(setup.folder.0.join("pins.key")).unwrap();
    let (code, _, errors) = run(&[&["--config", setup.config.path()], &ports[..]].concat());
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("pins.key") && errors.contains("missing"), "{errors}");
}

/// From now on the process's files may not grow beyond `bytes` (the soft limit, which can be lifted again); the kernel refuses as a full disk
/// does.
fn limit(process: &Running, bytes: &str) {
    let status = Command::new("prlimit").args(["--pid", &process.pid().to_string(), &format!("--fsize={bytes}:")]).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_disk_that_takes_no_more_refuses_changes_and_leaves_meetings_alone() {
    let setup = Setup::new("full").await;
    let token = setup.tokens.service();
    // Without the ignored signal, the kernel would end the process instead.
    let mut shell = Command::new("sh");
    shell.env_remove("RELAY_CONFIG");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(relay().get_program());
    let relay = Running::launch(shell, &["--config", setup.config.path()]);
    let made = json!({"id": "ward", "settings": {"title": "kept"}, "guest_pin": 482_913});
    assert_eq!(call(relay.http, &token, "POST", "/v1/rooms", &made).await.unwrap().0, 201);
    let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/v1/rooms/demo/connect", relay.http)).await.unwrap();
    let mut anna = Socket(socket);
    anna.send(&json!({"type": "hello", "version": 1, "token": setup.tokens.token(Some("demo"), "anna", TokenRole::Host)})).await;
    anna.until("welcome").await;

    let size = |name: &str| std::fs::metadata(Path::new(&setup.folder.0).join(name)).unwrap().len();
    limit(&relay, &size("rooms.redb").to_string());
    let invitees: Vec<Value> =
        (0..100).map(|number| json!({"id": format!("{number}-{}", "i".repeat(100)), "name": "n".repeat(100)})).collect();
    let mut made = 0;
    let refused = loop {
        let room = json!({"id": format!("room-{made}"), "settings": {"invitees": invitees}});
        let (status, answer) = call(relay.http, &token, "POST", "/v1/rooms", &room).await.unwrap();
        if status != 201 {
            break (status, answer);
        }
        made += 1;
        assert!(made < 1000, "the disk never gets full");
    };
    assert_eq!((refused.0, &refused.1["error"]["code"]), (503, &json!("store")), "after {made} rooms: {}", refused.1);
    println!("refused after {made} rooms");
    assert_eq!(ask(&mut anna, 1, &json!({"type": "lock"})).await["type"], "done", "the meeting goes on");
    let join = json!({"name": "Bent", "pin": "482913"});
    assert_eq!(call(relay.http, &token, "POST", "/v1/rooms/ward/join", &join).await.unwrap().0, 200, "joining goes on");
    assert_eq!(call(relay.http, &token, "GET", "/v1/rooms/ward", &Value::Null).await.unwrap().1["settings"]["title"], "kept");
    let change = json!({"settings": {"invitees": invitees}});
    assert_eq!(call(relay.http, &token, "PATCH", "/v1/rooms/ward", &change).await.unwrap().0, 503);

    limit(&relay, "unlimited");
    let (status, answer) = call(relay.http, &token, "PATCH", "/v1/rooms/ward", &json!({"settings": {"title": "changed"}})).await.unwrap();
    assert_eq!((status, &answer["settings"]["title"]), (200, &json!("changed")), "{answer}");
    for number in 0..made {
        let path = format!("/v1/rooms/room-{number}");
        assert_eq!(call(relay.http, &token, "GET", &path, &Value::Null).await.unwrap().0, 200, "{path}");
    }
    relay.signal("-KILL");
    relay.end();
    let relay = setup.start();
    assert_eq!(call(relay.http, &token, "GET", "/v1/rooms/ward", &Value::Null).await.unwrap().1["settings"]["title"], "changed");
}
