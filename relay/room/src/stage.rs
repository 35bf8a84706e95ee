//! Tiles on a stage of 1280 by 720: how many large and small ones a layout has, and how large they are.

use crate::layout::Layout;

/// The stage, pixels. Clients scale what they get.
pub(crate) const STAGE: (u32, u32) = (1280, 720);
/// Most tiles of the layouts that take everyone: the relay's largest room.
const EVERYONE: usize = 33;
/// Most large tiles of those layouts: screens, spotlight, pin and staff beyond that are small.
const MAX_FEATURED: usize = 4;
/// Small tiles in a row, for up to three rows of them.
const PIPS_IN_A_ROW: usize = 7;
const PIPS_IN_A_LONG_ROW: usize = 11;

/// Large tiles and small tiles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub(crate) mains: usize,
    pub(crate) pips: usize,
}

/// The plan of a layout for a viewer who may see so many sources, of which so many stand out (the first ones).
pub(crate) fn plan(layout: Layout, sources: usize, featured: usize) -> Plan {
    let (mains, pips) = match layout {
        // Equal, unless somebody stands out among others.
        Layout::HostOnly | Layout::HostLarge | Layout::Equal if featured == 0 || featured >= sources => (EVERYONE, 0),
        Layout::HostOnly | Layout::HostLarge | Layout::Equal => (featured.min(MAX_FEATURED), EVERYONE - featured.min(MAX_FEATURED)),
        Layout::OneMainZeroPips => (1, 0),
        Layout::OneMainSevenPips => (1, 7),
        Layout::OneMainTwentyonePips => (1, 21),
        Layout::TwoMainsTwentyonePips => (2, 21),
        Layout::OneMainThirtythreePips => (1, 33),
        Layout::FourMainsZeroPips => (4, 0),
        Layout::NineMainsZeroPips => (9, 0),
        Layout::SixteenMainsZeroPips => (16, 0),
        Layout::TwentyfiveMainsZeroPips => (25, 0),
        Layout::FiveMainsSevenPips => (5, 7),
    };
    let mains = mains.min(sources);
    Plan { mains, pips: pips.min(sources - mains) }
}

impl Plan {
    /// Width and height of the large and of the small tiles: small ones in rows along the edge, large ones in what is left.
    pub(crate) fn sizes(self) -> [(u16, u16); 2] {
        let (width, height) = STAGE;
        if self.pips == 0 {
            return [fit(self.mains, width, height), (0, 0)];
        }
        let row = if self.pips <= 3 * PIPS_IN_A_ROW { PIPS_IN_A_ROW } else { PIPS_IN_A_LONG_ROW };
        let pip = (width / row as u32, height / row as u32);
        let rows = self.pips.div_ceil(row) as u32;
        [fit(self.mains, width, height - rows * pip.1), (pip.0 as u16, pip.1 as u16)]
    }
}

/// The largest size of 16 by 9 at which so many tiles fit on an area.
fn fit(tiles: usize, width: u32, height: u32) -> (u16, u16) {
    let tiles = tiles as u32;
    let size = |columns: u32| {
        let rows = tiles.div_ceil(columns);
        // From the whole lengths, so that rounding happens once.
        let tile = ((width / columns).min(height * 16 / (9 * rows)), (height / rows).min(width * 9 / (16 * columns)));
        (tile.0 as u16, tile.1 as u16)
    };
    (1..=tiles).map(size).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_have_their_tiles() {
        /// Layout, sources, featured; mains, pips; size of a main, size of a pip.
        type Row = (Layout, usize, usize, usize, usize, (u16, u16), (u16, u16));
        let none = (0, 0);
        let rows: &[Row] = &[
            (Layout::Equal, 0, 0, 0, 0, none, none),
            (Layout::Equal, 1, 0, 1, 0, (1280, 720), none),
            (Layout::Equal, 2, 0, 2, 0, (640, 360), none),
            (Layout::Equal, 4, 0, 4, 0, (640, 360), none),
            (Layout::Equal, 5, 0, 5, 0, (426, 240), none),
            (Layout::Equal, 9, 0, 9, 0, (426, 240), none),
            (Layout::Equal, 33, 0, 33, 0, (213, 120), none),
            (Layout::Equal, 40, 0, 33, 0, (213, 120), none),
            (Layout::Equal, 33, 1, 1, 32, (933, 525), (116, 65)),
            (Layout::Equal, 9, 9, 9, 0, (426, 240), none),
            (Layout::HostOnly, 1, 1, 1, 0, (1280, 720), none),
            (Layout::HostOnly, 2, 2, 2, 0, (640, 360), none),
            (Layout::HostLarge, 5, 1, 1, 4, (1098, 618), (182, 102)),
            (Layout::HostLarge, 33, 2, 2, 31, (640, 360), (116, 65)),
            (Layout::HostLarge, 40, 6, 4, 29, (466, 262), (116, 65)),
            (Layout::OneMainZeroPips, 5, 0, 1, 0, (1280, 720), none),
            (Layout::OneMainSevenPips, 20, 0, 1, 7, (1098, 618), (182, 102)),
            (Layout::OneMainSevenPips, 1, 0, 1, 0, (1280, 720), none),
            (Layout::OneMainTwentyonePips, 40, 0, 1, 21, (736, 414), (182, 102)),
            (Layout::TwoMainsTwentyonePips, 40, 0, 2, 21, (640, 360), (182, 102)),
            (Layout::OneMainThirtythreePips, 40, 0, 1, 33, (933, 525), (116, 65)),
            (Layout::FourMainsZeroPips, 40, 0, 4, 0, (640, 360), none),
            (Layout::NineMainsZeroPips, 40, 0, 9, 0, (426, 240), none),
            (Layout::SixteenMainsZeroPips, 40, 0, 16, 0, (320, 180), none),
            (Layout::TwentyfiveMainsZeroPips, 40, 0, 25, 0, (256, 144), none),
            (Layout::FiveMainsSevenPips, 40, 0, 5, 7, (426, 240), (182, 102)),
            (Layout::FiveMainsSevenPips, 3, 0, 3, 0, (640, 360), none),
        ];
        for (layout, sources, featured, mains, pips, main, pip) in rows {
            let plan = plan(*layout, *sources, *featured);
            let name = format!("{layout:?} for {sources} sources, {featured} featured");
            assert_eq!((plan.mains, plan.pips), (*mains, *pips), "{name}");
            assert_eq!(plan.sizes(), [*main, *pip], "{name}");
        }
    }

    #[test]
    fn nothing_sticks_out_of_the_stage() {
        let (width, height) = STAGE;
        for mains in 1..=33usize {
            for pips in 0..=33usize {
                let [main, pip] = Plan { mains, pips }.sizes().map(|(width, height)| (u32::from(width), u32::from(height)));
                let area = mains as u32 * main.0 * main.1 + pips as u32 * pip.0 * pip.1;
                assert!(area <= width * height, "{mains} mains, {pips} pips");
                assert!(main.0 > 0 && main.1 > 0, "{mains} mains, {pips} pips");
            }
        }
    }
}
