//! A person's name, and what a rule leaves of it.

use std::sync::Arc;

use crate::settings::Names;

/// A name with its spellings. Shared, for every roster of a room holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonName {
    full: Arc<str>,
    first: Arc<str>,
}

impl PersonName {
    pub(crate) fn new(full: &str) -> Self {
        Self { full: full.into(), first: spell(full, Names::First).into() }
    }

    /// The whole name.
    #[must_use]
    pub fn full(&self) -> &str {
        &self.full
    }

    /// [`spell`] without making anything anew.
    pub(crate) fn under(&self, rule: Names) -> Arc<str> {
        match rule {
            Names::Full => self.full.clone(),
            Names::First => self.first.clone(),
            Names::Hidden => Arc::default(),
        }
    }
}

/// A name under a rule.
pub(crate) fn spell(name: &str, rule: Names) -> &str {
    match rule {
        Names::Full => name,
        Names::First => name.split_whitespace().next().unwrap_or_default(),
        Names::Hidden => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_rule() {
        let rows = [
            ("Anna Berg", Names::Full, "Anna Berg"),
            ("Anna Berg", Names::First, "Anna"),
            ("  Anna   Berg", Names::First, "Anna"),
            ("Anna", Names::First, "Anna"),
            ("Anne-Marie Holm", Names::First, "Anne-Marie"),
            ("", Names::First, ""),
            ("Anna Berg", Names::Hidden, ""),
        ];
        for (name, rule, expected) in rows {
            assert_eq!(spell(name, rule), expected, "{name:?} {rule:?}");
            assert_eq!(&*PersonName::new(name).under(rule), expected, "{name:?} {rule:?}");
        }
    }
}
