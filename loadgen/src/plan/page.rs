//! A plan as one self-contained HTML page: the answer, pictures with their tables, and every assumption, in English and Danish.
//!
//! Without script it is English; the two buttons change the language. Nothing is fetched from elsewhere.

use super::costs::Origin;
use super::nodes::Resource;
use super::pictures;
use super::profile::ASSUMPTIONS;
use super::verification::Verification;
use super::words::scale;
use super::{Interval, Level, Plan};
use crate::report::page::{self, Both, Caption, Failed, Language, Undrawn, cards, figure, section, table};

/// The page, with a verification where there is one.
///
/// # Errors
/// [`Undrawn`] if the drawing library refuses a picture.
pub fn page(plan: &Plan, verification: Option<&Verification>) -> Result<String, Undrawn> {
    let title = Both { english: "Capacity plan", danish: "Kapacitetsplan" };
    let skip = Both { english: "Skip to the plan", danish: "Spring til planen" };
    page::page(title, skip, |language| {
        let mut html = answer(plan, language);
        html.push_str(&figures(plan, language));
        html.push_str(&pictures_with_tables(plan, language)?);
        if let Some(verification) = verification {
            html.push_str(&verified(verification, language));
        }
        html.push_str(&origin(plan, language));
        html.push_str(&assumptions(plan, language));
        Ok(html)
    })
}

fn answer(plan: &Plan, language: Language) -> String {
    let Plan { profile, figures, .. } = plan;
    let nodes = &figures.nodes;
    let months = language.number(profile.meetings_per_month, 0);
    let (total, working, spares) = (nodes.total(), nodes.working, nodes.spares);
    let sentence = match language {
        Language::English => format!("{months} meetings a month need <strong>{total} nodes</strong>: {working} at work, {spares} spare."),
        Language::Danish => {
            format!("{months} møder om måneden kræver <strong>{total} noder</strong>: {working} i drift, {spares} i reserve.")
        }
    };
    let cards_shown = [
        (language.pick("Concurrent meetings", "Samtidige møder"), language.number(figures.concurrent.high, 0)),
        (language.pick("People", "Personer"), language.number(figures.people.high, 0)),
        (language.pick("Packets out", "Pakker ud"), language.amount(Resource::PacketsOut, figures.packets_out.high)),
        (language.pick("Line out", "Linje ud"), language.amount(Resource::LineOut, figures.bits_out.high)),
        (language.pick("Cores, all nodes", "Kerner, alle noder"), span(language, figures.cores, 1.0)),
        (language.resource(nodes.binding), language.pick("fills first", "fyldes først").to_owned()),
    ];
    let mut html = format!("<p class=\"answer\">{sentence}</p>\n{}", cards(&cards_shown));
    let quantile = language.quantile(profile.quantile);
    let at = language.clock(figures.busiest_minute);
    let note = match language {
        Language::English => {
            format!(
                "At the busiest minute of a peak day, {at}; {quantile}: on that share of peak days no more is asked. In brackets: the interval within which costs are known."
            )
        }
        Language::Danish => {
            format!(
                "I det travleste minut på en spidsdag, {at}; {quantile}: på den andel af spidsdage kræves ikke mere. I parentes: intervallet, som omkostningerne kendes inden for."
            )
        }
    };
    html.push_str(&format!("<p>{note}</p>\n"));
    html
}

