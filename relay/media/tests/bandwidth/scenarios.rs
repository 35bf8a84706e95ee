//! The scenarios: a line, what is measured on it, and what it must come to.

use crate::call::{Brain, Sample, Viewer, Without, run};
use crate::line::{Line, Losses};
use crate::measure::{arrived, drained, lowest_target, mean_target, percentile, reaches, span};

const WISH: u64 = 10_000_000;

/// Runs of each scenario.
const SEEDS: u64 = 8;

/// A figure of a viewer like this one, in a unit of its own.
struct Scenario {
    name: &'static str,
    measure: fn(u64, &Viewer) -> f64,
    bound: Bound,
    twin: Twin,
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// Who must fail.
enum Twin {
    /// The estimator without a part.
    Without(Without),
    /// Somebody who always sends this, bit/s.
    Fixed(u64),
    /// Another implementation.
    Gcc,
}

use Bound::{AtLeast, AtMost};
use Twin::{Fixed, Gcc};

const NO_DELAY: Twin = Twin::Without(Without::Delay);
const NO_LOSS: Twin = Twin::Without(Without::Loss);
const NO_PROBES: Twin = Twin::Without(Without::Probes);

const fn scenario(name: &'static str, measure: fn(u64, &Viewer) -> f64, bound: Bound, twin: Twin) -> Scenario {
    Scenario { name, measure, bound, twin }
}

const SCENARIOS: &[Scenario] = &[
    scenario("0.3 Mbit/s after 5 s: target, share", |seed, viewer| converged(seed, viewer, 300_000), AtLeast(0.85), Fixed(100_000)),
    scenario("1 Mbit/s after 5 s: target, share", |seed, viewer| converged(seed, viewer, 1_000_000), AtLeast(0.85), Fixed(800_000)),
    scenario("3 Mbit/s after 5 s: target, share", |seed, viewer| converged(seed, viewer, 3_000_000), AtLeast(0.85), NO_PROBES),
    scenario("8 Mbit/s after 5 s: target, share", |seed, viewer| converged(seed, viewer, 8_000_000), AtLeast(0.85), NO_PROBES),
    scenario("good line: ms to 2.5 Mbit/s", start, AtMost(1000.0), NO_PROBES),
    scenario("0.3 Mbit/s, deep queue: ms until it is below 100 ms", slow_start, AtMost(2500.0), NO_DELAY),
    scenario("two viewers after 30 s: smaller of larger, share", fairness, AtLeast(0.8), NO_DELAY),
    scenario("drop 3 -> 0.5 Mbit/s: ms until the wait is below 100 ms", drop_drains, AtMost(2000.0), NO_DELAY),
    scenario("drop 3 -> 0.5 Mbit/s: use afterwards, share", drop_use, AtLeast(0.85), NO_DELAY),
    scenario("recovery 0.5 -> 3 Mbit/s: ms to 80 %", recovery, AtMost(10_000.0), NO_PROBES),
    scenario("10 % random loss: target, share", |seed, viewer| lossy(seed, viewer, Losses::Random(100)), AtLeast(0.7), Gcc),
    scenario("20 % random loss: target, share", |seed, viewer| lossy(seed, viewer, Losses::Random(200)), AtLeast(0.7), Gcc),
    scenario("10 % loss in bursts of 3: target, share", |seed, viewer| lossy(seed, viewer, Losses::Bursts(100, 3)), AtLeast(0.7), Gcc),
    scenario("policer of 1 Mbit/s: lost, share", policer_loss, AtMost(0.06), NO_LOSS),
    scenario("policer of 1 Mbit/s: use, share", policer_use, AtLeast(0.85), Fixed(800_000)),
    scenario("2 s deep queue: wait, p95, ms", deep_queue, AtMost(150.0), NO_DELAY),
    scenario("radio that sleeps to 80 ms: target, share", jitter_mean, AtLeast(0.8), Fixed(2_000_000)),
    scenario("radio that sleeps to 80 ms: lowest target, Mbit/s", jitter_lowest, AtLeast(1.5), NO_PROBES),
    scenario("wish 0.15 -> 2.5 Mbit/s: ms until reached", wish_jump, AtMost(3000.0), NO_PROBES),
    scenario("constant line: target, p10 of p90", steadiness, AtLeast(0.8), Gcc),
    scenario("constant line: wait, p95, ms", steady_wait, AtMost(60.0), NO_DELAY),
    scenario("others take 2 of 3 Mbit/s: use of the rest, share", cross_use, AtLeast(0.85), Fixed(800_000)),
    scenario("others take 2 of 3 Mbit/s: wait, p95, ms", cross_wait, AtMost(200.0), NO_DELAY),
    scenario("half of the reports are lost: use, share", reports_lost, AtLeast(0.85), Fixed(1_600_000)),
    scenario("reports every 250 ms, 150 ms away: use, share", far_away_use, AtLeast(0.8), Fixed(1_500_000)),
    scenario("reports every 250 ms, 150 ms away: wait, p95, ms", far_away_wait, AtMost(150.0), NO_DELAY),
    scenario("reports by stream: use, share", by_stream_use, AtLeast(0.85), Fixed(1_600_000)),
    scenario("reports by stream: wait, p95, ms", by_stream_wait, AtMost(100.0), NO_DELAY),
    scenario("little to send for a minute: target after, Mbit/s", idle, AtLeast(2.4), Fixed(1_000_000)),
];

impl Scenario {
    fn value(&self, seed: u64, twin: bool) -> f64 {
        let twin = if twin { &self.twin } else { &Twin::Without(Without::Nothing) };
        (self.measure)(
            seed,
            &match twin {
                Twin::Without(without) => Viewer { without: *without, ..Viewer::new(WISH) },
                Twin::Fixed(rate) => Viewer { brain: Brain::Fixed(*rate), ..Viewer::new(WISH) },
                Twin::Gcc => Viewer { brain: Brain::Gcc, ..Viewer::new(WISH) },
            },
        )
    }

