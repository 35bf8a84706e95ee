//! Servers side by side as one self-contained HTML page: pictures, their tables, and every slot.

use super::column::{Column, Estimate, columns};
use super::table::{ROWS, written};
use super::{SideBySide, Slot};
use crate::report::page::{self, Bar, Both, Caption, FIRST, Language, SECOND, Undrawn, escape, figure, rows_of_bars, section, table};

/// The page.
///
/// # Errors
/// [`Undrawn`] if the drawing library refuses a picture.
pub fn page(sides: &SideBySide) -> Result<String, Undrawn> {
    let title = Both { english: "Servers side by side", danish: "Servere side om side" };
    let skip = Both { english: "Skip to the comparison", danish: "Spring til sammenligningen" };
    let columns = columns(sides);
    page::page(title, skip, |language| {
        let mut html = format!("<p>{}</p>\n", escape(&sides.load.words(language)));
        html.push_str(&pictures(&columns, language)?);
        html.push_str(&figures(&columns, language));
        html.push_str(&slots(sides, language));
        html.push_str(&origin(sides, language));
        Ok(html)
    })
}

/// What a picture of bars shows.
struct Picture {
    id: &'static str,
    title: Both,
    words: Both,
    of: fn(&Column) -> Estimate,
}

const PICTURES: [Picture; 3] = [
    Picture {
        id: "cpu",
        title: Both { english: "Core time a forwarded packet, µs", danish: "Kernetid pr. videresendt pakke, µs" },
        words: Both {
            english: "Shorter is cheaper. The floor does what every server has to do: copy, seal, send. The thin bar: where chance may move the mean.",
            danish: "Kortere er billigere. Gulvet gør, hvad enhver server skal: kopiere, forsegle, sende. Den smalle bjælke: så langt kan tilfældet flytte middelværdien.",
        },
        of: |column| column.cpu_per_packet,
    },
    Picture {
        id: "added",
        title: Both { english: "Added latency, P99, µs", danish: "Tilføjet forsinkelse, P99, µs" },
        words: Both {
            english: "Shorter is sooner. How late 99 of 100 packets come at most, less the round trip of a bare echo, while the machine ran at its own speed.",
            danish: "Kortere er tidligere. Hvor sent 99 af 100 pakker højst kommer, fratrukket et rent ekkos rundtur, mens maskinen kørte med sin egen fart.",
        },
        of: |column| column.added[1],
    },
    Picture {
        id: "join",
        title: Both { english: "Processor time a join, µs", danish: "Processortid pr. tilslutning, µs" },
        words: Both {
            english: "Shorter is cheaper. Keys, offers and answers while everybody joins at once; the media's part is taken off.",
            danish: "Kortere er billigere. Nøgler, tilbud og svar, mens alle kommer på én gang; mediernes del er trukket fra.",
        },
        of: |column| column.cpu_per_join,
    },
];

fn pictures(columns: &[Column], language: Language) -> Result<String, Undrawn> {
    let mut html = String::new();
    for picture in &PICTURES {
        let known: Vec<(&Column, Estimate)> =
            columns.iter().map(|column| (column, (picture.of)(column))).filter(|(_, estimate)| estimate.mean.is_finite()).collect();
        if known.is_empty() {
            continue;
        }
        let (title, words) =
            (language.pick(picture.title.english, picture.title.danish), language.pick(picture.words.english, picture.words.danish));
        let bars: Vec<Bar> = known.iter().map(|(column, estimate)| bar(column, estimate, language)).collect();
        let most = known.iter().map(|(_, estimate)| estimate.interval.1.max(0.0)).fold(1e-9, f64::max);
        let id = format!("{}-{}", picture.id, language.code());
        let caption = Caption { id: &id, title, words };
        // Room for the label behind the longest bar.
        let svg = rows_of_bars(&caption, &bars, 0.0..most * 1.3, &|value| language.short(value), None)?;
        let rows: Vec<(String, Vec<String>)> = bars.iter().map(|bar| (escape(&bar.name), vec![escape(&bar.label)])).collect();
        let twin = table(title, &[language.pick("Server", "Server"), title], &rows);
        html.push_str(&section(language, picture.id, title, &figure(language, title, words, &svg, &twin)));
    }
    Ok(html)
}

fn bar(column: &Column, estimate: &Estimate, language: Language) -> Bar {
    let Estimate { mean, interval: (low, high) } = *estimate;
    Bar {
        name: column.server.clone(),
        thick: (0.0, mean.max(0.0), FIRST),
        thin: Some((low.max(0.0), high.max(0.0), SECOND)),
        label: written(language, estimate, 1.0),
    }
}

