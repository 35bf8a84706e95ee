//! Whether one run was better than another, and no verdict where there can be none.
//!
//! Intervals are bootstrapped from 2,000 seeded draws of blocks of seconds, the same seconds of both runs. Percentiles of latency come from each second's HDR
//! histogram, merged over the drawn seconds; runs that kept none are compared by the mean of their seconds' percentiles, under that
//! name. Waits (joins, commands) are single events: the rank of their percentile is drawn, from the whole run's histogram.
//! A difference counts if its interval lies beyond zero and it is large enough to matter.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;

use super::bootstrap::{self, Drawn, RESAMPLES, Track, interval};
use super::histogram::{self, Unread};
use crate::dice;
use crate::summary::{Distribution, JOIN_TIMES, Summary, Verdict};

/// Two comparisons of the same runs come to the same.
const SEED: u64 = 0x5eed;
/// Smaller relative differences matter to nobody, and two runs of the same thing show them.
const RELEVANT: f64 = 0.02;
/// Smaller differences of a share, 0.01 percentage points, neither.
const RELEVANT_SHARE: f64 = 0.000_1;
/// Waits whose median, and whose P95, can be judged.
const FEWEST_WAITS: [(f64, &str, u64); 2] = [(0.5, "median", 20), (0.95, "P95", 100)];
/// Runs whose lengths differ by more are said to.
const SAME_LENGTH: f64 = 0.1;
/// Machines report slightly different memory from boot to boot.
const SAME_MEMORY: f64 = 0.01;

/// Two runs, figure by figure.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// Worse if any row is, else better if any is, else unclear.
    pub judged: Judged,
    /// Figures that both runs have.
    pub rows: Vec<Row>,
    /// What a reader should know: different seeds, other versions.
    pub notes: Vec<String>,
}

/// One figure of two runs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub metric: String,
    /// What [`Row::a`] and [`Row::b`] count.
    pub unit: Unit,
    /// Of the first run.
    pub a: f64,
    /// Of the second.
    pub b: f64,
    /// B against A: relative, 0.2 is 20 % more; of shares the plain difference. `None` if A is zero.
    pub difference: Option<f64>,
    /// 99.8 % interval of the difference; `None` where nothing can be drawn.
    pub interval: Option<(f64, f64)>,
    /// What may be said.
    pub judged: Judged,
}

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Microseconds of waiting.
    Time,
    /// Microseconds of a processor for each packet.
    Cost,
    /// 0 to 1.
    Share,
    /// Bytes.
    Memory,
    /// A second.
    Rate,
    /// In the whole run.
    Count,
}

/// What may be said of a difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// B is better, beyond chance.
    Better,
    /// B is worse, beyond chance.
    Worse,
    /// Chance may have done it, or it is too small to matter.
    Unclear,
}

