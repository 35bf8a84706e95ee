//! The pictures of a plan, as SVG that takes the page's colours and says in words what it shows.

use super::chance::{poisson, poisson_quantile};
use super::{Plan, Resource};
use crate::report::page::{Axis, Bar, Caption, FIRST, Failed, GROUND, Language, Line, Look, SECOND, THIRD, lines, rows_of_bars};

/// First and last hour of the day's picture.
const HOURS: std::ops::RangeInclusive<u32> = 6..=19;
/// Assumptions in the picture of what matters.
const MATTER: usize = 8;
/// Marks on an axis at most.
const MARKS: f64 = 12.0;

/// Concurrent meetings through the day: mean as an area, the planned quantile as a line, the textbook's answer dashed.
pub(super) fn day(plan: &Plan, language: Language, caption: &Caption<'_>) -> Result<String, Failed> {
    let ticks: Vec<f64> = HOURS.map(f64::from).collect();
    let (from, to) = (f64::from(*HOURS.start()), f64::from(*HOURS.end()));
    let minutes = |of: &dyn Fn(f64) -> f64| -> Vec<(f64, f64)> {
        let minutes = plan.day.minutes.iter().enumerate().map(|(minute, mean)| (minute as f64 / 60.0, of(*mean)));
        minutes.filter(|(hour, _)| (from..=to).contains(hour)).collect()
    };
    let words = language.pick("Time of day", "Klokken");
    let x = Axis { words, shown: from..to, ticks, log: false, write: Box::new(move |hour| language.clock(hour * 60.0)) };
    let y = Axis::from_zero(meetings(language), plan.figures.concurrent.high, move |count| language.plain((count * 1e6).round() / 1e6));
    let (quantile, steady) = (plan.profile.quantile, plan.figures.concurrent_steady.high);
    let drawn = [
        Line { name: language.pick("Mean", "Middel"), look: Look::Filled(FIRST), points: minutes(&|mean| mean) },
        Line {
            name: &language.quantile(quantile),
            look: Look::Solid(SECOND),
            points: minutes(&|mean| poisson_quantile(mean, quantile) as f64),
        },
        Line { name: without_bursts(language), look: Look::Dashed(THIRD), points: vec![(from, steady), (to, steady)] },
    ];
    lines(caption, &x, &y, &drawn)
}

/// Probability of each number of concurrent meetings at the busiest minute, with the planned quantile marked.
pub(super) fn distribution(plan: &Plan, language: Language, caption: &Caption<'_>) -> Result<String, Failed> {
    let (peak, steady, high) = (plan.day.peak, plan.day.steady, plan.figures.concurrent.high);
    let first = (steady - 4.5 * steady.sqrt()).max(0.0).floor();
    let last = (peak + 4.8 * peak.sqrt() + 3.0).max(high + 2.0).ceil();
    let mut steps = (0..).flat_map(|power| [1.0, 2.0, 5.0].map(|nice| nice * 10f64.powi(power)));
    let step = steps.find(|step| (last - first) / step <= MARKS).unwrap_or(1.0);
    let ticks = ((first / step).ceil() as u64..=(last / step) as u64).map(|mark| mark as f64 * step).collect();
    let x =
        Axis { words: meetings(language), shown: first..last, ticks, log: false, write: Box::new(move |count| language.number(count, 0)) };
    let most = poisson(peak, peak as u64).max(poisson(steady, steady as u64));
    let probability = language.pick("Probability", "Sandsynlighed");
    let y = Axis::from_zero(probability, most, move |share| format!("{} %", language.number(share * 100.0, 1)));
    let shares = |mean: f64| (first as u64..=last as u64).map(|count| (count as f64, poisson(mean, count))).collect();
    let label = format!("{}: {}", language.quantile(plan.profile.quantile), language.number(high, 0));
    let drawn = [
        Line { name: language.pick("With bursts", "Med klumper"), look: Look::Filled(FIRST), points: shares(peak) },
        Line { name: &label, look: Look::Solid(SECOND), points: vec![(high, 0.0), (high, y.shown.end)] },
        Line { name: without_bursts(language), look: Look::Dashed(THIRD), points: shares(steady) },
    ];
    lines(caption, &x, &y, &drawn)
}

fn meetings(language: Language) -> &'static str {
    language.pick("Concurrent meetings", "Samtidige møder")
}

fn without_bursts(language: Language) -> &'static str {
    language.pick("Without bursts", "Uden klumper")
}

/// How full each resource of a node is: all nodes there, and the spares lost.
pub(super) fn uses(plan: &Plan, language: Language, caption: &Caption<'_>) -> Result<String, Failed> {
    let rows: Vec<_> = plan.figures.nodes.uses.iter().filter_map(|row| Some((row, row.limit?))).collect();
    let bars: Vec<Bar> = rows
        .iter()
        .map(|(row, limit)| Bar {
            name: language.resource(row.resource).to_owned(),
            thick: (0.0, row.degraded / limit, FIRST),
            thin: Some((0.0, row.usual / limit, GROUND)),
            label: format!("{} / {}", language.amount(row.resource, row.degraded), language.amount(row.resource, *limit)),
        })
        .collect();
    let most = bars.iter().map(|bar| bar.thick.1).fold(1.0, f64::max) * 1.35;
    rows_of_bars(caption, &bars, 0.0..most, &|share| format!("{} %", language.number(share * 100.0, 0)), Some(1.0))
}

/// What the likely range of each assumption does to cores.
pub(super) fn matters(plan: &Plan, language: Language, caption: &Caption<'_>) -> Result<String, Failed> {
    let now = plan.figures.cores.value;
    let bars: Vec<Bar> = plan
        .figures
        .sensitivity
        .iter()
        .take(MATTER)
        .map(|row| {
            let (low, high) = (row.low.cores.min(row.high.cores), row.low.cores.max(row.high.cores));
            let label = format!("{} – {}", language.plain(row.low.value), language.plain(row.high.value));
            Bar { name: row.flag.to_owned(), thick: (low, high, FIRST), thin: None, label }
        })
        .collect();
    let least = bars.iter().map(|bar| bar.thick.0).fold(now, f64::min);
    let most = bars.iter().map(|bar| bar.thick.1).fold(now, f64::max);
    let room = (most - least).max(0.1);
    let shown = (least - room * 0.1).max(0.0)..most + room * 0.35;
    rows_of_bars(caption, &bars, shown, &|cores| language.amount(Resource::Cores, cores), Some(now))
}
