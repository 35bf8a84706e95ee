//! Servers as processes: how each is started on its core, and how the generator gets in.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::cores::pinned;
use super::{Plan, program};

/// A server answers this soon, or its slot is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where `bench/janus/start` lets it listen.
const JANUS: &str = "127.9.0.1:8188";
/// The key of the relay that is started here.
const KEY: &str = "bench";

/// Who can be measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contestant {
    /// The relay, by its own protocol.
    Relay,
    /// The plainest forwarding there can be.
    Floor,
    /// Janus, by its start script.
    Janus,
    /// A server that runs already, pinned by whoever started it.
    Other {
        /// What it is called in the table.
        name: String,
        /// Its process.
        pid: u32,
        /// How `loadgen run` gets in.
        way_in: Vec<String>,
    },
}

impl FromStr for Contestant {
    type Err = String;

    /// `relay`, `floor`, `janus`, or `NAME=PID:ARGUMENTS of loadgen run`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "relay" => Ok(Self::Relay),
            "floor" => Ok(Self::Floor),
            "janus" => Ok(Self::Janus),
            _ => {
                let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once(':')?)));
                let other = parts.and_then(|(name, (pid, way_in))| Some((name, pid.parse().ok()?, way_in)));
                let (name, pid, way_in) =
                    other.ok_or_else(|| format!("{text}: expected relay, floor, janus, or NAME=PID:ARGUMENTS of loadgen run"))?;
                let way_in = way_in.split_whitespace().map(ToOwned::to_owned).collect();
                Ok(Self::Other { name: name.to_owned(), pid, way_in })
            }
        }
    }
}

/// A process that ends with this value.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn new(child: Child) -> Self {
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that can be played against.
pub(super) struct Started {
    pid: u32,
    way_in: Vec<String>,
    _process: Option<Running>,
}

impl Started {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Arguments of `loadgen run`.
    pub(super) fn way_in(&self) -> &[String] {
        &self.way_in
    }
}

impl Contestant {
    /// Its name in the table.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Relay => "relay",
            Self::Floor => "floor",
            Self::Janus => "janus",
            Self::Other { name, .. } => name,
        }
    }

    pub(super) fn start(&self, plan: &Plan) -> io::Result<Started> {
        match self {
            Self::Relay => relay(plan),
            Self::Floor => floor(plan),
            Self::Janus => janus(plan),
            Self::Other { pid, way_in, .. } => Ok(Started { pid: *pid, way_in: way_in.clone(), _process: None }),
        }
    }
}

fn relay(plan: &Plan) -> io::Result<Started> {
    let folder = plan.folder.join("relay");
    fs::create_dir_all(&folder)?;
    let (secret, config) = (folder.join("secret"), folder.join("relay.toml"));
    fs::write(&secret, "known to whoever compares servers")?;
    let text = format!(
        "[timeouts]\ndrain_seconds = 0\n[media]\nbind = [\"127.0.0.1\"]\n[[keys]]\nid = \"{KEY}\"\nalgorithm = \"HS256\"\nsecret_file = \"{}\"\n",
        fs::canonicalize(&secret)?.display()
    );
    fs::write(&config, text)?;
    let (http, admin, media) = (tcp()?, tcp()?, UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port());
    let mut command = pinned(plan.server_core, program(plan, "relay"));
    command.arg("--config").arg(&config);
    command.args(["--http-listen", &http.to_string(), "--admin-listen", &admin.to_string(), "--media-port", &media.to_string()]);
    let url = format!("http://{http}");
    let way_in = ["--url", &url, "--key-id", KEY, "--secret-file", &secret.display().to_string()].map(ToOwned::to_owned);
    started(command, &folder.join("log"), http, way_in.into())
}

fn floor(plan: &Plan) -> io::Result<Started> {
    let (http, media) = (tcp()?, UdpSocket::bind("127.0.0.1:0")?.local_addr()?);
    let mut command = pinned(plan.server_core, program(plan, "floor"));
    command.args(["--http", &http.to_string(), "--media", &media.to_string()]);
    let url = format!("http://{http}");
    let way_in = ["--target", "whip", "--url", &url, "--one-connection"].map(ToOwned::to_owned);
    started(command, &plan.folder.join("floor.log"), http, way_in.into())
}

fn janus(plan: &Plan) -> io::Result<Started> {
    let address: SocketAddr = JANUS.parse().map_err(io::Error::other)?;
    let mut command = pinned(plan.server_core, Path::new("bench/janus/start"));
    command.arg(plan.folder.join("janus"));
    let url = format!("ws://{JANUS}");
    let way_in = ["--target", "janus", "--url", &url].map(ToOwned::to_owned);
    started(command, &plan.folder.join("janus.log"), address, way_in.into())
}

/// A free address.
fn tcp() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Starts it and waits until it listens.
fn started(mut command: Command, log: &Path, listens: SocketAddr, way_in: Vec<String>) -> io::Result<Started> {
    let said = fs::File::create(log)?;
    let mut child = command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn()?;
    let begun = Instant::now();
    while TcpStream::connect_timeout(&listens, Duration::from_millis(100)).is_err() {
        let ended = child.try_wait()?;
        if ended.is_some() || begun.elapsed() > PATIENCE {
            let _ = Running::new(child);
            return Err(io::Error::other(format!("it does not listen on {listens}; see {}", log.display())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Started { pid: child.id(), way_in, _process: Some(Running::new(child)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_runs_already_is_named_with_process_and_way_in() {
        let other = "mine=42:--target whip --url http://127.0.0.1:8889".parse::<Contestant>().expect("well formed");
        assert!(matches!(&other, Contestant::Other { name, pid: 42, way_in } if name == "mine" && way_in.len() == 4), "{other:?}");
        assert_eq!("janus".parse(), Ok(Contestant::Janus));
        for bad in ["", "mine", "mine=x:--url y", "mine=42"] {
            assert!(bad.parse::<Contestant>().is_err_and(|error| error.contains("NAME=PID")), "{bad}");
        }
    }
}