/// Why two runs cannot be compared.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CompareError {
    /// Different machines.
    #[error("the runs come from different machines ({0}; {1}): repeat one of them on the other's machine")]
    Machines(String, String),
    /// Different scenarios, or one with another profile.
    #[error("the runs played different scenarios ({0}): repeat one of them with the other's profile")]
    Scenarios(String),
    /// The generator was the bottleneck.
    #[error("run {run} is invalid ({why}): repeat it with less load or more threads")]
    Invalid {
        /// `A` or `B`.
        run: &'static str,
        /// What the run says.
        why: String,
    },
    /// Somebody stopped it: it saw another part of the scenario.
    #[error("run {0} was interrupted: repeat it to its end")]
    Interrupted(&'static str),
    /// Nothing can be drawn from so few seconds.
    #[error("run {0} has too few seconds to tell chance from change: repeat it with --for 60s")]
    TooShort(&'static str),
    /// A histogram is broken.
    #[error("run {0}: {1}; the summary was changed after the run: run again")]
    Histogram(&'static str, Unread),
}

/// Compares B with A.
///
/// # Errors
/// [`CompareError`] where a verdict would mislead.
pub fn compare(a: &Summary, b: &Summary) -> Result<Comparison, CompareError> {
    comparable(a, b)?;
    let shorter = if a.series.len() <= b.series.len() { ("A", a) } else { ("B", b) };
    let width = bootstrap::width(shorter.1.series.len()).ok_or(CompareError::TooShort(shorter.0))?;
    let track = |run, summary| Track::of(summary, width).map_err(|unread| CompareError::Histogram(run, unread));
    let tracks = (track("A", a)?, track("B", b)?);
    let mut rows = of_seconds(a, b, (&tracks.0, &tracks.1));
    rows.extend(waits(a, b)?);
    rows.extend(freezes(a, b));
    let any = |judged| rows.iter().any(|row| row.judged == judged);
    let judged = if any(Judged::Worse) {
        Judged::Worse
    } else if any(Judged::Better) {
        Judged::Better
    } else {
        Judged::Unclear
    };
    Ok(Comparison { judged, rows, notes: notes(a, b) })
}

fn comparable(a: &Summary, b: &Summary) -> Result<(), CompareError> {
    for (run, summary) in [("A", a), ("B", b)] {
        let invalid = summary.generator.invalid.clone();
        if summary.verdict == Verdict::Invalid || invalid.is_some() {
            return Err(CompareError::Invalid { run, why: invalid.unwrap_or_else(|| "the generator was the bottleneck".to_owned()) });
        }
        if summary.verdict == Verdict::Interrupted {
            return Err(CompareError::Interrupted(run));
        }
    }
    let (one, other) = (&a.machine, &b.machine);
    let memory = (one.memory as f64 - other.memory as f64).abs() > SAME_MEMORY * one.memory as f64;
    if (&one.cpu, one.cores, &one.kernel) != (&other.cpu, other.cores, &other.kernel) || memory {
        let describe = |machine: &crate::summary::Machine| {
            format!(
                "{}, {} cores, {:.1} GiB, kernel {}",
                machine.cpu,
                machine.cores,
                machine.memory as f64 / 1024f64.powi(3),
                machine.kernel
            )
        };
        return Err(CompareError::Machines(describe(one), describe(other)));
    }
    let (one, other) = (&a.scenario, &b.scenario);
    if one.name != other.name {
        return Err(CompareError::Scenarios(format!("{} and {}", one.name, other.name)));
    }
    if one.profile != other.profile {
        let differ = one.profile.lines().zip(other.profile.lines()).find(|(one, other)| one != other);
        let differ =
            differ.map_or_else(|| "one profile is longer".to_owned(), |(one, other)| format!("{} against {}", one.trim(), other.trim()));
        return Err(CompareError::Scenarios(format!("{}: {differ}", a.scenario.name)));
    }
    Ok(())
}

/// A figure over seconds.
struct Metric {
    name: &'static str,
    unit: Unit,
    more_is_better: bool,
    of: fn(&Drawn<'_>) -> Option<f64>,
}

const LATENCIES: [Metric; 3] = [
    Metric { name: "latency, median", unit: Unit::Time, more_is_better: false, of: |drawn| drawn.quantile(0.5) },
    Metric { name: "latency, P99", unit: Unit::Time, more_is_better: false, of: |drawn| drawn.quantile(0.99) },
    Metric { name: "latency, P99.9", unit: Unit::Time, more_is_better: false, of: |drawn| drawn.quantile(0.999) },
];

/// For runs that kept no histogram by second.
const MEANS: [Metric; 2] = [
    Metric {
        name: "latency, mean of the seconds' medians",
        unit: Unit::Time,
        more_is_better: false,
        of: |drawn| Some(drawn.sums.p50 / drawn.sums.heard),
    },
    Metric {
        name: "latency, mean of the seconds' P99",
        unit: Unit::Time,
        more_is_better: false,
        of: |drawn| Some(drawn.sums.p99 / drawn.sums.heard),
    },
];

const COUNTS: [Metric; 2] = [
    Metric {
        name: "loss",
        unit: Unit::Share,
        more_is_better: false,
        of: |drawn| Some(drawn.sums.lost / (drawn.sums.lost + drawn.sums.received)),
    },
    Metric { name: "packets received", unit: Unit::Rate, more_is_better: true, of: |drawn| Some(drawn.sums.received / drawn.sums.seconds) },
];

const SERVER: [Metric; 2] = [
    Metric {
        name: "server's processor per packet",
        unit: Unit::Cost,
        more_is_better: false,
        of: |drawn| Some(drawn.sums.server_cpu * 1e6 / drawn.sums.received),
    },
    Metric {
        name: "server's memory, mean",
        unit: Unit::Memory,
        more_is_better: false,
        of: |drawn| Some(drawn.sums.server_memory / drawn.sums.seconds),
    },
];

fn of_seconds(a: &Summary, b: &Summary, tracks: (&Track, &Track)) -> Vec<Row> {
    let whole = (tracks.0.whole(), tracks.1.whole());
    let kept = whole.0.quantile(0.5).is_some() && whole.1.quantile(0.5).is_some();
    let latencies = if kept { &LATENCIES[..] } else { &MEANS[..] };
    let server = if a.server.is_some() && b.server.is_some() { &SERVER[..] } else { &[] };
    let metrics: Vec<&Metric> = latencies.iter().chain(&COUNTS).chain(server).collect();
    let mut draws = vec![Vec::with_capacity(RESAMPLES); metrics.len()];
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for _ in 0..RESAMPLES {
        let drawn = bootstrap::draw(tracks.0, tracks.1, &mut random);
        for (metric, draws) in metrics.iter().zip(&mut draws) {
            draws.extend((metric.of)(&drawn.0).zip((metric.of)(&drawn.1)).and_then(|(a, b)| difference(a, b, metric.unit)));
        }
    }
    let widening = bootstrap::widening(tracks.0, tracks.1);
    let rows = metrics.iter().zip(draws).filter_map(|(metric, draws)| {
        let values = ((metric.of)(&whole.0)?, (metric.of)(&whole.1)?);
        let comparable = values.0.is_finite() && values.1.is_finite();
        comparable.then(|| row(metric.name.to_owned(), metric.unit, values, draws, (widening, metric.more_is_better)))
    });
    rows.collect()
}

/// B against A as [`Row::difference`] has it.
fn difference(a: f64, b: f64, unit: Unit) -> Option<f64> {
    if unit == Unit::Share { Some(b - a) } else { (a > 0.0).then(|| b / a - 1.0) }
}

fn row(metric: String, unit: Unit, (a, b): (f64, f64), draws: Vec<f64>, (widening, more_is_better): (f64, bool)) -> Row {
    let difference = difference(a, b, unit);
    let interval = difference.and_then(|difference| interval(difference, draws, widening));
    let relevant = if unit == Unit::Share { RELEVANT_SHARE } else { RELEVANT };
    let judged = match (difference, interval) {
        (Some(difference), Some((low, high))) if difference.abs() >= relevant && (low > 0.0 || high < 0.0) => {
            if (difference > 0.0) == more_is_better { Judged::Better } else { Judged::Worse }
        }
        _ => Judged::Unclear,
    };
    Row { metric, unit, a, b, difference, interval, judged }
}

/// Joins and commands. The rank of a percentile among so many events scatters as a binomial does; where it falls, the histogram says.
fn waits(a: &Summary, b: &Summary) -> Result<Vec<Row>, CompareError> {
    let joins = JOIN_TIMES.iter().filter_map(|name| Some((*name, a.joins.get(*name)?, b.joins.get(*name)?)));
    let control = a.control.iter().filter_map(|(name, times)| Some((name.as_str(), times, b.control.get(name)?)));
    let mut rows = Vec::new();
    for (name, a, b) in joins.chain(control) {
        let read = |run, times: &Distribution| histogram::read(name, &times.hdr).map_err(|unread| CompareError::Histogram(run, unread));
        let (Some(one), Some(other)) = (read("A", a)?, read("B", b)?) else { continue };
        for (share, called, fewest) in FEWEST_WAITS {
            if one.len().min(other.len()) < fewest {
                continue;
            }
            let mut random = ChaCha8Rng::seed_from_u64(SEED);
            let mut draw = |from: &hdrhistogram::Histogram<u64>| {
                let scatter = (share * (1.0 - share) / from.len() as f64).sqrt();
                from.value_at_quantile((share + scatter * dice::normal(&mut random)).clamp(0.0, 1.0)) as f64
            };
            let draws = (0..RESAMPLES).filter_map(|_| difference(draw(&one), draw(&other), Unit::Time)).collect();
            let values = (one.value_at_quantile(share) as f64, other.value_at_quantile(share) as f64);
            rows.push(row(format!("{}, {called}", name.replace('_', " ")), Unit::Time, values, draws, (1.0, false)));
        }
    }
    Ok(rows)
}

/// Freezes come in bursts that no run's totals show: told, not judged.
fn freezes(a: &Summary, b: &Summary) -> Vec<Row> {
    let both = a.media.iter().filter_map(|(kind, media)| Some((kind, media.freezes as f64, b.media.get(kind)?.freezes as f64)));
    both.map(|(kind, a, b)| row(format!("freezes, {kind}"), Unit::Count, (a, b), Vec::new(), (1.0, false))).collect()
}

fn notes(a: &Summary, b: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    let mut differ = |what: &str, a: String, b: String| {
        if a != b {
            notes.push(format!("{what}: {a} in A, {b} in B."));
        }
    };
    let version = |summary: &Summary| summary.target.version.clone().unwrap_or_else(|| "unknown".to_owned());
    differ("Server", a.target.kind.clone(), b.target.kind.clone());
    differ("Its version", version(a), version(b));
    differ("Load generator", a.generator_version.clone(), b.generator_version.clone());
    differ("Seed", a.scenario.seed.to_string(), b.scenario.seed.to_string());
    if (a.seconds - b.seconds).abs() > SAME_LENGTH * a.seconds {
        notes.push(format!("A was measured for {:.0} s, B for {:.0} s.", a.seconds, b.seconds));
    }
    if a.latencies.is_empty() || b.latencies.is_empty() {
        notes.push("A run kept no latency by second: the means of the seconds' percentiles stand for percentiles.".to_owned());
    }
    if a.server.is_none() || b.server.is_none() {
        notes.push("The server was not watched in both runs: its processor and memory are not compared.".to_owned());
    }
    notes.push("Intervals know chance within a run, not between runs: before you act on a difference, see it in a second pair.".to_owned());
    notes
}
