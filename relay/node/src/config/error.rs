//! What is wrong with a configuration, and exactly where.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// Command line and defaults together, after everything was laid over each other.
    Result,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Result => write!(f, "configuration"),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the value came from.
    pub origin: Origin,
    /// Line and column in the file, from 1.
    pub position: Option<(usize, usize)>,
    /// What is wrong and what was expected.
    pub message: String,
    /// The known key that was probably meant.
    pub did_you_mean: Option<String>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(meant) = &self.did_you_mean {
            write!(f, "; did you mean `{meant}`?")?;
        }
        Ok(())
    }
}

impl ConfigError {
    /// An error without a position.
    #[must_use]
    pub fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self { origin, position: None, message: message.into(), did_you_mean: None }
    }

    /// What the TOML reader found in `text`.
    #[must_use]
    pub(super) fn from_toml(origin: Origin, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().replace("unknown field", "unknown key");
        let position = error.span().map(|span| position(text, &span));
        Self { origin, position, did_you_mean: suggestion(&message), message }
    }
}

/// Line and column, both from 1, of the start of `span`; the column counts characters.
pub(super) fn position(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Reads "unknown key `a`, expected one of `b`, `c`" and picks the nearest of what was expected.
fn suggestion(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.starts_with("unknown ") {
        return None;
    }
    let written = quoted.next()?;
    quoted
        .map(|known| (strsim::damerau_levenshtein(written, known), known))
        .filter(|(distance, known)| *distance <= known.len().max(written.len()) / 2)
        .min()
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_counts_lines_and_characters_from_one() {
        let text = "a\næb = 1\n";
        let rows = [("a", (1, 1)), ("æ", (2, 1)), ("b", (2, 2)), ("1", (2, 6))];
        for (needle, expected) in rows {
            let start = text.find(needle).unwrap();
            assert_eq!(position(text, &(start..start + 1)), expected, "{needle}");
        }
    }

    #[test]
    fn nearest_expected_key_is_suggested_and_a_stranger_is_not() {
        let expected = "expected one of `listen`, `tls_cert`, `tls_key`";
        assert_eq!(suggestion(&format!("unknown key `lisen`, {expected}")).as_deref(), Some("listen"));
        assert_eq!(suggestion(&format!("unknown key `tls_kye`, {expected}")).as_deref(), Some("tls_key"));
        assert_eq!(suggestion(&format!("unknown key `colour_scheme`, {expected}")), None);
        assert_eq!(suggestion("invalid type: string `listen`, expected `u16`"), None);
    }
}
