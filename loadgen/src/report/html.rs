//! `report.html`: the verdict in words first, then the figures, pictures with their tables, whether the generator may be believed, and
//! how to repeat the run; in English and Danish.

use super::ReportError;
use super::charts::{Chart, charts, distribution, distribution_header};
use super::page::{Both, Language, cards, escape, figure, page, section, table};
use super::words::{independent_rows, left_out, measured, mebibytes, megabits, millis, moment, name, percent, verdict};
use crate::summary::{Generator, Summary, Verdict};

/// The page of a run.
pub(super) fn html(summary: &Summary) -> Result<String, ReportError> {
    // Before the page, because its histograms may be unreadable, which is no matter of drawing.
    let (english, danish) = (charts(summary, Language::English)?, charts(summary, Language::Danish)?);
    let title = Both { english: "Load report", danish: "Belastningsrapport" };
    let skip = Both { english: "Skip to the report", danish: "Spring til rapporten" };
    let html = page(title, skip, |language| {
        let charts = if language == Language::English { &english } else { &danish };
        Ok([
            answer(summary, language),
            media(summary, language),
            charts.iter().map(|chart| pictured(chart, language)).collect(),
            control(summary, language),
            independent(summary, language),
            generator(summary, language),
            run(summary, language),
            repeat(summary, language),
        ]
        .concat())
    })?;
    Ok(html)
}

fn answer(summary: &Summary, language: Language) -> String {
    let (word, sentence) = verdict(summary, language);
    let class = if summary.verdict == Verdict::Pass { "verdict pass" } else { "verdict" };
    let title = language.pick("Verdict", "Dom");
    let id = format!("verdict-{}", language.code());
    let mut html = format!(
        "<section class=\"{class}\" aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n<p class=\"answer\"><strong>{word}</strong>: {sentence}</p>\n"
    );
    if let Some(why) = &summary.generator.invalid {
        // Its words are the generator's, in English.
        html.push_str(&format!("<p lang=\"en\">{}</p>\n", escape(why)));
    }
    if !summary.thresholds.is_empty() {
        let rows: Vec<_> = summary
            .thresholds
            .iter()
            .map(|threshold| {
                let held = if threshold.met {
                    format!("<span class=\"held\">{}</span>", language.pick("holds", "holder"))
                } else {
                    format!("<span class=\"missed\">{}</span>", language.pick("missed", "holder ikke"))
                };
                (format!("<code>{}</code>", escape(&threshold.text)), vec![escape(&measured(threshold, language)), held])
            })
            .collect();
        let header = [language.pick("Threshold", "Tærskel"), language.pick("Measured", "Målt"), language.pick("Verdict", "Dom")];
        html.push_str(&table(language.pick("Thresholds", "Tærskler"), &header, &rows));
    }
    html + "</section>\n" + &cards(&shown(summary, language))
}

/// What stands in large type.
fn shown(summary: &Summary, language: Language) -> Vec<(&'static str, String)> {
    let clients = summary.clients;
    let count = |value: u64| language.number(value as f64, 0);
    let mut cards = vec![
        (
            language.pick("Clients joined / planned", "Klienter kommet ind / planlagt"),
            format!("{} / {}", count(clients.joined), count(clients.planned)),
        ),
        (language.pick("Meetings at the peak", "Møder på det højeste"), count(summary.meetings_peak)),
    ];
    if let Some(times) = summary.joins.get("offer_to_first_frame").filter(|times| times.count > 0) {
        let label = language.pick("Offer to first picture, median / P99", "Tilbud til første billede, median / P99");
        cards.push((label, format!("{} / {} ms", millis(times.p50, language), millis(times.p99, language))));
    }
    for (kind, media) in &summary.media {
        if kind == "audio" || kind == "video" {
            let label = if kind == "audio" {
                language.pick("Sound, one way, median / P99", "Lyd, én vej, median / P99")
            } else {
                language.pick("Faces, one way, median / P99", "Ansigter, én vej, median / P99")
            };
            cards.push((label, format!("{} / {} ms", millis(media.latency.p50, language), millis(media.latency.p99, language))));
        }
    }
    let (lost, expected) = summary.media.values().fold((0, 0), |(lost, all), media| (lost + media.lost, all + media.expected));
    cards.push((language.pick("Packets lost", "Pakker tabt"), percent(lost as f64 / expected.max(1) as f64, language)));
    let freezes: u64 = summary.media.values().map(|media| media.freezes).sum();
    cards.push((language.pick("Freezes", "Frysninger"), count(freezes)));
    if let Some(server) = &summary.server {
        if server.forwarded > 0 {
            let micros = server.core_seconds.unwrap_or(server.cpu_seconds) * 1e6 / server.forwarded as f64;
            cards.push((
                language.pick("Server's processor per packet", "Serverens processor pr. pakke"),
                format!("{} µs", language.short(micros)),
            ));
        }
        cards.push((
            language.pick("Server's memory at the peak", "Serverens hukommelse på det højeste"),
            format!("{} MiB", mebibytes(server.memory_peak as f64, language)),
        ));
    }
    cards
}

