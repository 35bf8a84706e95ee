//! Reports as their readers meet them: files that other tools read, a page that is whole, tables that fit, and comparisons that know
//! chance from change. The runs are synthetic, so that the truth is known.

mod comparing;
mod markup;
mod synthetic;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogHistogram, IntervalLogIterator, LogEntry};
use loadgen::report::{self, ReportError};
use loadgen::summary::{Clients, Distribution, Independent, IndependentMedia, Summary, Threshold, Verdict};
use proptest::prelude::*;

use markup::Markup;
use synthetic::{USUAL, run};

/// A folder of this test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn loadgen(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen")).args(args).output().expect("it starts")
}

fn page(name: &str, summary: &Summary) -> String {
    let paths = report::write(&folder(name), summary).expect("written");
    std::fs::read_to_string(paths.page).expect("it is there")
}

#[test]
fn a_run_comes_back_as_it_was_written() {
    let summary = run(&USUAL);
    let folder = folder("round-trip");
    let paths = report::write(&folder, &summary).expect("written");
    let json = |summary: &Summary| serde_json::to_value(summary).expect("plain values");
    for from in [&folder, &paths.summary] {
        same("", &json(&report::read(from).expect("read")), &json(&summary));
    }
}

/// Equal, but for the last bit of a number that went through decimals.
fn same(at: &str, a: &serde_json::Value, b: &serde_json::Value) {
    use serde_json::Value;
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{at}");
            a.iter().for_each(|(key, value)| same(&format!("{at}.{key}"), value, &b[key]));
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{at}");
            a.iter().zip(b).for_each(|(a, b)| same(at, a, b));
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().expect("a float"), b.as_f64().expect("a float"));
            assert!((a - b).abs() <= a.abs() * 1e-15, "{at}: {a} {b}");
        }
        _ => assert_eq!(a, b, "{at}"),
    }
}

