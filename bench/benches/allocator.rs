//! One allocation for the largest layout: a host and 33 others, each with three encodings of three frame rates. Budget 20 µs.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use media::allocator::{Budget, Content, Demand, Grant, allocate};
use media::{LayerId, Rung};

/// Tiles of one viewer.
const TILES: usize = 34;

/// From far too little to more than enough, bit/s.
const LINES: [u64; 4] = [500_000, 3_000_000, 8_000_000, 60_000_000];

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

fn allocator(c: &mut Criterion) {
    let ladders: Vec<Vec<Rung>> = (0..TILES as u64).map(ladder).collect();
    let mut group = c.benchmark_group("allocator, 34 tiles of 9 rungs");
    for line in LINES {
        let mut demands: Vec<Demand<'_>> = ladders.iter().enumerate().map(|(slot, rungs)| demand(slot, rungs)).collect();
        let mut grants: Vec<Grant> = Vec::new();
        let budget = Budget { now: line, steady: line };
        // Steady state: everybody has what the line gives, as at nearly every tick.
        allocate(&demands, budget, &mut grants);
        for (demand, grant) in demands.iter_mut().zip(&grants) {
            demand.granted = grant.layer;
        }
        group.bench_function(BenchmarkId::from_parameter(format!("{} kbit/s", line / 1_000)), |b| {
            b.iter(|| allocate(black_box(&demands), black_box(budget), &mut grants));
        });
    }
    group.finish();
}

fn demand(slot: usize, rungs: &[Rung]) -> Demand<'_> {
    let (main, height) = if slot == 0 { (true, 720) } else { (false, 360) };
    Demand { slot, content: Content::Camera, rank: slot as u16, main, height, rungs, granted: None, held: false }
}

criterion_group!(benches, allocator);
criterion_main!(benches);
