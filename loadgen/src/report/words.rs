//! The words of a report: the verdict as a sentence, names of what was measured, and how figures of a run are written.

use super::page::{Both, Language};
use crate::summary::{Independent, IndependentMedia, Summary, Threshold, Verdict};

/// Verdict in a word, and the sentence after it.
pub(super) fn verdict(summary: &Summary, language: Language) -> (&'static str, String) {
    let all = summary.thresholds.len();
    let missed = summary.thresholds.iter().filter(|threshold| !threshold.met).count();
    match summary.verdict {
        Verdict::Pass => (language.pick("PASS", "BESTÅET"), held(all, language)),
        Verdict::Missed => (language.pick("MISSED", "IKKE BESTÅET"), not_held(missed, all, language)),
        Verdict::Invalid => {
            let sentence = "the generator itself was the bottleneck: the figures below say nothing about the server.";
            let danish = "belastningen selv var flaskehalsen: tallene herunder siger intet om serveren.";
            (language.pick("INVALID", "UGYLDIG"), language.pick(sentence, danish).to_owned())
        }
        Verdict::Interrupted => {
            let so_far = match (missed, all) {
                (0, 0) => String::new(),
                (0, _) => format!(" {}", language.pick("Until then every threshold held.", "Indtil da holdt alle tærskler.")),
                _ => format!(" {}", sentence(&not_held(missed, all, language))),
            };
            let stopped = language.pick("somebody stopped the run before its end.", "nogen standsede kørslen, før den var slut.");
            (language.pick("INTERRUPTED", "AFBRUDT"), format!("{stopped}{so_far}"))
        }
    }
}

fn held(all: usize, language: Language) -> String {
    match (all, language) {
        (0, _) => language.pick("no thresholds were set, so none was missed.", "der var ingen tærskler at bryde.").to_owned(),
        (1, _) => language.pick("the one threshold holds.", "den ene tærskel holder.").to_owned(),
        (2, _) => language.pick("both thresholds hold.", "begge tærskler holder.").to_owned(),
        (_, Language::English) => format!("all {all} thresholds hold."),
        (_, Language::Danish) => format!("alle {all} tærskler holder."),
    }
}

fn not_held(missed: usize, all: usize, language: Language) -> String {
    match (missed, all, language) {
        (1, 1, _) => language.pick("the one threshold does not hold.", "den ene tærskel holder ikke.").to_owned(),
        (1, _, Language::English) => format!("1 of {all} thresholds does not hold."),
        (_, _, Language::English) => format!("{missed} of {all} thresholds do not hold."),
        (_, _, Language::Danish) => format!("{missed} af {all} tærskler holder ikke."),
    }
}

/// Acts that were left out, for example `3 mute, 1 recall`.
pub(super) fn left_out(summary: &Summary) -> String {
    let acts = summary.left_out.iter().map(|(name, count)| format!("{count} {name}"));
    acts.collect::<Vec<_>>().join(", ")
}

/// With a capital.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What a threshold measured, with the unit that its text ends in.
pub(super) fn measured(threshold: &Threshold, language: Language) -> String {
    let unit = threshold.text.trim_end_matches(|char: char| char.is_alphabetic() || "%/\u{b5}".contains(char));
    let unit = threshold.text[unit.len()..].trim();
    // A text without a number has no unit: the whole of it would be taken for one.
    let unit = if unit.len() == threshold.text.trim().len() { "" } else { unit };
    format!("{}{}{unit}", language.short(threshold.measured), if unit.is_empty() { "" } else { "\u{a0}" })
}

/// Microseconds as ms.
pub(super) fn millis(micros: f64, language: Language) -> String {
    language.short(micros / 1_000.0)
}

/// A round number beside an axis: no more digits than it has.
pub(super) fn mark(value: f64, language: Language) -> String {
    language.plain((value * 1e6).round() / 1e6)
}

/// Bytes as MiB.
pub(super) fn mebibytes(bytes: f64, language: Language) -> String {
    language.short(bytes / 1024.0 / 1024.0)
}

/// Bit/s in Mbit/s.
pub(super) fn megabits(bits: f64, language: Language) -> String {
    language.short(bits / 1e6)
}

/// A share as percent, fine enough for loss.
pub(super) fn percent(share: f64, language: Language) -> String {
    format!("{}\u{a0}%", language.short(share * 100.0))
}

/// A share of values: `50 %`, `99.9 %`.
pub(super) fn share(share: f64, language: Language) -> String {
    format!("{}\u{a0}%", language.plain((share * 1e7).round() / 1e5))
}

