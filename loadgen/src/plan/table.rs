//! A plan on a terminal: the figures, what a node carries, what matters most, and everything that was assumed.

use comfy_table::Table;

use super::costs::Origin;
use super::nodes::Resource;
use super::profile::ASSUMPTIONS;
use super::verification::Verification;
use super::words::scale;
use super::{Interval, Level, Plan};
use crate::report::columns;
use crate::report::page::Language;

/// Assumptions named under "what matters most".
const MATTER: usize = 8;
/// Widest table, columns; long reasons wrap.
const WIDTH: u16 = 130;
const ENGLISH: Language = Language::English;

/// The whole plan as text.
#[must_use]
pub fn table(plan: &Plan) -> String {
    let nodes = &plan.figures.nodes;
    let mut text = format!(
        "{} meetings a month: {} nodes, {} at work and {} spare; {} fills first.\n\n",
        ENGLISH.number(plan.profile.meetings_per_month, 0),
        nodes.total(),
        nodes.working,
        nodes.spares,
        ENGLISH.resource(nodes.binding).to_lowercase()
    );
    for part in [figures(plan), uses(plan), matters(plan), assumptions(plan)] {
        text.push_str(&part.to_string());
        text.push_str("\n\n");
    }
    text.push_str(&origin(plan));
    text
}

/// A verification as text.
#[must_use]
pub fn verification_table(verification: &Verification) -> String {
    let mut table = new(&["against the run", "predicted", "interval", "measured", "error", ""], 1..5);
    for row in &verification.rows {
        let write = |value: f64| ENGLISH.short(value / scale(row.what));
        table.add_row([
            ENGLISH.quantity(row.what).to_owned(),
            write(row.predicted.value),
            format!("{} to {}", write(row.predicted.low), write(row.predicted.high)),
            write(row.measured),
            signed_percent(row.error),
            if row.held { "held" } else { "MISSED" }.to_owned(),
        ]);
    }
    let verdict = if verification.held { "The model held" } else { "The model did not hold" };
    format!("{table}\n{verdict} at {} of the plan's meetings.\n", ENGLISH.percent(verification.scale))
}

fn figures(plan: &Plan) -> Table {
    let figures = &plan.figures;
    let quantile = ENGLISH.quantile(plan.profile.quantile);
    let mut table = new(&["busiest minute of a peak day", "mean", &quantile], 1..3);
    let whole = |level: Level| [ENGLISH.number(level.mean, 0), ENGLISH.number(level.high, 0)];
    let giga = |level: Level| [ENGLISH.number(level.mean / 1e9, 2), ENGLISH.number(level.high / 1e9, 2)];
    let mut add = |name: &str, [mean, high]: [String; 2]| {
        table.add_row([name.to_owned(), mean, high]);
    };
    add("meetings a day; on a peak day", [ENGLISH.number(figures.meetings_per_day, 0), ENGLISH.number(figures.meetings_on_peak_day, 0)]);
    add("meetings that begin in the busiest hour", [ENGLISH.number(figures.meetings_in_busy_hour, 0), String::new()]);
    add("concurrent meetings, mean of that hour", [ENGLISH.number(figures.concurrent_mean, 0), String::new()]);
    add("concurrent meetings if none came in bursts", whole(figures.concurrent_steady));
    add(&format!("concurrent meetings at {}", ENGLISH.clock(figures.busiest_minute)), whole(figures.concurrent));
    add("people", whole(figures.people));
    add("packets in/s", whole(figures.packets_in));
    add("packets out/s", whole(figures.packets_out));
    add("Gbit/s in", giga(figures.bits_in));
    add("Gbit/s out", giga(figures.bits_out));
    add("joins/s while appointments open", [ENGLISH.number(figures.joins.mean, 1), ENGLISH.number(figures.joins.high, 0)]);
    add("joins/s after a node is lost", [String::new(), ENGLISH.number(figures.joins_after_loss, 0)]);
    add("cores, all nodes", [String::new(), interval(figures.cores, 1.0)]);
    add("memory, all nodes, GiB", [String::new(), interval(figures.memory, 1024f64.powi(3))]);
    table
}

