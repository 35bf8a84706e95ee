//! The house rules, checked: layers, forbidden crates, file heads and sizes, forbidden words, top level, licences, READMEs. Each checker is a
//! function of plain values in `tidy/`, with a test that it can fail; here are the rules and the tests that hold the workspace to them.

#[path = "tidy/edges.rs"]
mod edges;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/supply.rs"]
mod supply;
#[path = "tidy/text.rs"]
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

use edges::{Ban, Layer};

/// Which of our crates a crate may import (relay/README.md). `dev` comes on top for tests and examples.
const LAYERS: &[Layer] = &[
    Layer { name: "wire", normal: &[], dev: &[] },
    Layer { name: "room", normal: &[], dev: &[] },
    Layer { name: "signal", normal: &["wire", "room"], dev: &[] },
    Layer { name: "transport", normal: &["wire"], dev: &[] },
    Layer { name: "media", normal: &["wire"], dev: &[] },
    Layer { name: "worker", normal: &["wire", "room", "signal", "transport", "media"], dev: &[] },
    Layer { name: "node", normal: &["wire", "room", "signal", "transport", "media", "worker"], dev: &["loadgen"] },
    // The load generator measures the relay from outside: it shares the wire, not the SFU.
    Layer { name: "loadgen", normal: &["wire", "signal", "transport"], dev: &[] },
    Layer { name: "bench", normal: &["*"], dev: &["*"] },
    Layer { name: "tests", normal: &["*"], dev: &["*"] },
];

/// The crates without clock, sockets, threads, locks, async and randomness of their own.
const PURE: &[&str] = &["wire", "room", "signal", "transport", "media", "worker"];

/// External crates that some of ours must not import; a trailing `*` stands for any ending.
const BANS: &[Ban] = &[
    Ban { from: PURE, to: &["tokio*", "async-*", "futures*", "smol"], dev_too: true, why: "async lives in node and loadgen" },
    Ban { from: PURE, to: &["mio", "socket2", "quinn*", "libc", "nix", "rustix", "if-addrs"], dev_too: true, why: "sockets live in node" },
    Ban {
        from: PURE,
        to: &["dashmap", "parking_lot*", "crossbeam*", "rtrb", "rayon"],
        dev_too: true,
        why: "threads and locks live in node",
    },
    Ban { from: PURE, to: &["axum*", "hyper*", "tower*", "reqwest", "ureq", "clap"], dev_too: true, why: "HTTP and flags live in node" },
    Ban { from: PURE, to: &["rand", "getrandom", "fastrand", "time", "chrono"], dev_too: false, why: "entropy and time are passed in" },
    Ban {
        from: &["wire", "room", "signal", "transport", "media", "worker", "node"],
        to: &["rtc", "webrtc*", "rtc-dtls", "rtc-ice", "rtc-stun", "rtc-sctp", "rtc-srtp", "str0m", "openssl*", "native-tls"],
        dev_too: false,
        why: "test peers and oracles only; they failed hostile input or cost checks",
    },
];

/// Words that pure crates do not say outside tests.
const FORBIDDEN_WORDS: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "std::thread",
    "thread::spawn",
    "Mutex",
    "RwLock",
    "Condvar",
    "unsafe",
    "async fn",
    "async move",
    ".await",
];

const MAX_FILE: usize = 500;
const MAX_FUNCTION: usize = 70;
/// Files longer than allowed, with their present length. Entries may only shrink or go.
const LONG_FILES: &[(&str, usize)] = &[];
/// Functions longer than allowed, as `path::name`, with their present length. Entries may only shrink or go.
const LONG_FUNCTIONS: &[(&str, usize)] = &[];

const TOP_LEVEL: &[&str] = &["Cargo.lock", "Cargo.toml", "README.md", "bench", "config", "loadgen", "relay", "tests"];
const DOTFILES: &[&str] = &[".cargo", ".ci", ".clippy.toml", ".deny.toml", ".gitignore", ".rustfmt.toml"];

const MAX_README: usize = 60;
/// READMEs that document more than their crate.
const LONG_READMES: &[(&str, usize)] = &[("relay/signal/README.md", 210)];

