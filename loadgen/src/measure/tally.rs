//! What one thread of the generator counts; the tallies of all threads add up to the run.

use std::collections::BTreeMap;
use std::time::Duration;

use signal::message::Source;

use super::histogram::Histogram;
use crate::light::{FREEZE, Gap, SlotRecord};
use crate::summary::{JOIN_TIMES, Media};

/// Names of the kinds of media, as a summary has them.
pub const KINDS: [&str; 3] = ["audio", "video", "screen"];
/// Silence in speech that is longer counts as a freeze.
const SILENCE: Duration = Duration::from_millis(60);

/// A kind of media: an index into [`KINDS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Voices.
    Audio,
    /// Cameras.
    Video,
    /// Shared screens.
    Screen,
}

impl Kind {
    /// Of a source.
    #[must_use]
    pub const fn of(source: Source) -> Self {
        match source {
            Source::Microphone | Source::ScreenAudio => Self::Audio,
            Source::Camera => Self::Video,
            Source::Screen => Self::Screen,
        }
    }
}

/// One kind of media as this thread's receivers got it.
#[derive(Clone, Debug, Default)]
struct KindTally {
    latency: Histogram,
    /// Of it, what came while the machine was calm.
    calm: Histogram,
    gaps: Histogram,
    figures: Media,
    bytes: BTreeMap<String, u64>,
}

/// How long one join took, from the offer; what did not happen yet is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct JoinTimes(pub [Option<Duration>; JOIN_TIMES.len()]);

/// One second of one thread.
#[derive(Clone, Debug, Default)]
pub struct SecondTally {
    /// Clients whose media may flow, at its end.
    pub clients: u64,
    /// Meetings open, at its end.
    pub meetings: u64,
    /// Joins completed.
    pub joins: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets received.
    pub received: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Packets lost for good.
    pub lost: u64,
    /// Latency of all media.
    pub latency: Histogram,
    /// How late packets left.
    pub lateness: Histogram,
}

impl SecondTally {
    /// Adds another thread's.
    pub fn add(&mut self, other: &Self) {
        self.clients += other.clients;
        self.meetings += other.meetings;
        self.joins += other.joins;
        self.sent += other.sent;
        self.received += other.received;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.latency.add(&other.latency);
        self.lateness.add(&other.lateness);
    }
}

/// What a thread measured between two moments.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    kinds: [KindTally; KINDS.len()],
    joins: [Histogram; JOIN_TIMES.len()],
    control: BTreeMap<&'static str, Histogram>,
    /// What came since the last judgement on the machine.
    unjudged: Vec<(Kind, Duration)>,
    unjudged_lateness: Vec<Duration>,
    calm_lateness: Histogram,
    /// Windows in which the machine was calm, and all.
    windows: (u64, u64),
    lateness: Histogram,
    /// RTP packets sent.
    pub sent: u64,
    /// RTP packets received.
    pub received: u64,
    /// Packets received of clients of another kind, whose media is not of the pattern.
    pub foreign: u64,
    /// Datagrams that could not be sent because the socket's buffer was full.
    pub unsent: u64,
    /// Processor time of the thread.
    pub cpu: Duration,
    /// Time in which the thread did something.
    pub busy: Duration,
    /// Time altogether.
    pub span: Duration,
}

impl Tally {
    /// A packet came.
    pub fn packet(&mut self, kind: Kind, latency: Duration) {
        self.kinds[kind as usize].latency.record(latency);
        self.unjudged.push((kind, latency));
    }

    /// A packet left so late.
    pub fn left(&mut self, lateness: Duration) {
        self.lateness.record(lateness);
        self.unjudged_lateness.push(lateness);
    }

    /// A window ends in which the machine ran at its own speed, or did not ([`super::Pulse`]).
    pub fn judge(&mut self, calm: bool) {
        self.windows = (self.windows.0 + u64::from(calm), self.windows.1 + 1);
        for (kind, latency) in self.unjudged.drain(..).filter(|_| calm) {
            self.kinds[kind as usize].calm.record(latency);
        }
        self.unjudged_lateness.drain(..).filter(|_| calm).for_each(|lateness| self.calm_lateness.record(lateness));
    }

    /// Share of the time in which the machine ran at its own speed, 0 to 1. `None`: nobody looked.
    #[must_use]
    pub fn calm_share(&self) -> Option<f64> {
        let (calm, all) = self.windows;
        (all > 0).then(|| calm as f64 / all as f64)
    }

    /// How late packets left, against their schedule: at all times, and while the machine was calm.
    #[must_use]
    pub fn lateness(&self) -> [&Histogram; 2] {
        [&self.lateness, &self.calm_lateness]
    }

    /// Two pictures or sounds followed each other.
    pub fn gap(&mut self, gap: Gap) {
        let kind = Kind::of(gap.author.source);
        let tally = &mut self.kinds[kind as usize];
        tally.gaps.record(gap.length);
        if !gap.on_time && gap.length > if kind == Kind::Audio { SILENCE } else { FREEZE } {
            tally.figures.freezes += 1;
            tally.figures.frozen_seconds += gap.length.as_secs_f64();
        }
    }

