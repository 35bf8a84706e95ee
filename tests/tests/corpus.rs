//! What fuzzing found worth keeping, replayed: every file of `fuzz/corpus/` goes through the library body that its fuzz target calls.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use toml_edit::DocumentMut;

/// A fuzz target: its name, how its source calls the body, and the body.
type Target = (&'static str, &'static str, fn(&[u8]));

const TARGETS: &[Target] = &[
    ("allocation", "wire::fuzz::allocation(data)", wire::fuzz::allocation),
    ("datagram", "wire::fuzz::datagram(data)", wire::fuzz::datagram),
    ("dependency", "wire::fuzz::dependency(data)", wire::fuzz::dependency),
    ("rtcp", "wire::fuzz::rtcp(data)", wire::fuzz::rtcp),
    ("rtp", "wire::fuzz::rtp(data)", wire::fuzz::rtp),
    ("sdp", "signal::fuzz::sdp(data)", signal::fuzz::sdp),
    ("signalling", "signal::fuzz::signalling(data)", signal::fuzz::signalling),
    ("stun", "wire::fuzz::stun(data)", wire::fuzz::stun),
    ("worker_datagrams", "worker::fuzz::datagrams(std::time::Instant::now(), data)", |data| {
        worker::fuzz::datagrams(Instant::now(), data);
    }),
];

/// Bytes of all corpora together: they are downloaded with every clone.
const MAX_BYTES: usize = 1 << 20;

#[test]
fn every_file_goes_through_its_target() {
    let mut bytes = 0;
    let mut problems = Vec::new();
    for (name, _, body) in TARGETS {
        let files = corpus(name);
        assert!(!files.is_empty(), "the corpus of {name} is empty");
        bytes += files.iter().map(|(_, data)| data.len()).sum::<usize>();
        problems.extend(replay(name, &files, *body));
    }
    assert!(problems.is_empty(), "the output above says why:\n{}", problems.join("\n"));
    assert!(bytes <= MAX_BYTES, "the corpora are {bytes} bytes long, allowed are {MAX_BYTES}");
}

#[test]
fn every_target_is_built_and_replayed() {
    let replayed: BTreeSet<String> = TARGETS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let sources = names("fuzz_targets").into_iter().map(|name| name.strip_suffix(".rs").expect("only targets").to_owned());
    assert_eq!(sources.collect::<BTreeSet<_>>(), replayed, "fuzz_targets/ and TARGETS");
    assert_eq!(names("corpus"), replayed, "corpus/ and TARGETS");
    assert_eq!(binaries(), replayed, "Cargo.toml and TARGETS");
    for (name, call, _) in TARGETS {
        let path = folder().join("fuzz_targets").join(format!("{name}.rs"));
        let source = std::fs::read_to_string(path).expect("a target is text");
        assert!(source.contains(&format!("|data: &[u8]| {call})")), "the target {name} does not call {call}");
    }
}

#[test]
fn a_body_that_panics_is_noticed() {
    let files = [("good", "a"), ("bad", "b"), ("worse", "c")].map(|(name, data)| (name.to_owned(), data.as_bytes().to_vec()));
    assert_eq!(replay("some", &files, |data| assert_eq!(data, b"a")), ["some/bad", "some/worse"]);
}

/// The files that the body panics on.
fn replay(target: &str, files: &[(String, Vec<u8>)], body: fn(&[u8])) -> Vec<String> {
    let panics = |data: &[u8]| catch_unwind(AssertUnwindSafe(|| body(data))).is_err();
    files.iter().filter(|(_, data)| panics(data)).map(|(name, _)| format!("{target}/{name}")).collect()
}

/// Name and content of each file of a target's corpus, in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let place = Path::new("corpus").join(target);
    let read = |name: String| {
        let data = std::fs::read(folder().join(&place).join(&name)).unwrap_or_else(|error| panic!("{target}/{name}: {error}"));
        (name, data)
    };
    names(&place).into_iter().map(read).collect()
}

/// The binaries of the fuzz package, from its manifest: it is not a member of our workspace.
fn binaries() -> BTreeSet<String> {
    let manifest: DocumentMut = std::fs::read_to_string(folder().join("Cargo.toml")).expect("a manifest").parse().expect("TOML");
    let bins = manifest["bin"].as_array_of_tables().expect("[[bin]]");
    bins.iter().map(|bin| bin["name"].as_str().expect("a name").to_owned()).collect()
}

/// What lies in a folder of the fuzz package.
fn names(place: impl AsRef<Path>) -> BTreeSet<String> {
    let path = folder().join(place);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}
