//! Every stage of the relay by itself: reading, crypto, rewriting, the store, estimation, allocation, the whole worker, offers, joins.
//! Figures are per packet, copy, report, allocation or join.
#![allow(missing_docs)]

use bench::meter::Meter;
use bench::quick;
use bench::stage::{Round, STAGES};
use criterion::{Criterion, criterion_group, criterion_main};

/// The relay's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn stages(criterion: &mut Criterion) {
    for stage in STAGES {
        let (group, name) = stage.name.split_once('/').expect("a stage has a group");
        // Set up once, and only if the filter lets it run: criterion calls the closure for every sample.
        let mut round: Option<Round> = None;
        criterion.benchmark_group(group).bench_function(name, |bencher| {
            let round = round.get_or_insert_with(stage.make);
            bencher.iter_custom(|elements| {
                let rounds = elements.div_ceil(stage.elements);
                let mut meter = Meter::default();
                (0..rounds).for_each(|_| round(&mut meter));
                meter.spent().mul_f64(elements as f64 / (rounds * stage.elements) as f64)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(quick::WARM_UP).measurement_time(quick::MEASURING).sample_size(quick::SAMPLES);
    targets = stages
}
criterion_main!(benches);
