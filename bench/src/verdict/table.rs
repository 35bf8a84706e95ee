//! The verdict as text, for a terminal or a log.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use super::{Judgement, Row};

/// The table of budgets.
#[must_use]
pub fn figures(rows: &[Row]) -> String {
    let mut table = table(["bench", "budget", "now", "last", "change", "noise", "verdict"]);
    for row in rows {
        let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        table.add_row([
            row.bench.clone(),
            format!("{} {}", number(row.limit), row.unit),
            value(row.now),
            value(row.last),
            row.change.map_or_else(|| "-".to_owned(), |change| format!("{:+.1} %", change * 100.0)),
            row.noise.map_or_else(|| "?".to_owned(), |noise| format!("{:.1} %", noise * 100.0)),
            verdict(row),
        ]);
    }
    align(&mut table, 1..=5);
    table.to_string()
}

/// The table of the instruction gate: stage, count held on to, count now, verdict.
#[must_use]
pub fn counts(rows: &[(String, Option<f64>, f64, String)]) -> String {
    let mut table = table(["stage", "held", "now", "change", "verdict"]);
    for (stage, held, now, verdict) in rows {
        let change = held.map_or_else(|| "-".to_owned(), |held| format!("{:+.2} %", (now / held - 1.0) * 100.0));
        let held = held.map_or_else(|| "-".to_owned(), |held| format!("{held:.0}"));
        table.add_row([stage.clone(), held, format!("{now:.0}"), change, verdict.clone()]);
    }
    align(&mut table, 1..=3);
    table.to_string()
}

fn table<const COLUMNS: usize>(head: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(head);
    table
}

fn align(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn verdict(row: &Row) -> String {
    let judgement = match row.judgement {
        Judgement::Within => "within",
        Judgement::Unsure => "over, within noise: measure again",
        Judgement::Over => "OVER",
        Judgement::Missing => "NOT MEASURED",
    };
    let moved = match row.change {
        Some(change) if row.moved() && change > 0.0 => ", slower",
        Some(_) if row.moved() => ", faster",
        _ => "",
    };
    format!("{judgement}{moved}")
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_all_there_is() {
        let row = Row {
            bench: "call/ratio".to_owned(),
            unit: "x",
            limit: 1.5,
            now: Some(1.75),
            last: Some(1.4),
            change: Some(0.25),
            noise: Some(0.02),
            judgement: Judgement::Over,
        };
        let text = figures(&[row.clone(), Row { now: None, change: None, judgement: Judgement::Missing, ..row }]);
        for words in ["call/ratio", "1.50 x", "1.75", "1.40", "+25.0 %", "2.0 %", "OVER, slower", "NOT MEASURED"] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
    }
}