#[test]
fn crates_import_only_from_lower_floors() {
    let edges = edges::of(&metadata());
    assert!(edges.iter().any(|edge| edge.from == "signal" && edge.to == "wire"), "the workspace was read");
    nothing(&edges::layers(LAYERS, &edges));
}

#[test]
fn pure_crates_and_the_product_name_no_forbidden_crate() {
    nothing(&edges::bans(BANS, &edges::of(&metadata())));
}

#[test]
fn every_source_file_says_its_job_and_is_short() {
    let files = sources();
    nothing(&source::heads(&files));
    let lengths = files.iter().map(|(path, text)| (path.clone(), text.lines().count())).collect();
    nothing(&source::ratchet(&lengths, MAX_FILE, LONG_FILES));
    let mut functions: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in &files {
        for (name, lines) in source::functions(&source::code(text)) {
            let longest = functions.entry(format!("{path}::{name}")).or_default();
            *longest = lines.max(*longest);
        }
    }
    assert!(functions.len() > 100, "functions were found");
    nothing(&source::ratchet(&functions, MAX_FUNCTION, LONG_FUNCTIONS));
}

#[test]
fn pure_crates_name_no_clock_socket_thread_lock_or_async() {
    let files = sources();
    let pure = |path: &str| PURE.iter().any(|name| path.starts_with(&format!("relay/{name}/src/")));
    let test_files = source::test_files(&files);
    let mut problems = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| pure(path) && !test_files.iter().any(|test| path.starts_with(test.as_str()))) {
        let code = source::without_tests(&source::code(text));
        problems.extend(source::words(&code, FORBIDDEN_WORDS).map(|(line, word)| format!("{path}:{line} says {word}")));
    }
    nothing(&problems);
}

#[test]
fn pure_crates_have_their_own_clippy_list() {
    for name in PURE {
        let list = read(&format!("relay/{name}/.clippy.toml"));
        for path in
            ["std::time::Instant::now", "std::time::SystemTime::now", "std::thread::spawn", "std::net::UdpSocket", "std::sync::Mutex"]
        {
            assert!(list.contains(&format!("\"{path}\"")), "relay/{name}/.clippy.toml does not disallow {path}");
        }
    }
}

#[test]
fn the_top_level_is_what_the_readme_says() {
    nothing(&text::top_level(&tracked(), TOP_LEVEL, DOTFILES));
}

#[test]
fn dependencies_have_allowed_licences_sources_and_versions() {
    let rules = supply::Rules::parse(&read(".deny.toml"));
    let packages = supply::packages(&metadata());
    assert!(packages.len() > 100, "dependencies were found");
    nothing(&supply::licences(&rules, &packages));
    nothing(&supply::sources(&rules, &packages));
    nothing(&supply::versions(&rules, &packages));
}

#[test]
fn every_crate_has_a_short_readme_and_takes_the_common_lints() {
    let metadata = metadata();
    let root = root();
    let mut readmes = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().and_then(|path| path.strip_prefix(&root).ok()).expect("members live in the workspace");
        readmes.insert(format!("{folder}/README.md"), std::fs::read_to_string(root.join(folder).join("README.md")).ok());
        let manifest = read(&format!("{folder}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder}/Cargo.toml does not take the workspace's lints");
    }
    nothing(&text::readmes(&readmes, MAX_README, LONG_READMES));
}

#[test]
fn no_file_names_this_machine() {
    let mut problems = Vec::new();
    for path in tracked() {
        if let Ok(bytes) = std::fs::read(root().join(&path)) {
            problems.extend(text::machine_paths(&path, &String::from_utf8_lossy(&bytes)));
        }
    }
    nothing(&problems);
}

fn nothing(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).other_options(["--offline".to_owned()]).exec().expect("cargo metadata")
}

/// Paths of all files that git tracks, relative to the workspace.
fn tracked() -> Vec<String> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().expect("git");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// All tracked Rust files that exist, with their text.
fn sources() -> BTreeMap<String, String> {
    let paths = tracked().into_iter().filter(|path| path.ends_with(".rs"));
    let files: BTreeMap<_, _> = paths.filter_map(|path| Some((path.clone(), std::fs::read_to_string(root().join(path)).ok()?))).collect();
    assert!(files.len() > 50, "sources were found");
    files
}
