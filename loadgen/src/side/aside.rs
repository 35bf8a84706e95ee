//! Why a slot does not count.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Unusable;
use crate::report::page::Language;

/// Why a slot was set aside.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// The hypervisor took this share of the cores.
    Stolen(f64),
    /// The machine was busy with something else.
    SlowEcho {
        /// Median of the echo beside it, in times the usual.
        middle: f64,
        /// Its 99th percentile likewise.
        tail: f64,
    },
    /// The runs say nothing.
    Unusable(Unusable),
    /// A program failed; in its own words, which are English.
    Failed(String),
}

impl Aside {
    pub(super) fn words(&self, language: Language) -> String {
        let danish = language == Language::Danish;
        match self {
            Self::Stolen(share) => {
                let share = language.number(share * 100.0, 1);
                if danish {
                    format!("hypervisoren tog {share} % af kernerne")
                } else {
                    format!("the hypervisor took {share} % of the cores")
                }
            }
            Self::SlowEcho { middle, tail } => {
                let (middle, tail) = (language.number(*middle, 1), language.number(*tail, 1));
                if danish {
                    format!("ekkoet ved siden af tog {middle} gange det sædvanlige i medianen, {tail} gange i 99-percentilen")
                } else {
                    format!("the echo beside it was {middle} times the usual in the median, {tail} times at the 99th percentile")
                }
            }
            Self::Unusable(why) => {
                if danish {
                    unusable(why)
                } else {
                    why.to_string()
                }
            }
            Self::Failed(said) => {
                if danish {
                    format!("et program fejlede og sagde: {said}")
                } else {
                    said.clone()
                }
            }
        }
    }
}

/// For a terminal, which gets English.
impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}

/// What [`Unusable`] says, in Danish.
fn unusable(why: &Unusable) -> String {
    match why {
        Unusable::Invalid(said) => format!("belastningen selv var flaskehalsen og sagde: {said}"),
        Unusable::Failed { failed, planned } => format!("{failed} af {planned} personer kom ikke ind"),
        Unusable::Unwatched => "serverens kerner blev ikke målt: bind den til sine egne, og kør på samme maskine".to_owned(),
        Unusable::Late { late, allowed } => format!("1 af 100 pakker blev sendt mere end {late} µs for sent (tilladt: {allowed})"),
        Unusable::Silent => "der kom ingen medier".to_owned(),
        Unusable::Unread(said) => format!("et histogram kan ikke læses: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_gets_its_own_words_and_its_own_numbers() {
        let rows = [
            (Aside::Stolen(0.05), "the hypervisor took 5.0 % of the cores", "hypervisoren tog 5,0 % af kernerne"),
            (Aside::SlowEcho { middle: 1.75, tail: 2.0 }, "was 1.8 times the usual", "tog 1,8 gange det sædvanlige"),
            (
                Aside::Unusable(Unusable::Failed { failed: 2, planned: 40 }),
                "2 of 40 people did not get in",
                "2 af 40 personer kom ikke ind",
            ),
            (Aside::Unusable(Unusable::Silent), "no media came", "der kom ingen medier"),
            (Aside::Failed("no core".to_owned()), "no core", "et program fejlede og sagde: no core"),
        ];
        for (aside, english, danish) in rows {
            assert!(aside.words(Language::English).contains(english), "{aside:?}");
            assert!(aside.words(Language::Danish).contains(danish), "{aside:?}");
            let text = serde_json::to_string(&aside).expect("JSON");
            assert_eq!(serde_json::from_str::<Aside>(&text).expect("read again"), aside);
        }
    }
}
