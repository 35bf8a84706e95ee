//! The language of thresholds: `e2e_p99<=20ms, loss<0.1%`. An error names the place and what could stand there.

use thiserror::Error;

use super::metric::{Metric, Unit};

/// How a value stands to its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

impl Operator {
    const SIGNS: [(&'static str, Self); 4] = [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Below), (">", Self::Above)];
}

/// One threshold.
#[derive(Clone, PartialEq, Debug)]
pub struct Slo {
    /// As it was written.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// How it must stand to the limit.
    pub operator: Operator,
    /// The limit, in `unit`.
    pub limit: f64,
    /// The limit's unit.
    pub unit: Unit,
}

impl Slo {
    /// Whether a value in base units is good enough.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        let limit = self.limit * self.unit.factor();
        match self.operator {
            Operator::AtMost => value <= limit,
            Operator::Below => value < limit,
            Operator::AtLeast => value >= limit,
            Operator::Above => value > limit,
        }
    }
}

/// Why a text is no threshold.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SloError {
    /// No comparison in it.
    #[error("`{text}` at character {at} compares nothing; expected for example e2e_p99<=20ms")]
    NoOperator {
        /// The threshold.
        text: String,
        /// Where it begins, from 1.
        at: usize,
    },
    /// An unknown metric.
    #[error("`{name}` at character {at} is no metric; there are {known}")]
    Metric {
        /// What stands there.
        name: String,
        /// Where, from 1.
        at: usize,
        /// What could.
        known: String,
    },
    /// No number.
    #[error("`{text}` at character {at} is no number with a unit; expected for example 20ms, 0.1% or 3")]
    Value {
        /// What stands there.
        text: String,
        /// Where, from 1.
        at: usize,
    },
    /// Not a unit of this metric.
    #[error("`{unit}` at character {at} is no unit of {name}")]
    Unit {
        /// What stands there.
        unit: String,
        /// Where, from 1.
        at: usize,
        /// The metric.
        name: String,
    },
}

/// Reads thresholds with commas between them.
///
/// # Errors
/// [`SloError`] for the first that is wrong, with its place.
pub fn parse(text: &str) -> Result<Vec<Slo>, SloError> {
    let mut slos = Vec::new();
    let mut start = 0;
    for part in text.split(',') {
        if !part.trim().is_empty() {
            slos.push(one(part, start)?);
        }
        start += part.len() + 1;
    }
    Ok(slos)
}

fn one(part: &str, start: usize) -> Result<Slo, SloError> {
    // Places count from 1, spaces before the word not included.
    let place = |word: &str| start + word.as_ptr().addr() - part.as_ptr().addr() + 1;
    let whole = part.trim();
    let split = Operator::SIGNS.iter().find_map(|(sign, operator)| whole.split_once(sign).map(|(name, value)| (name, *operator, value)));
    let (name, operator, value) = split.ok_or_else(|| SloError::NoOperator { text: whole.to_owned(), at: place(whole) })?;
    let (name, value) = (name.trim(), value.trim());
    let unknown = || SloError::Metric { name: name.to_owned(), at: place(name), known: Metric::names() };
    let metric = Metric::named(name).ok_or_else(unknown)?;
    let digits = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let limit = number.parse::<f64>().map_err(|_| SloError::Value { text: value.to_owned(), at: place(value) })?;
    let known = Unit::named(unit.trim()).filter(|unit| metric.units().contains(unit));
    let unit = known.ok_or_else(|| SloError::Unit { unit: unit.to_owned(), at: place(unit), name: name.to_owned() })?;
    Ok(Slo { text: format!("{name}{}{value}", sign(operator)), metric, operator, limit, unit })
}

fn sign(operator: Operator) -> &'static str {
    Operator::SIGNS.iter().find(|(_, known)| *known == operator).map_or("", |(sign, _)| sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_and_held_against_base_units() {
        let slos = parse(" e2e_p99 <= 20ms, loss<0.1%,first_frame_p95<=1.5s ,server_cpu<=0.5cores").expect("all good");
        assert_eq!(
            slos.iter().map(|slo| slo.text.as_str()).collect::<Vec<_>>(),
            ["e2e_p99<=20ms", "loss<0.1%", "first_frame_p95<=1.5s", "server_cpu<=0.5cores"]
        );
        assert!(slos[0].holds(20_000.0) && !slos[0].holds(20_001.0));
        assert!(slos[1].holds(0.0009) && !slos[1].holds(0.001));
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn an_error_names_the_place_and_what_could_stand_there() {
        let error = |text: &str| parse(text).expect_err("wrong").to_string();
        assert!(error("loss<1%, e2e_p98<=20ms").starts_with("`e2e_p98` at character 10 is no metric; there are loss, audio_loss"));
        assert_eq!(error("e2e_p99<=20%"), "`%` at character 12 is no unit of e2e_p99");
        assert_eq!(error("e2e_p99<=fast"), "`fast` at character 10 is no number with a unit; expected for example 20ms, 0.1% or 3");
        assert_eq!(error("loss<1%, quick"), "`quick` at character 10 compares nothing; expected for example e2e_p99<=20ms");
    }
}
