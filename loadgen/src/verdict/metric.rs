//! What a threshold can be about, and where a summary has it.

use crate::summary::{Distribution, IndependentMedia, Media, Summary};

/// What a value is measured in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Percent of a whole.
    Percent,
    /// A number.
    Plain,
    /// Cores.
    Cores,
    /// 1,048,576 bytes.
    Megabytes,
}

impl Unit {
    /// Names as they are written, with what they multiply to the base: µs, shares, bytes, numbers.
    const NAMES: [(&'static str, Self); 8] = [
        ("us", Self::Micros),
        ("µs", Self::Micros),
        ("ms", Self::Millis),
        ("s", Self::Seconds),
        ("%", Self::Percent),
        ("", Self::Plain),
        ("cores", Self::Cores),
        ("MB", Self::Megabytes),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit)
    }

    /// Base units (µs, shares, bytes, numbers) in one of this.
    #[must_use]
    pub const fn factor(self) -> f64 {
        match self {
            Self::Micros | Self::Plain | Self::Cores => 1.0,
            Self::Millis => 1e3,
            Self::Seconds => 1e6,
            Self::Percent => 0.01,
            Self::Megabytes => 1_048_576.0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// One-way latency of one kind of media, or of the worst.
    Latency(Option<&'static str>),
    Loss(Option<&'static str>),
    Recovered,
    Freezes,
    Gap,
    Join(&'static str),
    Control(&'static str),
    Failed,
    IndependentFailed,
    IndependentLoss,
    IndependentFreezes,
    IndependentFrame,
    Cpu,
    Memory,
}

/// Percentiles that a time can be asked for.
const POINTS: [&str; 6] = ["p50", "p95", "p99", "p999", "max", "mean"];
/// Times, each with a percentile behind its name.
const TIMES: [(&str, What); 14] = [
    ("e2e", What::Latency(None)),
    ("audio", What::Latency(Some("audio"))),
    ("video", What::Latency(Some("video"))),
    ("screen", What::Latency(Some("screen"))),
    ("gap", What::Gap),
    ("answer", What::Join("offer_to_answer")),
    ("secure", What::Join("offer_to_secure")),
    ("first_packet", What::Join("offer_to_first_packet")),
    ("first_frame", What::Join("offer_to_first_frame")),
    ("full_first_frame", What::IndependentFrame),
    ("mute", What::Control("mute")),
    ("one_way", What::Control("one_way")),
    ("admit", What::Control("admit")),
    ("move", What::Control("move")),
];
/// Everything else, with the units it can be given in.
const OTHERS: [(&str, What, &[Unit]); 12] = [
    ("loss", What::Loss(None), &[Unit::Percent, Unit::Plain]),
    ("audio_loss", What::Loss(Some("audio")), &[Unit::Percent, Unit::Plain]),
    ("video_loss", What::Loss(Some("video")), &[Unit::Percent, Unit::Plain]),
    ("screen_loss", What::Loss(Some("screen")), &[Unit::Percent, Unit::Plain]),
    ("recovered", What::Recovered, &[Unit::Percent, Unit::Plain]),
    ("freezes", What::Freezes, &[Unit::Plain]),
    ("failed", What::Failed, &[Unit::Percent, Unit::Plain]),
    ("full_failed", What::IndependentFailed, &[Unit::Percent, Unit::Plain]),
    ("full_loss", What::IndependentLoss, &[Unit::Percent, Unit::Plain]),
    ("full_freezes", What::IndependentFreezes, &[Unit::Plain]),
    ("server_cpu", What::Cpu, &[Unit::Cores, Unit::Plain]),
    ("server_memory", What::Memory, &[Unit::Megabytes]),
];
/// Units of times.
const CLOCKS: [Unit; 3] = [Unit::Micros, Unit::Millis, Unit::Seconds];

/// One metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    what: What,
    point: &'static str,
}

impl Metric {
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some((_, what, _)) = OTHERS.iter().find(|(known, ..)| *known == name) {
            return Some(Self { what: *what, point: "" });
        }
        let (time, point) = name.rsplit_once('_')?;
        let (_, what) = TIMES.iter().find(|(known, _)| *known == time)?;
        let point = POINTS.iter().find(|known| **known == point)?;
        Some(Self { what: *what, point })
    }

    pub(super) fn units(self) -> &'static [Unit] {
        OTHERS.iter().find(|(_, what, _)| *what == self.what).map_or(&CLOCKS, |(_, _, units)| units)
    }

    /// All names, for whoever mistyped one.
    pub(super) fn names() -> String {
        let times: Vec<&str> = TIMES.iter().map(|(name, _)| *name).collect();
        let others: Vec<&str> = OTHERS.iter().map(|(name, ..)| *name).collect();
        format!("{}, or {} with _{} behind", others.join(", "), times.join(", "), POINTS.join(", _"))
    }

    /// What was measured, in base units; `None` where nothing was.
    #[must_use]
    pub fn read(self, summary: &Summary) -> Option<f64> {
        let media = |kind: Option<&'static str>| {
            summary.media.iter().filter(move |(name, _)| kind.is_none_or(|kind| kind == *name)).map(|(_, media)| media)
        };
        let share = |part: fn(&Media) -> u64, kind| {
            let expected: u64 = media(kind).map(|media| media.expected).sum();
            (expected > 0).then(|| media(kind).map(part).sum::<u64>() as f64 / expected as f64)
        };
        let point = |distribution: &Distribution| (distribution.count > 0).then(|| self.of(distribution));
        match self.what {
            What::Latency(kind) => media(kind).filter_map(|media| point(&media.latency)).max_by(f64::total_cmp),
            What::Gap => summary.media.get("audio").and_then(|media| point(&media.gaps)),
            What::Loss(kind) => share(|media| media.lost, kind),
            What::Recovered => share(|media| media.recovered, None),
            What::Freezes => (!summary.media.is_empty()).then(|| media(None).map(|media| media.freezes).sum::<u64>() as f64),
            What::Join(name) => summary.joins.get(name).and_then(point),
            What::Control(name) => summary.control.get(name).and_then(point),
            What::Failed => Some(summary.clients.failed as f64 / summary.clients.planned.max(1) as f64),
            What::IndependentFailed => {
                summary.independent.as_ref().map(|found| found.clients.failed as f64 / found.clients.planned.max(1) as f64)
            }
            What::IndependentLoss => independent(summary, |media| media.expected)
                .filter(|expected| *expected > 0)
                .and_then(|expected| Some(independent(summary, |media| media.lost)? as f64 / expected as f64)),
            What::IndependentFreezes => independent(summary, |media| media.freezes).map(|freezes| freezes as f64),
            What::IndependentFrame => {
                summary.independent.as_ref().and_then(|found| found.joins.get("offer_to_first_frame")).and_then(point)
            }
            What::Cpu => {
                summary.server.as_ref().map(|server| server.core_seconds.unwrap_or(server.cpu_seconds) / summary.seconds.max(1e-9))
            }
            What::Memory => summary.server.as_ref().map(|server| server.memory_peak as f64),
        }
    }

    fn of(self, distribution: &Distribution) -> f64 {
        match self.point {
            "p50" => distribution.p50,
            "p95" => distribution.p95,
            "p99" => distribution.p99,
            "p999" => distribution.p999,
            "max" => distribution.max,
            _ => distribution.mean,
        }
    }
}

/// A sum over what independent clients got, where some came.
fn independent(summary: &Summary, part: fn(&IndependentMedia) -> u64) -> Option<u64> {
    summary.independent.as_ref().map(|found| found.media.values().map(part).sum())
}
