//! A whole connected worker forwards without allocating: from the datagram that arrives to the datagrams that wait to be sent.

use std::time::Instant;

use bench::world::World;

/// Viewers of the one publisher.
const VIEWERS: usize = 9;
/// Packets counted: 60 frames.
const COUNTED: usize = 300;

#[test]
fn a_warm_worker_forwards_without_allocating() {
    let mut world = World::new(Instant::now(), VIEWERS as u16);
    for packet in &mut world.packets(1_000) {
        world.forward(packet);
    }
    world.pause();
    let mut packets = world.packets(COUNTED);
    let mut sent: usize = 0;
    let counted = allocation_counter::measure(|| sent = packets.iter_mut().map(|packet| world.forward(packet)).sum());
    assert_eq!(sent, VIEWERS * COUNTED, "everyone got everything");
    assert_eq!(counted.count_total, 0);
}