fn media(summary: &Summary, language: Language) -> String {
    let title = language.pick("Media as receivers got it", "Medier, som modtagerne fik dem");
    if summary.media.values().all(|media| media.expected == 0) {
        return section(language, "media", title, &format!("<p>{}</p>\n", language.pick("No media came.", "Der kom ingen medier.")));
    }
    let count = |value: u64| language.number(value as f64, 0);
    let named = |kind: &str| escape(&name(kind, language));
    let calm = language.pick("while the machine was calm", "mens maskinen var i ro");
    let latency: Vec<_> = summary
        .media
        .iter()
        .flat_map(|(kind, media)| {
            let then = media.calm.iter().map(move |times| (format!("{}, {calm}", named(kind)), distribution(times, language)));
            std::iter::once((named(kind), distribution(&media.latency, language))).chain(then)
        })
        .collect();
    let kind = language.pick("Kind", "Slags");
    let counts: Vec<_> = summary
        .media
        .iter()
        .map(|(kind, media)| {
            let bits: u64 = media.layers.values().sum();
            let cells = vec![
                count(media.expected),
                format!("{} ({})", count(media.lost), percent(media.lost as f64 / media.expected.max(1) as f64, language)),
                count(media.recovered),
                count(media.duplicates),
                count(media.reordered),
                count(media.freezes),
                language.short(media.frozen_seconds),
                millis(media.gaps.p99, language),
                megabits(bits as f64, language),
            ];
            (named(kind), cells)
        })
        .collect();
    let header = [
        kind,
        language.pick("Expected", "Ventet"),
        language.pick("Lost", "Tabt"),
        language.pick("By retransmission", "Ved gensending"),
        language.pick("Twice", "Dobbelt"),
        language.pick("Overtaken", "Overhalet"),
        language.pick("Freezes", "Frysninger"),
        language.pick("Frozen, s", "Frosset, s"),
        language.pick("Gap P99, ms", "Hul P99, ms"),
        "Mbit/s",
    ];
    let content = table(language.pick("Latency, one way", "Forsinkelse, én vej"), &distribution_header(kind, language), &latency)
        + &table(language.pick("Packets and freezes", "Pakker og frysninger"), &header, &counts);
    let note = language.pick(
        "A freeze: a picture that stood still for over 200 ms although the next was due, or a silence of over 60 ms in speech.",
        "En frysning: et billede, der stod stille i over 200 ms, skønt det næste var på vej, eller en stilhed på over 60 ms i tale.",
    );
    section(language, "media", title, &format!("{content}<p>{note}</p>\n"))
}

fn pictured(chart: &Chart, language: Language) -> String {
    let Chart { name, title, words, drawn } = chart;
    let content = match drawn {
        Some((svg, table)) => figure(language, title, words, svg, table),
        None => format!("<p>{words}</p>\n"),
    };
    section(language, name, title, &content)
}

