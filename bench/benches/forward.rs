//! The forward path per packet for 1 -> 1, 1 -> 9 and 1 -> 32, with the floor (open once, copy and seal for each) in the same run.
//!
//! Criterion measures each alone; the table at the end interleaves them and is the figure to quote: what the relay's own work costs
//! outside crypto and copy, per forwarded packet.
#![allow(missing_docs, clippy::print_stdout)]

use std::time::{Duration, Instant};

use bench::floor::Floor;
use bench::median::median;
use bench::quick;
use bench::world::World;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use transport::srtp::{KeyingMaterial, Profile, Role, SrtpSession};

/// Viewers of one publisher.
const FANS: [u16; 3] = [1, 9, 32];
/// Packets handed over at once: two frames.
const BATCH: usize = 10;
/// Rounds of the interleaved comparison.
const ROUNDS: usize = 60;
/// Packets of one round.
const ROUND: usize = 300;

fn session(number: u8, role: Role) -> SrtpSession {
    let bytes = vec![number; Profile::AeadAes128Gcm.keying_material_len()];
    let keys = KeyingMaterial::from_exporter(Profile::AeadAes128Gcm, &bytes).expect("the length fits");
    SrtpSession::new(&keys, role).expect("keys fit")
}

/// The floor and the sender whose packets it opens.
struct FloorWorld {
    sender: SrtpSession,
    floor: Floor,
    next: u64,
}

impl FloorWorld {
    fn new(viewers: u16) -> Self {
        let sealers = (0..viewers).map(|viewer| session(viewer as u8 + 1, Role::Server)).collect();
        Self { sender: session(0, Role::Client), floor: Floor::new(session(0, Role::Server), sealers), next: 0 }
    }

    fn packets(&mut self, count: usize) -> Vec<Vec<u8>> {
        let packets = (0..count).map(|_| {
            let mut packet = bench::world::plain_packet(self.next);
            self.next += 1;
            let len = packet.len();
            packet.resize(len + 32, 0);
            let sealed = self.sender.seal_rtp(&mut packet, len).expect("sealing works");
            packet.truncate(sealed);
            packet
        });
        packets.collect()
    }
}

fn forward(c: &mut Criterion) {
    let mut group = c.benchmark_group("forward");
    for viewers in FANS {
        group.throughput(Throughput::Elements(u64::from(viewers) * BATCH as u64));
        // Set up once, and only if the filter lets it run: criterion calls the closure for every sample.
        let (mut relay, mut floor) = (None::<World>, None::<FloorWorld>);
        group.bench_function(BenchmarkId::new("relay", viewers), |b| {
            let world = relay.get_or_insert_with(|| World::new(Instant::now(), viewers));
            b.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    world.pause();
                    let mut packets = world.packets(BATCH);
                    let start = Instant::now();
                    let sent: usize = packets.iter_mut().map(|packet| world.forward(packet)).sum();
                    spent += start.elapsed();
                    assert_eq!(sent, BATCH * usize::from(viewers), "everyone gets everything");
                }
                spent
            });
        });
        group.bench_function(BenchmarkId::new("floor", viewers), |b| {
            let world = floor.get_or_insert_with(|| FloorWorld::new(viewers));
            b.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let mut packets = world.packets(BATCH);
                    let start = Instant::now();
                    let bytes: usize = packets.iter_mut().map(|packet| world.floor.forward(packet)).sum();
                    spent += start.elapsed();
                    assert!(bytes > 0);
                }
                spent
            });
        });
    }
    group.finish();
}

/// Relay and floor in turn, medians of their times per forwarded packet, ns.
fn compare(viewers: u16) -> (f64, f64) {
    let mut relay = World::new(Instant::now(), viewers);
    let mut floor = FloorWorld::new(viewers);
    let (mut relay_ns, mut floor_ns) = (Vec::new(), Vec::new());
    let copies = (ROUND * usize::from(viewers)) as f64;
    for _ in 0..ROUNDS {
        relay.pause();
        let mut packets = relay.packets(ROUND);
        let start = Instant::now();
        let sent: usize = packets.iter_mut().map(|packet| relay.forward(packet)).sum();
        relay_ns.push(start.elapsed().as_nanos() as f64 / copies);
        assert_eq!(sent, ROUND * usize::from(viewers), "everyone gets everything");

        let mut packets = floor.packets(ROUND);
        let start = Instant::now();
        let bytes: usize = packets.iter_mut().map(|packet| floor.floor.forward(packet)).sum();
        floor_ns.push(start.elapsed().as_nanos() as f64 / copies);
        assert!(bytes > 0);
    }
    (median(&mut relay_ns), median(&mut floor_ns))
}

fn table() {
    println!("\nns per forwarded packet, about 1,200 bytes, AEAD_AES_128_GCM; medians of {ROUNDS} interleaved rounds of {ROUND} packets");
    println!("{:>8} {:>10} {:>10} {:>22} {:>8}", "fan-out", "relay", "floor", "outside crypto, copy", "ratio");
    for viewers in FANS {
        let (relay, floor) = compare(viewers);
        let name = format!("forward/1 to {viewers}, outside crypto and copy");
        bench::figures::record(&name, relay - floor).expect("the target folder can be written to");
        println!("{:>8} {relay:>10.0} {floor:>10.0} {:>22.0} {:>8.2}", format!("1 -> {viewers}"), relay - floor, relay / floor);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(quick::WARM_UP).measurement_time(quick::MEASURING).sample_size(quick::SAMPLES);
    targets = forward
}

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test` runs this binary with --test: then once through is enough.
    if !std::env::args().any(|argument| argument == "--test") {
        table();
    }
}
