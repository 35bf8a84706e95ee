//! The binary: exit codes, commands, and a log that tells nothing about people.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{PATIENCE, Socket, request};

const OFFER: &str = include_str!("../../../signal/tests/fixtures/chromium_meeting.sdp");

pub(crate) fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.env_remove("RELAY_CONFIG").stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = relay().args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A file of its own, removed at the end.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("relay-process-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn wrong_configuration_is_78_and_wrong_usage_2() {
    let bad = File::new("bad", "[http]\nlisen = []\n");
    let (code, _, errors) = run(&["config", "check", bad.path()]);
    assert_eq!(code, Some(78));
    assert!(errors.contains(":2:1: unknown key `lisen`") && errors.contains("did you mean `listen`?"), "{errors}");
    assert_eq!(run(&["--config", bad.path()]).0, Some(78));
    assert_eq!(run(&["config", "check", "/does/not/exist"]).0, Some(78));
    let missing = File::new("missing", "[[keys]]\nid = \"a\"\nalgorithm = \"HS256\"\nsecret_file = \"/does/not/exist\"\n");
    assert_eq!(run(&["config", "check", missing.path()]).0, Some(78), "check reads the files that are named");
    for usage in [&["--fly"][..], &["--lan", "--config", "x"], &["token", "--identity", "a", "--role", "host"]] {
        assert_eq!(run(usage).0, Some(2), "{usage:?}");
    }
    let good = File::new("good", "[media]\nport = 1234\n");
    let (code, printed, _) = run(&["config", "print", good.path()]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("port = 1234") && printed.contains("drain_seconds = 300"), "{printed}");
}

#[test]
fn a_taken_port_is_1_and_names_the_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, errors) = run(&["--http-listen", &address, "--admin-listen", "127.0.0.1:0", "--media-port", "0"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains(&address), "{errors}");
}

#[test]
fn token_command_issues_what_its_configuration_accepts() {
    let secret = File::new("secret", "0123456789abcdef0123456789abcdef");
    let config = File::new("keys", &format!("[[keys]]\nid = \"k\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n", secret.path()));
    let token = |rest: &[&str]| run(&[&["token", "--config", config.path(), "--identity", "anna"], rest].concat());
    let (code, token_text, errors) = token(&["--role", "host", "--room", "demo", "--ttl", "30m"]);
    assert_eq!((code, token_text.trim().split('.').count()), (Some(0), 3), "{errors}");
    assert_eq!(token(&["--role", "service"]).0, Some(0));
    for bad in [
        &["--role", "host"][..],
        &["--role", "king", "--room", "a"],
        &["--role", "host", "--room", "*"],
        &["--role", "host", "--room", "a", "--ttl", "2d"],
    ] {
        assert_eq!(token(bad).0, Some(2), "{bad:?}");
    }
}

/// A relay process that logs JSON, and the addresses it logged.
pub(crate) struct Running {
    child: Ended,
    log: BufReader<std::process::ChildStderr>,
    seen: String,
    pub(crate) http: SocketAddr,
}

/// A process that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::launch(relay(), arguments)
    }

    /// Starts the relay through a command that becomes it.
    pub(crate) fn launch(mut command: Command, arguments: &[&str]) -> Self {
        let ports = ["--http-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--media-port", "0", "--workers", "1"];
        let mut child = Ended(
            command
                .args(arguments)
                .args(ports)
                .args(["--log-format", "json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut log = BufReader::new(child.0.stderr.take().unwrap());
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "ended before it listened: {seen}");
            seen.push_str(&line);
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                let http = line["http"].as_str().unwrap().trim_matches(['[', ']']).parse().unwrap();
                return Self { child, log, seen, http };
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.0.id().to_string()]).status().unwrap().success());
    }

    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        self.log.read_to_string(&mut self.seen).unwrap();
        let mut output = String::new();
        self.child.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        (self.child.0.wait().unwrap().code(), self.seen, output)
    }
}

#[tokio::test]
async fn the_log_of_a_whole_run_tells_nothing_about_people() {
    let relay = Running::start(&[]);
    let answer =
        request(relay.http, "POST", "/v1/rooms/demo/join", &[("content-type", "application/json")], r#"{"name":"Grethe Hemmelig"}"#).await;
    let body = answer.json();
    let token = body["token"].as_str().unwrap();
    let (stream, _) = tokio_tungstenite::connect_async(format!("ws://{}/v1/rooms/demo/connect", relay.http)).await.unwrap();
    let own_address = match stream.get_ref() {
        tokio_tungstenite::MaybeTlsStream::Plain(stream) => stream.local_addr().unwrap().to_string(),
        _ => unreachable!("no TLS here"),
    };
    let mut socket = Socket(stream);
    socket.send(&json!({"type": "hello", "version": 1, "token": token})).await;
    let welcome = socket.until("welcome").await;
    socket.send(&json!({"type": "offer", "id": 1, "sdp": OFFER})).await;
    let answer = socket.until("answer").await;
    socket.send(&json!({"type": "offer", "id": 2, "sdp": "v=0 nonsense"})).await;
    socket.until("error").await;
    let (stranger, _) = tokio_tungstenite::connect_async(format!("ws://{}/v1/rooms/demo/connect", relay.http)).await.unwrap();
    let mut stranger = Socket(stranger);
    stranger.send(&json!({"type": "hello", "version": 1, "token": "forged.token.here"})).await;
    stranger.refused("unauthorized").await;

    relay.signal("-TERM");
    assert_eq!(socket.until("bye").await["reason"], "shutting_down");
    let (code, log, output) = relay.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("session opened") && log.contains("session closed") && log.contains("stopped"), "the run is in the log: {log}");
    let sdp = answer["sdp"].as_str().unwrap();
    let attribute = |sdp: &str, name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let secrets = [
        "Grethe".to_owned(),
        "Hemmelig".to_owned(),
        token.to_owned(),
        body["identity"].as_str().unwrap().to_owned(),
        welcome["resume"].as_str().unwrap().to_owned(),
        attribute(sdp, "a=ice-ufrag:"),
        attribute(sdp, "a=ice-pwd:"),
        attribute(OFFER, "a=ice-pwd:"),
        "forged.token.here".to_owned(),
        own_address,
        "\"demo\"".to_owned(),
    ];
    for secret in &secrets {
        assert!(!log.contains(secret), "the log holds {secret}:\n{log}");
    }
    assert!(output.contains("/?room=demo") && output.contains("development mode"), "{output}");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let config =
        File::new("second", "[timeouts]\ndrain_seconds = 3600\n[rooms]\nopen_rooms = [\"demo\"]\n[media]\nbind = [\"127.0.0.1\"]\n");
    let relay = Running::start(&["--config", config.path()]);
    let answer = request(relay.http, "POST", "/v1/rooms/demo/join", &[("content-type", "application/json")], r#"{"name":"Anna"}"#).await;
    let (stream, _) = tokio_tungstenite::connect_async(format!("ws://{}/v1/rooms/demo/connect", relay.http)).await.unwrap();
    let mut socket = Socket(stream);
    socket.send(&json!({"type": "hello", "version": 1, "token": answer.json()["token"]})).await;
    socket.until("welcome").await;
    relay.signal("-TERM");
    // The first signal has arrived when the node says so.
    let drains = async { while request(relay.http, "GET", "/readyz", &[], "").await.status == 200 {} };
    tokio::time::timeout(PATIENCE, drains).await.expect("the node drains");
    relay.signal("-TERM");
    let (code, log, _) = relay.end();
    assert_eq!(code, Some(1), "{log}");
}
