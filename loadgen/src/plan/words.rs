//! The words of tables and pages, English and Danish, and how each writes numbers.

use super::costs::Note;
use super::nodes::Resource;

/// Language of a page. Terminals get English.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Language {
    English,
    Danish,
}

impl Language {
    /// As HTML wants it.
    pub(super) fn code(self) -> &'static str {
        self.pick("en", "da")
    }

    /// One of two texts.
    pub(super) fn pick(self, english: &'static str, danish: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Danish => danish,
        }
    }

    /// A number with so many decimals and separated thousands.
    pub(super) fn number(self, value: f64, decimals: usize) -> String {
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
    pub(super) fn short(self, value: f64) -> String {
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
    pub(super) fn plain(self, value: f64) -> String {
        let text = value.to_string();
        self.number(value, text.split_once('.').map_or(0, |(_, rest)| rest.len()))
    }

    /// An amount of a resource in its unit.
    pub(super) fn amount(self, resource: Resource, value: f64) -> String {
        match resource {
            Resource::Cores => self.short(value),
            Resource::Memory => format!("{} GiB", self.short(value / 1024f64.powi(3))),
            Resource::LineIn | Resource::LineOut => format!("{} Gbit/s", self.short(value / 1e9)),
            Resource::PacketsIn | Resource::PacketsOut => format!("{}/s", self.number(value, 0)),
        }
    }

    /// So many measured runs.
    pub(super) fn runs(self, runs: usize) -> String {
        match runs {
            1 => self.pick("one measured run", "én målt kørsel").to_owned(),
            _ => format!("{runs} {}", self.pick("measured runs", "målte kørsler")),
        }
    }

    /// A share as percent.
    pub(super) fn percent(self, share: f64) -> String {
        format!("{}\u{a0}%", self.number(share * 100.0, 0))
    }

    /// The planned quantile: `P99.9`.
    pub(super) fn quantile(self, quantile: f64) -> String {
        format!("P{}", self.plain((quantile * 1e8).round() / 1e6))
    }

    /// A time of day.
    pub(super) fn clock(self, minutes: f64) -> String {
        let minutes = minutes.round() as u32;
        format!("{}{}{:02}", minutes / 60, self.pick(":", "."), minutes % 60)
    }

    /// Name of a resource.
    pub(super) fn resource(self, resource: Resource) -> &'static str {
        match resource {
            Resource::Cores => self.pick("Cores", "Kerner"),
            Resource::Memory => self.pick("Memory", "Hukommelse"),
            Resource::LineIn => self.pick("Line in", "Linje ind"),
            Resource::LineOut => self.pick("Line out", "Linje ud"),
            Resource::PacketsIn => self.pick("Packets in", "Pakker ind"),
            Resource::PacketsOut => self.pick("Packets out", "Pakker ud"),
        }
    }

    /// What runs could not tell.
    pub(super) fn note(self, note: Note) -> &'static str {
        match note {
            Note::NoPackets => self.pick("No packets flowed in these runs.", "Der løb ingen pakker i disse kørsler."),
            Note::ThisMixOnly => self.pick(
                "People and packets rise together in these runs: the price of a person is in the price of a packet, right for this mix only.",
                "Personer og pakker stiger sammen i disse kørsler: prisen på en person ligger i prisen på en pakke og gælder kun denne blanding.",
            ),
            Note::JoinsAssumed => self.pick(
                "Joins cannot be told from the rest in these runs: their price is as assumed.",
                "Tilslutninger kan ikke skelnes fra resten i disse kørsler: prisen er som antaget.",
            ),
            Note::IdleInOthers => self.pick(
                "The idle node cannot be told from the rest in these runs: its price is in the others.",
                "Den tomme node kan ikke skelnes fra resten i disse kørsler: prisen ligger i de andre.",
            ),
            Note::FewSeconds => self.pick(
                "Too few seconds to fit more than the price of a packet: the others are as assumed.",
                "For få sekunder til mere end prisen på en pakke: de andre er som antaget.",
            ),
            Note::OneMemory => self.pick(
                "Memory comes from one run: 30 % to each side are assumed.",
                "Hukommelsen kommer fra én kørsel: 30 % til hver side er antaget.",
            ),
        }
    }

    /// Name of a quantity that was verified.
    pub(super) fn quantity(self, what: &str) -> &'static str {
        match what {
            "people" => self.pick("People", "Personer"),
            "packets_in" => self.pick("Packets in/s", "Pakker ind/s"),
            "packets_out" => self.pick("Packets out/s", "Pakker ud/s"),
            "bits_out" => self.pick("Mbit/s out", "Mbit/s ud"),
            "cores" => self.pick("Cores", "Kerner"),
            "cores_by_packets" => self.pick("Cores, for the packets that flowed", "Kerner, for de pakker, der løb"),
            _ => self.pick("Memory, MiB", "Hukommelse, MiB"),
        }
    }
}

/// What to divide a verified quantity by to write it.
pub(super) fn scale(what: &str) -> f64 {
    match what {
        "bits_out" => 1e6,
        "memory" => 1024.0 * 1024.0,
        _ => 1.0,
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
