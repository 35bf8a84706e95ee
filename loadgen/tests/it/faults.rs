//! Faults that somebody else makes are found, and reported as what they are: a slow network, a lossy one, a relay that stands still. And
//! a generator that cannot keep up says so itself.

use std::time::Duration;

use crate::neighbours::Neighbours;
use crate::network::{FRONT, Network};
use crate::relay::{Relay, alone, stall};
use loadgen::summary::{Media, Summary, Verdict};

const SEED: u64 = 20;
/// One meeting of four, all there after a second.
const FOUR: [&str; 18] = [
    "--scenario",
    "meeting",
    "--people",
    "4",
    "--seed",
    "5",
    "--max-lateness",
    "100ms",
    "--set",
    "ramp_seconds=0.2",
    "--set",
    "settle_seconds=1.3",
    "--set",
    "arrive_seconds=0.3",
    "--set",
    "screen_share=0.0",
    "--set",
    "dtx=false",
];

fn kind<'a>(summary: &'a Summary, kind: &str) -> &'a Media {
    summary.media.get(kind).unwrap_or_else(|| panic!("{kind} came: {summary:?}"))
}

fn missed(summary: &Summary) -> Vec<&str> {
    summary.thresholds.iter().filter(|row| !row.met).map(|row| row.text.as_str()).collect()
}

#[test]
fn five_milliseconds_and_two_percent_in_the_network_are_found() {
    let _alone = alone();
    let relay = Relay::start(Some(FRONT));
    let network = Network::start(relay.media_port(), SEED);
    let run = |slo: &str| {
        let (output, summary) = relay.run(&[&FOUR[..], &["--for", "3s", "--slo", slo]].concat());
        assert_eq!(output.status.code(), Some(i32::from(summary.verdict.exit_code())));
        summary
    };
    let good = run("e2e_p50<=4ms,loss<=0.1%,recovered<=0.1%");
    assert_eq!((missed(&good), good.verdict), (vec![], Verdict::Pass), "{good:?}");

    network.set(Duration::from_millis(5), 0.0);
    let slow = run("e2e_p50<=4ms,loss<=0.1%,recovered<=0.1%");
    assert_eq!((missed(&slow), slow.verdict), (vec!["e2e_p50<=4ms"], Verdict::Missed));
    for name in ["audio", "video"] {
        let (before, after) = (&kind(&good, name).latency, &kind(&slow, name).latency);
        let added = after.p50 - before.p50;
        assert!((4_800.0..=6_500.0).contains(&added), "{name}: {added} µs added to {}, seed {SEED}", before.p50);
    }

    network.set(Duration::ZERO, 0.02);
    let lossy = run("audio_loss<=0.1%,video_loss<=0.5%,recovered<=0.1%");
    let (audio, video) = (kind(&lossy, "audio"), kind(&lossy, "video"));
    let share = |part: u64, media: &Media| part as f64 / media.expected as f64;
    assert!((0.01..=0.032).contains(&share(audio.lost, audio)), "sound is lost: {} of {}, seed {SEED}", audio.lost, audio.expected);
    let found = share(video.recovered + video.lost, video);
    assert!(
        (0.01..=0.032).contains(&found),
        "pictures: {} recovered, {} lost of {}, seed {SEED}",
        video.recovered,
        video.lost,
        video.expected
    );
    assert!(share(video.lost, video) < 0.005, "retransmission brings them back: {} of {}", video.lost, video.expected);
    assert_eq!(missed(&lossy), ["audio_loss<=0.1%", "recovered<=0.1%"]);
}

#[test]
fn a_relay_that_stands_still_is_seen_in_latency_and_freezes_and_not_blamed_on_the_generator() {
    let _alone = alone();
    let relay = Relay::start(None);
    let mut load = relay.load(&[&FOUR[..], &["--for", "4s", "--slo", "e2e_max<=200ms,loss<=1%"]].concat());
    let running = load.stdout(std::process::Stdio::null()).spawn().expect("the generator runs");
    std::thread::sleep(Duration::from_millis(4_000));
    stall(relay.pid(), Duration::from_millis(300));
    let output = running.wait_with_output().expect("it ends");
    let summary = relay.summary(&output);
    assert_eq!(output.status.code(), Some(99), "{summary:?}");
    assert_eq!(missed(&summary), ["e2e_max<=200ms"]);
    let video = kind(&summary, "video");
    assert!((250_000.0..600_000.0).contains(&video.latency.max), "{} µs", video.latency.max);
    // Each of four sees three others stand still once.
    assert!((6..=18).contains(&video.freezes), "{} freezes of {} s", video.freezes, video.frozen_seconds);
    assert!(video.latency.p50 < 20_000.0, "only for a moment: {} µs", video.latency.p50);
    let worst = summary.series.iter().max_by(|a, b| a.max.total_cmp(&b.max)).expect("seconds");
    let calm = summary.series.iter().filter(|second| second.max < 150_000.0).count();
    assert!((1..=3).contains(&worst.at) && calm >= 2, "the second in which it happened is named: {:?}", summary.series);
}

/// Another's work takes this much of the only core that the generator may use: it is left with less than it needs, on any machine.
const NEIGHBOURS: usize = 8;

#[test]
fn a_saturated_generator_proves_nothing() {
    let _alone = alone();
    let relay = Relay::start(None);
    let _neighbours = Neighbours::on_one_core(NEIGHBOURS);
    let arguments = [
        "--scenario",
        "meeting",
        "--meetings",
        "20",
        "--people",
        "6",
        "--for",
        "3s",
        "--threads",
        "1",
        "--set",
        "simulcast=false",
        "--set",
        "high_people=33",
        "--set",
        "ramp_seconds=1.0",
        "--set",
        "settle_seconds=1.0",
        "--set",
        "arrive_seconds=0.5",
    ];
    let (output, summary) = relay.run(&arguments);
    assert_eq!((output.status.code(), summary.verdict), (Some(98), Verdict::Invalid));
    let why = summary.generator.invalid.expect("a reason");
    assert!(why.contains("a thread was busy") || why.contains("late") || why.contains("lost"), "{why}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("INVALID") && said.contains("the generator itself was the bottleneck"), "{said}");
}
