//! Calibration against runs whose prices are known, with noise, ramps, and traps.

use super::super::media::Load;
use super::*;
use crate::summary::{Clients, Generator, Machine, Scenario, Second, Target, Verdict};

/// A run of seconds: received, sent, people, joins, cores.
pub(in super::super) fn run(seconds: &[(f64, f64, f64, f64, f64)]) -> Summary {
    let series: Vec<Second> = seconds
        .iter()
        .zip(0u32..)
        .map(|((received, sent, clients, joins, cores), at)| Second {
            at,
            clients: *clients as u64,
            joins: *joins as u64,
            sent: *sent as u64,
            received: *received as u64,
            server_cpu: *cores,
            ..Second::default()
        })
        .collect();
    let sum = |of: fn(&Second) -> u64| series.iter().map(of).sum::<u64>();
    let peak = series.iter().map(|second| second.clients).max().unwrap_or_default();
    Summary {
        schema: SCHEMA,
        generator_version: "test".to_owned(),
        started: 0,
        seconds: series.len() as f64,
        target: Target { kind: "relay".to_owned(), url: "http://localhost".to_owned(), version: None },
        machine: Machine { cpu: "test".to_owned(), cores: 2, memory: 1 << 34, kernel: "test".to_owned() },
        scenario: Scenario { name: "visits".to_owned(), seed: 1, profile: String::new() },
        generator: Generator {
            threads: 1,
            busiest_thread: 0.3,
            packets_sent: sum(|second| second.sent),
            packets_received: sum(|second| second.received),
            cpu_per_packet: 5.0,
            ..Generator::default()
        },
        clients: Clients { planned: peak, joined: peak, failed: 0, peak },
        meetings_peak: 1,
        media: Default::default(),
        joins: Default::default(),
        control: Default::default(),
        server: Some(Server {
            cpu_seconds: seconds.iter().map(|second| second.4).sum(),
            core_seconds: None,
            memory_peak: 200 << 20,
            memory_idle: 100 << 20,
            forwarded: sum(|second| second.received),
        }),
        series,
        thresholds: Vec::new(),
        verdict: Verdict::Pass,
        command: None,
        latencies: Vec::new(),
        left_out: std::collections::BTreeMap::new(),
        independent: None,
    }
}

const TRUE: Prices = Prices { packet: 2.5, client: 600.0, join: 900.0, idle: 0.03 };

/// Seconds whose cores follow [`TRUE`] with 3 % of noise; `load` gives packets a person, people and joins at each second.
fn seconds(seed: u64, count: usize, load: impl Fn(usize) -> (f64, f64, f64)) -> Vec<(f64, f64, f64, f64, f64)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|at| {
            let (each, people, joins) = load(at);
            let flow = Load { people, packets_in: people * each * 0.8, packets_out: people * each, ..Load::default() };
            let cores = TRUE.cores(&flow, joins, 0.5) * (1.0 + 0.03 * dice::normal(&mut random));
            (flow.packets_out, flow.packets_in, people, joins, cores)
        })
        .collect()
}

fn near(what: &str, found: f64, wanted: f64, within: f64) {
    assert!((found / wanted - 1.0).abs() <= within, "{what}: {found} against {wanted}");
}

#[test]
fn several_runs_of_different_mixes_give_all_prices_back() {
    // Sound only, visits, and a lecture: packets of a person differ; each ramps up with joins, then stands.
    let runs: Vec<Summary> = [(60.0, 400.0, 1), (250.0, 150.0, 2), (900.0, 60.0, 3)]
        .into_iter()
        .map(|(each, most, seed)| {
            run(&seconds(seed, 120, |at| {
                let joins = if (20..60).contains(&at) { most / 40.0 } else { 0.0 };
                (each, (most / 40.0 * (at as f64 - 20.0)).clamp(0.0, most), joins)
            }))
        })
        .collect();
    let costs = calibrate(&Profile::default(), &runs).expect("believable");
    near("packet", costs.prices.packet, TRUE.packet, 0.05);
    near("client", costs.prices.client, TRUE.client, 0.15);
    near("idle", costs.prices.idle, TRUE.idle, 0.3);
    let Origin::Measured { runs, residual, .. } = &costs.origin else { panic!("measured") };
    assert!(*runs == 3 && *residual < 0.04, "{:?}", costs.origin);
    near("memory", costs.client_kib.value, (100.0 * 1024.0 / 400.0 + 100.0 * 1024.0 / 150.0 + 100.0 * 1024.0 / 60.0) / 3.0, 0.01);
}

