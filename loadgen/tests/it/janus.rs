//! A real Janus, in a network namespace of its own: everybody receives everybody, whoever comes late too, and nothing stays behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use loadgen::summary::{Summary, Verdict};

use crate::relay::alone;
use crate::whip::{STEADY, assert_everybody_received};

/// Plays, then asks Janus itself who is there.
const INSIDE: &str = r#""$LOADGEN" run --target janus --url ws://127.9.0.1:8188 --slo 'failed<=0%' --out "$OUT" "$@"
code=$?
curl -s -d '{"janus":"list_sessions","transaction":"sessions","admin_secret":"bench"}' http://127.9.0.1:7088/admin >"$OUT/sessions.json"
exit $code"#;

#[test]
fn everybody_receives_everybody_through_janus() {
    let _alone = alone();
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/janus/run");
    if !Command::new("sh").args(["-c", "command -v janus && command -v curl"]).output().is_ok_and(|found| found.status.success()) {
        // tests/run installs it; a machine that cannot have it still tests everything else.
        eprintln!("SKIPPED: Janus is not here; `apt-get install -y --no-install-recommends janus curl`");
        return;
    }
    let folder = std::env::temp_dir().join(format!("loadgen-janus-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder in the temporary directory");
    let output = Command::new(starter)
        .args(["bash", "-c", INSIDE, "inside"])
        .args(STEADY)
        .env("LOADGEN", env!("CARGO_BIN_EXE_loadgen"))
        .env("OUT", &folder)
        .output()
        .expect("the starter runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("no {name} ({error}):\n{said}"));
    let summary: Summary = serde_json::from_str(&read("summary.json")).expect("a summary");
    assert_eq!((output.status.code(), summary.verdict), (Some(0), Verdict::Pass), "{said}");
    assert_everybody_received(&summary, 6.0, &said);
    assert_eq!(summary.target.kind, "janus");
    assert!(summary.target.version.as_deref().is_some_and(|version| version.starts_with("Janus 1.")), "{:?}", summary.target);
    assert!(summary.server.is_some_and(|server| server.memory_peak > 1_000_000), "the process behind the port is watched");
    assert!(!said.contains("goodbyes"), "{said}");
    let sessions: serde_json::Value = serde_json::from_str(&read("sessions.json")).expect("Janus's own list");
    assert_eq!(sessions["sessions"], serde_json::json!([]), "everybody has left");
    let _ = fs::remove_dir_all(folder);
}
