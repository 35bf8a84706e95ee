//! Divides a viewer's bandwidth among the tiles: a pure function from wishes to layers, each with its reason.
//!
//! ```text
//!  everybody visible, by order  -> the lowest rung
//!  screens                      -> their resolution, slowly
//!  large tiles beside others    -> up to 360 lines, one rung each in rounds
//!  rounds, by order             -> one rung each, until nothing fits
//!  nobody looks                 -> the lowest rung, from what is left
//! ```
//! The order is: screens, large tiles, all others; within these by rank. Who comes last loses first, and of his tile the frame rate
//! before the resolution. What a tile was granted before must fit into what the line carries now, anything better into what it has
//! carried for a while, with something to spare: so a tile does not go up only to come down again. For the same reason it does not go up
//! by what an equal has: only a screen takes from large tiles, and these from all others.

mod held;
mod path;
mod steady;
#[cfg(test)]
mod tests;

use crate::quality::{LayerId, Rung};

pub use held::Held;
pub use steady::Steady;

use path::{Path, rate};

/// Most tiles of one viewer: more than a session has m-lines. Demands beyond get nothing.
pub const MAX_TILES: usize = 128;

/// A picture this cheap is given to the most important tile whatever the budget, bit/s: an estimate below it is more often wrong than
/// true, and who sees nothing at all does not know that he should move closer to his router.
const ALWAYS: u64 = 150_000;

/// A large tile gets so many lines before anybody else gets more than the least.
pub const LARGE_FIRST: u16 = 360;

/// Going up must leave this part of the new layer's rate to spare: one in so many. Rates are measured, and vary.
pub const SPARE: u64 = 16;

/// The same for a picture that was taken away before, as a divisor, doubled each time: it begins with a keyframe, and must not go again
/// because of that.
const SPARE_AGAIN: u64 = 2;

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
    /// The caller's key, unique among the demands of a viewer.
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
    /// What it was granted last. Not what is forwarded now: a switch takes a keyframe, and until then the two differ.
    pub granted: Option<LayerId>,
    /// Its layer was changed a moment ago, so it may go down but not up: [`Held::holds`].
    pub held: bool,
    /// How often its picture was taken away altogether lately, because the line did not carry even the least: [`Held::pauses`].
    pub pauses: u8,
}

impl Demand<'_> {
    /// Whether its picture was taken away and may come back.
    fn comes_back(&self) -> bool {
        self.pauses > 0 && self.granted.is_none()
    }
}

/// What there is to share out, bit/s, sound already taken off. See [`Steady::budget`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
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
    /// The publisher sends nothing better, or not yet: it has to be asked for.
    Source,
    /// Nobody looks: the lowest layer, or nothing if that does not fit.
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
    /// The layer to forward; `None`: nothing. One that does not flow ([`Rung::flows`]) has to be asked for, and until it comes the tile
    /// keeps what it has.
    pub layer: Option<LayerId>,
    /// The layer it would get if the line carried everything.
    pub ideal: Option<LayerId>,
    /// What holds it there.
    pub reason: Reason,
}

/// What all grants together mean.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Total {
    /// What is given away, bit/s: at most [`Budget::now`], unless that is less than the least picture of the most important tile.
    pub granted: u64,
    /// What would be used if the line carried everything, bit/s.
    pub wished: u64,
}

