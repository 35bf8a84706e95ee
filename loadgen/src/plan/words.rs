//! The words of a plan's tables and pages, English and Danish.

use super::costs::Note;
use super::nodes::Resource;
use crate::report::page::Language;

impl Language {
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