    /// What a slot's record says of the time since its window began. `height` names the layer of an author's pictures.
    pub fn slot(&mut self, record: &SlotRecord, audio: bool, expected: u64, height: impl Fn(Source, u8) -> Option<u16>) {
        let source = record.author.map_or(if audio { Source::Microphone } else { Source::Camera }, |author| author.source);
        let figures = &mut self.kinds[Kind::of(source) as usize].figures;
        // Fillers are packets as well: the server numbered them and they came.
        figures.expected += expected.max(record.packets);
        figures.lost += expected.saturating_sub(record.packets);
        figures.recovered += record.recovered;
        figures.duplicates += record.duplicates;
        figures.reordered += record.reordered;
        self.foreign += record.foreign;
        for (author, bytes) in &record.bytes {
            let name = height(author.source, author.layer).map_or_else(|| "sound".to_owned(), |lines| lines.to_string());
            *self.kinds[Kind::of(author.source) as usize].bytes.entry(name).or_default() += bytes;
        }
    }

    /// Somebody is in.
    pub fn join(&mut self, times: &JoinTimes) {
        for (histogram, time) in self.joins.iter_mut().zip(times.0) {
            time.into_iter().for_each(|time| histogram.record(time));
        }
    }

    /// A command took effect.
    pub fn control(&mut self, command: &'static str, latency: Duration) {
        self.control.entry(command).or_default().record(latency);
    }

    /// Adds another thread's.
    pub fn add(&mut self, other: &Self) {
        for (kind, more) in self.kinds.iter_mut().zip(&other.kinds) {
            kind.latency.add(&more.latency);
            kind.calm.add(&more.calm);
            kind.gaps.add(&more.gaps);
            let (figures, add) = (&mut kind.figures, &more.figures);
            figures.expected += add.expected;
            figures.lost += add.lost;
            figures.recovered += add.recovered;
            figures.duplicates += add.duplicates;
            figures.reordered += add.reordered;
            figures.freezes += add.freezes;
            figures.frozen_seconds += add.frozen_seconds;
            more.bytes.iter().for_each(|(name, bytes)| *kind.bytes.entry(name.clone()).or_default() += bytes);
        }
        self.joins.iter_mut().zip(&other.joins).for_each(|(mine, more)| mine.add(more));
        other.control.iter().for_each(|(name, more)| self.control.entry(name).or_default().add(more));
        self.lateness.add(&other.lateness);
        self.calm_lateness.add(&other.calm_lateness);
        self.windows = (self.windows.0 + other.windows.0, self.windows.1 + other.windows.1);
        self.sent += other.sent;
        self.received += other.received;
        self.foreign += other.foreign;
        self.unsent += other.unsent;
        self.cpu += other.cpu;
        self.busy += other.busy;
        self.span += other.span;
    }

    /// Share of its time in which the thread was busy, 0 to 1.
    #[must_use]
    pub fn busy_share(&self) -> f64 {
        self.busy.as_secs_f64() / self.span.as_secs_f64().max(1e-9)
    }

    /// Media by kind, over this many seconds. Kinds of which nothing came are left out.
    #[must_use]
    pub fn media(&self, seconds: f64) -> BTreeMap<String, Media> {
        let rows = KINDS.iter().zip(&self.kinds).filter(|(_, kind)| kind.figures.expected > 0 || kind.latency.count() > 0);
        rows.map(|(name, kind)| {
            let layers = kind.bytes.iter().map(|(name, bytes)| (name.clone(), (*bytes as f64 * 8.0 / seconds.max(1e-9)) as u64)).collect();
            let (latency, gaps) = (kind.latency.distribution(), kind.gaps.distribution());
            let calm = (kind.calm.count() > 0).then(|| kind.calm.distribution());
            ((*name).to_owned(), Media { latency, calm, gaps, layers, ..kind.figures.clone() })
        })
        .collect()
    }

    /// Latency of all kinds together.
    #[must_use]
    pub fn latency(&self) -> Histogram {
        self.kinds.iter().fold(Histogram::default(), |mut all, kind| {
            all.add(&kind.latency);
            all
        })
    }

    /// Time between sounds in speech.
    #[must_use]
    pub fn audio_gaps(&self) -> &Histogram {
        &self.kinds[Kind::Audio as usize].gaps
    }

    /// Join times by name.
    pub fn joins(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        JOIN_TIMES.into_iter().zip(&self.joins)
    }

    /// Latency of commands by name.
    #[must_use]
    pub fn commands(&self) -> &BTreeMap<&'static str, Histogram> {
        &self.control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_the_machine_is_not_itself_counts_once_and_what_comes_in_calm_twice() {
        let mut tally = Tally::default();
        assert_eq!(tally.calm_share(), None, "nobody looked");
        let ms = Duration::from_millis;
        for (latency, calm) in [(1, true), (50, false), (2, true), (3, true)] {
            tally.packet(Kind::Audio, ms(latency));
            tally.left(ms(latency));
            tally.judge(calm);
        }
        tally.packet(Kind::Audio, ms(90));
        let audio = &tally.media(1.0)["audio"];
        let counts = |times: &crate::summary::Distribution| (times.count, (times.max / 1e3).round());
        assert_eq!((counts(&audio.latency), audio.calm.as_ref().map(counts)), ((5, 90.0), Some((3, 3.0))));
        assert_eq!((tally.lateness().map(Histogram::count), tally.calm_share()), ([4, 3], Some(0.75)));
    }
}