/// Gives each tile a layer. `grants` is cleared first, and has one entry for each demand, in their order.
///
/// A layer that does not flow counts with the rate it is remembered with. Nothing depends on the order of `demands`.
pub fn allocate(demands: &[Demand<'_>], budget: Budget, grants: &mut Vec<Grant>) -> Total {
    grants.clear();
    grants.extend(demands.iter().map(|demand| Grant { slot: demand.slot, layer: None, ideal: None, reason: Reason::NoMedia }));
    let mut tiles = [Tile::EMPTY; MAX_TILES];
    let tiles = line_up(demands, &mut tiles);
    let visible = tiles.partition_point(|tile| tile.class != Class::Hidden);
    let (visible, hidden) = tiles.split_at_mut(visible);
    let mut purse = Purse::new(demands, budget);
    visible.iter_mut().for_each(|tile| purse.remember(tile));
    // Who comes back takes nobody's place; mostly there is nobody.
    let returns = demands.iter().any(Demand::comes_back);
    purse.behind = if returns { visible.iter().map(|tile| purse.least_kept(tile)).sum() } else { 0 };
    for (place, tile) in visible.iter_mut().enumerate() {
        purse.behind -= if returns { purse.least_kept(tile) } else { 0 };
        purse.begin(tile, place == 0);
    }
    for tile in visible.iter_mut().filter(|tile| tile.class == Class::Screen) {
        let first = purse.first_goal(tile);
        purse.raise(tile, first);
    }
    // Each round but the last moves a tile up its path, so the rungs bound it.
    while visible.iter_mut().filter(|tile| tile.class == Class::Large).filter_map(|tile| purse.step_first(tile).then_some(())).count() > 0 {
    }
    while visible.iter_mut().filter_map(|tile| purse.step(tile).then_some(())).count() > 0 {}
    for tile in hidden.iter_mut() {
        purse.begin(tile, false);
    }
    for tile in tiles.iter() {
        let demand = &demands[tile.demand];
        let layer = |rung: usize| demand.rungs[rung].layer;
        grants[tile.demand] =
            Grant { slot: demand.slot, layer: tile.at.map(layer), ideal: Some(layer(tile.path.ideal)), reason: purse.reason(tile) };
    }
    let wished = tiles.iter().map(|tile| rate(&demands[tile.demand].rungs[tile.path.ideal])).sum();
    Total { granted: purse.spent, wished }
}

/// What a picture of `rate` must leave to spare that was taken away so many times.
fn again(rate: u64, pauses: u8) -> u64 {
    (rate / SPARE_AGAIN) << pauses.saturating_sub(1).min(3)
}

/// The rung that it was granted last.
fn had<'a>(demand: &Demand<'a>) -> Option<&'a Rung> {
    let granted = demand.granted?;
    demand.rungs.iter().find(|rung| rung.layer == granted)
}

/// Who is served first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    Screen,
    Large,
    Other,
    Hidden,
}

const CLASSES: usize = 4;

/// A tile on its way up.
#[derive(Clone, Copy, Debug)]
struct Tile {
    /// Index into the demands.
    demand: usize,
    class: Class,
    path: Path,
    /// Index into the rungs: what it has been given so far.
    at: Option<usize>,
    /// Nothing more fits. What is spent only grows, so this stays.
    full: bool,
    /// What it had takes so much, as far as it is still of use, and so much is still to be given for that, bit/s.
    had: u64,
    owed: u64,
}

impl Tile {
    const EMPTY: Self = Self { demand: 0, class: Class::Hidden, path: Path::EMPTY, at: None, full: false, had: 0, owed: 0 };
}

/// The tiles in the order in which they are served; those without media are left out.
fn line_up<'t>(demands: &[Demand<'_>], tiles: &'t mut [Tile; MAX_TILES]) -> &'t mut [Tile] {
    let mut count = 0;
    for (index, demand) in demands.iter().enumerate() {
        let Some(path) = Path::of(demand) else { continue };
        let Some(tile) = tiles.get_mut(count) else { break };
        let class = match demand {
            Demand { height: 0, .. } => Class::Hidden,
            Demand { content: Content::Screen, .. } => Class::Screen,
            Demand { main: true, .. } => Class::Large,
            _ => Class::Other,
        };
        *tile = Tile { demand: index, class, path, ..Tile::EMPTY };
        count += 1;
    }
    let tiles = &mut tiles[..count];
    // Where all are large none is: whoever spoke last would have what the others need.
    if !tiles.iter().any(|tile| tile.class == Class::Other) {
        tiles.iter_mut().filter(|tile| tile.class == Class::Large).for_each(|tile| tile.class = Class::Other);
    }
    tiles.sort_unstable_by_key(|tile| (tile.class, demands[tile.demand].rank, demands[tile.demand].slot));
    tiles
}

