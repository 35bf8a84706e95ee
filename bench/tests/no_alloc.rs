//! A whole connected worker works without allocating: from the datagram that arrives to the datagrams that wait to be sent, with the
//! viewers' reports, their lines shared out every 100 ms, and pacing.

use std::time::Instant;

use allocation_counter::measure;
use bench::world::World;

/// Viewers of the one publisher.
const VIEWERS: usize = 9;
/// Packets counted: 60 frames.
const COUNTED: usize = 300;
/// Packets between two reports of the viewers.
const REPORT: usize = 15;

#[test]
fn a_warm_worker_forwards_without_allocating() {
    let mut world = World::new(Instant::now(), VIEWERS as u16);
    for packet in &mut world.packets(1_000) {
        world.forward(packet);
    }
    world.pause();
    let mut packets = world.packets(COUNTED);
    let mut sent: usize = 0;
    let counted = measure(|| sent = packets.iter_mut().map(|packet| world.forward(packet)).sum());
    assert_eq!(sent, VIEWERS * COUNTED, "everyone got everything");
    assert_eq!(counted.count_total, 0);
}

#[test]
fn nor_do_reports_timers_and_the_sharing_of_lines_allocate() {
    let mut world = World::new(Instant::now(), VIEWERS as u16);
    let (before, rtcp) = (world.worker.counters().allocations, world.worker.counters().rtcp_sent);
    let (mut sent, mut allocations) = (0, 0);
    for (index, mut packet) in world.packets(COUNTED).into_iter().enumerate() {
        let (now, path) = (world.advance(), world.publisher());
        let reports = if index % REPORT == 0 { world.reports() } else { Vec::new() };
        let counted = measure(|| {
            world.worker.handle_datagram(now, path, &mut packet);
            for (path, mut report) in reports {
                world.worker.handle_datagram(now, path, &mut report);
            }
            world.worker.handle_timeout(now);
        });
        allocations += counted.count_total;
        sent += world.hear();
    }
    let shared = world.worker.counters().allocations - before;
    assert!(shared >= 18 * VIEWERS as u64, "2 s were shared out {shared} times");
    assert!(sent >= VIEWERS * COUNTED, "everyone got everything, and reports: {sent}");
    // Sealing a packet of RTCP takes one, some 25 times in these two seconds.
    let sealed = world.worker.counters().rtcp_sent - rtcp;
    assert!(allocations <= sealed, "{allocations} allocations, {sealed} packets of RTCP");
    assert!(sealed < 60, "{sealed}");
}