/// A mix far from the one that was run, where what matters is the price that the run shows least of.
#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    const ROUNDS: u64 = 200;
    let load = Load { people: 1000.0, packets_in: 48_000.0, packets_out: 60_000.0, ..Load::default() };
    let (profile, truth) = (Profile::default(), TRUE.cores(&load, 5.0, 0.5));
    let (mut held, mut held_by_residual) = (0, 0);
    for seed in 0..ROUNDS {
        let ramp = run(&seconds(seed, 150, |at| (250.0 + (at % 37) as f64 * 3.0, 40.0 + at as f64, 1.0)));
        let costs = calibrate(&profile, &[ramp]).expect("believable");
        let cores = |costs: &Costs| costs.cores(|prices| prices.cores(&load, 5.0, 0.5));
        let interval = cores(&costs);
        assert!(interval.high < 2.0 * interval.value, "seed {seed}: an interval that says nothing: {interval:?}");
        held += u64::from((interval.low..=interval.high).contains(&truth));
        // The twin: what the fit missed says nothing of how well it tells prices apart.
        let narrow = cores(&Costs { draws: vec![costs.prices], ..costs });
        held_by_residual += u64::from((narrow.low..=narrow.high).contains(&truth));
    }
    assert!(held >= ROUNDS * 85 / 100, "{held} of {ROUNDS}, 90 of 100 are promised");
    assert!(held_by_residual < ROUNDS * 75 / 100, "{held_by_residual} of {ROUNDS} without resampling");
}

#[test]
fn one_steady_mix_cannot_tell_people_from_packets_and_says_so() {
    let steady = run(&seconds(4, 120, |at| (250.0, 50.0 + at as f64, 0.0)));
    let costs = calibrate(&Profile::default(), &[steady]).expect("believable");
    let Origin::Measured { notes, .. } = &costs.origin else { panic!("measured") };
    assert!(notes.contains(&Note::ThisMixOnly), "{notes:?}");
    assert_eq!(costs.prices.client, 0.0);
    // For the same mix the sum is right all the same.
    let load = Load { people: 400.0, packets_in: 80_000.0, packets_out: 100_000.0, ..Load::default() };
    near("cores", costs.prices.cores(&load, 0.0, 0.5), TRUE.cores(&load, 0.0, 0.5), 0.05);
}

#[test]
fn whole_core_time_counts_where_it_is_known() {
    let mut run = run(&seconds(5, 120, |at| (100.0 + (at % 29) as f64 * 10.0, 50.0 + at as f64, 0.0)));
    let alone = calibrate(&Profile::default(), std::slice::from_ref(&run)).expect("believable");
    let server = run.server.as_mut().expect("watched");
    server.core_seconds = Some(server.cpu_seconds * 1.5);
    let whole = calibrate(&Profile::default(), &[run]).expect("believable");
    near("softirq", whole.prices.packet, alone.prices.packet * 1.5, 1e-6);
}

#[test]
fn few_seconds_fit_the_packet_alone_and_stay_wide() {
    let mut short = run(&seconds(6, 20, |_| (250.0, 100.0, 0.0)));
    let profile = Profile { client_us: 600.0, join_us: 900.0, idle_cores: 0.03, ..Profile::default() };
    for watched in [true, false] {
        if !watched {
            short.series.iter_mut().for_each(|second| second.server_cpu = 0.0);
        }
        let costs = calibrate(&profile, std::slice::from_ref(&short)).expect("believable");
        near("packet", costs.prices.packet, TRUE.packet, if watched { 0.05 } else { 0.1 });
        assert_eq!(costs.prices.client, 600.0, "as assumed");
        let cores = costs.cores(|prices| prices.packet);
        assert!(cores.high > cores.value * 1.25);
    }
}

#[test]
fn runs_that_prove_nothing_are_refused() {
    let good = || run(&seconds(7, 60, |_| (250.0, 100.0, 0.0)));
    let refused = |change: fn(&mut Summary)| {
        let mut run = good();
        change(&mut run);
        calibrate(&Profile::default(), &[good(), run]).expect_err("refused")
    };
    assert_eq!(refused(|run| run.generator.invalid = Some("saturated".to_owned())), Uncalibrated::Invalid("saturated".to_owned()));
    assert_eq!(refused(|run| run.server = None), Uncalibrated::NoServer);
    assert_eq!(refused(|run| run.schema = 2), Uncalibrated::Schema(2));
    assert_eq!(calibrate(&Profile::default(), &[]), Err(Uncalibrated::NoRuns));
    let idle = run(&[(0.0, 0.0, 0.0, 0.0, 0.01); 60]);
    assert_eq!(calibrate(&Profile::default(), &[idle]), Err(Uncalibrated::Nothing));
}