/// The budget, and what of it is spent.
struct Purse<'a> {
    demands: &'a [Demand<'a>],
    budget: Budget,
    /// What all tiles have had so far takes so much.
    given: u64,
    /// What the least of those takes who have a picture and whose turn has not come.
    behind: u64,
    /// What the tiles of each class are still owed of what they had.
    owed: [u64; CLASSES],
    /// Somebody goes up: from here on nobody else keeps what only fits for now, or the two together would be more than is proven.
    risen: bool,
    spent: u64,
}

impl<'a> Purse<'a> {
    fn new(demands: &'a [Demand<'a>], budget: Budget) -> Self {
        let given = demands.iter().filter_map(had).map(rate).sum();
        Self { demands, budget, given, behind: 0, owed: [0; CLASSES], risen: false, spent: 0 }
    }

    /// Reckons what a tile had.
    fn remember(&mut self, tile: &mut Tile) {
        let demand = &self.demands[tile.demand];
        tile.had = had(demand).map_or(0, |had| rate(had).min(rate(&demand.rungs[tile.path.ideal])));
        self.owe(tile, tile.had);
    }

    /// So much is still to be given to a tile for it to have what it had.
    #[inline]
    fn owe(&mut self, tile: &mut Tile, owed: u64) {
        let all = &mut self.owed[tile.class as usize];
        *all = *all - tile.owed + owed;
        tile.owed = owed;
    }

    /// The least picture. The `first` tile gets it even if it does not fit, if it is cheap.
    fn begin(&mut self, tile: &mut Tile, first: bool) {
        let Some(least) = tile.path.after(None) else { return };
        let cheap = first && rate(&self.demands[tile.demand].rungs[least]) <= ALWAYS;
        if cheap || self.admits(tile, least) {
            self.take(tile, least);
        } else {
            self.step(tile);
        }
    }

    /// What the least picture takes of a tile that has one.
    fn least_kept(&self, tile: &Tile) -> u64 {
        let demand = &self.demands[tile.demand];
        tile.path.after(None).filter(|_| demand.granted.is_some()).map_or(0, |least| rate(&demand.rungs[least]))
    }

    /// Whether a picture that is not sent now fits now. That it will go on to do so is not waited for: nothing is worse than no picture,
    /// but one that comes and goes. If it was taken away before, coming back is a step up like any other, and takes nobody's place.
    fn admits(&self, tile: &Tile, rung: usize) -> bool {
        let demand = &self.demands[tile.demand];
        let is_new = demand.granted.is_none() && demand.pauses == 0 && tile.class != Class::Hidden;
        is_new && self.with(tile, rung).saturating_add(rate(&demand.rungs[rung]) / SPARE) <= self.budget.now
    }

    /// How far a tile goes before the rounds begin.
    fn first_goal(&self, tile: &Tile) -> usize {
        let rungs = self.demands[tile.demand].rungs;
        let ideal = &rungs[tile.path.ideal];
        let goal = match tile.class {
            // The slowest that is as sharp as the best one.
            Class::Screen => rungs.iter().position(|rung| rung.height >= ideal.height).and_then(|rung| tile.path.from(rung)),
            _ => rungs.iter().rposition(|rung| rung.height <= LARGE_FIRST.min(ideal.height)),
        };
        goal.unwrap_or(0).min(tile.path.ideal)
    }

    /// The best rung up to `goal`.
    fn raise(&mut self, tile: &mut Tile, goal: usize) {
        let better = tile.path.down_from(goal).take_while(|rung| tile.at.is_none_or(|at| *rung > at));
        if let Some(best) = better.into_iter().find(|rung| self.affords(tile, *rung)) {
            self.take(tile, best);
        }
    }

    /// The next rung of a large tile, as far as it goes before the rounds of all. False if there is none, or none that fits.
    fn step_first(&mut self, tile: &mut Tile) -> bool {
        let first = self.first_goal(tile);
        let goes_on = tile.path.after(tile.at).is_some_and(|next| next <= first);
        goes_on && self.step(tile)
    }

    /// The next rung. False if there is none, or none that fits.
    fn step(&mut self, tile: &mut Tile) -> bool {
        if tile.full {
            return false;
        }
        let mut next = tile.path.after(tile.at);
        while let Some(rung) = next
            && !self.affords(tile, rung)
        {
            next = tile.path.after(Some(rung));
        }
        match next {
            Some(rung) => self.take(tile, rung),
            None => {
                tile.full = true;
                self.owe(tile, 0);
            }
        }
        next.is_some()
    }

    fn take(&mut self, tile: &mut Tile, rung: usize) {
        let demand = &self.demands[tile.demand];
        self.risen |= had(demand).is_some_and(|had| rate(&demand.rungs[rung]) > rate(had));
        self.spent = self.with(tile, rung);
        tile.at = Some(rung);
        if tile.owed > 0 {
            self.owe(tile, tile.had.saturating_sub(rate(&demand.rungs[rung])));
        }
    }

    /// What would be spent if a tile had this rung.
    fn with(&self, tile: &Tile, rung: usize) -> u64 {
        let rungs = self.demands[tile.demand].rungs;
        let before = tile.at.map_or(0, |at| rate(&rungs[at]));
        self.spent.saturating_sub(before).saturating_add(rate(&rungs[rung]))
    }

    fn affords(&self, tile: &Tile, rung: usize) -> bool {
        let demand = &self.demands[tile.demand];
        let (with, wanted) = (self.with(tile, rung), &demand.rungs[rung]);
        let had = had(demand);
        // What lesser tiles have is there for a screen or a large tile without waiting: the line carries it.
        let proven = if tile.class < Class::Other { self.budget.steady.max(self.given) } else { self.budget.steady };
        let proven = proven.min(self.budget.now);
        let keeps = demand.granted.is_some_and(|granted| wanted.layer <= granted);
        // What has become cheaper than what it had, and is better.
        let cheaper = had.is_some_and(|had| rate(wanted) <= rate(had)) && !(demand.held && tile.at.is_some());
        if keeps || cheaper {
            with <= if self.risen { proven } else { self.budget.now }
        } else if demand.held && demand.granted.is_some() && tile.at.is_some() {
            false
        } else {
            // Nobody goes up by what an equal has: that one would come down.
            let others = self.owed[tile.class as usize] - tile.owed;
            let comes_back = demand.comes_back();
            let spare = if comes_back { self.behind + again(rate(wanted), demand.pauses) } else { others + rate(wanted) / SPARE };
            with.saturating_add(spare) <= proven
        }
    }

    /// Why the tile is where it is, when everything is given away.
    fn reason(&self, tile: &Tile) -> Reason {
        let demand = &self.demands[tile.demand];
        if !demand.rungs.iter().any(|rung| rung.flows) {
            return Reason::NoMedia;
        }
        if tile.class == Class::Hidden {
            return Reason::Hidden;
        }
        match (tile.path.after(tile.at), tile.at) {
            (Some(next), _) if self.with(tile, next) <= self.budget.now => Reason::Waits,
            (Some(_), Some(_)) => Reason::Bandwidth,
            (_, None) => Reason::NoRoom,
            (None, Some(at)) if demand.rungs[at].flows && path::suffices(&demand.rungs[at], demand.height) => Reason::Fits,
            (None, Some(_)) => Reason::Source,
        }
    }
}