fn uses(plan: &Plan) -> Table {
    let mut table = new(&["each node", "may use", "usual", "spares lost", "full"], 1..5);
    for row in &plan.figures.nodes.uses {
        table.add_row([
            ENGLISH.resource(row.resource).to_lowercase(),
            row.limit.map_or_else(|| "-".to_owned(), |limit| ENGLISH.amount(row.resource, limit)),
            ENGLISH.amount(row.resource, row.usual),
            ENGLISH.amount(row.resource, row.degraded),
            row.share().map_or_else(String::new, |share| ENGLISH.percent(share)),
        ]);
    }
    table
}

fn matters(plan: &Plan) -> Table {
    let mut table = new(&["what matters most", "from", "to", "meetings", "cores", "nodes"], 1..6);
    for row in plan.figures.sensitivity.iter().take(MATTER) {
        let range = |low: String, high: String| if low == high { low } else { format!("{low} to {high}") };
        table.add_row([
            row.flag.to_owned(),
            ENGLISH.plain(row.low.value),
            ENGLISH.plain(row.high.value),
            range(ENGLISH.number(row.low.meetings, 0), ENGLISH.number(row.high.meetings, 0)),
            range(ENGLISH.amount(Resource::Cores, row.low.cores), ENGLISH.amount(Resource::Cores, row.high.cores)),
            range(row.low.nodes.to_string(), row.high.nodes.to_string()),
        ]);
    }
    table
}

fn assumptions(plan: &Plan) -> Table {
    let mut table = new(&["assumed (each is a flag)", "value", "unit", "likely", "why"], 1..2);
    for row in ASSUMPTIONS {
        let value = row.of(&plan.profile);
        let changed = if value == row.default { "" } else { " *" };
        let likely = if row.likely.0 == row.likely.1 { String::new() } else { format!("{} to {}", row.likely.0, row.likely.1) };
        table.add_row([
            format!("--{}", row.flag),
            format!("{}{changed}", ENGLISH.plain(value)),
            row.unit.to_owned(),
            likely,
            row.english.to_owned(),
        ]);
    }
    table
}

/// Where costs come from.
fn origin(plan: &Plan) -> String {
    let prices = &plan.costs.prices;
    let used = format!(
        "{} µs a packet, {} µs/s a person, {} µs a join, {} cores idle, {} KiB a person",
        ENGLISH.short(prices.packet),
        ENGLISH.short(prices.client),
        ENGLISH.short(prices.join),
        ENGLISH.short(prices.idle),
        ENGLISH.short(plan.costs.client_kib.value)
    );
    match &plan.costs.origin {
        Origin::Guess => format!("Costs are GUESSES ({used}): measure a run and give its summary with --calibrate.\n"),
        Origin::Measured { runs, blocks, residual, notes } => {
            let runs = ENGLISH.runs(*runs);
            let notes: String = notes.iter().map(|note| format!("  {}\n", ENGLISH.note(*note))).collect();
            format!("Costs are fitted to {runs}, {blocks} blocks of 5 s, which miss by {:.1} % ({used}).\n{notes}", residual * 100.0)
        }
    }
}

fn interval(interval: Interval, unit: f64) -> String {
    let write = |value: f64| ENGLISH.short(value / unit);
    format!("{} ({} to {})", write(interval.value), write(interval.low), write(interval.high))
}

/// `+3 %`.
fn signed_percent(share: f64) -> String {
    let sign = if share > 0.0 { "+" } else { "" };
    format!("{sign}{}\u{a0}%", ENGLISH.number(share * 100.0, 1))
}

fn new(header: &[&str], right: std::ops::Range<usize>) -> Table {
    columns(header, right, WIDTH)
}

#[cfg(test)]
mod tests {
    use super::super::{Costs, Profile};
    use super::*;

    #[test]
    fn the_table_answers_first_and_names_every_assumption_and_every_guess() {
        let profile = Profile { minutes: 20.0, ..Profile::default() };
        let text = table(&Plan::of(&profile, &Costs::guessed(&profile)).expect("it can be planned"));
        assert!(text.starts_with("91,970 meetings a month: "), "{text}");
        for row in ASSUMPTIONS {
            assert!(text.contains(&format!("--{} ", row.flag)), "{}", row.flag);
        }
        assert!(text.contains("GUESSES") && text.contains("20 *") && text.contains("P99.9"));
    }
}
