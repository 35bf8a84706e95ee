//! The whole worker: sealed packets of one publisher in, sealed packets for every viewer out, with everything on.

use std::time::Instant;

use super::{BATCH, Round};
use crate::world::World;

pub(super) fn to_1() -> Round {
    round(1)
}

pub(super) fn to_9() -> Round {
    round(9)
}

fn round(viewers: u16) -> Round {
    let mut world = World::new(Instant::now(), viewers);
    Box::new(move |meter| {
        world.pause();
        let mut packets = world.packets(BATCH as usize);
        let sent: usize = meter.measure(|| packets.iter_mut().map(|packet| world.forward(packet)).sum());
        assert_eq!(sent, BATCH as usize * usize::from(viewers), "everyone gets everything");
    })
}
