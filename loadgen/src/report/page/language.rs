//! The two languages of pages, and how each writes numbers.

/// Language of a page. Terminals get English.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    English,
    Danish,
}

impl Language {
    /// As HTML wants it.
    pub(crate) fn code(self) -> &'static str {
        self.pick("en", "da")
    }

    /// One of two texts.
    pub(crate) fn pick(self, english: &'static str, danish: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Danish => danish,
        }
    }

    /// A number with so many decimals and separated thousands.
    pub(crate) fn number(self, value: f64, decimals: usize) -> String {
        let text = format!("{:.decimals$}", value.abs());
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let mut written = String::new();
        if value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
            written.push('\u{2212}');
        }
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                written.push(if self == Self::English { ',' } else { '.' });
            }
            written.push(digit);
        }
        if !rest.is_empty() {
            written.push(if self == Self::English { '.' } else { ',' });
            written.push_str(rest);
        }
        written
    }

    /// A number with about three significant digits.
    pub(crate) fn short(self, value: f64) -> String {
        let decimals = match value.abs() {
            0.0 => 0,
            small if small < 0.1 => 3,
            small if small < 10.0 => 2,
            small if small < 100.0 => 1,
            _ => 0,
        };
        self.number(value, decimals)
    }

    /// A number exactly as it was set.
    pub(crate) fn plain(self, value: f64) -> String {
        let text = value.to_string();
        self.number(value, text.split_once('.').map_or(0, |(_, rest)| rest.len()))
    }

    /// A share as percent.
    pub(crate) fn percent(self, share: f64) -> String {
        format!("{}\u{a0}%", self.number(share * 100.0, 0))
    }

    /// The planned quantile: `P99.9`.
    pub(crate) fn quantile(self, quantile: f64) -> String {
        format!("P{}", self.plain((quantile * 1e8).round() / 1e6))
    }

    /// A time of day.
    pub(crate) fn clock(self, minutes: f64) -> String {
        let minutes = minutes.round() as u32;
        format!("{}{}{:02}", minutes / 60, self.pick(":", "."), minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_each_language_does() {
        let rows = [
            (1_234_567.891, 2, "1,234,567.89", "1.234.567,89"),
            (999.5, 0, "1,000", "1.000"),
            (0.0, 0, "0", "0"),
            (-0.04, 1, "0.0", "0,0"),
        ];
        for (value, decimals, english, danish) in rows {
            assert_eq!(Language::English.number(value, decimals), english);
            assert_eq!(Language::Danish.number(value, decimals), danish);
        }
        assert_eq!(Language::English.number(-12.0, 0), "\u{2212}12");
        assert_eq!(Language::English.quantile(0.999), "P99.9");
        assert_eq!(Language::Danish.clock(615.25), "10.15");
        assert_eq!(Language::English.plain(0.18), "0.18");
    }
}
