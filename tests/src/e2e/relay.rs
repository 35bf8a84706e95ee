//! The relay's real binary as a child process, on free ports, in development mode.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::keys::Keys;
use super::ports::{free_tcp, free_udp};

/// The binary answers its readiness page this soon, or the test fails.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long an orderly stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running relay; stopped when dropped.
pub struct RelayProcess {
    process: Child,
    host: IpAddr,
    http: u16,
    media: u16,
    admin: u16,
    log: PathBuf,
    /// Set when it runs with a key that the tests know.
    keys: Option<Keys>,
}

impl RelayProcess {
    /// On 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), None)
    }

    /// On 127.0.0.1 with a configuration file, as an operator runs it: entry is by token only, and the tests can sign tokens.
    #[must_use]
    pub fn start_keyed() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), Some(Keys::write()))
    }

    /// On ::1.
    #[must_use]
    pub fn start_v6() -> Self {
        Self::start_on(Ipv6Addr::LOCALHOST.into(), None)
    }

    fn start_on(host: IpAddr, keys: Option<Keys>) -> Self {
        let (http, admin, media) = (free_tcp(), free_tcp(), free_udp());
        let log = std::env::temp_dir().join(format!("relay-test-{}-{http}.log", std::process::id()));
        let output = File::create(&log).expect("a log file can be made in the temporary directory");
        let mut command = Command::new(binary());
        if let Some(keys) = &keys {
            command.arg("--config").arg(keys.configuration());
        }
        let process = command
            .args(["--http-listen", &SocketAddr::new(host, http).to_string()])
            .args(["--admin-listen", &format!("127.0.0.1:{admin}")])
            .args(["--media-port", &media.to_string()])
            .env("RELAY_MEDIA__BIND", format!("[\"{host}\"]"))
            .env("RELAY_LOG__LEVEL", "debug")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be duplicated"))
            .stderr(output)
            .spawn()
            .expect("the relay starts (cargo build --release makes it)");
        let mut relay = Self { process, host, http, media, admin, log, keys };
        relay.wait_until_ready();
        relay
    }

    /// `http://127.0.0.1:port/path` for operators.
    #[must_use]
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.admin)
    }

    /// What the media threads have counted under this name, as `/metrics` tells it, added up.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        let text =
            ureq::get(self.admin_url("metrics")).call().expect("metrics are served").body_mut().read_to_string().expect("metrics are text");
        let prefix = format!("relay_worker_{name}_total{{");
        let lines = text.lines().filter(|line| line.starts_with(&prefix));
        let counts: Vec<u64> = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        assert!(!counts.is_empty(), "{name} is counted:\n{text}");
        counts.into_iter().sum()
    }

    /// A token signed with the tests' key; only after [`RelayProcess::start_keyed`]. Roles: `host`, `participant`, `service`.
    #[must_use]
    pub fn signed(&self, room: &str, identity: &str, name: &str, role: &str) -> String {
        self.keys.as_ref().expect("started with a known key").sign(room, identity, name, role)
    }

    /// Stores a room with these settings through the API.
    pub fn create_room(&self, room: &str, settings: &serde_json::Value) {
        let service = self.signed(room, "booking", "booking", "service");
        let body = serde_json::json!({ "id": room, "settings": settings });
        let request = ureq::post(self.http_url("v1/rooms")).header("authorization", format!("Bearer {service}"));
        let answer = request.send_json(&body).unwrap_or_else(|error| panic!("{room} is not created: {error}"));
        assert_eq!(answer.status(), 201);
    }

    /// The meeting page for somebody with a token, joining by itself with the test picture and tone.
    #[must_use]
    pub fn page_url_as(&self, room: &str, name: &str, role: &str, more: &str) -> String {
        let token = self.signed(room, &format!("id-{name}"), name, role);
        self.http_url(&format!("?room={room}&autojoin=1&media=test&lang=en{more}#token={token}"))
    }

    /// UDP port of the media.
    #[must_use]
    pub fn media_port(&self) -> u16 {
        self.media
    }

    /// `http://host:port/path`.
    #[must_use]
    pub fn http_url(&self, path: &str) -> String {
        format!("http://{}/{path}", SocketAddr::new(self.host, self.http))
    }

    /// `ws://host:port/path`.
    #[must_use]
    pub fn ws_url(&self, path: &str) -> String {
        format!("ws://{}/{path}", SocketAddr::new(self.host, self.http))
    }

    /// The meeting page, joining by itself with the test picture and tone. `more` is appended to the query.
    #[must_use]
    pub fn page_url(&self, name: &str, more: &str) -> String {
        self.http_url(&format!("?room=demo&name={name}&autojoin=1&media=test&lang=en{more}"))
    }

    /// A token for the development room.
    #[must_use]
    pub fn token(&self, name: &str) -> String {
        let body = serde_json::json!({ "name": name });
        let mut response = ureq::post(self.http_url("v1/rooms/demo/join")).send_json(&body).expect("the open room gives tokens");
        let answer: serde_json::Value = response.body_mut().read_json().expect("the answer is JSON");
        answer["token"].as_str().expect("the answer holds a token").to_owned()
    }

    /// Asks the relay to stop as a service manager does. Gives its exit code.
    pub fn stop(mut self) -> Option<i32> {
        terminate(&mut self.process, STOP_LIMIT)
    }

    /// Everything the relay logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn wait_until_ready(&mut self) {
        let start = Instant::now();
        while ureq::get(self.http_url("readyz")).call().is_err() {
            let ended = self.process.try_wait().ok().flatten();
            assert!(ended.is_none(), "the relay ended with {ended:?}:\n{}", self.log());
            assert!(start.elapsed() < START_LIMIT, "the relay is not ready within {START_LIMIT:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        terminate(&mut self.process, STOP_LIMIT);
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("the relay's last words:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        let _ = std::fs::remove_file(&self.log);
    }
}

/// Sends SIGTERM and waits; after `limit`, SIGKILL. Gives the exit code of an orderly end.
pub(super) fn terminate(process: &mut Child, limit: Duration) -> Option<i32> {
    if let Ok(Some(status)) = process.try_wait() {
        return status.code();
    }
    let _ = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Ok(Some(status)) = process.try_wait() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}

/// The binary beside the test binaries: what is tested is what `cargo build --release` made.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test knows its path");
    let folder = test.parent().and_then(std::path::Path::parent).expect("test binaries lie in target/release/deps");
    let binary = folder.join("relay");
    assert!(binary.exists(), "{} is missing: run `cargo build --release` first (tests/run does)", binary.display());
    binary
}
