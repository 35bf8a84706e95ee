//! The search against simulated servers: noise, disturbances, a generator that gives up first.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::dice;

/// A server whose limits lie at these loads, each measured with noise.
struct Simulated {
    limits: Vec<(Limit, f64)>,
    /// Standard deviation of where a limit lies in one run, against the load.
    noise: f64,
    /// Share of runs that something else on the machine spoils.
    disturbed: f64,
    random: ChaCha8Rng,
}

impl Simulated {
    fn new(seed: u64, limits: &[(Limit, f64)], noise: f64) -> Self {
        Self { limits: limits.to_vec(), noise, disturbed: 0.0, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    fn measure(&mut self, load: u64) -> Measurement {
        let spoilt = dice::unit(&mut self.random) < self.disturbed;
        let mut broken = if spoilt { vec![Limit::Latency] } else { Vec::new() };
        for (limit, at) in self.limits.clone() {
            let now = at * (1.0 + self.noise * dice::normal(&mut self.random));
            broken.extend((load as f64 > now).then_some(limit));
        }
        if broken.contains(&Limit::Generator) {
            broken = vec![Limit::Generator];
        }
        broken.sort_unstable();
        broken.dedup();
        Measurement { load, broken }
    }

    fn search(mut self, search: Search) -> (Outcome, Vec<Measurement>) {
        let (mut ramp, mut load) = Ramp::new(search);
        loop {
            match ramp.handle(self.measure(load)) {
                Next::Try(next) => load = next,
                Next::Done(outcome) => return (outcome, ramp.seen().to_vec()),
            }
        }
    }
}

#[test]
fn a_noisy_knee_is_found_within_seven_percent_and_named() {
    let mut worst: f64 = 0.0;
    for seed in 0..300 {
        let knee = 40.0 * 1.013f64.powi(seed);
        let limits = [(Limit::Latency, knee), (Limit::Loss, knee * 1.15), (Limit::Generator, knee * 4.0)];
        let (outcome, seen) = Simulated::new(seed as u64, &limits, 0.015).search(Search::default());
        let Outcome::Knee { load, estimate, broke_at, first, .. } = outcome else { panic!("seed {seed}: {outcome:?}") };
        let error = (estimate as f64 / knee - 1.0).abs();
        worst = worst.max(error);
        assert!(error <= 0.07, "seed {seed}: {estimate} against {knee:.0}");
        assert!((load as f64) < knee * 1.03, "seed {seed}: {load} is counted on, {knee:.0} is there");
        assert!(first == Limit::Latency && broke_at > load, "seed {seed}: {first:?} at {broke_at}");
        assert!(seen.len() < 60, "seed {seed}: {} runs", seen.len());
    }
    assert!(worst > 0.01, "noise was there: {worst}");
}

#[test]
fn what_breaks_first_is_told_from_what_breaks_next() {
    let limits = [(Limit::Memory, 500.0), (Limit::Joins, 560.0), (Limit::Cpu, 5000.0)];
    let (outcome, _) = Simulated::new(1, &limits, 0.0).search(Search::default());
    let Outcome::Knee { load, first, also, .. } = outcome else { panic!("{outcome:?}") };
    assert!((475..=500).contains(&load), "{load}");
    assert_eq!((first, also), (Limit::Memory, vec![Limit::Joins]));
}

#[test]
fn a_generator_that_gives_up_first_is_invalid_never_a_knee() {
    for seed in 0..50 {
        let limits = [(Limit::Generator, 800.0), (Limit::Latency, 1100.0)];
        let (outcome, _) = Simulated::new(seed, &limits, 0.01).search(Search::default());
        assert!(matches!(outcome, Outcome::Invalid { carried: 700..=830, .. }), "seed {seed}: {outcome:?}");
    }
    // The twin: the same generator against a server that breaks below it gives the server's knee.
    let limits = [(Limit::Generator, 800.0), (Limit::Latency, 600.0)];
    let (outcome, _) = Simulated::new(1, &limits, 0.01).search(Search::default());
    assert!(matches!(outcome, Outcome::Knee { load: 560..=620, first: Limit::Latency, .. }), "{outcome:?}");
}

#[test]
fn a_disturbance_now_and_then_does_not_move_the_knee() {
    let mut near = 0;
    for seed in 0..100 {
        let mut server = Simulated::new(seed, &[(Limit::Cpu, 1000.0)], 0.01);
        server.disturbed = 0.05;
        let (outcome, _) = server.search(Search::default());
        near += usize::from(matches!(outcome, Outcome::Knee { load: 930..=1070, .. }));
    }
    assert!(near >= 90, "{near} of 100");
}

#[test]
fn the_ends_of_the_search_are_told_as_such() {
    let (outcome, _) = Simulated::new(1, &[(Limit::Loss, 5.0)], 0.0).search(Search::default());
    assert_eq!(outcome, Outcome::TooMuch { load: 10, first: Limit::Loss });
    let (outcome, seen) = Simulated::new(1, &[], 0.0).search(Search { limit: 500, ..Search::default() });
    assert_eq!(outcome, Outcome::Unbroken { load: 500 });
    assert_eq!(seen.iter().map(|measurement| measurement.load).collect::<Vec<_>>(), [10, 20, 40, 80, 160, 320, 500, 500, 500, 500]);
    let (outcome, _) = Simulated::new(1, &[(Limit::Generator, 3.0)], 0.0).search(Search { start: 0, ..Search::default() });
    assert!(matches!(outcome, Outcome::Invalid { carried: 3, .. }), "{outcome:?}");
}

#[test]
fn a_server_without_any_steady_load_ends_the_search() {
    let mut server = Simulated::new(3, &[], 0.0);
    server.disturbed = 0.5;
    let (_, seen) = server.search(Search { limit: u64::MAX, ..Search::default() });
    assert!(seen.len() <= MOST_STEPS);
}

#[test]
fn thresholds_are_sorted_by_what_they_are_about() {
    let rows = [
        ("e2e_p99<=20ms", Limit::Latency),
        ("loss<=0.1%", Limit::Loss),
        ("join_p99<=1s", Limit::Joins),
        ("server_cpu<=0.5", Limit::Cpu),
        ("memory<=1GiB", Limit::Memory),
        ("freezes<=3", Limit::Loss),
    ];
    for (text, limit) in rows {
        assert_eq!(limit_of(text), limit, "{text}");
    }
    let mut run = super::super::calibration::tests::run(&[(1.0, 1.0, 1.0, 0.0, 0.1); 10]);
    run.thresholds = vec![crate::summary::Threshold { text: "loss<=0.1%".to_owned(), measured: 1.0, met: false }];
    assert_eq!(Measurement::of(7, &run), Measurement { load: 7, broken: vec![Limit::Loss] });
    run.generator.invalid = Some("late".to_owned());
    assert_eq!(Measurement::of(7, &run).broken, [Limit::Generator]);
}
