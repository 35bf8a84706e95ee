//! How far the difference of two runs may be off by chance: whole blocks of seconds are drawn again, so that neighbours stay together,
//! and from both runs the same seconds, so that what the scenario does to both, a ramp or a burst, is no chance.

use rand_chacha::ChaCha8Rng;

use super::histogram::{self, Unread};
use crate::dice;
use crate::summary::{Second, Summary};

/// Draws for each interval.
pub(super) const RESAMPLES: usize = 2_000;
/// Share of chance that an interval covers. A table has about twenty rows: at 95 % nearly every table would show a difference that is
/// none, at 99 % every fifth; so all of them hold together in 96 of 100 comparisons.
pub(super) const CONFIDENCE: f64 = 0.998;
/// That share's normal quantile.
const NORMAL: f64 = 3.090;
/// Length of a block, seconds: queues and bitrates remember that long.
const BLOCK: usize = 5;
/// Blocks that a run should have: short runs get shorter blocks instead.
const WANTED: usize = 20;
/// Shorter runs say too little, seconds.
const FEWEST: usize = 12;
/// Neighbouring blocks still share some of the machine's mood. Simulated with seconds that keep half of the last one's: intervals this
/// much wider miss the truth in 5 of 1,000 runs of a minute, without it in 24.
const MEMORY: f64 = 1.25;
/// More than these cost time and say nothing more; long runs get longer blocks.
const MOST: usize = 120;

/// A run as blocks that can be drawn.
pub(super) struct Track {
    blocks: Vec<Block>,
    /// Latencies that occurred, µs, rising.
    values: Vec<f64>,
}

struct Block {
    sums: Sums,
    /// Index into the track's values, and how often.
    counts: Vec<(usize, u64)>,
}

/// Sums over seconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) seconds: f64,
    pub(super) received: f64,
    pub(super) lost: f64,
    /// Seconds of the server's processor.
    pub(super) server_cpu: f64,
    /// Bytes, added over seconds.
    pub(super) server_memory: f64,
    /// Seconds in which media came, and their percentiles, µs, added.
    pub(super) heard: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        let Self { seconds, received, lost, server_cpu, server_memory, heard, p50, p99 } = self;
        *seconds += other.seconds;
        *received += other.received;
        *lost += other.lost;
        *server_cpu += other.server_cpu;
        *server_memory += other.server_memory;
        *heard += other.heard;
        *p50 += other.p50;
        *p99 += other.p99;
    }

    fn of(second: &Second) -> Self {
        let heard = if second.p50 > 0.0 { 1.0 } else { 0.0 };
        Self {
            seconds: 1.0,
            received: second.received as f64,
            lost: second.lost as f64,
            server_cpu: second.server_cpu,
            server_memory: second.server_memory as f64,
            heard,
            p50: second.p50,
            p99: second.p99 * heard,
        }
    }
}

/// What a draw came to.
pub(super) struct Drawn<'a> {
    pub(super) sums: Sums,
    values: &'a [f64],
    counts: Vec<u64>,
}

impl Drawn<'_> {
    /// Latency not exceeded by this share of packets, µs; `None` if the run kept no histogram by second.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let rank = (share * all as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(self.values[at])
    }
}

impl Track {
    /// The run in blocks of so many seconds, of [`width`].
    pub(super) fn of(summary: &Summary, width: usize) -> Result<Self, Unread> {
        let histograms = histogram::seconds(summary)?;
        let rows: Vec<Vec<(u64, u64)>> = histograms
            .iter()
            .map(|second| {
                second
                    .iter()
                    .flat_map(|histogram| histogram.iter_recorded())
                    .map(|step| (step.value_iterated_to(), step.count_at_value()))
                    .collect()
            })
            .collect();
        let mut values: Vec<u64> = rows.iter().flatten().map(|(value, _)| *value).collect();
        values.sort_unstable();
        values.dedup();
        let seconds = summary.series.len();
        let blocks = (0..seconds).step_by(width).map(|from| {
            let seconds = from..(from + width).min(seconds);
            let mut sums = Sums::default();
            summary.series[seconds.clone()].iter().for_each(|second| sums.add(&Sums::of(second)));
            let mut counts = std::collections::BTreeMap::new();
            for (value, count) in rows.get(seconds).into_iter().flatten().flatten() {
                // Every value is in the list that was made of them.
                *counts.entry(values.partition_point(|other| other < value)).or_insert(0) += count;
            }
            Block { sums, counts: counts.into_iter().collect() }
        });
        Ok(Self { blocks: blocks.collect(), values: values.iter().map(|value| *value as f64).collect() })
    }

    /// The run as it was.
    pub(super) fn whole(&self) -> Drawn<'_> {
        self.sum(self.blocks.iter())
    }

    /// The blocks at these places; a run that ended before one of them has nothing there.
    fn at(&self, places: &[usize]) -> Drawn<'_> {
        self.sum(places.iter().filter_map(|place| self.blocks.get(*place)))
    }

    /// Intervals out of few blocks are too narrow; by how much, as Student found (expansion of t over the normal quantile).
    fn widening(&self) -> f64 {
        let freedom = (self.blocks.len() as f64 - 1.0).max(1.0);
        (1.0 + (NORMAL * NORMAL + 1.0) / (4.0 * freedom)) * ((freedom + 1.0) / freedom).sqrt() * MEMORY
    }

    fn sum<'a>(&'a self, blocks: impl Iterator<Item = &'a Block>) -> Drawn<'a> {
        let mut drawn = Drawn { sums: Sums::default(), values: &self.values, counts: vec![0; self.values.len()] };
        for block in blocks {
            drawn.sums.add(&block.sums);
            block.counts.iter().for_each(|(at, count)| drawn.counts[*at] += count);
        }
        drawn
    }
}

/// Seconds in a block for a run of so many; `None` if there are fewer than [`FEWEST`].
pub(super) fn width(seconds: usize) -> Option<usize> {
    (seconds >= FEWEST).then(|| (seconds / WANTED).clamp(1, BLOCK).max(seconds.div_ceil(MOST)))
}

/// Both runs at places drawn at random, the same in both.
pub(super) fn draw<'a>(a: &'a Track, b: &'a Track, random: &mut ChaCha8Rng) -> (Drawn<'a>, Drawn<'a>) {
    let all = a.blocks.len().max(b.blocks.len());
    let places: Vec<usize> = (0..all).map(|_| dice::index(random, all)).collect();
    (a.at(&places), b.at(&places))
}

/// What intervals of both are too narrow by.
pub(super) fn widening(a: &Track, b: &Track) -> f64 {
    a.widening().max(b.widening())
}

/// The interval around `estimate` that holds [`CONFIDENCE`] of the draws, widened.
pub(super) fn interval(estimate: f64, mut draws: Vec<f64>, widening: f64) -> Option<(f64, f64)> {
    draws.retain(|draw| draw.is_finite());
    // Where most draws have no value the few that have say nothing.
    if draws.len() * 2 < RESAMPLES || !estimate.is_finite() {
        return None;
    }
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[((draws.len() - 1) as f64 * share).round() as usize];
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let wide = |bound: f64| estimate + (bound - estimate) * widening;
    Some((wide(at(tail)), wide(at(1.0 - tail))))
}
