//! Pictures as SVG that take the page's colours and say in words what they show: lines over an axis, and bars.

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::escape;

/// Size of a picture, px; the page scales it.
const SIZE: (u32, u32) = (860, 320);
/// Smallest text, px.
const TEXT: u32 = 14;
/// Width of a letter of that text, px, about: where the next entry of a legend begins.
const LETTER: f64 = 7.2;
/// Room for a legend above the lines, px.
const LEGEND: u32 = 30;

// The page's style sheet gives each of these its colour in light and dark.
const INK: RGBColor = RGBColor(0x10, 0x25, 0x2a);
const FAINT: RGBColor = RGBColor(0xcd, 0xd8, 0xda);
pub(crate) const FIRST: RGBColor = RGBColor(0x0a, 0x5c, 0x68);
pub(crate) const SECOND: RGBColor = RGBColor(0xb3, 0x5c, 0x00);
pub(crate) const GROUND: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(crate) const THIRD: RGBColor = RGBColor(0x6f, 0x85, 0x8a);

/// Why a picture could not be drawn.
pub(crate) type Failed = DrawingAreaErrorKind<std::io::Error>;

/// Name, words and identity of a picture.
pub(crate) struct Caption<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) words: &'a str,
}

/// An axis: what it is called, from where to where, and what is written where.
pub(crate) struct Axis<'a> {
    pub(crate) words: &'a str,
    /// In `scale`'s terms: of a logarithmic axis these are powers of ten.
    pub(crate) shown: std::ops::Range<f64>,
    pub(crate) ticks: Vec<f64>,
    pub(crate) log: bool,
    /// Writes a value, not its logarithm.
    pub(crate) write: Box<dyn Fn(f64) -> String + 'a>,
}

impl<'a> Axis<'a> {
    /// From 0 to a round number that is not below `most`.
    pub(crate) fn from_zero(words: &'a str, most: f64, write: impl Fn(f64) -> String + 'a) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let power = 10f64.powf((most / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|nice| nice * power).find(|step| step * 6.0 >= most).unwrap_or(10.0 * power);
        let count = (most / step - 1e-9).ceil().max(1.0) as usize;
        let ticks: Vec<f64> = (0..=count).map(|index| index as f64 * step).collect();
        Self { words, shown: 0.0..count as f64 * step, ticks, log: false, write: Box::new(write) }
    }

    /// Logarithmic, over all positive `values`.
    pub(crate) fn log(words: &'a str, values: impl Iterator<Item = f64>, write: impl Fn(f64) -> String + 'a) -> Self {
        let (least, most) = values
            .filter(|value| *value > 0.0 && value.is_finite())
            .fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), value| (least.min(value), most.max(value)));
        let (least, most) = if most > 0.0 { (least.log10(), most.log10()) } else { (0.0, 1.0) };
        let decades = least.floor() as i32..=most.ceil() as i32;
        // Over three decades the steps between would stand too close.
        let within: &[f64] = if most - least > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let ticks: Vec<f64> = decades.flat_map(|decade| within.iter().map(move |step| f64::from(decade) + step.log10())).collect();
        let from = ticks.iter().copied().filter(|tick| *tick <= least + 1e-9).fold(f64::NEG_INFINITY, f64::max);
        let to = ticks.iter().copied().filter(|tick| *tick >= most - 1e-9).fold(f64::INFINITY, f64::min);
        let (from, to) = if to - from < 0.2 { (from - 0.3, to + 0.3) } else { (from, to) };
        let ticks = ticks.into_iter().filter(|tick| (from - 1e-9..=to + 1e-9).contains(tick)).collect();
        Self { words, shown: from..to, ticks, log: true, write: Box::new(write) }
    }

    /// Where a value lies; `None` if a logarithmic axis has no place for it.
    fn at(&self, value: f64) -> Option<f64> {
        let at = if self.log { value.log10() } else { value };
        at.is_finite().then(|| at.clamp(self.shown.start, self.shown.end))
    }

    fn marked(&self) -> Marked {
        Marked { shown: self.shown.clone().into(), ticks: self.ticks.clone() }
    }

    fn label(&self, at: f64) -> String {
        (self.write)(if self.log { 10f64.powf(at) } else { at })
    }
}

