//! The pictures of a report, each with its words and the same as a table.

use super::ReportError;
use super::histogram;
use super::page::{Axis, Bar, Caption, FIRST, Language, Line, Look, SECOND, THIRD, Undrawn, escape, lines, rows_of_bars, table};
use super::series::{Bin, bins};
use super::words::{clock, layer, mark, mebibytes, megabits, millis, name, percent, share};
use crate::summary::{Distribution, JOIN_TIMES, Summary};

/// The generator is late from here on, µs, if the run does not say otherwise.
const LATE: f64 = 1_000.0;
/// Least share of loss that the picture's axis spans: below it noise would fill the picture.
const LEAST_LOSS: f64 = 0.001;
/// Looks of lines in the order they come.
const LOOKS: [Look; 3] = [Look::Solid(FIRST), Look::Dashed(SECOND), Look::Dotted(THIRD)];

/// One picture.
pub(super) struct Chart {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) words: String,
    /// `None` if there is nothing to draw: the words say why.
    pub(super) drawn: Option<(String, String)>,
}

/// A name, how many values, and share of them against what they do not exceed, µs.
type Curve = (String, u64, Vec<(f64, f64)>);

/// The summary with what all pictures need of it.
struct Run<'a> {
    summary: &'a Summary,
    language: Language,
    bins: Vec<Bin>,
    /// Seconds in a bin.
    width: usize,
}

/// All pictures in the order of the page.
pub(super) fn charts(summary: &Summary, language: Language) -> Result<Vec<Chart>, ReportError> {
    let (width, bins) = bins(&summary.series);
    let run = Run { summary, language, bins, width };
    Ok(vec![
        run.latency()?,
        run.percentiles()?,
        run.joins()?,
        run.loss()?,
        run.layers()?,
        run.processor()?,
        run.memory()?,
        run.load()?,
        run.lateness()?,
    ])
}