#[test]
fn the_table_of_seconds_has_every_second_and_every_packet() {
    let summary = run(&USUAL);
    let paths = report::write(&folder("csv"), &summary).expect("written");
    let text = std::fs::read_to_string(paths.seconds).expect("it is there");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 61);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{text}");
    let column = |name: &str| {
        let at = rows[0].iter().position(|header| *header == name).expect("the column is there");
        rows[1..].iter().map(|row| row[at].parse::<f64>().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(column("packets_received").iter().sum::<f64>(), summary.generator.packets_received as f64);
    assert_eq!(column("latency_p99_us")[7], summary.series[7].p99);
    assert_eq!(column("generator_cores")[30], 0.38);
}

fn decoded(entry: &IntervalLogHistogram<'_>) -> Histogram<u64> {
    let bytes = BASE64_STANDARD.decode(entry.encoded_histogram()).expect("base64");
    Deserializer::new().deserialize(&mut bytes.as_slice()).expect("a histogram")
}

#[test]
fn the_log_merges_to_what_the_run_says_with_tools_of_its_format() {
    let mut summary = run(&USUAL);
    for kept in [60, 1] {
        let paths = report::write(&folder("log"), &summary).expect("written");
        let text = std::fs::read(paths.latency).expect("it is there");
        assert!(text.starts_with(b"#[Histogram log format version 1.3]\n"));
        let entries: Vec<_> = IntervalLogIterator::new(&text).map(|entry| entry.expect("well formed")).collect();
        assert!(entries.iter().any(|entry| matches!(entry, LogEntry::BaseTime(at) if at.as_secs() == summary.started)));
        let intervals = entries.iter().filter_map(|entry| if let LogEntry::Interval(interval) = entry { Some(interval) } else { None });
        let (tagged, plain): (Vec<_>, Vec<_>) = intervals.partition(|interval| interval.tag().is_some());
        let tags: BTreeSet<&str> = tagged.iter().filter_map(|interval| interval.tag()).map(|tag| tag.as_str()).collect();
        for tag in ["audio", "audio.calm", "screen", "join.offer_to_answer", "control.mute", "send_lateness"] {
            assert!(tags.contains(tag), "{tags:?}");
        }
        assert_eq!(plain.len(), kept, "without histograms by second there is one for the whole run");
        let mut all = decoded(plain[0]);
        plain[1..].iter().for_each(|interval| all.add(decoded(interval)).expect("same bounds"));
        assert_eq!(all.len(), summary.media.values().map(|media| media.latency.count).sum::<u64>());
        summary.latencies.clear();
    }
}

#[test]
fn what_is_no_run_of_this_version_is_refused_with_a_way_out() {
    let folder = folder("refused");
    assert!(matches!(report::read(&folder), Err(ReportError::File { .. })));
    let paths = report::write(&folder, &run(&USUAL)).expect("written");
    let text = std::fs::read_to_string(&paths.summary).expect("it is there");
    std::fs::write(&paths.summary, text.replace("\"schema\": 1,", "\"schema\": 2, \"colour\": 3,")).expect("written");
    let refused = report::read(&folder).expect_err("another version");
    assert!(matches!(refused, ReportError::OtherVersion { found: 2, .. }) && refused.to_string().contains("run again"), "{refused}");
    let output = loadgen(&["report", folder.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("version 2"));
    for wrong in ["", "{}", "{\"schema\": 1}", "[]"] {
        std::fs::write(&paths.summary, wrong).expect("written");
        assert!(matches!(report::read(&folder), Err(ReportError::NotASummary { .. })), "{wrong}");
    }
    let mut broken = run(&USUAL);
    broken.media.get_mut("audio").expect("there").latency.hdr = "bm8gaGlzdG9ncmFt".to_owned();
    let refused = report::write(&folder, &broken).expect_err("no histogram");
    assert!(refused.to_string().contains("audio"), "{refused}");
    assert!(report::read(&folder).is_ok(), "the summary is kept in any case");
}

#[test]
fn a_lost_page_is_made_again_from_the_summary() {
    let folder = folder("again");
    let paths = report::write(&folder, &run(&USUAL)).expect("written");
    let before = std::fs::read(&paths.page).expect("it is there");
    for lost in [&paths.page, &paths.seconds, &paths.latency] {
        std::fs::remove_file(lost).expect("removed");
    }
    let output = loadgen(&["report", folder.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("PASS: both thresholds hold."));
    assert_eq!(std::fs::read(&paths.page).expect("it is back"), before);
    assert!(paths.seconds.exists() && paths.latency.exists());
}

#[test]
fn every_picture_has_its_table_and_every_reference_its_target() {
    let html = page("whole", &run(&USUAL));
    let markup = Markup::read(&html);
    assert_eq!(markup.count("figure"), 18, "nine pictures in two languages");
    assert_eq!(markup.count("svg"), 18);
    for figure in html.split("<figure").skip(1) {
        let rest = figure.split("<figure").next().expect("itself");
        let table = rest.split_once("<details>").and_then(|(_, rest)| rest.split_once("</details>")).expect("a table follows").0;
        assert!(table.contains("<caption>") && table.matches("<tr>").count() >= 4, "{table:.200}");
    }
    let ids: Vec<&str> = markup.all("id").collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    let links = markup.all("href").map(|href| href.strip_prefix('#').expect("within the page"));
    for id in markup.all("aria-labelledby").flat_map(|names| names.split(' ')).chain(links) {
        assert!(unique.contains(id), "{id}");
    }
    assert_eq!(markup.count("h1"), 2, "one in each language");
    assert_eq!(markup.count("main"), 2);
    let outside = html.replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1:7880", "");
    for fetch in ["http:", "https:", " src=", "url(", "@import", "<link"] {
        assert!(!outside.contains(fetch), "{fetch}");
    }
}

#[test]
fn what_is_late_while_the_machine_is_not_itself_is_told_apart() {
    let summary = run(&USUAL);
    assert!(
        report::table(&summary).contains("at its own speed 86.0\u{a0}% of the time; then median / P99: sound"),
        "{}",
        report::table(&summary)
    );
    let html = page("calm", &summary);
    for words in ["ound, while the machine was calm", "yd, mens maskinen var i ro", "Maskinen kørte med sin egen fart, andel af tiden"] {
        assert!(html.contains(words), "{words}");
    }
}

#[test]
fn the_verdict_comes_first_in_words_in_both_languages_and_on_the_terminal() {
    let mut summary = run(&USUAL);
    let first = |name: &str, summary: &Summary, english: &str, danish: &str| {
        let html = page(name, summary);
        for (language, words) in [("en", english), ("da", danish)] {
            let main = html.split_once(&format!("<main id=\"main-{language}\"")).expect("it is there").1;
            let before = main.split_once("<svg").expect("pictures follow").0;
            let said = before.replace("<strong>", "").replace("</strong>", "");
            assert!(said.contains(words), "{words}: {said:.400}");
        }
        assert!(report::table(summary).starts_with(english), "{}", report::table(summary));
    };
    first("pass", &summary, "PASS: both thresholds hold.", "BESTÅET: begge tærskler holder.");
    summary.thresholds[1].met = false;
    summary.verdict = Verdict::Missed;
    first("missed", &summary, "MISSED: 1 of 2 thresholds does not hold.", "IKKE BESTÅET: 1 af 2 tærskler holder ikke.");
    summary.verdict = Verdict::Interrupted;
    first("stopped", &summary, "INTERRUPTED: somebody stopped the run", "AFBRUDT: nogen standsede kørslen");
    summary.verdict = Verdict::Invalid;
    summary.generator.invalid = Some("packets left 4 ms late at P99".to_owned());
    first("invalid", &summary, "INVALID: the generator itself was the bottleneck", "UGYLDIG: belastningen selv var flaskehalsen");
    assert!(report::table(&summary).contains("packets left 4 ms late at P99"));
    summary.generator.lateness_limit = Some(50_000.0);
    assert!(page("limit", &summary).contains("beyond the line, 50 ms,"));
}

#[test]
fn text_of_a_run_never_becomes_markup() {
    let mut summary = run(&USUAL);
    let hostile = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&";
    summary.scenario.profile = hostile.to_owned();
    summary.scenario.name = hostile.to_owned();
    summary.target.url = hostile.to_owned();
    summary.target.version = Some(hostile.to_owned());
    summary.machine.cpu = hostile.to_owned();
    summary.command = Some(hostile.to_owned());
    summary.generator.invalid = Some(hostile.to_owned());
    summary.thresholds[0].text = hostile.to_owned();
    let audio = summary.media.remove("audio").expect("there");
    summary.media.insert(hostile.to_owned(), audio);
    summary.media.get_mut("video").expect("there").layers.insert(hostile.to_owned(), 1_000_000);
    summary.control.insert(hostile.to_owned(), summary.control["mute"].clone());
    let html = page("hostile", &summary);
    assert_eq!(Markup::read(&html).count("script"), 1, "the page's own");
    assert_eq!(Markup::read(&html).count("img"), 0);
    assert!(html.contains("script-src 'sha256-") && !html.contains("script-src 'unsafe-inline'"));
}

#[test]
fn a_run_in_which_nothing_was_seen_says_so() {
    let mut summary = run(&USUAL);
    summary.server = None;
    summary.series.clear();
    summary.latencies.clear();
    summary.media.clear();
    summary.joins.clear();
    summary.control.clear();
    let html = page("nothing", &summary);
    Markup::read(&html);
    for said in ["No media came.", "Der kom ingen medier.", "Nobody joined.", "--pid"] {
        assert!(html.contains(said), "{said}");
    }
    assert!(report::table(&summary).contains("--pid"));
}

#[test]
fn a_long_run_stays_readable() {
    let mut summary = run(&USUAL);
    let second = summary.series[59];
    summary.latencies.clear();
    summary.series = (0..86_400).map(|at| loadgen::summary::Second { at, ..second }).collect();
    // One bad second in a day must be seen.
    summary.series[40_000].max = 7_654_321.0;
    let html = page("long", &summary);
    assert!(html.len() < 1_000_000, "{}", html.len());
    assert!(html.contains("<td>7,654</td>") && html.contains("Each point is 720 seconds"));
}

fn figure() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..1.0, 0.0..1e4, 0.0..1e9]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_table_fits_a_terminal_and_names_every_threshold(
        times in prop::array::uniform6(figure()),
        counts in prop::array::uniform4(0u64..1 << 40),
        texts in prop::collection::vec("[a-z_0-9]{1,20}(<=|<|>=)[0-9]{1,4}(ms|%|)", 0..6),
    ) {
        let mut summary = run(&synthetic::Truth { seconds: 1, ..USUAL });
        let [min, p50, p95, p99, p999, max] = times;
        let any = Distribution { count: counts[0], min, mean: p50, p50, p95, p99, p999, max, hdr: String::new() };
        summary.media.values_mut().for_each(|media| {
            media.latency = any.clone();
            (media.expected, media.lost, media.recovered, media.freezes) = (counts[0], counts[1], counts[2], counts[3]);
        });
        summary.joins.values_mut().chain(summary.control.values_mut()).for_each(|times| *times = any.clone());
        summary.generator.send_lateness = any;
        summary.thresholds = texts.iter().map(|text| Threshold { text: text.clone(), measured: p99, met: false }).collect();
        let text = report::table(&summary);
        for threshold in &texts {
            prop_assert!(text.contains(threshold.as_str()), "{threshold}: {text}");
        }
        for line in text.lines() {
            prop_assert!(line.chars().count() <= 110, "{line}");
        }
    }
}

#[test]
fn what_independent_clients_found_stands_in_both_languages_and_only_where_some_came() {
    let mut summary = run(&USUAL);
    let folder = folder("independent");
    let page = |summary: &Summary| {
        let paths = report::write(&folder, summary).expect("written");
        (std::fs::read_to_string(paths.page).expect("it is there"), report::table(summary))
    };
    let (html, table) = page(&summary);
    assert!(!html.contains("Independent client") && !html.contains("webrtc-rs") && !table.contains("independent"));
    let media = IndependentMedia { expected: 2_000, lost: 5, pictures: 1_200, incomplete: 3, freezes: 2, frozen_seconds: 0.6 };
    summary.independent = Some(Independent {
        clients: Clients { planned: 3, joined: 2, failed: 1, peak: 0 },
        joins: [("offer_to_first_frame".to_owned(), summary.joins["offer_to_first_frame"].clone())].into(),
        media: [("audio".to_owned(), IndependentMedia::default()), ("video".to_owned(), media)].into(),
        sent: 900,
        sources: vec!["camera.ivf".to_owned(), "built-in".to_owned()],
        ..Independent::default()
    });
    let (html, table) = page(&summary);
    for words in ["Independent client", "Uafhængig klient", "2 / 3 (1)", "1,200 / 3", "1.200 / 3", "5 / 2,000", "camera.ivf, built-in"] {
        assert!(html.contains(words), "{words}");
    }
    assert!(table.contains("independent clients") && table.contains("5 / 2,000 (0.25"), "{table}");
    let read = report::read(&folder).expect("a summary");
    assert_eq!(read.independent.map(|found| found.media["video"]), Some(media));
}
