//! Runs that never happened: seeded, with a server whose speed, loss and price are known.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use loadgen::summary::{
    Clients, Distribution, Generator, JOIN_TIMES, Machine, Media, SCHEMA, Scenario, Second, Server, Summary, Target, Threshold, Verdict,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Latencies measured in each second; each stands for ten packets.
const SAMPLES: u64 = 400;

/// A server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    pub(crate) seed: u64,
    pub(crate) seconds: u32,
    /// Latencies and waits are this many times as long.
    pub(crate) slower: f64,
    /// Share of packets that never come.
    pub(crate) loss: f64,
    /// µs of processor for each packet.
    pub(crate) price: f64,
}

pub(crate) const USUAL: Truth = Truth { seed: 1, seconds: 60, slower: 1.0, loss: 0.001, price: 4.0 };

struct Dice(ChaCha8Rng);

impl Dice {
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normal: `middle` is the median.
    fn around(&mut self, middle: f64, spread: f64) -> u64 {
        (middle * (spread * self.normal()).exp()).round().max(1.0) as u64
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("sane bounds")
}

fn encoded(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("into memory");
    BASE64_STANDARD.encode(bytes)
}

fn distribution(histogram: &Histogram<u64>) -> Distribution {
    let at = |share: f64| histogram.value_at_quantile(share) as f64;
    Distribution {
        count: histogram.len(),
        min: histogram.min() as f64,
        mean: histogram.mean(),
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max() as f64,
        hdr: encoded(histogram),
    }
}

fn waits(dice: &mut Dice, middle: f64, count: usize) -> Distribution {
    let mut histogram = empty();
    (0..count).for_each(|_| histogram.record(dice.around(middle, 0.3)).expect("within bounds"));
    distribution(&histogram)
}

/// A run against that server.
pub(crate) fn run(truth: &Truth) -> Summary {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(truth.seed));
    let mut kinds = [("audio", 180.0, empty()), ("video", 420.0, empty()), ("screen", 500.0, empty())];
    // The machine's mood: what one second had, the next has half of.
    let (mut series, mut latencies, mut mood) = (Vec::new(), Vec::new(), 0.0);
    for at in 0..truth.seconds {
        mood = 0.5 * mood + 0.05 * dice.normal();
        let mut all = empty();
        for (kind, (_, middle, histogram)) in kinds.iter_mut().enumerate() {
            for _ in 0..SAMPLES >> kind {
                let slow = if dice.unit() < 0.002 { 20.0 } else { 1.0 };
                let value = dice.around(*middle * truth.slower * slow * f64::exp(mood), 0.35);
                histogram.record_n(value, 10).expect("within bounds");
                all.record_n(value, 10).expect("within bounds");
            }
        }
        series.push(second(&mut dice, truth, at, mood, &all));
        latencies.push(encoded(&all));
    }
    let total = |of: fn(&Second) -> u64| series.iter().map(of).sum::<u64>();
    let (received, sent) = (total(|second| second.received), total(|second| second.sent));
    let mut lateness = empty();
    (0..5_000).for_each(|_| lateness.record(dice.around(60.0, 0.8)).expect("within bounds"));
    let joins = JOIN_TIMES.iter().zip([3_000.0, 14_000.0, 22_000.0, 60_000.0]);
    let joins = joins.map(|(name, middle)| ((*name).to_owned(), waits(&mut dice, middle * truth.slower, 200))).collect();
    let control = [("mute", 900.0, 80), ("one_way", 1_100.0, 30), ("admit", 4_000.0, 60), ("move", 25_000.0, 24)];
    let control =
        control.into_iter().map(|(name, middle, count)| (name.to_owned(), waits(&mut dice, middle * truth.slower, count))).collect();
    Summary {
        schema: SCHEMA,
        generator_version: "0.1.0".to_owned(),
        started: 1_795_902_607,
        seconds: truth.seconds.into(),
        target: Target { kind: "relay".to_owned(), url: "http://127.0.0.1:7880".to_owned(), version: Some("relay 0.1.0".to_owned()) },
        machine: Machine { cpu: "AMD EPYC".to_owned(), cores: 2, memory: 24 << 30, kernel: "6.18.0".to_owned() },
        scenario: Scenario { name: "visits".to_owned(), seed: truth.seed, profile: "meetings = 50\nlength = \"18 min\"\n".to_owned() },
        generator: Generator {
            threads: 1,
            send_lateness: distribution(&lateness),
            busiest_thread: 0.41,
            packets_sent: sent,
            packets_received: received,
            cpu_per_packet: 3.2,
            calm_share: Some(0.86),
            calm_lateness: Some(distribution(&lateness)),
            srtp: [("SRTP_AEAD_AES_256_GCM".to_owned(), 126)].into(),
            ..Generator::default()
        },
        clients: Clients { planned: 126, joined: 126, failed: 0, peak: 118 },
        meetings_peak: 50,
        media: media(truth, &kinds, received, total(|second| second.lost)),
        joins,
        control,
        server: Some(Server {
            cpu_seconds: series.iter().map(|second| second.server_cpu).sum(),
            core_seconds: None,
            memory_peak: series.iter().map(|second| second.server_memory).max().unwrap_or_default(),
            memory_idle: 30 << 20,
            forwarded: received,
        }),
        series,
        thresholds: thresholds(truth),
        verdict: Verdict::Pass,
        command: Some(format!("loadgen run --scenario visits --meetings 50 --for 60s --seed {}", truth.seed)),
        latencies,
        left_out: BTreeMap::new(),
        independent: None,
    }
}

