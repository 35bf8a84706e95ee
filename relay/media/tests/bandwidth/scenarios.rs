//! The scenarios: a line, what is measured on it, and what it must come to.

use crate::call::{Brain, Sample, Viewer, Without, run};
use crate::line::{Line, Losses};
use crate::measure::{arrived, drained, lowest_target, mean_target, percentile, reaches, span};

const WISH: u64 = 10_000_000;

/// A figure, in a unit of its own, for a viewer like this one. The larger the better, or the smaller.
struct Scenario {
    name: &'static str,
    measure: fn(u64, &Viewer) -> f64,
    floor: f64,
    larger: bool,
    /// What the twin lacks.
    without: Without,
}

const SCENARIOS: &[Scenario] = &[
    at_least("target after 5 s on 0.3 Mbit/s, share", |seed, viewer| converged(seed, viewer, 300_000), 0.85, Without::Probes),
    at_least("target after 5 s on 1 Mbit/s, share", |seed, viewer| converged(seed, viewer, 1_000_000), 0.85, Without::Probes),
    at_least("target after 5 s on 3 Mbit/s, share", |seed, viewer| converged(seed, viewer, 3_000_000), 0.85, Without::Probes),
    at_least("target after 5 s on 8 Mbit/s, share", |seed, viewer| converged(seed, viewer, 8_000_000), 0.85, Without::Probes),
    at_most("ms to 2.5 Mbit/s on a good line", start, 1000.0, Without::Probes),
    at_most("start on 0.3 Mbit/s: ms until the queue is below 100 ms", slow_start, 2500.0, Without::Delay),
    at_least("two viewers, smaller share of the larger after 30 s", fairness, 0.8, Without::Delay),
    at_most("drop 3 -> 0.5 Mbit/s: ms until the queue is below 100 ms", drop_drains, 2000.0, Without::Delay),
    at_least("drop 3 -> 0.5 Mbit/s: use afterwards, share", drop_use, 0.85, Without::Delay),
    at_most("recovery 0.5 -> 3 Mbit/s: ms to 80 %", recovery, 10_000.0, Without::Probes),
    at_least("10 % random loss: target, share", |seed, viewer| lossy(seed, viewer, Losses::Random(100)), 0.7, Without::Nothing),
    at_least("20 % random loss: target, share", |seed, viewer| lossy(seed, viewer, Losses::Random(200)), 0.7, Without::Nothing),
    at_least("10 % loss in bursts of 3: target, share", |seed, viewer| lossy(seed, viewer, Losses::Bursts(100, 3)), 0.7, Without::Nothing),
    at_most("policer of 1 Mbit/s: lost, share", policer_loss, 0.06, Without::Loss),
    at_least("policer of 1 Mbit/s: use, share", policer_use, 0.8, Without::Nothing),
    at_most("2 s deep queue: wait, p95, ms", deep_queue, 150.0, Without::Delay),
    at_least("radio that sleeps to 80 ms: target, share", jitter_mean, 0.7, Without::Nothing),
    at_least("radio that sleeps to 80 ms: lowest target, Mbit/s", jitter_lowest, 1.0, Without::Nothing),
    at_most("wish 0.15 -> 2.5 Mbit/s on 8 Mbit/s: ms until reached", wish_jump, 3000.0, Without::Probes),
    at_least("constant line: target p10 of p90", steadiness, 0.75, Without::Nothing),
    at_most("constant line: wait, p95, ms", steady_wait, 100.0, Without::Delay),
    at_least("others take 2 of 3 Mbit/s: use of the rest, share", cross_use, 0.7, Without::Nothing),
    at_most("others take 2 of 3 Mbit/s: wait, p95, ms", cross_wait, 200.0, Without::Delay),
    at_least("half of the reports are lost: use, share", reports_lost, 0.8, Without::Nothing),
];

const fn at_least(name: &'static str, measure: fn(u64, &Viewer) -> f64, floor: f64, without: Without) -> Scenario {
    Scenario { name, measure, floor, larger: true, without }
}

const fn at_most(name: &'static str, measure: fn(u64, &Viewer) -> f64, floor: f64, without: Without) -> Scenario {
    Scenario { name, measure, floor, larger: false, without }
}

fn alone(seed: u64, line: &Line, viewer: &Viewer, seconds: u64) -> Vec<Sample> {
    run(seed, line, std::slice::from_ref(viewer), seconds).remove(0)
}

fn converged(seed: u64, viewer: &Viewer, rate: u64) -> f64 {
    let samples = alone(seed, &Line::of(rate), viewer, 7);
    mean_target(span(&samples, 5000, 7000)) / rate as f64
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
    let both = run(seed, &Line::of(3_000_000), &[viewer.clone(), late], 60);
    let rates: Vec<f64> = both.iter().map(|samples| arrived(span(samples, 35_000, 60_000))).collect();
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

/// All scenarios beside `rtc-interceptor`'s GCC, and the worst of five seeds.
#[test]
fn table() {
    println!("{:60} {:>8} {:>8} {:>8} {:>8}", "", "floor", "ours", "twin", "gcc");
    for scenario in SCENARIOS {
        let worst = |viewer: &Viewer| {
            let values = (1..=3).map(|seed| (scenario.measure)(seed, viewer));
            if scenario.larger { values.fold(f64::MAX, f64::min) } else { values.fold(0.0, f64::max) }
        };
        let ours = worst(&Viewer::new(WISH));
        let twin = worst(&Viewer { without: scenario.without, ..Viewer::new(WISH) });
        let gcc = worst(&Viewer { brain: Brain::Gcc, ..Viewer::new(WISH) });
        let passes = if scenario.larger { ours >= scenario.floor } else { ours <= scenario.floor };
        let mark = if passes { "" } else { "  <<<" };
        println!("{:60} {:8.2} {ours:8.2} {twin:8.2} {gcc:8.2}{mark}", scenario.name, scenario.floor);
    }
}

/// One scenario by number, for looking at.
#[test]
#[ignore = "for looking at"]
fn one() {
    let nth: usize = std::env::var("NTH").unwrap().parse().unwrap();
    println!("{} {}", SCENARIOS[nth].name, (SCENARIOS[nth].measure)(std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap()), &Viewer::new(WISH)));
}
