//! A tile's way up its publication's ladder: which rungs are worth having, up to the one that is as good as the tile is large.

use super::{Content, Demand, LARGE_FIRST};
use crate::quality::Rung;

/// Most rungs that are looked at: three encodings of three spatial and four temporal layers are 36.
const MAX_RUNGS: usize = 64;

/// Lines of a picture that fills a tile well enough: four of five. Eyes do not see the difference, lines do.
const ENOUGH: (u32, u32) = (4, 5);

/// Pictures a second below which a smaller picture of a face is better than a slower one.
const LEAST_MOTION: u8 = 10;

/// Bit/s for each line squared of a picture of which nobody knows the rate: 500 kbit/s for 360 lines, 2 Mbit/s for 720.
const RATE_OF_LINES: u64 = 4;
/// Bit/s of a picture of which nobody knows anything.
const UNKNOWN_RATE: u64 = 300_000;

/// Indices into the rungs of one demand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// One bit for each rung on it. Dearer from rung to rung up to the one that is held, and again after it.
    rungs: u64,
    /// The last one.
    pub(super) ideal: usize,
}

impl Path {
    pub(super) const EMPTY: Self = Self { rungs: 0, ideal: 0 };

    /// `None` where there is nothing to choose from.
    pub(super) fn of(demand: &Demand<'_>) -> Option<Self> {
        let rungs = &demand.rungs[..demand.rungs.len().min(MAX_RUNGS)];
        rungs.first()?;
        let ideal = if demand.height == 0 { 0 } else { ideal(demand, rungs)? };
        let (mut bits, mut cheapest) = (0, u64::MAX);
        for (index, rung) in rungs[..=ideal].iter().enumerate().rev() {
            // Who is held keeps what he has, even if something better has become cheaper.
            let kept = demand.held && demand.granted == Some(rung.layer);
            let worth = rate(rung) < cheapest && (index == ideal || moves(demand.content, rungs, index));
            if worth || kept {
                bits |= 1 << index;
                cheapest = rate(rung);
            }
        }
        Some(Self { rungs: bits, ideal })
    }

    /// The rung that follows, or the first.
    pub(super) fn after(&self, at: Option<usize>) -> Option<usize> {
        self.from(at.map_or(0, |at| at + 1))
    }

    /// This rung, or the first after it.
    pub(super) fn from(&self, rung: usize) -> Option<usize> {
        let above = self.rungs & u64::MAX.checked_shl(rung as u32).unwrap_or(0);
        (above != 0).then(|| above.trailing_zeros() as usize)
    }

    /// All up to `goal`, best first.
    pub(super) fn down_from(&self, goal: usize) -> impl Iterator<Item = usize> + use<> {
        let rungs = self.rungs;
        (0..=goal.min(MAX_RUNGS - 1)).rev().filter(move |index| rungs & 1 << index != 0)
    }
}

/// What a rung costs, bit/s.
pub(super) fn rate(rung: &Rung) -> u64 {
    match (rung.bitrate, rung.height) {
        (0, 0) => UNKNOWN_RATE,
        (0, height) => RATE_OF_LINES * u64::from(height) * u64::from(height),
        (bitrate, _) => bitrate,
    }
}

/// Whether a picture is as good as a tile is large. One of unknown size is taken to be.
pub(super) fn suffices(rung: &Rung, height: u16) -> bool {
    rung.height == 0 || u32::from(rung.height) * ENOUGH.1 >= u32::from(height) * ENOUGH.0
}

/// The rung for a tile of which the line sets no limit: the least resolution that suffices, at full frame rate; or a better one that
/// flows and is not dearer. Of a screen that is there to be read the best there is: the lower one is made for lines that do not carry it, and
/// letters are not read by their lines alone.
fn ideal(demand: &Demand<'_>, rungs: &[Rung]) -> Option<usize> {
    let last = rungs.len().checked_sub(1)?;
    if demand.content == Content::Screen && (demand.main || demand.height >= LARGE_FIRST) {
        return Some(last);
    }
    let enough = rungs.iter().position(|rung| rung.height != 0 && suffices(rung, demand.height)).unwrap_or(last);
    let fastest = (enough..=last).find(|&index| full_rate(rungs, index)).unwrap_or(enough);
    let price = rate(&rungs[fastest]);
    let bargain = rungs.iter().enumerate().skip(fastest + 1).rfind(|&(index, rung)| {
        // Who has it keeps it until it is clearly dearer, so that noise in the rates makes nobody switch to and fro.
        let asked = if demand.granted == Some(rung.layer) { rate(rung) / 5 * 4 } else { rate(rung) };
        rung.flows && asked <= price && (demand.content == Content::Screen || full_rate(rungs, index))
    });
    Some(bargain.map_or(fastest, |(index, _)| index))
}

/// False for a face that is thinned out until it hardly moves, where a smaller picture is to be had.
fn moves(content: Content, rungs: &[Rung], index: usize) -> bool {
    let rung = &rungs[index];
    let slow = (1..LEAST_MOTION).contains(&rung.fps) && !full_rate(rungs, index);
    content == Content::Screen || !slow || rung.height <= rungs[0].height
}

/// Whether this rung has every picture of its resolution.
fn full_rate(rungs: &[Rung], index: usize) -> bool {
    let of = |rung: &Rung| (rung.layer.encoding, rung.layer.spatial);
    rungs.get(index + 1).is_none_or(|next| of(next) != of(&rungs[index]))
}