fn thresholds(truth: &Truth) -> Vec<Threshold> {
    vec![
        Threshold { text: "e2e_p99<=20ms".to_owned(), measured: 1.2 * truth.slower, met: true },
        Threshold { text: "loss<=0.5%".to_owned(), measured: truth.loss * 100.0, met: true },
    ]
}

fn second(dice: &mut Dice, truth: &Truth, at: u32, mood: f64, latency: &Histogram<u64>) -> Second {
    let ramp = f64::from(at + 5).min(20.0) / 20.0;
    let expected = 22_000.0 * ramp * f64::exp(0.1 * dice.normal() * 0.2);
    let lost = (expected * truth.loss * f64::exp(0.3 * dice.normal())).round();
    let received = expected.round() - lost;
    let quantile = |share: f64| latency.value_at_quantile(share) as f64;
    Second {
        at,
        clients: (118.0 * ramp) as u64,
        meetings: (50.0 * ramp) as u64,
        joins: if at < 15 { 6 } else { 1 },
        sent: (9_000.0 * ramp) as u64,
        received: received as u64,
        bytes: received as u64 * 870,
        lost: lost as u64,
        p50: quantile(0.5),
        p99: quantile(0.99),
        max: latency.max() as f64,
        lateness_p99: dice.around(220.0, 0.3) as f64,
        server_cpu: received * truth.price / 1e6 * f64::exp(0.02 * dice.normal() + 0.2 * mood),
        server_memory: (30 << 20) + (ramp * 6e7) as u64 + dice.around(1e5, 0.3),
        generator_cpu: Some(0.38 * ramp),
        generator_memory: Some((40 << 20) + (ramp * 3e7) as u64),
    }
}

fn media(truth: &Truth, kinds: &[(&str, f64, Histogram<u64>)], received: u64, lost: u64) -> BTreeMap<String, Media> {
    let layers = |rates: &[(&str, u64)]| rates.iter().map(|(name, rate)| ((*name).to_owned(), *rate)).collect::<BTreeMap<_, _>>();
    let rates = [
        layers(&[("sound", 3_100_000)]),
        layers(&[("180", 14_000_000), ("360", 61_000_000), ("720", 74_000_000)]),
        layers(&[("1080", 12_000_000)]),
    ];
    let kinds = kinds.iter().zip(rates).zip([0.3, 0.6, 0.1]).map(|(((kind, _, latency), layers), share)| {
        let (received, lost) = ((received as f64 * share) as u64, (lost as f64 * share) as u64);
        let media = Media {
            latency: distribution(latency),
            calm: (*kind == "audio").then(|| distribution(latency)),
            expected: received + lost,
            lost,
            recovered: lost * 4,
            duplicates: 3,
            reordered: 17,
            freezes: (lost as f64 * truth.loss) as u64,
            frozen_seconds: lost as f64 * 0.01,
            gaps: distribution(latency),
            layers,
        };
        ((*kind).to_owned(), media)
    });
    kinds.collect()
}