fn figures(plan: &Plan, language: Language) -> String {
    let figures = &plan.figures;
    let whole = |level: Level| vec![language.number(level.mean, 0), language.number(level.high, 0)];
    let giga = |level: Level| vec![language.number(level.mean / 1e9, 2), language.number(level.high / 1e9, 2)];
    let alone = |value: String| vec![value, String::new()];
    let last = |value: String| vec![String::new(), value];
    let name = |english, danish| language.pick(english, danish).to_owned();
    let rows = vec![
        (name("Meetings on a mean day", "Møder på en middeldag"), alone(language.number(figures.meetings_per_day, 0))),
        (name("Meetings on a peak day", "Møder på en spidsdag"), alone(language.number(figures.meetings_on_peak_day, 0))),
        (name("Of those in the busiest hour", "Heraf i den travleste time"), alone(language.number(figures.meetings_in_busy_hour, 0))),
        (name("Concurrent, mean of that hour", "Samtidige, middel i den time"), alone(language.number(figures.concurrent_mean, 0))),
        (name("Concurrent, if none came in bursts", "Samtidige, hvis ingen kom i klumper"), whole(figures.concurrent_steady)),
        (name("Concurrent, at the busiest minute", "Samtidige, i det travleste minut"), whole(figures.concurrent)),
        (name("People", "Personer"), whole(figures.people)),
        (name("Packets in/s", "Pakker ind/s"), whole(figures.packets_in)),
        (name("Packets out/s", "Pakker ud/s"), whole(figures.packets_out)),
        (name("Gbit/s in", "Gbit/s ind"), giga(figures.bits_in)),
        (name("Gbit/s out", "Gbit/s ud"), giga(figures.bits_out)),
        (
            name("Joins/s while appointments open", "Tilslutninger/s, mens aftaler åbner"),
            vec![language.number(figures.joins.mean, 1), language.number(figures.joins.high, 0)],
        ),
        (name("Joins/s after a node is lost", "Tilslutninger/s efter tab af en node"), last(language.number(figures.joins_after_loss, 0))),
        (name("Cores, all nodes", "Kerner, alle noder"), last(span(language, figures.cores, 1.0))),
        (name("Memory, all nodes, GiB", "Hukommelse, alle noder, GiB"), last(span(language, figures.memory, 1024f64.powi(3)))),
    ];
    let quantile = language.quantile(plan.profile.quantile);
    let header = [language.pick("Figure", "Tal"), language.pick("Mean", "Middel"), &quantile];
    section(
        language,
        "figures",
        language.pick("All figures", "Alle tal"),
        &table(language.pick("Mean, and what is planned for", "Middel, og hvad der planlægges til"), &header, &rows),
    )
}

fn pictures_with_tables(plan: &Plan, language: Language) -> Result<String, Undrawn> {
    let mut html = String::new();
    let code = language.code();
    let parts: [(&str, &str, String, PictureOf, String); 4] = [
        (
            "day",
            language.pick("Meetings through a peak day", "Møder gennem en spidsdag"),
            day_words(plan, language),
            pictures::day,
            day_table(plan, language),
        ),
        (
            "distribution",
            language.pick("Chance of so many meetings at the busiest minute", "Sandsynlighed for så mange møder i det travleste minut"),
            distribution_words(plan, language),
            pictures::distribution,
            distribution_table(plan, language),
        ),
        (
            "uses",
            language.pick("How full a node is", "Hvor fuld en node er"),
            uses_words(language),
            pictures::uses,
            uses_table(plan, language),
        ),
        (
            "matters",
            language.pick("What matters most", "Hvad betyder mest"),
            matters_words(language),
            pictures::matters,
            matters_table(plan, language),
        ),
    ];
    for (name, title, words, picture, table) in parts {
        let id = format!("{name}-picture-{code}");
        let svg = picture(plan, language, &Caption { id: &id, title, words: &words })?;
        html.push_str(&section(language, name, title, &figure(language, title, &words, &svg, &table)));
    }
    Ok(html)
}