fn figures(columns: &[Column], language: Language) -> String {
    let names: Vec<String> = columns.iter().map(|column| escape(&column.server)).collect();
    let mut header = vec![language.pick("Figure", "Tal")];
    header.extend(names.iter().map(String::as_str));
    let rows: Vec<(String, Vec<String>)> = ROWS
        .iter()
        .map(|row| (language.pick(row.english, row.danish).to_owned(), columns.iter().map(|column| (row.cell)(column, language)).collect()))
        .collect();
    let caption = language
        .pick("Mean over slots; in brackets 95 % of what chance does to it", "Middel over perioder; i parentes 95 % af tilfældets spil");
    section(language, "figures", language.pick("All figures", "Alle tal"), &table(caption, &header, &rows))
}

fn slots(sides: &SideBySide, language: Language) -> String {
    let cells = |slot: &Slot| {
        let figures = slot.figures.as_ref();
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| language.short(value));
        vec![
            slot.round.to_string(),
            number(figures.map(|figures| figures.cpu_per_packet)),
            number(figures.map(|figures| figures.latency[0])),
            number(figures.map(|figures| figures.latency[1])),
            number(figures.and_then(|figures| figures.with_joins).map(|with| with.latency[1])),
            number(figures.map(|figures| figures.sound[1])),
            number(Some(slot.way()[0])),
            number(Some(slot.way()[1])),
            number(figures.map(|figures| figures.packets_per_second)),
            counts(slot, language),
        ]
    };
    let header = [
        language.pick("Server", "Server"),
        language.pick("Round", "Runde"),
        language.pick("µs a packet", "µs pr. pakke"),
        language.pick("Median µs", "Median µs"),
        "P99 µs",
        language.pick("P99 µs, joins", "P99 µs, tilslutninger"),
        language.pick("P99 µs, sound", "P99 µs, lyd"),
        language.pick("Echo median µs", "Ekko median µs"),
        language.pick("Echo P99 µs", "Ekko P99 µs"),
        language.pick("Packets/s", "Pakker/s"),
        language.pick("Counts", "Tæller"),
    ];
    let rows: Vec<(String, Vec<String>)> = sides.slots.iter().map(|slot| (escape(&slot.server), cells(slot))).collect();
    let title = language.pick("Every slot, in the order of measurement", "Hver periode, i målingens rækkefølge");
    section(language, "slots", title, &table(title, &header, &rows))
}

/// Whether a slot counts, and what is missing of one that does.
fn counts(slot: &Slot, language: Language) -> String {
    let without = slot.figures.as_ref().and_then(|figures| figures.without_joins.as_ref());
    match (&slot.set_aside, without) {
        (Some(why), _) => escape(&why.words(language)),
        (None, Some(why)) => format!("{}: {}", language.pick("without joins", "uden tilslutninger"), escape(&why.words(language))),
        (None, None) => language.pick("counts", "tæller").to_owned(),
    }
}

fn origin(sides: &SideBySide, language: Language) -> String {
    let machine = &sides.machine;
    let servers: String =
        sides.servers.iter().map(|server| format!("<li>{}: {}</li>\n", escape(&server.name), escape(&server.version))).collect();
    let content = format!(
        "<p>{}, {} {}, Linux {}</p>\n<ul>\n{servers}</ul>\n<p><code>{}</code></p>\n",
        escape(&machine.cpu),
        machine.cores,
        language.pick("cores", "kerner"),
        escape(&machine.kernel),
        escape(&sides.command)
    );
    section(language, "origin", language.pick("Where this comes from", "Hvor det kommer fra"), &content)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sides, slot};
    use super::super::{Aside, Unusable};
    use super::*;

    #[test]
    fn the_page_has_both_languages_and_every_slot_and_no_foreign_markup() {
        let mut slots = vec![slot("relay", 1, 3.0, 40.0), slot("floor", 1, 2.0, 40.0), slot("floor", 2, 2.0, 40.0)];
        slots[1].set_aside = Some(Aside::Failed("<script>".to_owned()));
        slots[2].set_aside = Some(Aside::Unusable(Unusable::Silent));
        let html = page(&sides(slots)).expect("drawn");
        let (english, danish) = html.split_once("<main id=\"main-da\"").expect("two halves");
        for (ours, theirs, half) in [("4 meetings of 3", "4 møder med 3", english), ("4 møder med 3", "4 meetings of 3", danish)] {
            assert!(half.contains(ours) && !half.contains(theirs), "{ours}");
        }
        assert!(english.contains("no media came") && danish.contains("der kom ingen medier") && !danish.contains("no media came"));
        for expected in
            ["Servers side by side", "Servere side om side", "1 &lt; 2", "&lt;script&gt;", "Tilføjet forsinkelse", "aria-labelledby"]
        {
            assert!(html.contains(expected), "{expected}");
        }
        let moved =
            [("P99 moved by 100 joins", "70.0 (70.0–70.0)", english), ("P99 flyttet af 100 tilslutninger", "70,0 (70,0–70,0)", danish)];
        for (ours, number, half) in moved {
            assert!(half.contains(ours) && half.contains(number), "{ours}");
        }
        assert!(!html.contains("<td><script>"));
    }
}
