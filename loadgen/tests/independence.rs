//! The independent client is independent: its sources name nothing that the relay and the light client are made of.

use std::path::Path;

/// Crates and modules that it shares with nobody whose work it checks.
const FORBIDDEN: [&str; 9] =
    ["wire::", "transport::", "room::", "crate::light", "super::light", "crate::engine", "dimpl", "rtc_crypto", "is::stun"];

/// Lines of a file that name one of these.
fn named(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.filter(|line| FORBIDDEN.iter().any(|word| line.contains(word))).collect()
}

#[test]
fn it_names_no_crate_of_the_relay_and_nothing_of_the_light_client() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/full");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a source");
        assert_eq!(named(&text), [""; 0], "{}", path.display());
        files += 1;
    }
    assert!(files > 8, "the sources were found");
}

#[test]
fn a_file_that_does_is_found() {
    assert_eq!(named("// wire::rtp\nuse wire::rtp::RtpHeader;\nuse crate::light::Client;").len(), 2);
    assert_eq!(named("use signal::message::Slot;\nuse crate::measure::Histogram;"), [""; 0]);
}
