//! The real relay with a key that the tests know, the real generator against it, and a network between them that can be made bad.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use loadgen::summary::Summary;

/// The relay answers this soon, or the test fails.
const START_LIMIT: Duration = Duration::from_secs(10);
const SECRET: &str = "known to the tests of the generator";

/// Runs disturb each other's timing, so they follow each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A relay on free ports; ended when dropped.
pub(crate) struct Relay {
    process: Child,
    scheme: &'static str,
    http: u16,
    admin: u16,
    media: u16,
    folder: PathBuf,
}

impl Relay {
    /// Announces its media at `announced` as well, port for port.
    pub(crate) fn start(announced: Option<&str>) -> Self {
        Self::launch("http", "", announced)
    }

    /// Behind TLS, with this certificate for 127.0.0.1 and its key.
    pub(crate) fn start_behind_tls(certificate: &Path, key: &Path) -> Self {
        let files = format!("[http]\ntls_cert = \"{}\"\ntls_key = \"{}\"\n", certificate.display(), key.display());
        Self::launch("https", &files, None)
    }

    fn launch(scheme: &'static str, more: &str, announced: Option<&str>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = std::env::temp_dir().join(format!("loadgen-tests-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&folder).expect("a folder in the temporary directory");
        let secret = folder.join("secret");
        fs::write(&secret, SECRET).expect("the key file is written");
        let text = format!(
            "{more}[timeouts]\ndrain_seconds = 0\n[media]\nbind = [\"127.0.0.1\"]\npublic_addresses = [{}]\n[[keys]]\nid = \"tests\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n",
            announced.map(|address| format!("\"{address}\"")).unwrap_or_default(),
            secret.display()
        );
        fs::write(folder.join("relay.toml"), text).expect("the configuration is written");
        let tcp = || TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let (http, admin) = (tcp(), tcp());
        let media = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let process = Command::new(binary())
            .arg("--config")
            .arg(folder.join("relay.toml"))
            .args(["--http-listen", &format!("127.0.0.1:{http}"), "--admin-listen", &format!("127.0.0.1:{admin}")])
            .args(["--media-port", &media.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).expect("a log file"))
            .spawn()
            .expect("the relay starts");
        let relay = Self { process, scheme, http, admin, media, folder };
        relay.wait_until_ready();
        relay
    }

    pub(crate) fn media_port(&self) -> u16 {
        self.media
    }

    /// Address of its metrics.
    pub(crate) fn metrics(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.admin)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The generator's `run` against it, ready to be started, its report in `self.report()`.
    pub(crate) fn load(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command.args(["run", "--url", &self.url(), "--key-id", "tests", "--secret-file"]);
        command.arg(self.folder.join("secret")).arg("--out").arg(self.report()).args(arguments);
        command
    }

    /// Runs the generator; gives its output and what it found.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Output, Summary) {
        let output = self.load(arguments).output().expect("the generator runs");
        let summary = self.summary(&output);
        (output, summary)
    }

    /// What the last run wrote.
    pub(crate) fn summary(&self, output: &Output) -> Summary {
        let said = String::from_utf8_lossy(&output.stderr);
        let text = fs::read_to_string(self.report().join("summary.json")).unwrap_or_else(|error| panic!("no summary ({error}):\n{said}"));
        serde_json::from_str(&text).expect("a summary")
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.http)
    }

    /// People that it holds at present, by its own metrics.
    pub(crate) fn sessions(&self) -> u64 {
        let metrics = get(self.admin, "/metrics").expect("the relay says how it is");
        let line = metrics.lines().find_map(|line| line.strip_prefix("relay_sessions "));
        line.expect("a figure for sessions").trim().parse().expect("a number")
    }

    fn report(&self) -> PathBuf {
        self.folder.join("report")
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        while !self.is_ready().unwrap_or(false) {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(start.elapsed() < START_LIMIT, "the relay is not ready within {START_LIMIT:?}:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_ready(&self) -> std::io::Result<bool> {
        Ok(get(self.admin, "/readyz")?.starts_with("HTTP/1.1 200"))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a port of this machine answers.
fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Stops a process for a while, as a machine does that has other things to do.
pub(crate) fn stall(pid: u32, span: Duration) {
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &pid.to_string()]).status().expect("kill runs");
        assert!(status.success(), "kill {name}");
    };
    signal("-STOP");
    std::thread::sleep(span);
    signal("-CONT");
}

/// The relay's binary beside the test binaries.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test knows its path");
    let folder = test.parent().and_then(Path::parent).expect("test binaries lie in target/release/deps");
    let binary = folder.join("relay");
    assert!(binary.exists(), "{} is missing: run `cargo build --release` first (tests/run does)", binary.display());
    binary
}
