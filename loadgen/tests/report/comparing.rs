//! Comparisons of runs whose difference is known.

use loadgen::report::{self, CompareError, Comparison, Judged};
use loadgen::summary::{Summary, Verdict};

use super::synthetic::{Truth, USUAL, run};
use super::{folder, loadgen};

fn judged(a: &Truth, b: &Truth) -> Comparison {
    report::compare(&run(a), &run(b)).expect("comparable")
}

fn of<'a>(comparison: &'a Comparison, metric: &str) -> &'a report::Row {
    comparison.rows.iter().find(|row| row.metric == metric).unwrap_or_else(|| panic!("{metric}: {:?}", comparison.rows))
}

#[test]
fn runs_of_the_same_thing_are_unclear() {
    let pairs = 20;
    let alarms: Vec<String> = (0..pairs)
        .map(|pair| judged(&Truth { seed: 100 + pair, ..USUAL }, &Truth { seed: 200 + pair, ..USUAL }))
        .filter(|comparison| comparison.judged != Judged::Unclear)
        .map(|comparison| report::comparison_table(&comparison))
        .collect();
    eprintln!("{} of {pairs} pairs judged", alarms.len());
    // A run has about twenty rows, together wrong in one of twenty-five; what is too small to matter is no alarm either.
    assert!(alarms.len() <= 2, "{} of {pairs}: {}", alarms.len(), alarms.join("\n"));
}

#[test]
fn a_server_that_is_a_fifth_slower_is_worse_and_the_other_way_round_better() {
    let slow = Truth { seed: 2, slower: 1.2, ..USUAL };
    let worse = judged(&USUAL, &slow);
    assert_eq!(worse.judged, Judged::Worse, "{}", report::comparison_table(&worse));
    for metric in ["latency, median", "latency, P99"] {
        let row = of(&worse, metric);
        assert_eq!(row.judged, Judged::Worse, "{row:?}");
        let (low, high) = row.interval.expect("drawn");
        assert!(low < 0.2 && 0.2 < high && high - low < 0.4, "the truth is in a usable interval: {row:?}");
    }
    assert_eq!(of(&worse, "offer to answer, median").judged, Judged::Worse);
    assert_eq!(of(&worse, "server's processor per packet").judged, Judged::Unclear, "its price is the same");
    // Both runs had the same ramp: that is no chance.
    let (low, high) = of(&worse, "packets received").interval.expect("drawn");
    assert!(high - low < 0.05, "{low} to {high}");
    let better = judged(&slow, &USUAL);
    assert_eq!(better.judged, Judged::Better, "{}", report::comparison_table(&better));
    assert!(report::comparison_table(&better).starts_with("B is BETTER than A: latency, median"));
}

#[test]
fn loss_and_price_are_found_where_they_are() {
    let lossy = judged(&USUAL, &Truth { seed: 3, loss: 0.004, ..USUAL });
    assert_eq!(of(&lossy, "loss").judged, Judged::Worse);
    assert_eq!(of(&lossy, "latency, median").judged, Judged::Unclear);
    let dear = judged(&USUAL, &Truth { seed: 4, price: 4.4, ..USUAL });
    let row = of(&dear, "server's processor per packet");
    assert_eq!(row.judged, Judged::Worse);
    assert!((row.difference.expect("A is not zero") - 0.1).abs() < 0.03, "{row:?}");
    assert_eq!(of(&dear, "loss").judged, Judged::Unclear);
}

#[test]
fn runs_that_kept_no_histograms_by_second_are_compared_by_means_and_say_so() {
    let (mut a, mut b) = (run(&USUAL), run(&Truth { seed: 5, slower: 1.2, ..USUAL }));
    a.latencies.clear();
    b.latencies.clear();
    let comparison = report::compare(&a, &b).expect("comparable");
    assert_eq!(of(&comparison, "latency, mean of the seconds' medians").judged, Judged::Worse);
    assert!(comparison.rows.iter().all(|row| row.metric != "latency, P99"));
    assert!(comparison.notes.iter().any(|note| note.contains("kept no latency by second")), "{:?}", comparison.notes);
}

#[test]
fn there_is_no_verdict_where_it_would_mislead() {
    let a = run(&USUAL);
    let refused = |change: fn(&mut Summary)| {
        let mut b = run(&USUAL);
        change(&mut b);
        report::compare(&a, &b).expect_err("refused")
    };
    assert!(matches!(refused(|b| b.machine.cpu.push_str(" 9")), CompareError::Machines(..)));
    assert!(matches!(refused(|b| b.machine.cores = 4), CompareError::Machines(..)));
    assert!(matches!(refused(|b| b.machine.kernel.push('1')), CompareError::Machines(..)));
    let other = refused(|b| b.scenario.profile = b.scenario.profile.replace("50", "60"));
    assert_eq!(other, CompareError::Scenarios("visits: meetings = 50 against meetings = 60".to_owned()));
    assert!(matches!(refused(|b| b.scenario.name = "lecture".to_owned()), CompareError::Scenarios(_)));
    let invalid = refused(|b| (b.verdict, b.generator.invalid) = (Verdict::Invalid, Some("late".to_owned())));
    assert_eq!(invalid, CompareError::Invalid { run: "B", why: "late".to_owned() });
    assert_eq!(refused(|b| b.verdict = Verdict::Interrupted), CompareError::Interrupted("B"));
    let short = refused(|b| {
        b.series.truncate(11);
        b.latencies.truncate(11);
    });
    assert_eq!(short, CompareError::TooShort("B"));
    // The twin: machines whose memory differs by a boot's worth, and another seed, are the same.
    let mut b = run(&Truth { seed: 6, ..USUAL });
    b.machine.memory -= 1 << 20;
    let comparison = report::compare(&a, &b).expect("comparable");
    assert!(comparison.notes.contains(&"Seed: 1 in A, 6 in B.".to_owned()), "{:?}", comparison.notes);
}

#[test]
fn scripts_tell_the_outcomes_apart() {
    let write = |name: &str, summary: &Summary| {
        let folder = folder(name);
        report::write(&folder, summary).expect("written");
        folder.to_str().expect("a plain name").to_owned()
    };
    let usual = write("usual", &run(&USUAL));
    let slow = write("slow", &run(&Truth { seed: 7, slower: 1.2, ..USUAL }));
    let mut elsewhere = run(&USUAL);
    elsewhere.machine.cores = 64;
    let elsewhere = write("elsewhere", &elsewhere);
    let mut late = run(&USUAL);
    late.verdict = Verdict::Invalid;
    let late = write("late", &late);
    for (a, b, code) in [(&usual, &usual, 0), (&usual, &slow, 99), (&slow, &usual, 0), (&usual, &late, 98), (&usual, &elsewhere, 2)] {
        let output = loadgen(&["compare", a, b]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let json: serde_json::Value = serde_json::from_slice(&loadgen(&["compare", &usual, &slow, "--json", "-"]).stdout).expect("only JSON");
    assert_eq!(json["judged"], "worse");
    assert_eq!(json["rows"][0]["unit"], "time");
}