fn control(summary: &Summary, language: Language) -> String {
    let rows: Vec<_> = summary
        .control
        .iter()
        .filter(|(_, times)| times.count > 0)
        .map(|(command, times)| (escape(&name(command, language)), distribution(times, language)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let title = language.pick("From a host's command to its effect", "Fra en værts kommando til dens virkning");
    section(language, "control", title, &table(title, &distribution_header(language.pick("Command", "Kommando"), language), &rows))
}

/// What people found who came with software that was not made for this relay; nothing where nobody did.
fn independent(summary: &Summary, language: Language) -> String {
    let Some(found) = &summary.independent else { return String::new() };
    let title = language.pick("Independent client", "Uafhængig klient");
    let note = language.pick(
        "Some guests came with webrtc-rs, which shares no code with the relay or the light client.",
        "Nogle gæster kom med webrtc-rs, som intet har til fælles med serveren eller den lette klient.",
    );
    let rows: Vec<_> = independent_rows(found, language).into_iter().map(|(what, value)| (what.to_owned(), vec![escape(&value)])).collect();
    let header = [language.pick("What", "Hvad"), language.pick("Value", "Værdi")];
    section(language, "independent", title, &format!("<p>{note}</p>\n{}", table(title, &header, &rows)))
}

fn generator(summary: &Summary, language: Language) -> String {
    let generator = &summary.generator;
    let title = language.pick("Whether the generator may be believed", "Om belastningen er til at tro på");
    let count = |value: u64| language.number(value as f64, 0);
    let row = |english, danish, value: String| (language.pick(english, danish).to_owned(), vec![value]);
    let mut rows = vec![
        row("Packets left late, P99, ms", "Pakker sendt for sent, P99, ms", millis(generator.send_lateness.p99, language)),
        row("Packets left late, greatest, ms", "Pakker sendt for sent, største, ms", millis(generator.send_lateness.max, language)),
        row("Busiest thread, share of a core", "Travleste tråd, andel af en kerne", percent(generator.busiest_thread, language)),
        row("Lost by its own sockets, datagrams", "Tabt af dens egne sokler, datagrammer", count(generator.socket_drops)),
        row("Threads", "Tråde", count(generator.threads.into())),
        row("Packets sent", "Pakker sendt", count(generator.packets_sent)),
        row("Packets received", "Pakker modtaget", count(generator.packets_received)),
        row("Cost of a packet, µs of processor", "Pris for en pakke, µs processor", language.short(generator.cpu_per_packet)),
    ];
    if let Some(share) = generator.calm_share {
        let shown = percent(share, language);
        rows.push(row("The machine ran at its own speed, share of the time", "Maskinen kørte med sin egen fart, andel af tiden", shown));
    }
    if let Some(late) = &generator.calm_lateness {
        let shown = millis(late.p99, language);
        rows.push(row("Packets left late in that time, P99, ms", "Pakker sendt for sent i den tid, P99, ms", shown));
    }
    let said = match generator.invalid {
        Some(_) => language.pick("It may not: see the verdict.", "Det er den ikke: se dommen."),
        None => language.pick("It was not found to be the bottleneck.", "Den blev ikke fundet at være flaskehalsen."),
    };
    let header = [language.pick("What", "Hvad"), language.pick("Value", "Værdi")];
    section(language, "generator", title, &format!("<p>{said}</p>\n{}", table(title, &header, &rows)))
}

/// SRTP profiles, and how many people had each where there are several.
fn protected(generator: &Generator) -> String {
    let several = generator.srtp.len() > 1;
    let each = generator.srtp.iter().map(|(name, people)| if several { format!("{name} ({people})") } else { name.clone() });
    let all = each.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "–".to_owned() } else { all }
}

fn run(summary: &Summary, language: Language) -> String {
    let Summary { target, machine, scenario, .. } = summary;
    let title = language.pick("What was run", "Hvad der blev kørt");
    let row = |english, danish, value: String| (language.pick(english, danish).to_owned(), vec![escape(&value)]);
    let version = target.version.as_ref().map_or_else(|| "–".to_owned(), Clone::clone);
    let mut rows = vec![
        row("Against", "Mod", format!("{} ({})", target.url, target.kind)),
        row("Its version", "Dens version", version),
        row("Media protected by", "Medier beskyttet med", protected(&summary.generator)),
        row("Scenario", "Scenarie", scenario.name.clone()),
        row("Seed", "Frø", scenario.seed.to_string()),
        row("Started", "Begyndt", moment(summary.started)),
        row("Measured, s", "Målt, s", language.short(summary.seconds)),
        row("Processor", "Processor", format!("{}, {} {}", machine.cpu, machine.cores, language.pick("cores", "kerner"))),
        row("Memory", "Hukommelse", format!("{} GiB", language.short(machine.memory as f64 / 1024f64.powi(3)))),
        row("Kernel", "Kerne", machine.kernel.clone()),
        row("Load generator", "Belastningsværktøj", format!("loadgen {}", summary.generator_version)),
    ];
    if !summary.left_out.is_empty() {
        rows.push(row("Left out, as this server knows nothing of it", "Udeladt, da serveren ikke kender til det", left_out(summary)));
    }
    let header = [language.pick("What", "Hvad"), language.pick("Value", "Værdi")];
    let mut content = table(title, &header, &rows);
    if !scenario.profile.is_empty() {
        let named = language.pick("The profile, everything filled in", "Profilen, med alt udfyldt");
        content.push_str(&format!("<details><summary>{named}</summary>\n{}</details>\n", code(&scenario.profile, named)));
    }
    section(language, "run", title, &content)
}

fn repeat(summary: &Summary, language: Language) -> String {
    let title = language.pick("How to repeat it", "Sådan gentages det");
    let command = summary.command.clone().unwrap_or_else(|| {
        format!("loadgen run --scenario {} --seed {} --url {}", summary.scenario.name, summary.scenario.seed, summary.target.url)
    });
    let note = language.pick(
        "The same seed brings the same people at the same times. To see whether something else is better, run it twice and compare the folders:",
        "Samme frø giver de samme mennesker på samme tid. For at se, om noget andet er bedre, køres der to gange, og mapperne sammenlignes:",
    );
    let (run, compare) = (language.pick("Command", "Kommando"), language.pick("Comparison", "Sammenligning"));
    section(language, "repeat", title, &format!("{}<p>{note}</p>\n{}", code(&command, run), code("loadgen compare A B", compare)))
}

/// Code that scrolls by itself, by keyboard too.
fn code(text: &str, named: &str) -> String {
    format!("<pre role=\"group\" aria-label=\"{named}\" tabindex=\"0\"><code>{}</code></pre>\n", escape(text))
}
