//! One allocation for the largest layout: a host and 33 others, each with three encodings of three frame rates.

use std::hint::black_box;

use media::allocator::{Budget, Content, Demand, Grant, allocate};
use media::{LayerId, Rung};

use super::Round;

/// Tiles of one viewer.
const TILES: u64 = 34;

pub(super) fn narrow() -> Round {
    round(500_000)
}

pub(super) fn tight() -> Round {
    round(3_000_000)
}

pub(super) fn middling() -> Round {
    round(8_000_000)
}

pub(super) fn wide() -> Round {
    round(60_000_000)
}

/// Steady state: everybody has what the line gives, as at nearly every tick.
fn round(line: u64) -> Round {
    let ladders: Vec<Vec<Rung>> = (0..TILES).map(ladder).collect();
    let budget = Budget { now: line, steady: line };
    let mut grants: Vec<Grant> = Vec::new();
    allocate(&demands(&ladders, &[]), budget, &mut grants);
    let granted: Vec<Option<LayerId>> = grants.iter().map(|grant| grant.layer).collect();
    Box::new(move |meter| {
        let demands = demands(&ladders, &granted);
        meter.measure(|| allocate(black_box(&demands), black_box(budget), &mut grants));
    })
}

fn demands<'a>(ladders: &'a [Vec<Rung>], granted: &[Option<LayerId>]) -> Vec<Demand<'a>> {
    let each = ladders.iter().enumerate().map(|(slot, rungs)| {
        let (main, height) = if slot == 0 { (true, 720) } else { (false, 360) };
        let granted = granted.get(slot).copied().flatten();
        Demand { slot, content: Content::Camera, rank: slot as u16, main, height, rungs, granted, held: false, pauses: 0 }
    });
    each.collect()
}

fn ladder(variation: u64) -> Vec<Rung> {
    let encodings = [(0, 180, 150_000), (1, 360, 500_000), (2, 720, 1_500_000)];
    let rungs = encodings.iter().flat_map(|(encoding, height, bitrate)| {
        [(0, 8, 40), (1, 15, 60), (2, 30, 100)].map(|(temporal, fps, percent)| Rung {
            layer: LayerId { encoding: *encoding, spatial: 0, temporal },
            height: *height,
            fps,
            bitrate: bitrate * percent / 100 * (100 + variation) / 100,
            flows: true,
        })
    });
    rungs.collect()
}