/// A range for the drawing library with marks exactly where an axis wants them.
struct Marked {
    shown: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Marked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.shown.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.shown.range()
    }
}

/// How a line looks; never told apart by colour alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Filled(RGBColor),
    Solid(RGBColor),
    Dashed(RGBColor),
    Dotted(RGBColor),
}

/// A line: what stands in the legend, and points; one that is not finite is a gap.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) look: Look,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Line<'_> {
    /// Its parts between gaps, where the axes have them.
    fn parts(&self, x: &Axis<'_>, y: &Axis<'_>) -> Vec<Vec<(f64, f64)>> {
        let placed: Vec<_> = self.points.iter().map(|(right, up)| Some((x.at(*right)?, y.at(*up)?))).collect();
        placed
            .split(Option::is_none)
            .map(|part| part.iter().flatten().copied().collect::<Vec<_>>())
            .filter(|part| !part.is_empty())
            .collect()
    }
}

/// Lines over their axes under a legend.
pub(crate) fn lines(caption: &Caption<'_>, x: &Axis<'_>, y: &Axis<'_>, lines: &[Line<'_>]) -> Result<String, Failed> {
    draw(caption, SIZE.1, |area| {
        legend(area, lines)?;
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_top(LEGEND)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d(x.marked(), y.marked())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", TEXT).into_font().color(&INK))
            .x_labels(x.ticks.len())
            .y_labels(y.ticks.len())
            .x_label_formatter(&|at| x.label(*at))
            .y_label_formatter(&|at| y.label(*at))
            .x_desc(x.words)
            .y_desc(y.words)
            .draw()?;
        for line in lines {
            for part in line.parts(x, y) {
                if let [alone] = part[..] {
                    chart.draw_series([Circle::new(alone, 2, colour(line.look).filled())])?;
                    continue;
                }
                match line.look {
                    Look::Filled(colour) => {
                        let area = AreaSeries::new(part, y.shown.start, colour.mix(0.35)).border_style(colour.stroke_width(2));
                        chart.draw_series(area)?
                    }
                    Look::Solid(colour) => chart.draw_series(LineSeries::new(part, colour.stroke_width(2)))?,
                    Look::Dashed(colour) => chart.draw_series(DashedLineSeries::new(part, 7, 5, colour.stroke_width(2)))?,
                    Look::Dotted(colour) => chart.draw_series(DashedLineSeries::new(part, 2, 4, colour.stroke_width(2)))?,
                };
            }
        }
        Ok(())
    })
}

/// A piece of each line and its name, from left to right.
fn legend(area: &DrawingArea<SVGBackend<'_>, Shift>, lines: &[Line<'_>]) -> Result<(), Failed> {
    let mut left = 88;
    for line in lines {
        let style = colour(line.look).stroke_width(2);
        // Pieces of a dashed line, px from the left.
        let pieces: &[(i32, i32)] = match line.look {
            Look::Filled(_) | Look::Solid(_) => &[(0, 28)],
            Look::Dashed(_) => &[(0, 7), (12, 19), (24, 28)],
            Look::Dotted(_) => &[(0, 2), (6, 8), (12, 14), (18, 20), (24, 26)],
        };
        if let Look::Filled(colour) = line.look {
            area.draw(&Rectangle::new([(left, 14), (left + 28, 22)], colour.mix(0.35).filled()))?;
        }
        for (from, to) in pieces {
            area.draw(&PathElement::new([(left + from, 14), (left + to, 14)], style))?;
        }
        let text = ("sans-serif", TEXT).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(line.name.to_owned(), (left + 34, 15), text))?;
        left += 34 + (line.name.chars().count() as f64 * LETTER) as i32 + 24;
    }
    Ok(())
}

fn colour(look: Look) -> RGBColor {
    match look {
        Look::Filled(colour) | Look::Solid(colour) | Look::Dashed(colour) | Look::Dotted(colour) => colour,
    }
}

/// One row of a picture of bars.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) thick: (f64, f64, RGBColor),
    pub(crate) thin: Option<(f64, f64, RGBColor)>,
    pub(crate) label: String,
}

