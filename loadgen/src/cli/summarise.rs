//! From what was played to a summary.

use loadgen::engine::Played;
use loadgen::full::{Figures, Kind, Received};
use loadgen::measure::machine;
use loadgen::scenario::Profile;
use loadgen::summary::{Clients, Generator, Independent, IndependentMedia, JOIN_TIMES, SCHEMA, Scenario, Server, Summary, Target, Verdict};

/// What was asked for.
pub(super) struct Made<'a> {
    pub(super) target: Target,
    pub(super) profile: &'a Profile,
    pub(super) seed: u64,
    pub(super) threads: u32,
    /// Allowed lateness, µs, where it is not the usual one.
    pub(super) lateness_limit: Option<f64>,
    /// What independent clients send.
    pub(super) sources: Vec<String>,
}

/// Flags whose values are nobody else's business.
const SECRETS: [&str; 2] = ["--secret", "--token"];

/// The command line, without secrets.
fn command() -> String {
    let mut hidden = false;
    let words = std::env::args().skip(1).map(|word| {
        let word = if std::mem::take(&mut hidden) { "...".to_owned() } else { word };
        hidden = SECRETS.contains(&word.as_str());
        match word.split_once('=') {
            Some((name, _)) if SECRETS.contains(&name) => format!("{name}=..."),
            _ => word,
        }
    });
    let quoted =
        words.map(|word| if word.contains([' ', '<', '>', '\'', '*', '{']) { format!("'{}'", word.replace('\'', "'\\''")) } else { word });
    std::iter::once("loadgen".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// Everything but the verdict.
pub(super) fn summarise(made: &Made<'_>, played: &Played) -> Summary {
    let (tally, seconds) = (&played.tally, played.measured.as_secs_f64());
    let packets = (tally.sent + tally.received).max(1);
    let [lateness, calm_lateness] = tally.lateness();
    let Clients { planned, joined, failed, peak } = played.clients;
    let server = played.server.map(|[idle, begin, end]| Server {
        cpu_seconds: end.cpu.saturating_sub(begin.cpu).as_secs_f64(),
        core_seconds: (!end.cores.is_zero()).then(|| end.cores.saturating_sub(begin.cores).as_secs_f64()),
        memory_peak: played.memory_peak,
        memory_idle: idle.memory,
        forwarded: tally.received + played.full.iter().flat_map(|found| found.received).map(|received| received.packets).sum::<u64>(),
    });
    Summary {
        schema: SCHEMA,
        generator_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: played.started,
        seconds,
        target: made.target.clone(),
        machine: machine::read(),
        scenario: Scenario { name: made.profile.name.clone(), seed: made.seed, profile: made.profile.to_toml() },
        generator: Generator {
            threads: made.threads,
            send_lateness: lateness.distribution(),
            busiest_thread: played.busiest,
            packets_sent: tally.sent,
            packets_received: tally.received,
            socket_drops: played.socket_drops + tally.unsent,
            cpu_per_packet: tally.cpu.as_secs_f64() * 1e6 / packets as f64,
            invalid: None,
            lateness_limit: made.lateness_limit,
            calm_share: tally.calm_share(),
            calm_lateness: (calm_lateness.count() > 0).then(|| calm_lateness.distribution()),
            srtp: played.srtp.clone(),
        },
        clients: Clients { planned, joined, failed, peak },
        meetings_peak: played.meetings_peak,
        media: tally.media(seconds),
        joins: tally.joins().map(|(name, times)| (name.to_owned(), times.distribution())).collect(),
        control: tally.commands().iter().map(|(name, times)| ((*name).to_owned(), times.distribution())).collect(),
        server,
        series: played.series.clone(),
        thresholds: Vec::new(),
        verdict: Verdict::Pass,
        command: Some(command()),
        latencies: played.latencies.clone(),
        left_out: played.left_out.clone(),
        independent: played.full.as_ref().map(|figures| independent(figures, &made.sources, tally.foreign)),
    }
}

/// What independent clients found; light clients received so many packets of theirs.
fn independent(figures: &Figures, sources: &[String], received_by_others: u64) -> Independent {
    let joins = JOIN_TIMES.iter().zip(&figures.joins).map(|(name, times)| ((*name).to_owned(), times.distribution()));
    let media = |received: Received| IndependentMedia {
        expected: received.expected.max(received.packets),
        lost: received.expected.saturating_sub(received.packets),
        pictures: received.pictures,
        incomplete: received.incomplete,
        freezes: received.freezes,
        frozen_seconds: received.frozen.as_secs_f64(),
    };
    let kinds = [("audio", Kind::Audio), ("video", Kind::Video)];
    Independent {
        clients: figures.clients,
        joins: joins.collect(),
        media: kinds.map(|(name, kind)| (name.to_owned(), media(figures.received[kind as usize]))).into(),
        sent: figures.sent,
        send_lateness: figures.lateness.distribution(),
        keyframe_requests: figures.keyframe_requests,
        received_by_others,
        sources: sources.to_vec(),
    }
}