/// Time since the start: `90 s`, or `1:30:00` for runs of over ten minutes.
pub(super) fn clock(seconds: f64, whole: f64) -> String {
    let seconds = seconds.round() as u64;
    if whole <= 600.0 {
        return format!("{seconds}\u{a0}s");
    }
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if whole < 3_600.0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// A moment in UTC: `2026-11-28 21:50:07 UTC`.
pub(super) fn moment(since_1970: u64) -> String {
    let (days, rest) = (since_1970 / 86_400, since_1970 % 86_400);
    // Civil date from days, by counting years that begin in March.
    let shifted = days + 719_468;
    let era_day = shifted % 146_097;
    let year_of_era = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let day_of_year = era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = shifted / 146_097 * 400 + year_of_era + carry;
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Name of a kind of media, a phase of joining, or a command; what the format gains later is shown as it is called there.
pub(super) fn name(key: &str, language: Language) -> String {
    let both = |english, danish| Both { english, danish };
    let known = match key {
        "audio" => both("Sound", "Lyd"),
        "video" => both("Faces", "Ansigter"),
        "screen" => both("Shared screen", "Delt skærm"),
        "sound" => both("sound", "lyd"),
        "offer_to_answer" => both("Offer to answer", "Tilbud til svar"),
        "offer_to_secure" => both("Offer to keys in place", "Tilbud til nøgler på plads"),
        "offer_to_first_packet" => both("Offer to first packet", "Tilbud til første pakke"),
        "offer_to_first_frame" => both("Offer to first whole picture", "Tilbud til første hele billede"),
        "mute" => both("Mute", "Slå lyden fra"),
        "one_way" => both("One-way", "Envejs"),
        "admit" => both("Admit", "Luk ind"),
        "move" => both("Move to another room", "Flyt til et andet rum"),
        _ => return key.to_owned(),
    };
    language.pick(known.english, known.danish).to_owned()
}

/// What independent clients found, row by row.
pub(super) fn independent_rows(found: &Independent, language: Language) -> Vec<(&'static str, String)> {
    let count = |value: u64| language.number(value as f64, 0);
    let time = |name: &str| {
        let times = found.joins.get(name).filter(|times| times.count > 0);
        times.map_or_else(|| "-".to_owned(), |times| format!("{} / {} ms", millis(times.p50, language), millis(times.p95, language)))
    };
    let (audio, video) = (found.media.get("audio").copied().unwrap_or_default(), found.media.get("video").copied().unwrap_or_default());
    let lost = |media: &IndependentMedia| {
        let share = percent(media.lost as f64 / media.expected.max(1) as f64, language);
        format!("{} / {} ({share})", count(media.lost), count(media.expected))
    };
    let clients = found.clients;
    let joined = format!("{} / {} ({})", count(clients.joined), count(clients.planned), count(clients.failed));
    let frozen = format!("{} ({} s)", count(video.freezes), language.short(video.frozen_seconds));
    vec![
        (language.pick("Joined / planned (failed)", "Kommet ind / planlagt (ikke kommet ind)"), joined),
        (language.pick("Offer to first packet, median / P95", "Tilbud til første pakke, median / P95"), time("offer_to_first_packet")),
        (language.pick("Offer to first picture, median / P95", "Tilbud til første billede, median / P95"), time("offer_to_first_frame")),
        (language.pick("Sound, packets lost / expected", "Lyd, pakker tabt / ventet"), lost(&audio)),
        (language.pick("Pictures, packets lost / expected", "Billeder, pakker tabt / ventet"), lost(&video)),
        (
            language.pick("Pictures decodable / not", "Billeder, der kunne afkodes / ikke"),
            format!("{} / {}", count(video.pictures), count(video.incomplete)),
        ),
        (language.pick("Freezes", "Frysninger"), frozen),
        (language.pick("Keyframes asked for", "Ønskede nøglebilleder"), count(found.keyframe_requests)),
        (
            language.pick("Packets sent / received by light clients", "Pakker sendt / modtaget af lette klienter"),
            format!("{} / {}", count(found.sent), count(found.received_by_others)),
        ),
        (
            language.pick("Packets left late, P99", "Pakker sendt for sent, P99"),
            format!("{} ms", millis(found.send_lateness.p99, language)),
        ),
        (language.pick("What they send", "Hvad de sender"), found.sources.join(", ")),
    ]
}

/// A layer's name: `360` is a picture of that height.
pub(super) fn layer(key: &str, language: Language) -> String {
    if key.bytes().all(|byte| byte.is_ascii_digit()) { format!("{key}p") } else { name(key, language) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_units_are_written_right() {
        assert_eq!(moment(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(moment(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(moment(1_795_902_607), "2026-11-28 21:50:07 UTC");
        let unit = |text: &str| measured(&Threshold { text: text.to_owned(), measured: 1.5, met: true }, Language::English);
        assert_eq!(unit("e2e_p99<=20ms"), "1.50\u{a0}ms");
        assert_eq!(unit("loss <= 0.1 %"), "1.50\u{a0}%");
        assert_eq!(unit("failed<=0"), "1.50");
        assert_eq!(unit("anything"), "1.50");
        assert_eq!(clock(5_400.0, 7_200.0), "1:30:00");
        assert_eq!(share(0.9995, Language::Danish), "99,95\u{a0}%");
    }
}
