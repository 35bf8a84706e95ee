//! Servers side by side on a terminal.

use super::column::{Column, Estimate, columns};
use super::{SideBySide, Slot};
use crate::report::page::Language;

/// Widest table, columns.
const WIDTH: u16 = 160;
const ENGLISH: Language = Language::English;

/// A row: what it is called in both languages, and a server's cell.
pub(super) struct Row {
    pub(super) english: &'static str,
    pub(super) danish: &'static str,
    pub(super) cell: fn(&Column, Language) -> String,
}

/// What stands in the table, here and on the page.
pub(super) const ROWS: [Row; 19] = [
    Row {
        english: "slots that count / set aside",
        danish: "perioder der tæller / lagt til side",
        cell: |column, _| format!("{} / {}", column.slots.0, column.slots.1),
    },
    Row {
        english: "core time a forwarded packet, µs",
        danish: "kernetid pr. videresendt pakke, µs",
        cell: |column, language| written(language, &column.cpu_per_packet, 1.0),
    },
    Row {
        english: "the same against the floor",
        danish: "samme i forhold til gulvet",
        cell: |column, language| column.against_floor.map_or_else(|| "1".to_owned(), |ratio| written(language, &ratio, 1.0)),
    },
    Row {
        english: "added latency, median, µs",
        danish: "tilføjet forsinkelse, median, µs",
        cell: |column, language| written(language, &column.added[0], 1.0),
    },
    Row {
        english: "added latency, P99, µs",
        danish: "tilføjet forsinkelse, P99, µs",
        cell: |column, language| written(language, &column.added[1], 1.0),
    },
    Row {
        english: "added latency, P99.9, µs",
        danish: "tilføjet forsinkelse, P99,9, µs",
        cell: |column, language| written(language, &column.added[2], 1.0),
    },
    Row {
        english: "added latency of sound, median, µs",
        danish: "tilføjet forsinkelse af lyd, median, µs",
        cell: |column, language| written(language, &column.sound[0], 1.0),
    },
    Row {
        english: "added latency of sound, P99, µs",
        danish: "tilføjet forsinkelse af lyd, P99, µs",
        cell: |column, language| written(language, &column.sound[1], 1.0),
    },
    Row {
        english: "P99 moved by 100 joins a second, µs",
        danish: "P99 flyttet af 100 tilslutninger i sekundet, µs",
        cell: |column, language| written(language, &column.moved[0], 1.0),
    },
    Row {
        english: "the same of sound, µs",
        danish: "det samme for lyd, µs",
        cell: |column, language| written(language, &column.moved[1], 1.0),
    },
    Row {
        english: "the machine at its own speed, % of the time",
        danish: "maskinen ved sin egen fart, % af tiden",
        cell: |column, language| written(language, &column.calm, 100.0),
    },
    Row {
        english: "one-way latency, median, µs",
        danish: "envejsforsinkelse, median, µs",
        cell: |column, language| written(language, &column.latency[0], 1.0),
    },
    Row {
        english: "one-way latency, P99, µs",
        danish: "envejsforsinkelse, P99, µs",
        cell: |column, language| written(language, &column.latency[1], 1.0),
    },
    Row {
        english: "lost, of a million packets",
        danish: "tabt, af en million pakker",
        cell: |column, language| written(language, &column.loss, 1e6),
    },
    Row {
        english: "memory a participant, KiB",
        danish: "hukommelse pr. deltager, KiB",
        cell: |column, language| written(language, &column.memory, 1.0 / 1_024.0),
    },
    Row {
        english: "processor time a join, µs",
        danish: "processortid pr. tilslutning, µs",
        cell: |column, language| written(language, &column.cpu_per_join, 1.0),
    },
    Row {
        english: "joins a second and core",
        danish: "tilslutninger pr. sekund og kerne",
        cell: |column, language| written(language, &column.joins_per_second(), 1.0),
    },
    Row {
        english: "first whole picture while all join, P95, ms",
        danish: "første hele billede mens alle kommer, P95, ms",
        cell: |column, language| written(language, &column.first_picture, 1e-3),
    },
    Row {
        english: "media protected by",
        danish: "medier beskyttet med",
        cell: |column, _| {
            let names: Vec<&str> = column.srtp.iter().map(|name| name.trim_start_matches("SRTP_")).collect();
            if names.is_empty() { "–".to_owned() } else { names.join(", ") }
        },
    },
];

/// The table, and what was set aside and why.
#[must_use]
pub fn table(sides: &SideBySide) -> String {
    let columns = columns(sides);
    let header: Vec<&str> = std::iter::once("").chain(columns.iter().map(|column| column.server.as_str())).collect();
    let mut table = crate::report::columns(&header, 1..header.len(), WIDTH);
    for row in &ROWS {
        table.add_row(std::iter::once(row.english.to_owned()).chain(columns.iter().map(|column| (row.cell)(column, ENGLISH))));
    }
    let aside: String = sides.slots.iter().filter_map(aside).collect();
    format!(
        "{}\n\n{table}\n\nIn brackets: 95 % of what chance does to the mean, by slots drawn again. Added: less the round trip of the echo beside it. Latencies are of the time in which the machine ran at its own speed.\n{aside}",
        sides.load
    )
}

fn aside(slot: &Slot) -> Option<String> {
    let (what, why) = match (&slot.set_aside, &slot.figures) {
        (Some(why), _) => ("set aside", why),
        (None, Some(figures)) => ("without joins beside media", figures.without_joins.as_ref()?),
        (None, None) => return None,
    };
    Some(format!("{what}: {} in round {}: {why}\n", slot.server, slot.round))
}

/// Mean and interval, or a dash.
pub(super) fn written(language: Language, estimate: &Estimate, scale: f64) -> String {
    let Estimate { mean, interval: (low, high) } = *estimate;
    if !mean.is_finite() {
        return "–".to_owned();
    }
    let short = |value: f64| language.short(value * scale);
    format!("{} ({}–{})", short(mean), short(low), short(high))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sides, slot};
    use super::*;

    #[test]
    fn the_table_names_every_server_and_what_was_set_aside() {
        let mut slots = vec![slot("relay", 1, 3.0, 40.0), slot("floor", 1, 2.0, 40.0), slot("floor", 2, 2.0, 40.0)];
        slots[2].set_aside = Some(super::super::Aside::Failed("the machine slept".to_owned()));
        let figures = slots[1].figures.as_mut().expect("figures");
        (figures.with_joins, figures.without_joins) = (None, Some(super::super::Aside::Failed("out of breath".to_owned())));
        let sides = sides(slots);
        let text = table(&sides);
        let moved = format!("P99 moved by {} joins a second, µs", sides.load.passers_per_second());
        for expected in
            ["relay", "floor", "1 / 1", "1.50 (1.50–1.50)", "set aside: floor in round 2: the machine slept", "2,000 (2,000–2,000)"]
        {
            assert!(text.contains(expected), "{expected}:\n{text}");
        }
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}:\n{text}"));
        assert!(line(&moved).contains("70.0 (70.0–70.0)") && line(&moved).contains('–'));
        assert!(line("at its own speed, %").contains("90.0 (90.0–90.0)"));
        assert!(line("sound, P99").contains("120 (120–120)"));
        assert!(line("protected by").contains("AEAD_AES_256_GCM"));
        assert!(line("without joins beside media: floor in round 1").ends_with("out of breath"));
    }
}
