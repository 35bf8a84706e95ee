//! `config/budgets.toml`: what may be spent, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// What may be spent, in the order of the table.
    #[serde(rename = "budget")]
    pub budgets: Vec<Budget>,
    /// What the instruction gate holds on to.
    pub instructions: Instructions,
}

/// One budget.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The figure's name: criterion's full id, or a name that a bench recorded itself.
    pub bench: String,
    /// The most it may be, in `unit`.
    pub limit: f64,
    /// Of `limit`.
    pub unit: Unit,
    /// Where the limit comes from.
    pub reason: String,
}

/// What a limit is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// A ratio.
    #[serde(rename = "x")]
    Times,
}

/// What the instruction gate holds on to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instructions {
    /// How much more than its count a stage may take, percent.
    pub tolerance_percent: f64,
    /// Instructions per element, by stage.
    pub counts: BTreeMap<String, f64>,
}

/// Why the file is of no use. The text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Unreadable(String, std::io::Error),
    /// It is not TOML, or says something unknown.
    #[error("config/budgets.toml: {0}")]
    Malformed(#[from] toml::de::Error),
    /// Two budgets for one figure.
    #[error("config/budgets.toml has two budgets for `{0}`: remove one")]
    Twice(String),
    /// A limit that nothing can be held against.
    #[error("config/budgets.toml: the limit of `{0}` must be a positive number")]
    Limit(String),
    /// A budget nobody can judge.
    #[error("config/budgets.toml: say in `reason` where the limit of `{0}` comes from")]
    Reason(String),
}

impl Unit {
    /// How many of a figure's own unit (ns, or 1) it is.
    #[must_use]
    pub fn scale(self) -> f64 {
        match self {
            Self::Nanoseconds | Self::Times => 1.0,
            Self::Microseconds => 1_000.0,
        }
    }

    /// As written after a number.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "µs",
            Self::Times => "x",
        }
    }
}

/// Where the file lies in this workspace.
#[must_use]
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/budgets.toml")
}

/// Reads the workspace's own file.
///
/// # Errors
/// [`ConfigError`].
pub fn read() -> Result<Budgets, ConfigError> {
    let path = path();
    let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::Unreadable(path.display().to_string(), error))?;
    Budgets::parse(&text)
}

impl Budgets {
    /// Reads the file's text.
    ///
    /// # Errors
    /// [`ConfigError`], all but `Unreadable`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let budgets: Self = toml::from_str(text)?;
        let mut seen = BTreeSet::new();
        for budget in &budgets.budgets {
            if !seen.insert(&budget.bench) {
                return Err(ConfigError::Twice(budget.bench.clone()));
            }
            if !(budget.limit > 0.0 && budget.limit.is_finite()) {
                return Err(ConfigError::Limit(budget.bench.clone()));
            }
            if budget.reason.trim().is_empty() {
                return Err(ConfigError::Reason(budget.bench.clone()));
            }
        }
        Ok(budgets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::STAGES;

    const GOOD: &str = "[[budget]]\nbench = 'a/b'\nlimit = 5\nunit = 'us'\nreason = 'why'\n\
        [instructions]\ntolerance_percent = 3\n[instructions.counts]\n'a/b' = 100\n";

    #[test]
    fn mistakes_are_named() {
        assert!(Budgets::parse(GOOD).is_ok());
        let twice = format!("{}{GOOD}", &GOOD[..GOOD.find("[instr").unwrap()]);
        for (text, says) in [
            (GOOD.replace("limit = 5", "limit = 0"), "positive"),
            (GOOD.replace("limit = 5", "limit = nan"), "positive"),
            (GOOD.replace("'why'", "' '"), "reason"),
            (GOOD.replace("'us'", "'h'"), "unknown variant"),
            (GOOD.replace("limit =", "limits ="), "unknown field"),
            (twice, "two budgets"),
        ] {
            let error = Budgets::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn the_workspaces_own_file_names_stages_that_exist() {
        let budgets = read().unwrap();
        assert!(!budgets.budgets.is_empty());
        let counted: BTreeSet<&str> = STAGES.iter().filter(|stage| stage.counted).map(|stage| stage.name).collect();
        let held: BTreeSet<&str> = budgets.instructions.counts.keys().map(String::as_str).collect();
        assert_eq!(counted, held, "every counted stage has its count, and no other");
        // Names of groups that are not stages belong to other benches.
        let groups: BTreeSet<&str> = STAGES.iter().filter_map(|stage| stage.name.split('/').next()).collect();
        for budget in &budgets.budgets {
            let ours = groups.contains(budget.bench.split('/').next().unwrap_or_default());
            assert!(!ours || crate::stage::find(&budget.bench).is_some(), "{} is no stage", budget.bench);
        }
    }
}