type PictureOf = fn(&Plan, Language, &Caption<'_>) -> Result<String, Failed>;

fn day_words(plan: &Plan, language: Language) -> String {
    let peak = language.number(plan.figures.concurrent.mean, 0);
    let high = language.number(plan.figures.concurrent.high, 0);
    let steady = language.number(plan.figures.concurrent_steady.high, 0);
    let (at, quantile) = (language.clock(plan.figures.busiest_minute), language.quantile(plan.profile.quantile));
    match language {
        Language::English => format!(
            "Teeth on the quarter hour: most at {at}, {peak} in the mean (area), {high} at {quantile} (line). Without bursts one would plan for {steady} (dashed)."
        ),
        Language::Danish => format!(
            "Takker på kvarteret: flest kl. {at}, {peak} i middel (flade), {high} ved {quantile} (linje). Uden klumper ville man planlægge {steady} (stiplet)."
        ),
    }
}

fn distribution_words(plan: &Plan, language: Language) -> String {
    let high = language.number(plan.figures.concurrent.high, 0);
    let quantile = language.quantile(plan.profile.quantile);
    match language {
        Language::English => {
            format!("{quantile} lies at {high} meetings (upright line). Dashed: a steady hour with as many meetings, none in bursts.")
        }
        Language::Danish => {
            format!("{quantile} ligger ved {high} møder (lodret linje). Stiplet: en jævn time med lige så mange møder, ingen i klumper.")
        }
    }
}

fn uses_words(language: Language) -> String {
    let words = language.pick(
        "Wide bars: the spares are lost. Narrow bars: every node is there. 100 % is what may be planned for, not what the node has.",
        "Brede søjler: reserven er tabt. Smalle søjler: alle noder er der. 100 % er, hvad der må planlægges til, ikke hvad noden har.",
    );
    words.to_owned()
}

fn matters_words(language: Language) -> String {
    let words = language.pick(
        "Cores of all nodes, if one assumption lies at either end of its likely range, written at its bar. Upright line: this plan.",
        "Kerner i alle noder, hvis én antagelse ligger i hver ende af sit sandsynlige område, skrevet ved søjlen. Lodret linje: denne plan.",
    );
    words.to_owned()
}

fn day_table(plan: &Plan, language: Language) -> String {
    // Each quarter of an hour: its fullest minute, which is what the picture's teeth show.
    let rows: Vec<_> = (6 * 4..19 * 4)
        .map(|quarter| {
            let most = plan.day.minutes[quarter * 15..quarter * 15 + 15].iter().copied().fold(0.0, f64::max);
            let high = super::poisson_quantile(most, plan.profile.quantile) as f64;
            (language.clock(quarter as f64 * 15.0), vec![language.number(most, 0), language.number(high, 0)])
        })
        .collect();
    let quantile = language.quantile(plan.profile.quantile);
    let header =
        [language.pick("Quarter from", "Kvarter fra"), language.pick("Mean, fullest minute", "Middel, fyldigste minut"), &quantile];
    table(language.pick("Concurrent meetings by quarter of an hour", "Samtidige møder pr. kvarter"), &header, &rows)
}

fn distribution_table(plan: &Plan, language: Language) -> String {
    let rows: Vec<_> = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999]
        .into_iter()
        .map(|quantile| {
            let at = |mean: f64| language.number(super::poisson_quantile(mean, quantile) as f64, 0);
            (language.quantile(quantile), vec![at(plan.day.peak), at(plan.day.steady)])
        })
        .collect();
    let header = [language.pick("Quantile", "Fraktil"), language.pick("With bursts", "Med klumper"), language.pick("Steady", "Jævnt")];
    table(language.pick("Concurrent meetings not exceeded", "Samtidige møder, der ikke overskrides"), &header, &rows)
}

fn uses_table(plan: &Plan, language: Language) -> String {
    let none = "–".to_owned();
    let rows: Vec<_> = plan
        .figures
        .nodes
        .uses
        .iter()
        .map(|row| {
            let amount = |value: f64| language.amount(row.resource, value);
            let share = row.share().map_or_else(|| none.clone(), |share| language.percent(share));
            let limit = row.limit.map_or_else(|| none.clone(), amount);
            (language.resource(row.resource).to_owned(), vec![limit, amount(row.usual), amount(row.degraded), share])
        })
        .collect();
    let header = [
        language.pick("Each node", "Hver node"),
        language.pick("May use", "Må bruge"),
        language.pick("Every node there", "Alle noder er der"),
        language.pick("Spares lost", "Reserven tabt"),
        language.pick("Full", "Fuld"),
    ];
    table(language.pick("One node", "Én node"), &header, &rows)
}

