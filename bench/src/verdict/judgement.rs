//! Holds figures against budgets. Pure: values in, rows out.

use super::{Budget, Memory};

/// How a figure stands to its budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// Not above its limit.
    Within,
    /// Above, by no more than it moves by itself: measure again on a quiet machine.
    Unsure,
    /// Above.
    Over,
    /// Nobody measured it.
    Missing,
}

/// One line of the table. Figures are in the budget's unit.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The budget's name.
    pub bench: String,
    /// Of all figures.
    pub unit: &'static str,
    /// The most it may be.
    pub limit: f64,
    /// As measured last.
    pub now: Option<f64>,
    /// As measured before that.
    pub last: Option<f64>,
    /// From `last` to `now`, share.
    pub change: Option<f64>,
    /// How much equals differ, share; `None` before A/A rounds.
    pub noise: Option<f64>,
    /// How it stands.
    pub judgement: Judgement,
}

impl Row {
    /// The change is more than noise; never before A/A rounds, as nobody knows.
    #[must_use]
    pub fn moved(&self) -> bool {
        matches!((self.change, self.noise), (Some(change), Some(noise)) if change.abs() > noise)
    }

    /// Strict mode does not let it pass. What nobody measured must not pass for good: a renamed bench would never fail again.
    #[must_use]
    pub fn fails(&self) -> bool {
        matches!(self.judgement, Judgement::Over | Judgement::Missing)
    }
}

/// The rows, in the order of the budgets.
#[must_use]
pub fn judge(budgets: &[Budget], memory: &Memory) -> Vec<Row> {
    budgets.iter().map(|budget| row(budget, memory)).collect()
}

fn row(budget: &Budget, memory: &Memory) -> Row {
    let scale = budget.unit.scale();
    let [now, last] = [&memory.now, &memory.last].map(|figures| figures.get(&budget.bench).map(|value| value / scale));
    let noise = memory.noise.get(&budget.bench).copied();
    let change = now.zip(last).map(|(now, last)| now / last - 1.0);
    let judgement = match now {
        None => Judgement::Missing,
        Some(now) if now <= budget.limit => Judgement::Within,
        Some(now) if now <= budget.limit * (1.0 + noise.unwrap_or(0.0)) => Judgement::Unsure,
        Some(_) => Judgement::Over,
    };
    Row { bench: budget.bench.clone(), unit: budget.unit.name(), limit: budget.limit, now, last, change, noise, judgement }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Unit;

    fn one(limit: f64, now: Option<f64>, last: Option<f64>, noise: Option<f64>) -> Row {
        let budget = Budget { bench: "a/b".to_owned(), limit, unit: Unit::Microseconds, reason: "why".to_owned() };
        let mut memory = Memory::default();
        let named = |value: Option<f64>| value.map(|value| ("a/b".to_owned(), value)).into_iter().collect();
        (memory.now, memory.last, memory.noise) = (named(now), named(last), named(noise));
        judge(&[budget], &memory).remove(0)
    }

    #[test]
    fn figures_are_held_against_their_limits() {
        for (now, noise, judgement, fails) in [
            (Some(9_000.0), None, Judgement::Within, false),
            (Some(10_000.0), None, Judgement::Within, false),
            (Some(10_001.0), None, Judgement::Over, true),
            (Some(10_400.0), Some(0.05), Judgement::Unsure, false),
            (Some(10_600.0), Some(0.05), Judgement::Over, true),
            (None, Some(0.05), Judgement::Missing, true),
        ] {
            let row = one(10.0, now, None, noise);
            assert_eq!((row.judgement, row.fails()), (judgement, fails), "{now:?} with noise {noise:?}");
        }
    }

    #[test]
    fn a_change_counts_only_above_the_noise() {
        let row = one(100.0, Some(11_000.0), Some(10_000.0), Some(0.05));
        assert!((row.change.unwrap() - 0.1).abs() < 1e-9 && row.moved(), "{row:?}");
        assert!(!one(100.0, Some(11_000.0), Some(10_000.0), Some(0.2)).moved());
        assert!(!one(100.0, Some(11_000.0), Some(10_000.0), None).moved(), "without A/A rounds nobody knows");
    }
}