    fn passes(&self, value: f64) -> bool {
        match self.bound {
            AtLeast(floor) => value >= floor,
            AtMost(ceiling) => value <= ceiling,
        }
    }

    /// The worst of several seeds.
    fn worst(&self, value: impl FnMut(u64) -> f64, seeds: u64) -> f64 {
        let values = (1..=seeds).map(value);
        match self.bound {
            AtLeast(_) => values.fold(f64::MAX, f64::min),
            AtMost(_) => values.fold(0.0, f64::max),
        }
    }
}

#[test]
fn every_scenario_meets_its_bound() {
    let mut failed = Vec::new();
    for scenario in SCENARIOS {
        for seed in 1..=SEEDS {
            let value = scenario.value(seed, false);
            if !scenario.passes(value) {
                failed.push(format!("{}: {value:.3} with seed {seed}", scenario.name));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_twin_fails() {
    for scenario in SCENARIOS {
        let value = scenario.value(1, true);
        assert!(!scenario.passes(value), "{}: the twin has {value:.3}", scenario.name);
    }
}

/// The same seed, the same run.
#[test]
fn runs_repeat() {
    let line = Line { losses: Losses::Random(50), sleep: 50, ..Line::of(1_000_000) };
    let targets = || alone(7, &line, &Viewer::new(WISH), 5).iter().map(|sample| sample.target).collect::<Vec<_>>();
    assert_eq!(targets(), targets());
}

/// All scenarios beside `rtc-interceptor`'s GCC.
#[test]
#[ignore = "prints a table for README.md"]
fn table() {
    println!("| worst of {SEEDS} seeds | bound | ours | twin | `rtc-interceptor` |\n|---|---|---|---|---|");
    for scenario in SCENARIOS {
        let ours = scenario.worst(|seed| scenario.value(seed, false), SEEDS);
        let twin = scenario.value(1, true);
        let gcc = Viewer { brain: Brain::Gcc, ..Viewer::new(WISH) };
        let gcc = scenario.worst(|seed| (scenario.measure)(seed, &gcc), SEEDS);
        let (AtLeast(bound) | AtMost(bound)) = scenario.bound;
        let digits = if bound > 20.0 { 0 } else { 2 };
        let failed = if scenario.passes(ours) { "" } else { " FAILED" };
        println!("| {} | {bound:.digits$} | {ours:.digits$}{failed} | {twin:.digits$} | {gcc:.digits$} |", scenario.name);
    }
}

fn alone(seed: u64, line: &Line, viewer: &Viewer, seconds: u64) -> Vec<Sample> {
    run(seed, line, std::slice::from_ref(viewer), seconds).remove(0)
}

fn converged(seed: u64, viewer: &Viewer, rate: u64) -> f64 {
    let samples = alone(seed, &Line::of(rate), viewer, 10);
    mean_target(span(&samples, 5000, 10_000)) / rate as f64
}

fn start(seed: u64, viewer: &Viewer) -> f64 {
    let viewer = Viewer { wishes: vec![(0, 2_500_000)], ..viewer.clone() };
    reaches(&alone(seed, &Line::of(10_000_000), &viewer, 10), 2.5e6) as f64
}

fn slow_start(seed: u64, viewer: &Viewer) -> f64 {
    let line = Line { queue: 1000, ..Line::of(300_000) };
    let samples = alone(seed, &line, viewer, 15);
    // Behind the first peak.
    300.0 + drained(span(&samples, 300, 15_000), 100.0) as f64
}

fn fairness(seed: u64, viewer: &Viewer) -> f64 {
    let late = Viewer { joins: 5000, ..viewer.clone() };
    let both = run(seed, &Line::of(3_000_000), &[viewer.clone(), late], 120);
    let rates: Vec<f64> = both.iter().map(|samples| arrived(span(samples, 35_000, 120_000))).collect();
    rates[0].min(rates[1]) / rates[0].max(rates[1])
}

fn dropping() -> Line {
    Line { rates: vec![(0, 3_000_000), (10_000, 500_000)], queue: 500, ..Line::of(0) }
}

fn drop_drains(seed: u64, viewer: &Viewer) -> f64 {
    let samples = alone(seed, &dropping(), viewer, 30);
    // The queue needs a moment to build up.
    300.0 + drained(span(&samples, 10_300, 30_000), 100.0) as f64
}

fn drop_use(seed: u64, viewer: &Viewer) -> f64 {
    let samples = alone(seed, &dropping(), viewer, 40);
    let late = span(&samples, 12_000, 40_000);
    let overfull = percentile(late, 90, |sample| sample.waits) > 250.0;
    if overfull { 0.0 } else { arrived(late) / 500e3 }
}

fn recovery(seed: u64, viewer: &Viewer) -> f64 {
    let line = Line { rates: vec![(0, 3_000_000), (10_000, 500_000), (25_000, 3_000_000)], queue: 500, ..Line::of(0) };
    let samples = alone(seed, &line, viewer, 60);
    reaches(span(&samples, 25_000, 60_000), 2.4e6) as f64
}

fn lossy(seed: u64, viewer: &Viewer, losses: Losses) -> f64 {
    let samples = alone(seed, &Line { losses, ..Line::of(3_000_000) }, viewer, 40);
    mean_target(span(&samples, 5000, 40_000)) / 3e6
}

fn policer(seed: u64, viewer: &Viewer) -> Vec<Sample> {
    alone(seed, &Line { queue: 0, ..Line::of(1_000_000) }, viewer, 40)
}

fn policer_loss(seed: u64, viewer: &Viewer) -> f64 {
    let samples = policer(seed, viewer);
    let (first, last) = (samples[500], samples[3999]);
    1.0 - (last.arrived - first.arrived) as f64 / (last.sent - first.sent) as f64
}

fn policer_use(seed: u64, viewer: &Viewer) -> f64 {
    arrived(span(&policer(seed, viewer), 5000, 40_000)) / 1e6
}

fn deep_queue(seed: u64, viewer: &Viewer) -> f64 {
    let samples = alone(seed, &Line { queue: 2000, ..Line::of(2_000_000) }, viewer, 60);
    percentile(span(&samples, 5000, 60_000), 95, |sample| sample.waits)
}

fn jitter(seed: u64, viewer: &Viewer) -> Vec<Sample> {
    let samples = alone(seed, &Line { sleep: 80, ..Line::of(3_000_000) }, viewer, 40);
    span(&samples, 5000, 40_000).to_vec()
}

fn jitter_mean(seed: u64, viewer: &Viewer) -> f64 {
    mean_target(&jitter(seed, viewer)) / 3e6
}

fn jitter_lowest(seed: u64, viewer: &Viewer) -> f64 {
    lowest_target(&jitter(seed, viewer)) / 1e6
}

fn wish_jump(seed: u64, viewer: &Viewer) -> f64 {
    let viewer = Viewer { wishes: vec![(0, 150_000), (10_000, 2_500_000)], ..viewer.clone() };
    let samples = alone(seed, &Line::of(8_000_000), &viewer, 20);
    reaches(span(&samples, 10_000, 20_000), 2.5e6) as f64
}

fn steady(seed: u64, viewer: &Viewer) -> Vec<Sample> {
    let samples = alone(seed, &Line::of(2_000_000), viewer, 60);
    span(&samples, 10_000, 60_000).to_vec()
}

fn steadiness(seed: u64, viewer: &Viewer) -> f64 {
    let samples = steady(seed, viewer);
    let target = |sample: &Sample| sample.target as f64;
    percentile(&samples, 10, target) / percentile(&samples, 90, target)
}

fn steady_wait(seed: u64, viewer: &Viewer) -> f64 {
    percentile(&steady(seed, viewer), 95, |sample| sample.waits)
}

fn cross(seed: u64, viewer: &Viewer) -> Vec<Sample> {
    let line = Line { cross: Some((10_000, 40_000, 2_000_000)), ..Line::of(3_000_000) };
    let samples = alone(seed, &line, viewer, 40);
    span(&samples, 12_000, 40_000).to_vec()
}

fn cross_use(seed: u64, viewer: &Viewer) -> f64 {
    arrived(&cross(seed, viewer)) / 1e6
}

fn cross_wait(seed: u64, viewer: &Viewer) -> f64 {
    percentile(&cross(seed, viewer), 95, |sample| sample.waits)
}

fn reports_lost(seed: u64, viewer: &Viewer) -> f64 {
    let samples = alone(seed, &Line { reports_lost: 50, ..Line::of(2_000_000) }, viewer, 40);
    arrived(span(&samples, 5000, 40_000)) / 2e6
}

fn far_away(seed: u64, viewer: &Viewer) -> Vec<Sample> {
    let line = Line { delay: 150, report: 250, ..Line::of(2_000_000) };
    let samples = alone(seed, &line, viewer, 60);
    span(&samples, 6000, 60_000).to_vec()
}

fn far_away_use(seed: u64, viewer: &Viewer) -> f64 {
    arrived(&far_away(seed, viewer)) / 2e6
}

fn far_away_wait(seed: u64, viewer: &Viewer) -> f64 {
    percentile(&far_away(seed, viewer), 95, |sample| sample.waits)
}

fn by_stream(seed: u64, viewer: &Viewer) -> Vec<Sample> {
    let viewer = Viewer { by_stream: true, ..viewer.clone() };
    let samples = alone(seed, &Line::of(2_000_000), &viewer, 40);
    span(&samples, 5000, 40_000).to_vec()
}

fn by_stream_use(seed: u64, viewer: &Viewer) -> f64 {
    arrived(&by_stream(seed, viewer)) / 2e6
}

fn by_stream_wait(seed: u64, viewer: &Viewer) -> f64 {
    percentile(&by_stream(seed, viewer), 95, |sample| sample.waits)
}

/// Wishes for much, then for little for a minute: what was known of the line is kept.
fn idle(seed: u64, viewer: &Viewer) -> f64 {
    let viewer = Viewer { wishes: vec![(0, 3_000_000), (10_000, 100_000)], ..viewer.clone() };
    let samples = alone(seed, &Line::of(5_000_000), &viewer, 70);
    lowest_target(span(&samples, 10_000, 70_000)) / 1e6
}