impl Run<'_> {
    fn pick(&self, english: &'static str, danish: &'static str) -> &'static str {
        self.language.pick(english, danish)
    }

    fn length(&self) -> f64 {
        self.bins.last().map_or(1.0, |bin| f64::from(bin.sum.at) + bin.seconds)
    }

    fn time(&self) -> Axis<'static> {
        let (from, to) = (self.bins.first().map_or(0.0, |bin| f64::from(bin.sum.at)), self.length());
        let steps = [1u32, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];
        let step = steps.into_iter().map(f64::from).find(|step| (to - from) / step <= 9.0).unwrap_or((to - from) / 8.0);
        let first = (from / step).ceil() as u64;
        let ticks = (first..).map(|index| index as f64 * step).take_while(|tick| *tick <= to).collect();
        let words = self.pick("Since the start", "Siden starten");
        Axis { words, shown: from..to, ticks, log: false, write: Box::new(move |seconds| clock(seconds, to)) }
    }

    /// A line over time; values that are not finite are gaps.
    fn line<'a>(&self, name: &'a str, look: Look, of: impl Fn(&Bin) -> f64) -> Line<'a> {
        Line { name, look, points: self.bins.iter().map(|bin| (f64::from(bin.sum.at) + bin.seconds / 2.0, of(bin))).collect() }
    }

    /// What a point stands for, where it is more than a second.
    fn each_point(&self) -> String {
        match (self.width, self.language) {
            (1, _) => String::new(),
            (width, Language::English) => format!(" Each point is {width} seconds: the median of their medians, the worst of all else."),
            (width, Language::Danish) => format!(" Hvert punkt er {width} sekunder: medianen af deres medianer, det værste af alt andet."),
        }
    }

    /// A table with a row for each bin.
    fn by_time(&self, title: &str, header: &[&str], cells: impl Fn(&Bin) -> Vec<String>) -> String {
        let mut all = vec![self.pick("Since the start", "Siden starten")];
        all.extend(header);
        let length = self.length();
        let rows: Vec<_> = self.bins.iter().map(|bin| (clock(f64::from(bin.sum.at), length), cells(bin))).collect();
        table(title, &all, &rows)
    }

    fn chart(
        &self,
        name: &'static str,
        title: &'static str,
        words: String,
        axes: (&Axis<'_>, &Axis<'_>),
        drawn: &[Line<'_>],
        table: String,
    ) -> Result<Chart, ReportError> {
        let id = format!("{name}-picture-{}", self.language.code());
        let svg = lines(&Caption { id: &id, title, words: &words }, axes.0, axes.1, drawn).map_err(Undrawn::from)?;
        Ok(Chart { name, title, words, drawn: Some((svg, table)) })
    }

    fn none(name: &'static str, title: &'static str, why: &str) -> Chart {
        Chart { name, title, words: why.to_owned(), drawn: None }
    }

    fn latency(&self) -> Result<Chart, ReportError> {
        let title = self.pick("Latency over time", "Forsinkelse over tid");
        let language = self.language;
        // Zero is a second in which nothing came.
        let seen = |value: f64| if value > 0.0 { value } else { f64::NAN };
        let all = self.bins.iter().flat_map(|bin| [bin.sum.p50, bin.sum.p99, bin.sum.max]);
        if !all.clone().any(|value| value > 0.0) {
            return Ok(Self::none("latency", title, self.pick("No media came.", "Der kom ingen medier.")));
        }
        let words = self.pick(
            "One way, of all media, from when a packet should have been sent to when it came; the axis is logarithmic.",
            "Én vej, for alle medier, fra en pakke skulle være sendt, til den kom; aksen er logaritmisk.",
        );
        let y = Axis::log(self.pick("ms, one way", "ms, én vej"), all, move |micros| mark(micros / 1_000.0, language));
        let drawn = [
            self.line(self.pick("greatest", "største"), Look::Dotted(THIRD), |bin| seen(bin.sum.max)),
            self.line("P99", Look::Dashed(SECOND), |bin| seen(bin.sum.p99)),
            self.line(self.pick("median", "median"), Look::Solid(FIRST), |bin| seen(bin.sum.p50)),
        ];
        let header = [self.pick("Median, ms", "Median, ms"), "P99, ms", self.pick("Greatest, ms", "Største, ms")];
        let table =
            self.by_time(title, &header, |bin| [bin.sum.p50, bin.sum.p99, bin.sum.max].map(|micros| millis(micros, language)).into());
        self.chart("latency", title, words.to_owned() + &self.each_point(), (&self.time(), &y), &drawn, table)
    }

    fn percentiles(&self) -> Result<Chart, ReportError> {
        let title = self.pick("Latency by share of packets", "Forsinkelse efter andel af pakker");
        let kinds = self.summary.media.iter().map(|(kind, media)| (kind.as_str(), &media.latency));
        let words = self.pick(
            "How many packets took no longer than this. Each mark to the right leaves a tenth of the packets before it; the last point is the slowest packet.",
            "Hvor mange pakker der ikke tog længere tid end dette. Hvert mærke mod højre efterlader en tiendedel af pakkerne før det; sidste punkt er den langsomste pakke.",
        );
        self.curves("percentiles", title, words, self.pick("No media came.", "Der kom ingen medier."), kinds)
    }

    fn joins(&self) -> Result<Chart, ReportError> {
        let title = self.pick("How long joining took", "Hvor længe det tog at komme ind");
        let joins = JOIN_TIMES.iter().filter_map(|name| Some((*name, self.summary.joins.get(*name)?)));
        let joins: Vec<_> = joins.filter(|(_, times)| times.count > 0).collect();
        if joins.is_empty() {
            return Ok(Self::none("joins", title, self.pick("Nobody joined.", "Ingen kom ind.")));
        }
        let language = self.language;
        let bars: Vec<Bar> = joins
            .iter()
            .map(|(key, times)| Bar {
                name: name(key, language),
                thick: (0.0, times.p50, FIRST),
                thin: Some((times.p50, times.p99, SECOND)),
                label: format!("{} / {} ms", millis(times.p50, language), millis(times.p99, language)),
            })
            .collect();
        let most = joins.iter().map(|(_, times)| times.p99.max(times.p50)).fold(1.0, f64::max);
        let words = self.pick(
            "Wide bars end at the median, narrow ones at P99, both written beside them in ms.",
            "Brede søjler ender ved medianen, smalle ved P99; begge står ved siden af i ms.",
        );
        let id = format!("joins-picture-{}", language.code());
        let svg = rows_of_bars(
            &Caption { id: &id, title, words },
            &bars,
            0.0..most * 1.3,
            &|micros| format!("{} ms", mark(micros / 1_000.0, language)),
            None,
        )
        .map_err(Undrawn::from)?;
        let rows: Vec<_> = joins.iter().map(|(key, times)| (name(key, language), distribution(times, language))).collect();
        let table = table(title, &self.distribution_header(self.pick("From, to", "Fra, til")), &rows);
        Ok(Chart { name: "joins", title, words: words.to_owned(), drawn: Some((svg, table)) })
    }

    fn distribution_header(&self, first: &'static str) -> [&'static str; 7] {
        distribution_header(first, self.language)
    }

    /// Curves of percentiles; the table has a column for each.
    fn curves<'a>(
        &self,
        id: &'static str,
        title: &'static str,
        words: &str,
        none: &str,
        of: impl Iterator<Item = (&'a str, &'a Distribution)>,
    ) -> Result<Chart, ReportError> {
        let language = self.language;
        let mut curves: Vec<Curve> = Vec::new();
        for (key, distribution) in of {
            let curve = histogram::curve(key, distribution)?;
            if !curve.is_empty() {
                curves.push((name(key, language), distribution.count, curve));
            }
        }
        if curves.is_empty() {
            return Ok(Self::none(id, title, none));
        }
        // One in how many values is beyond, as a power of ten; the slowest of all is one in all of them.
        let beyond = |at: f64, count: u64| -(1.0 - at).max(1.0 / count.max(1) as f64).log10();
        let most = curves.iter().map(|(_, count, _)| beyond(1.0, *count)).fold(1.0, f64::max);
        let ticks: Vec<f64> = [2f64.log10()].into_iter().chain((1..=most.floor() as i32).map(f64::from)).collect();
        let x_words = self.pick("Share of packets", "Andel af pakker");
        let write = move |decades: f64| share(1.0 - 10f64.powf(-decades), language);
        let x = Axis { words: x_words, shown: 0.0..most, ticks, log: false, write: Box::new(write) };
        let values = curves.iter().flat_map(|(_, _, curve)| curve.iter().map(|(_, micros)| *micros));
        let y = Axis::log(self.pick("ms, one way", "ms, én vej"), values, move |micros| mark(micros / 1_000.0, language));
        let drawn: Vec<_> = curves
            .iter()
            .zip(LOOKS.iter().cycle())
            .map(|((name, count, curve), look)| {
                let points = curve.iter().map(|(at, micros)| (beyond(*at, *count), *micros)).collect();
                Line { name, look: *look, points }
            })
            .collect();
        let table = self.curve_table(title, &curves);
        self.chart(id, title, words.to_owned(), (&x, &y), &drawn, table)
    }

    fn curve_table(&self, title: &str, curves: &[Curve]) -> String {
        let names: Vec<String> = curves.iter().map(|(name, ..)| format!("{}, ms", escape(name))).collect();
        let mut header = vec![self.pick("Share not above", "Andel ikke over")];
        header.extend(names.iter().map(String::as_str));
        let mut shares: Vec<f64> = curves.iter().flat_map(|(_, _, curve)| curve.iter().map(|(at, _)| *at)).collect();
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let cell = |curve: &[(f64, f64)], at: f64| {
            let value = curve.iter().find(|(share, _)| *share == at);
            value.map_or_else(|| "–".to_owned(), |(_, micros)| millis(*micros, self.language))
        };
        let rows: Vec<_> =
            shares.iter().map(|at| (share(*at, self.language), curves.iter().map(|(_, _, curve)| cell(curve, *at)).collect())).collect();
        table(title, &header, &rows)
    }

    fn loss(&self) -> Result<Chart, ReportError> {
        let title = self.pick("Loss over time", "Tab over tid");
        let language = self.language;
        let words = self.pick(
            "Packets that never came, retransmission included, of all that should have come in that second.",
            "Pakker, der aldrig kom, heller ikke ved gensending, af alle, der skulle være kommet i det sekund.",
        );
        let most = self.bins.iter().map(Bin::loss).fold(LEAST_LOSS, f64::max);
        let y = Axis::from_zero(self.pick("lost", "tabt"), most, move |share| format!("{}\u{a0}%", mark(share * 100.0, language)));
        let drawn = [self.line(self.pick("lost for good", "tabt for altid"), Look::Filled(FIRST), Bin::loss)];
        let header =
            [self.pick("Lost, packets", "Tabt, pakker"), self.pick("Received, packets", "Modtaget, pakker"), self.pick("Lost", "Tabt")];
        let count = |value: u64| language.number(value as f64, 0);
        let table = self.by_time(title, &header, |bin| vec![count(bin.sum.lost), count(bin.sum.received), percent(bin.loss(), language)]);
        self.chart("loss", title, words.to_owned(), (&self.time(), &y), &drawn, table)
    }

    fn layers(&self) -> Result<Chart, ReportError> {
        let title = self.pick("Bitrate by layer", "Bitrate pr. lag");
        let language = self.language;
        let all: u64 = self.summary.media.values().flat_map(|media| media.layers.values()).sum();
        let mut layers: Vec<_> =
            self.summary.media.iter().flat_map(|(kind, media)| media.layers.iter().map(move |(key, rate)| (kind, key, *rate))).collect();
        // Pictures from low to high, each kind by itself.
        layers.sort_by_key(|(kind, key, _)| ((*kind).clone(), key.parse().unwrap_or(0u32)));
        if all == 0 {
            return Ok(Self::none("layers", title, self.pick("No media came.", "Der kom ingen medier.")));
        }
        let called = |kind: &str, key: &str| {
            if key == "sound" { name(kind, language) } else { format!("{} {}", name(kind, language), layer(key, language)) }
        };
        let bars: Vec<Bar> = layers
            .iter()
            .map(|(kind, key, rate)| Bar {
                name: called(kind, key),
                thick: (0.0, *rate as f64, FIRST),
                thin: None,
                label: format!("{} Mbit/s", megabits(*rate as f64, language)),
            })
            .collect();
        let most = layers.iter().map(|(_, _, rate)| *rate).max().unwrap_or(1) as f64;
        let words = self.pick(
            "Received by all clients together; a picture's layer is named by its height.",
            "Modtaget af alle klienter tilsammen; et billedes lag er benævnt efter dets højde.",
        );
        let id = format!("layers-picture-{}", language.code());
        let svg = rows_of_bars(&Caption { id: &id, title, words }, &bars, 0.0..most * 1.3, &|bits| mark(bits / 1e6, language), None)
            .map_err(Undrawn::from)?;
        let rows: Vec<_> = layers
            .iter()
            .map(|(kind, key, rate)| {
                (escape(&called(kind, key)), vec![megabits(*rate as f64, language), percent(*rate as f64 / all as f64, language)])
            })
            .collect();
        let table = table(title, &[self.pick("Layer", "Lag"), "Mbit/s", self.pick("Share", "Andel")], &rows);
        Ok(Chart { name: "layers", title, words: words.to_owned(), drawn: Some((svg, table)) })
    }

    fn processor(&self) -> Result<Chart, ReportError> {
        let title = self.pick("Processor", "Processor");
        self.of_both(
            "processor",
            title,
            self.pick("cores", "kerner"),
            |bin| bin.sum.server_cpu,
            |bin| bin.sum.generator_cpu,
            Language::short,
        )
    }

    fn memory(&self) -> Result<Chart, ReportError> {
        let title = self.pick("Memory", "Hukommelse");
        let own = |bin: &Bin| bin.sum.generator_memory.map(|bytes| bytes as f64);
        self.of_both("memory", title, "MiB", |bin| bin.sum.server_memory as f64, own, |language, bytes| mebibytes(bytes, language))
    }

    /// Something that the server uses, and the generator, where each was watched.
    fn of_both(
        &self,
        id: &'static str,
        title: &'static str,
        unit: &'static str,
        server: fn(&Bin) -> f64,
        own: impl Fn(&Bin) -> Option<f64>,
        write: fn(Language, f64) -> String,
    ) -> Result<Chart, ReportError> {
        let language = self.language;
        let watched = self.summary.server.is_some();
        let own_watched = self.bins.iter().any(|bin| own(bin).is_some());
        let words = match (watched, own_watched) {
            (true, true) => self.pick("Of the server's process and of the generator's.", "For serverens proces og for belastningens."),
            (true, false) => self
                .pick("Of the server's process; the generator's was not watched.", "For serverens proces; belastningens blev ikke målt."),
            (false, true) => {
                self.pick("Of the generator only: the server could not be watched.", "Kun for belastningen: serveren kunne ikke måles.")
            }
            (false, false) => {
                let why = self.pick(
                    "Neither process was watched: on the server's machine name it with --pid, or give its metrics' address with --metrics.",
                    "Ingen af processerne blev målt: på serverens maskine angives den med --pid, ellers dens målepunkt med --metrics.",
                );
                return Ok(Self::none(id, title, why));
            }
        };
        let (server_name, own_name) = (self.pick("server", "server"), self.pick("generator", "belastning"));
        let mut drawn = Vec::new();
        let mut header = Vec::new();
        if watched {
            drawn.push(self.line(server_name, Look::Solid(FIRST), server));
            header.push(format!("{server_name}, {unit}"));
        }
        if own_watched {
            drawn.push(self.line(own_name, Look::Dashed(SECOND), |bin| own(bin).unwrap_or(f64::NAN)));
            header.push(format!("{own_name}, {unit}"));
        }
        let most = drawn.iter().flat_map(|line| &line.points).map(|(_, value)| *value).fold(0.0, f64::max);
        // Whole MiB on the axis: its marks are round in MiB, not in bytes.
        let scale = if unit == "MiB" { 1024.0 * 1024.0 } else { 1.0 };
        drawn.iter_mut().flat_map(|line| &mut line.points).for_each(|(_, value)| *value /= scale);
        let y = Axis::from_zero(unit, most / scale, move |value| mark(value, language));
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let dash = || "–".to_owned();
        let table = self.by_time(title, &header, |bin| {
            let server = watched.then(|| write(language, server(bin)));
            let own = own_watched.then(|| own(bin).map_or_else(dash, |value| write(language, value)));
            server.into_iter().chain(own).collect()
        });
        self.chart(id, title, words.to_owned(), (&self.time(), &y), &drawn, table)
    }

    fn load(&self) -> Result<Chart, ReportError> {
        let title = self.pick("Who was there", "Hvem der var der");
        let language = self.language;
        let words = self.pick("Clients whose media may flow, and open meetings.", "Klienter, hvis medier må løbe, og åbne møder.");
        let most = self.bins.iter().map(|bin| bin.sum.clients.max(bin.sum.meetings)).max().unwrap_or(1) as f64;
        let y = Axis::from_zero(self.pick("at once", "på én gang"), most, move |count| language.number(count, 0));
        let (clients, meetings) = (self.pick("clients", "klienter"), self.pick("meetings", "møder"));
        let drawn = [
            self.line(clients, Look::Solid(FIRST), |bin| bin.sum.clients as f64),
            self.line(meetings, Look::Dashed(SECOND), |bin| bin.sum.meetings as f64),
        ];
        let header = [
            clients,
            meetings,
            self.pick("joins", "kom ind"),
            self.pick("packets sent/s", "pakker sendt/s"),
            self.pick("packets received/s", "pakker modtaget/s"),
        ];
        let table = self.by_time(title, &header, |bin| {
            let sum = &bin.sum;
            let rate = |count: u64| count as f64 / bin.seconds;
            [sum.clients as f64, sum.meetings as f64, sum.joins as f64, rate(sum.sent), rate(sum.received)]
                .map(|value| language.number(value, 0))
                .into()
        });
        self.chart("load", title, words.to_owned(), (&self.time(), &y), &drawn, table)
    }

    fn lateness(&self) -> Result<Chart, ReportError> {
        let title = self.pick("The generator's own lateness", "Belastningens egen forsinkelse");
        let language = self.language;
        let limit = self.summary.generator.lateness_limit.unwrap_or(LATE) / 1_000.0;
        let at = mark(limit, language);
        let words = match language {
            Language::English => format!(
                "How late packets left the generator, P99. Were the whole run beyond the line, {at} ms, its latencies would be the generator's, not the server's."
            ),
            Language::Danish => format!(
                "Hvor sent pakker forlod belastningen, P99. Lå hele kørslen over stregen, {at} ms, ville dens forsinkelser være belastningens, ikke serverens."
            ),
        };
        let most = self.bins.iter().map(|bin| bin.sum.lateness_p99 / 1_000.0).fold(limit, f64::max);
        let y = Axis::from_zero("ms", most, move |value| mark(value, language));
        let drawn = [
            self.line("P99", Look::Solid(FIRST), |bin| bin.sum.lateness_p99 / 1_000.0),
            self.line(self.pick("limit", "grænse"), Look::Dashed(SECOND), |_| limit),
        ];
        let table = self.by_time(title, &["P99, ms"], |bin| vec![millis(bin.sum.lateness_p99, language)]);
        self.chart("lateness", title, words + &self.each_point(), (&self.time(), &y), &drawn, table)
    }
}

/// Header for rows of [`distribution`].
pub(super) fn distribution_header(first: &'static str, language: Language) -> [&'static str; 7] {
    [
        first,
        language.pick("How many", "Antal"),
        language.pick("Median, ms", "Median, ms"),
        "P95, ms",
        "P99, ms",
        language.pick("P99.9, ms", "P99,9, ms"),
        language.pick("Greatest, ms", "Største, ms"),
    ]
}

/// Count and percentiles in ms.
pub(super) fn distribution(of: &Distribution, language: Language) -> Vec<String> {
    let times = [of.p50, of.p95, of.p99, of.p999, of.max].map(|micros| millis(micros, language));
    std::iter::once(language.number(of.count as f64, 0)).chain(times).collect()
}
