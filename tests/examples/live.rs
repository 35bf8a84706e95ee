//! Prints what hosts wait for, measured over real sockets against the real binary: mute, one-way, kick, admit, recall, room creation.
//!
//! `cargo build --release && cargo run --release -p tests --example live [repetitions]`; the default takes about three minutes.

use tests::live::{LiveRelay, figures};

/// Enough for a 99th percentile.
const REPETITIONS: usize = 120;

fn main() {
    let repetitions = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(REPETITIONS);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("One relay, one client thread, 127.0.0.1. Load averages at the start: {}", load.trim());
    let relay = LiveRelay::start();
    figures::create(&relay, repetitions.min(60)).iter().for_each(|figure| println!("{figure}"));
    figures::mute(&relay, repetitions).iter().for_each(|figure| println!("{figure}"));
    figures::one_way(&relay, repetitions).iter().for_each(|figure| println!("{figure}"));
    figures::kick(&relay, repetitions).iter().for_each(|figure| println!("{figure}"));
    figures::admit(&relay, repetitions.min(60)).iter().for_each(|figure| println!("{figure}"));
    let recall = figures::recall(&relay, 33, 8, repetitions.div_ceil(12));
    recall.figures.iter().for_each(|figure| println!("{figure}"));
    println!(
        "    in the seconds after the recalls, all people together: {} SDP messages, {} DTLS datagrams, {} checks beyond consent, {} STUN beyond answers",
        recall.sdp, recall.dtls, recall.extra_checks, recall.extra_stun
    );
}
