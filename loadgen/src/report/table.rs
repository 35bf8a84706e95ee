//! A run and a comparison on a terminal: the verdict in words, then thresholds and figures.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};

use super::compare::{Comparison, Judged, Unit};
use super::page::Language;
use super::words::{independent_rows, left_out, measured, mebibytes, megabits, millis, name, percent, verdict};
use crate::summary::{Distribution, JOIN_TIMES, Summary};

/// Widest table, columns.
const WIDTH: u16 = 110;
const ENGLISH: Language = Language::English;

/// The verdict and the figures of a run.
#[must_use]
pub fn table(summary: &Summary) -> String {
    let (word, sentence) = verdict(summary, ENGLISH);
    let mut text = format!("{word}: {sentence}\n");
    if let Some(why) = &summary.generator.invalid {
        text.push_str(&format!("{why}\n"));
    }
    let tables = [thresholds(summary), media(summary), waits(summary), independent(summary), used(summary)];
    for table in tables.into_iter().filter(|table| !table.is_empty()) {
        text.push_str(&format!("\n{table}\n"));
    }
    text
}

/// A comparison: each figure of both runs, and what may be said of the difference.
#[must_use]
pub fn comparison_table(comparison: &Comparison) -> String {
    let mut table = new(&["metric", "A", "B", "difference", "99.8 % interval", ""], 1..5);
    for row in &comparison.rows {
        let points = row.unit == Unit::Share;
        let change =
            |value: f64| if points { format!("{} pp", signed(value * 100.0)) } else { format!("{}\u{a0}%", signed(value * 100.0)) };
        table.add_row([
            row.metric.clone(),
            written(row.a, row.unit),
            written(row.b, row.unit),
            row.difference.map_or_else(|| "-".to_owned(), change),
            row.interval.map_or_else(|| "-".to_owned(), |(low, high)| format!("{} to {}", change(low), change(high))),
            if row.interval.is_none() { "not judged" } else { word(row.judged) }.to_owned(),
        ]);
    }
    let verdict = match comparison.judged {
        Judged::Worse => format!("B is WORSE than A: {}.", named(comparison, Judged::Worse)),
        Judged::Better => format!("B is BETTER than A: {}, and nothing is worse.", named(comparison, Judged::Better)),
        Judged::Unclear => "UNCLEAR: no difference between A and B is beyond chance.".to_owned(),
    };
    let notes: String = comparison.notes.iter().map(|note| format!("  {note}\n")).collect();
    format!("{verdict}\n\n{table}\n\n{notes}")
}

fn word(judged: Judged) -> &'static str {
    match judged {
        Judged::Better => "better",
        Judged::Worse => "WORSE",
        Judged::Unclear => "unclear",
    }
}

fn named(comparison: &Comparison, judged: Judged) -> String {
    let names: Vec<&str> = comparison.rows.iter().filter(|row| row.judged == judged).map(|row| row.metric.as_str()).collect();
    names.join("; ")
}

fn written(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Time => format!("{} ms", millis(value, ENGLISH)),
        Unit::Cost => format!("{} \u{b5}s", ENGLISH.short(value)),
        Unit::Share => percent(value, ENGLISH),
        Unit::Memory => format!("{} MiB", mebibytes(value, ENGLISH)),
        Unit::Rate => format!("{}/s", ENGLISH.number(value, 0)),
        Unit::Count => ENGLISH.number(value, 0),
    }
}

fn signed(value: f64) -> String {
    format!("{}{}", if value > 0.0 { "+" } else { "" }, ENGLISH.number(value, if value.abs() < 1.0 { 2 } else { 1 }))
}

fn thresholds(summary: &Summary) -> Table {
    let mut table = new(&["threshold", "measured", ""], 1..2);
    for threshold in &summary.thresholds {
        let held = if threshold.met { "holds" } else { "MISSED" };
        table.add_row([threshold.text.clone(), measured(threshold, ENGLISH), held.to_owned()]);
    }
    table
}

fn media(summary: &Summary) -> Table {
    let header = ["media", "packets", "lost", "resent", "median ms", "P99 ms", "P99.9 ms", "max ms", "freezes", "Mbit/s"];
    let mut table = new(&header, 1..10);
    for (kind, media) in summary.media.iter().filter(|(_, media)| media.expected > 0) {
        let latency = &media.latency;
        let bits: u64 = media.layers.values().sum();
        table.add_row([
            name(kind, ENGLISH).to_lowercase(),
            count(media.expected),
            percent(media.lost as f64 / media.expected as f64, ENGLISH),
            count(media.recovered),
            millis(latency.p50, ENGLISH),
            millis(latency.p99, ENGLISH),
            millis(latency.p999, ENGLISH),
            millis(latency.max, ENGLISH),
            count(media.freezes),
            megabits(bits as f64, ENGLISH),
        ]);
    }
    table
}