fn matters_table(plan: &Plan, language: Language) -> String {
    let range = |low: String, high: String| if low == high { low } else { format!("{low} – {high}") };
    let rows: Vec<_> = plan
        .figures
        .sensitivity
        .iter()
        .map(|row| {
            let cells = vec![
                range(language.plain(row.low.value), language.plain(row.high.value)),
                range(language.number(row.low.meetings, 0), language.number(row.high.meetings, 0)),
                range(language.number(row.low.packets_out, 0), language.number(row.high.packets_out, 0)),
                range(language.short(row.low.cores), language.short(row.high.cores)),
                range(row.low.nodes.to_string(), row.high.nodes.to_string()),
            ];
            (format!("<code>--{}</code>", row.flag), cells)
        })
        .collect();
    let header = [
        language.pick("Assumption", "Antagelse"),
        language.pick("From – to", "Fra – til"),
        language.pick("Meetings", "Møder"),
        language.pick("Packets out/s", "Pakker ud/s"),
        language.pick("Cores", "Kerner"),
        language.pick("Nodes", "Noder"),
    ];
    let caption =
        language.pick("Each assumption at both ends of its likely range", "Hver antagelse i begge ender af sit sandsynlige område");
    table(caption, &header, &rows)
}

fn verified(verification: &Verification, language: Language) -> String {
    let rows: Vec<_> = verification
        .rows
        .iter()
        .map(|row| {
            let write = |value: f64| language.short(value / scale(row.what));
            let cells = vec![
                write(row.predicted.value),
                format!("{} – {}", write(row.predicted.low), write(row.predicted.high)),
                write(row.measured),
                format!("{}\u{a0}%", language.number(row.error * 100.0, 1)),
                if row.held { language.pick("held", "holdt") } else { language.pick("missed", "holdt ikke") }.to_owned(),
            ];
            (language.quantity(row.what).to_owned(), cells)
        })
        .collect();
    let header = [
        language.pick("Quantity", "Størrelse"),
        language.pick("Predicted", "Forudsagt"),
        language.pick("Interval", "Interval"),
        language.pick("Measured", "Målt"),
        language.pick("Error", "Fejl"),
        language.pick("Verdict", "Dom"),
    ];
    let share = language.percent(verification.scale);
    let (held, missed) = match language {
        Language::English => (
            format!("The model held at {share} of the plan's meetings."),
            format!("The model did not hold at {share} of the plan's meetings."),
        ),
        Language::Danish => {
            (format!("Modellen holdt ved {share} af planens møder."), format!("Modellen holdt ikke ved {share} af planens møder."))
        }
    };
    let title = language.pick("Predicted against measured", "Forudsagt mod målt");
    let verdict = if verification.held { held } else { missed };
    section(language, "verified", title, &format!("<p class=\"answer\">{verdict}</p>\n{}", table(title, &header, &rows)))
}

