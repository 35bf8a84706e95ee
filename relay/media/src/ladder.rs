//! What a publication offers: its rungs with heights and rates, as announced, measured, remembered or, at worst, guessed.

use wire::codec::allocation::VideoLayersAllocation;

use crate::layer::Layer;
use crate::quality::{Ladder, LayerId, MAX_SPATIAL, MAX_TEMPORAL, Rung};

/// Lines of the best layer where nobody said: what cameras are asked for.
const TOP_HEIGHT: u16 = 720;

/// What a picture is guessed to cost, bit/s for 100 lines times lines: 150 kbit/s at 180 lines, 600 at 360, 2,400 at 720.
const GUESS: u64 = 463;

/// What the publisher said last of all his streams.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    allocation: Option<VideoLayersAllocation>,
    /// His streams are numbered from the best layer down.
    descending: bool,
}

impl Announced {
    /// Takes over what came with a packet of layer `layer` of `count`.
    pub(crate) fn update(&mut self, layer: usize, count: usize, value: &[u8]) {
        let Some(allocation) = VideoLayersAllocation::parse(value) else { return };
        let own = usize::from(allocation.stream);
        // The stream that it came with tells how the publisher counts; that in the middle does not.
        if own != count - 1 - layer {
            self.descending = false;
        } else if own != layer {
            self.descending = true;
        }
        self.allocation = Some(allocation);
    }

    /// Target bit/s, lines and frames per second up to a layer, each 0 where nothing was said.
    fn of(&self, count: usize, layer: LayerId) -> (u64, u16, u8) {
        let encoding = usize::from(layer.encoding);
        let stream = if self.descending { count - 1 - encoding } else { encoding };
        let Some(allocation) = &self.allocation else { return (0, 0, 0) };
        let mut entries = allocation.layers().iter();
        let Some(entry) = entries.find(|entry| usize::from(entry.stream) == stream && entry.spatial == layer.spatial) else {
            return (0, 0, 0);
        };
        let rates = entry.bitrates();
        let rate = rates.get(usize::from(layer.temporal)).or(rates.last()).map_or(0, |&rate| u64::from(rate));
        // The rate of the pictures belongs to the highest temporal layer.
        let full = usize::from(layer.temporal) + 1 >= rates.len();
        let (height, fps) = entry.picture.map_or((0, 0), |picture| (picture.width.min(picture.height), picture.fps));
        (rate, height, if full { fps } else { 0 })
    }
}

/// The rungs of `layers`, lowest first. `flows` says of each encoding whether it arrives.
pub(crate) fn ladder(layers: &[Layer], announced: &Announced, flows: impl Fn(usize) -> bool) -> Ladder {
    let mut ladder = Ladder::new();
    for (index, layer) in layers.iter().enumerate() {
        // What was never heard may not exist: not everybody who may send three encodings does.
        let Some(rates) = layer.rates() else { continue };
        let (encoding, flows) = (index as u8, flows(index));
        for spatial in 0..MAX_SPATIAL as u8 {
            for temporal in (0..MAX_TEMPORAL as u8).filter(|&temporal| rates.exists(spatial, temporal)) {
                let id = LayerId { encoding, spatial, temporal };
                let flows = flows && rates.recent(spatial, temporal);
                ladder.push(rung(layers, announced, id, rates.known(spatial, temporal), flows));
            }
        }
    }
    ladder
}

fn rung(layers: &[Layer], announced: &Announced, layer: LayerId, (measured, rate): (u64, u8), flows: bool) -> Rung {
    let (target, lines, fps) = announced.of(layers.len(), layer);
    let own = layers.get(usize::from(layer.encoding)).map_or(0, |own| own.lore.height(layer.spatial));
    let height = [own, lines].into_iter().find(|&lines| lines > 0).unwrap_or_else(|| usual_height(layers, layer));
    let bitrate = match (target, measured) {
        (0, 0) => u64::from(height) * u64::from(height) * GUESS / 100,
        (0, measured) => measured,
        (target, 0) => target,
        // An encoder goes up to its target at any time, so the target counts; but a still picture need not be paid in full.
        (target, measured) => measured.clamp(target / 2, target),
    };
    Rung { layer, height, fps: if rate > 0 { rate } else { fps }, bitrate, flows }
}

/// Each layer doubles the one below, down from the best.
fn usual_height(layers: &[Layer], layer: LayerId) -> u16 {
    let above = layers.len().saturating_sub(1 + usize::from(layer.encoding));
    let top = layers.get(usize::from(layer.encoding)).and_then(Layer::rates).map_or(0, |rates| {
        let spatial = (0..MAX_SPATIAL as u8).rev().find(|&spatial| (0..MAX_TEMPORAL as u8).any(|temporal| rates.exists(spatial, temporal)));
        spatial.unwrap_or(0)
    });
    TOP_HEIGHT >> (above + usize::from(top.saturating_sub(layer.spatial))).min(7)
}