/// Joins in their order, then commands.
fn waits(summary: &Summary) -> Table {
    let mut table = new(&["how long it took", "times", "median ms", "P95 ms", "P99 ms", "max ms"], 1..6);
    let joins = JOIN_TIMES.iter().filter_map(|name| Some((*name, summary.joins.get(*name)?)));
    let control = summary.control.iter().map(|(name, times)| (name.as_str(), times));
    for (key, times) in joins.chain(control).filter(|(_, times)| times.count > 0) {
        let Distribution { count: times_seen, p50, p95, p99, max, .. } = *times;
        let [p50, p95, p99, max] = [p50, p95, p99, max].map(|micros| millis(micros, ENGLISH));
        table.add_row([name(key, ENGLISH).to_lowercase(), count(times_seen), p50, p95, p99, max]);
    }
    table
}

/// What independent clients found.
fn independent(summary: &Summary) -> Table {
    let mut table = new(&["independent clients", ""], 1..1);
    for (what, value) in summary.independent.iter().flat_map(|found| independent_rows(found, ENGLISH)) {
        table.add_row([what.to_lowercase(), value]);
    }
    table
}

/// What server and generator used.
fn used(summary: &Summary) -> Table {
    let mut table = new(&["", ""], 1..1);
    let clients = summary.clients;
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row(
        "clients",
        format!(
            "{} of {} joined, {} failed, {} at once",
            count(clients.joined),
            count(clients.planned),
            count(clients.failed),
            count(clients.peak)
        ),
    );
    match &summary.server {
        Some(server) => {
            let cores = server.cpu_seconds / summary.seconds.max(1e-9);
            let packet = server.core_seconds.unwrap_or(server.cpu_seconds) * 1e6 / server.forwarded.max(1) as f64;
            row(
                "server",
                format!(
                    "{} cores, {} \u{b5}s a packet, {} MiB at the peak",
                    ENGLISH.short(cores),
                    ENGLISH.short(packet),
                    mebibytes(server.memory_peak as f64, ENGLISH)
                ),
            );
        }
        None => row("server", "not watched: name it with --pid, or its metrics with --metrics".to_owned()),
    }
    let generator = &summary.generator;
    row(
        "generator",
        format!(
            "packets left {} ms late at P99, busiest thread {}, {} datagrams lost, {} \u{b5}s a packet",
            millis(generator.send_lateness.p99, ENGLISH),
            percent(generator.busiest_thread, ENGLISH),
            count(generator.socket_drops),
            ENGLISH.short(generator.cpu_per_packet)
        ),
    );
    if let Some(share) = generator.calm_share {
        row("machine", calm(summary, share));
    }
    row(
        "scenario",
        format!(
            "{}, seed {}, {} s, against {} ({}{})",
            summary.scenario.name,
            summary.scenario.seed,
            ENGLISH.short(summary.seconds),
            summary.target.url,
            summary.target.kind,
            summary.target.version.as_ref().map_or_else(String::new, |version| format!(", {version}"))
        ),
    );
    if !summary.left_out.is_empty() {
        row("left out", format!("{}: this server knows nothing of them", left_out(summary)));
    }
    table
}

/// For how long the machine was itself, and what was late in that time.
fn calm(summary: &Summary, share: f64) -> String {
    let of = |times: &Distribution| format!("{} / {} ms", millis(times.p50, ENGLISH), millis(times.p99, ENGLISH));
    let media = summary
        .media
        .iter()
        .filter_map(|(kind, media)| Some(format!("{} {}", name(kind, ENGLISH).to_lowercase(), of(media.calm.as_ref()?))));
    let sent = summary.generator.calm_lateness.iter().map(|times| format!("packets left {} late", of(times)));
    let then: Vec<String> = media.chain(sent).collect();
    let then = if then.is_empty() { String::new() } else { format!("; then median / P99: {}", then.join(", ")) };
    format!("at its own speed {} of the time{then}", percent(share, ENGLISH))
}

fn count(value: u64) -> String {
    ENGLISH.number(value as f64, 0)
}

/// A table with a line under its header only; these columns are numbers. A header without names is left out.
pub(crate) fn columns(header: &[&str], right: std::ops::Range<usize>, width: u16) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    if header.iter().any(|name| !name.is_empty()) {
        table.set_header(header.iter().map(|name| (*name).to_owned()));
    }
    for column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn new(header: &[&str], right: std::ops::Range<usize>) -> Table {
    columns(header, right, WIDTH)
}