/// Bars from top to bottom with names to the left, and a line across at `mark` if there is one.
pub(crate) fn rows_of_bars(
    caption: &Caption<'_>,
    bars: &[Bar],
    shown: std::ops::Range<f64>,
    write: &dyn Fn(f64) -> String,
    mark: Option<f64>,
) -> Result<String, Failed> {
    let height = 60 + 38 * bars.len() as u32;
    draw(caption, height, |area| {
        let count = bars.len() as f64;
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(32)
            .y_label_area_size(150)
            .build_cartesian_2d(shown, 0.0..count.max(1.0))?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", TEXT).into_font().color(&INK))
            .x_labels(8)
            .x_label_formatter(&|value| write(*value))
            .draw()?;
        for (index, bar) in bars.iter().enumerate() {
            let middle = count - index as f64 - 0.5;
            let rectangle = |(from, to, colour): (f64, f64, RGBColor), half: f64| {
                Rectangle::new([(from, middle - half), (to, middle + half)], colour.filled())
            };
            chart.draw_series([rectangle(bar.thick, 0.32)])?;
            chart.draw_series(bar.thin.map(|thin| rectangle(thin, 0.12)))?;
            let at = |end: f64| chart.backend_coord(&(end, middle));
            let style = ("sans-serif", TEXT).into_font().color(&INK);
            let right = style.pos(Pos::new(HPos::Right, VPos::Center));
            let left = style.pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(bar.name.clone(), (at(bar.thick.0).0.min(154), at(bar.thick.0).1), right))?;
            let end = bar.thin.map_or(bar.thick.1, |thin| thin.1.max(bar.thick.1));
            area.draw(&Text::new(bar.label.clone(), (at(end).0 + 8, at(end).1), left))?;
        }
        chart.draw_series(mark.map(|mark| PathElement::new([(mark, 0.0), (mark, count)], SECOND.stroke_width(2))))?;
        Ok(())
    })
}

/// Runs the drawing and gives the SVG its name, its words, and freedom to scale.
fn draw<F>(caption: &Caption<'_>, height: u32, paint: F) -> Result<String, Failed>
where
    F: FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Failed>,
{
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (SIZE.0, height)).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    let Caption { id, title, words } = caption;
    let opening = format!("<svg role=\"img\" aria-labelledby=\"{id}-title {id}-words\" viewBox=\"0 0 {} {height}\" xmlns", SIZE.0);
    let named = format!("><title id=\"{id}-title\">{}</title><desc id=\"{id}-words\">{}</desc>\n", escape(title), escape(words));
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    Ok(format!("{opening}=\"http://www.w3.org/2000/svg\"{named}{body}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis<'_>) -> Vec<String> {
        axis.ticks.iter().map(|tick| axis.label(*tick)).collect()
    }

    #[test]
    fn axes_end_on_round_numbers_that_hold_every_value() {
        let write = |value: f64| format!("{}", (value * 1e6).round() / 1e6);
        for (most, expected) in
            [(0.38, "0 0.1 0.2 0.3 0.4"), (87.4, "0 20 40 60 80 100"), (1.0, "0 0.2 0.4 0.6 0.8 1"), (0.0, "0 0.2 0.4 0.6 0.8 1")]
        {
            assert_eq!(labels(&Axis::from_zero("", most, write)).join(" "), expected, "{most}");
        }
        let log = |values: &[f64]| labels(&Axis::log("", values.iter().copied(), write)).join(" ");
        assert_eq!(log(&[0.0, 3.0, 41.0, f64::NAN]), "2 5 10 20 50", "zero has no place on it");
        assert_eq!(log(&[0.5, 9_000.0]), "0.1 1 10 100 1000 10000");
        assert_eq!(log(&[]), "1 2 5 10");
    }

    #[test]
    fn gaps_are_not_bridged() {
        let (x, y) = (Axis::from_zero("", 5.0, |_| String::new()), Axis::log("", [1.0, 9.0].into_iter(), |_| String::new()));
        let points = vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 0.0), (4.0, 9.0)];
        let parts = Line { name: "", look: Look::Solid(FIRST), points }.parts(&x, &y);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }
}