fn origin(plan: &Plan, language: Language) -> String {
    let said = match &plan.costs.origin {
        Origin::Guess => language
            .pick(
                "<strong>Costs are guesses.</strong> Nobody measured: intervals span what is likely. Run the load generator and give its summary.json with <code>--calibrate</code>.",
                "<strong>Omkostningerne er gæt.</strong> Ingen har målt: intervallerne spænder over det sandsynlige. Kør belastningen og giv dens summary.json med <code>--calibrate</code>.",
            )
            .to_owned(),
        Origin::Measured { runs, blocks, residual, notes } => {
            let (runs, missed) = (language.runs(*runs), language.number(residual * 100.0, 1));
            let said = match language {
                Language::English => format!("Fitted to {runs}, {blocks} blocks of 5 s; the fit misses by {missed} %."),
                Language::Danish => format!("Tilpasset {runs}, {blocks} blokke på 5 s; tilpasningen rammer {missed} % ved siden af."),
            };
            notes.iter().fold(said, |said, note| format!("{said}</p>\n<p>{}", language.note(*note)))
        }
    };
    let prices = &plan.costs.prices;
    let row = |english, danish, value: f64| (language.pick(english, danish).to_owned(), vec![language.short(value)]);
    let rows = vec![
        row("A packet sent on, µs", "En pakke sendt videre, µs", prices.packet),
        row("A person, µs each second", "En person, µs hvert sekund", prices.client),
        row("A join, µs", "En tilslutning, µs", prices.join),
        row("An idle node, cores", "En tom node, kerner", prices.idle),
        row("A person, KiB", "En person, KiB", plan.costs.client_kib.value),
        row("An idle node, MiB", "En tom node, MiB", plan.costs.idle_mib.value),
    ];
    let title = language.pick("Where costs come from", "Hvor omkostningerne kommer fra");
    let header = [language.pick("Cost", "Omkostning"), language.pick("Value", "Værdi")];
    section(language, "costs", title, &format!("<p>{said}</p>\n{}", table(language.pick("Costs", "Omkostninger"), &header, &rows)))
}

fn assumptions(plan: &Plan, language: Language) -> String {
    let rows: Vec<_> = ASSUMPTIONS
        .iter()
        .map(|row| {
            let value = row.of(&plan.profile);
            let shown = language.plain(value);
            let shown = if value == row.default { shown } else { format!("<mark>{shown}</mark>") };
            let (low, high) = row.likely;
            let likely = if low == high { "–".to_owned() } else { format!("{} – {}", language.plain(low), language.plain(high)) };
            let why = language.pick(row.english, row.danish).to_owned();
            (format!("<code>--{}</code>", row.flag), vec![format!("{shown} {}", row.unit), likely, why])
        })
        .collect();
    let title = language.pick("Everything that was assumed", "Alt, hvad der er antaget");
    let header = [
        language.pick("Flag", "Flag"),
        language.pick("Value", "Værdi"),
        language.pick("Likely", "Sandsynligt"),
        language.pick("What and why", "Hvad og hvorfor"),
    ];
    let note = language.pick("Marked values differ from their default.", "Markerede værdier afviger fra standarden.");
    section(language, "assumptions", title, &format!("<p>{note}</p>\n{}", table(title, &header, &rows)))
}

fn span(language: Language, interval: Interval, unit: f64) -> String {
    let write = |value: f64| language.short(value / unit);
    format!("{} ({} – {})", write(interval.value), write(interval.low), write(interval.high))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Costs, Profile};
    use super::*;

    fn html() -> String {
        let profile = Profile::default();
        page(&Plan::of(&profile, &Costs::guessed(&profile)).expect("it can be planned"), None).expect("drawn")
    }

    #[test]
    fn the_page_is_whole_in_both_languages_and_fetches_nothing() {
        let html = html();
        for row in ASSUMPTIONS {
            assert!(html.contains(row.english) && html.contains(row.danish), "{}", row.flag);
        }
        assert_eq!(html.matches("<svg role=\"img\"").count(), 8, "four pictures in two languages");
        assert_eq!(html.matches("<details>").count(), 8, "each with its table");
        let outside = html.replace("http://www.w3.org/2000/svg", "");
        for fetch in ["http:", "https:", " src=", "url(", "@import", "<link"] {
            assert!(!outside.contains(fetch), "{fetch}");
        }
    }

    #[test]
    fn every_name_that_is_referred_to_is_there_once() {
        let html = html();
        let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        let named = html.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for id in named.flat_map(|names| names.split(' ')) {
            assert!(unique.contains(id), "{id}");
        }
    }
}
