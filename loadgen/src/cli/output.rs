//! What a run leaves behind: `summary.json` in a folder, and a table on the terminal.

use std::path::{Path, PathBuf};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use loadgen::summary::{Distribution, Summary, Verdict};

/// Where runs lie that were given no folder.
const FOLDER: &str = "loadgen-runs";

/// The folder of a run.
pub(super) fn folder(summary: &Summary) -> PathBuf {
    Path::new(FOLDER).join(format!("{}-{}", summary.scenario.name, summary.started))
}

/// Writes everything.
pub(super) fn write(folder: &Path, summary: &Summary) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}; name another folder with --out", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let text = serde_json::to_string_pretty(summary).map_err(|error| error.to_string())?;
    std::fs::write(folder.join("summary.json"), text + "\n").map_err(failed)
}

/// The verdict, thresholds, and figures that have none.
pub(super) fn table(summary: &Summary) -> String {
    let mut figures = rows(&["", "count", "p50", "p95", "p99", "p99.9", "max", "ms"]);
    let mut add = |name: String, values: &Distribution| {
        if values.count > 0 {
            let ms = |value: f64| format!("{:.2}", value / 1e3);
            let points = [values.p50, values.p95, values.p99, values.p999, values.max].map(ms);
            figures.add_row([name, values.count.to_string()].into_iter().chain(points));
        }
    };
    summary.media.iter().for_each(|(kind, media)| add(format!("{kind}: one-way latency"), &media.latency));
    summary.media.iter().for_each(|(kind, media)| add(format!("{kind}: gaps"), &media.gaps));
    summary.joins.iter().for_each(|(name, times)| add(name.replace('_', " "), times));
    summary.control.iter().for_each(|(name, times)| add(format!("command: {name}"), times));
    add("generator: lateness".to_owned(), &summary.generator.send_lateness);
    let mut thresholds = rows(&["threshold", "measured", ""]);
    for threshold in &summary.thresholds {
        thresholds.add_row([
            threshold.text.clone(),
            format!("{:.3}", threshold.measured),
            if threshold.met { "holds" } else { "MISSED" }.to_owned(),
        ]);
    }
    format!("{figures}\n{}{}{thresholds}\n{}\n", losses(summary), costs(summary), words(summary))
}

fn rows(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(header.iter().take(7));
    (1..7).filter_map(|column| table.column_mut(column).map(|column| column.set_cell_alignment(CellAlignment::Right))).count();
    table
}

fn losses(summary: &Summary) -> String {
    let share = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
    let line = |(kind, media): (&String, &loadgen::summary::Media)| {
        let layers: Vec<String> = media.layers.iter().map(|(layer, bits)| format!("{layer} {:.1} Mbit/s", *bits as f64 * 1e-6)).collect();
        format!(
            "{kind}: {} packets, lost {:.3} %, recovered {:.3} %, twice {}, overtaken {}, {} freezes of {:.1} s; {}\n",
            media.expected,
            share(media.lost, media.expected),
            share(media.recovered, media.expected),
            media.duplicates,
            media.reordered,
            media.freezes,
            media.frozen_seconds,
            layers.join(", ")
        )
    };
    summary.media.iter().map(line).collect()
}

fn costs(summary: &Summary) -> String {
    let (generator, clients) = (&summary.generator, &summary.clients);
    let rate = |packets: u64| packets as f64 / summary.seconds.max(1e-9);
    let server = summary.server.as_ref().map_or_else(
        || "not watched (give --pid on its machine)".to_owned(),
        |server| {
            let each = server.cpu_seconds * 1e6 / server.forwarded.max(1) as f64;
            let cores = server.cpu_seconds / summary.seconds.max(1e-9);
            format!(
                "{cores:.2} cores, {each:.2} µs a packet forwarded, {} MB (idle {} MB)",
                server.memory_peak >> 20,
                server.memory_idle >> 20
            )
        },
    );
    format!(
        "people: {} joined, {} failed of {}, {} at once in {} meetings\ngenerator: {:.0} packets/s sent, {:.0} received, {:.2} µs each, busiest thread {:.0} %, {} datagrams lost by itself\nserver: {server}\n",
        clients.joined,
        clients.failed,
        clients.planned,
        clients.peak,
        summary.meetings_peak,
        rate(generator.packets_sent),
        rate(generator.packets_received),
        generator.cpu_per_packet,
        generator.busiest_thread * 100.0,
        generator.socket_drops
    )
}

fn words(summary: &Summary) -> String {
    let missed = summary.thresholds.iter().filter(|threshold| !threshold.met).count();
    match summary.verdict {
        Verdict::Pass => format!("PASS: all {} thresholds hold", summary.thresholds.len()),
        Verdict::Missed if summary.clients.joined == 0 => "MISSED: nobody got in".to_owned(),
        Verdict::Missed => format!("MISSED: {missed} of {} thresholds", summary.thresholds.len()),
        Verdict::Invalid => format!("INVALID: {}", summary.generator.invalid.as_deref().unwrap_or_default()),
        Verdict::Interrupted => format!("INTERRUPTED after {:.0} s of measuring", summary.seconds),
    }
}
