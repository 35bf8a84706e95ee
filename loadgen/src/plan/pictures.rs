//! The pictures of a plan, as SVG that takes the page's colours and says in words what it shows.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::chance::{poisson, poisson_quantile};
use super::{Plan, Resource};
use crate::report::page::{Bar, Caption, FAINT, FIRST, Failed, GROUND, INK, Language, SECOND, SIZE, TEXT, THIRD, draw, rows_of_bars};

/// First and last hour of the day's picture.
const HOURS: std::ops::Range<f64> = 6.0..19.0;
/// Assumptions in the picture of what matters.
const MATTER: usize = 8;

/// Concurrent meetings through the day: mean as an area, the planned quantile as a line, the textbook's answer dashed.
pub(super) fn day(plan: &Plan, language: Language, caption: &Caption<'_>) -> Result<String, Failed> {
    draw(caption, SIZE.1, |area| {
        let minutes = || plan.day.minutes.iter().enumerate().map(|(minute, mean)| (minute as f64 / 60.0, *mean));
        let shown = |(hour, _): &(f64, f64)| HOURS.contains(hour);
        let most = plan.figures.concurrent.high * 1.1;
        let mut chart =
            ChartBuilder::on(area).margin(12).x_label_area_size(44).y_label_area_size(64).build_cartesian_2d(HOURS, 0.0..most)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", TEXT).into_font().color(&INK))
            .x_labels(13)
            .y_labels(6)
            .x_label_formatter(&|hour| language.clock(hour * 60.0))
            .y_label_formatter(&|count| language.number(*count, 0))
            .x_desc(language.pick("Time of day", "Klokken"))
            .y_desc(language.pick("Concurrent meetings", "Samtidige møder"))
            .draw()?;
        chart.draw_series(AreaSeries::new(minutes().filter(shown), 0.0, FIRST.mix(0.35)).border_style(FIRST.stroke_width(2)))?;
        let high = minutes().filter(shown).map(|(hour, mean)| (hour, poisson_quantile(mean, plan.profile.quantile) as f64));
        chart.draw_series(LineSeries::new(high, SECOND.stroke_width(2)))?;
        let steady = plan.figures.concurrent_steady.high;
        let ends = [(HOURS.start, steady), (HOURS.end, steady)];
        chart.draw_series(DashedLineSeries::new(ends, 7, 5, THIRD.stroke_width(2)))?;
        Ok(())
    })
}

/// Probability of each number of concurrent meetings at the busiest minute, with the planned quantile marked.
pub(super) fn distribution(plan: &Plan, language: Language, caption: &Caption<'_>) -> Result<String, Failed> {
    draw(caption, SIZE.1, |area| {
        let (peak, steady) = (plan.day.peak, plan.day.steady);
        let high = plan.figures.concurrent.high;
        let first = (steady - 4.5 * steady.sqrt()).max(0.0).floor();
        let last = (peak + 4.8 * peak.sqrt() + 3.0).max(high + 2.0).ceil();
        let most = poisson(peak, peak as u64).max(poisson(steady, steady as u64)) * 1.12;
        let mut chart =
            ChartBuilder::on(area).margin(12).x_label_area_size(44).y_label_area_size(64).build_cartesian_2d(first..last, 0.0..most)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", TEXT).into_font().color(&INK))
            .y_labels(5)
            .x_label_formatter(&|count| language.number(*count, 0))
            .y_label_formatter(&|share| format!("{} %", language.number(share * 100.0, 1)))
            .x_desc(language.pick("Concurrent meetings", "Samtidige møder"))
            .draw()?;
        let shares = |mean: f64| (first as u64..=last as u64).map(move |count| (count as f64, poisson(mean, count)));
        chart.draw_series(AreaSeries::new(shares(peak), 0.0, FIRST.mix(0.35)).border_style(FIRST.stroke_width(2)))?;
        chart.draw_series(DashedLineSeries::new(shares(steady), 7, 5, THIRD.stroke_width(2)))?;
        chart.draw_series([PathElement::new([(high, 0.0), (high, most)], SECOND.stroke_width(2))])?;
        let label = format!("{}: {}", language.quantile(plan.profile.quantile), language.number(high, 0));
        let style = ("sans-serif", TEXT + 1).into_font().color(&INK);
        let text = style.pos(Pos::new(HPos::Right, VPos::Top));
        chart.draw_series([Text::new(label, (high - (last - first) * 0.01, most * 0.98), text)])?;
        Ok(())
    })
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
