//! How large a slot's picture is shown: as the layout has it, as the client says, and what to believe between the two.

use std::time::{Duration, Instant};

use media::allocator::LARGE_FIRST;

/// After a change of the layout a client has so long to say how large its tiles are now: a round trip, and the page's own debouncing.
/// Until then its last word is taken in proportion. Whoever says nothing more has tiles that do not follow the layout.
const SETTLE: Duration = Duration::from_secs(1);

/// Lines of a slot of which neither layout nor client said anything: the layout's whole stage.
const STAGE: u16 = 720;

/// A slot's place on the viewer's screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tile {
    /// Place in the order of importance, 0 first.
    pub(crate) rank: u16,
    main: bool,
    /// Lines on the layout's stage, and since when.
    laid_out: u16,
    since: Instant,
    reported: Option<Report>,
}

/// What the client said last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Report {
    /// Physical pixels of the smaller dimension.
    lines: u16,
    /// [`Tile::laid_out`] at that time.
    laid_out: u16,
}

impl Tile {
    pub(crate) fn new(now: Instant) -> Self {
        Self { rank: 0, main: false, laid_out: STAGE, since: now, reported: None }
    }

    /// The layout gives the slot this place.
    pub(crate) fn lay_out(&mut self, now: Instant, rank: u16, tile: &room::Tile) {
        (self.rank, self.main) = (rank, tile.main);
        let lines = tile.height.min(tile.width);
        if self.laid_out != lines {
            (self.laid_out, self.since) = (lines, now);
        }
    }

    /// One of the large tiles, by the layout, or because the client shows what the layout has smaller at the lines of a large one.
    pub(crate) fn is_large(&self) -> bool {
        self.main || self.reported.is_some_and(|report| report.lines >= LARGE_FIRST && report.laid_out < LARGE_FIRST)
    }

    /// The client shows it so large, physical pixels; `None`: as the layout has it.
    pub(crate) fn report(&mut self, shown: Option<[u16; 2]>) {
        self.reported = shown.map(|[width, height]| Report { lines: width.min(height), laid_out: self.laid_out });
    }

    /// Lines at which it is shown now; 0: it is not visible.
    pub(crate) fn height(&self, now: Instant) -> u16 {
        let Some(report) = self.reported else { return self.laid_out };
        if report.laid_out == self.laid_out || now.saturating_duration_since(self.since) >= SETTLE {
            return report.lines;
        }
        let lines = u32::from(report.lines) * u32::from(self.laid_out) / u32::from(report.laid_out.max(1));
        u16::try_from(lines).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;
    use room::{ParticipantId, Source};

    fn laid_out(width: u16, height: u16) -> room::Tile {
        room::Tile { participant: ParticipantId(1), source: Source::Camera, main: true, width, height }
    }

    #[test]
    fn the_layout_goes_ahead_in_proportion_and_the_client_has_the_last_word() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tile = Tile::new(start);
        tile.lay_out(start, 3, &laid_out(640, 360));
        assert_eq!((tile.rank, tile.height(start)), (3, 360), "before the client says anything");
        // A screen of twice the pixels.
        tile.report(Some([1280, 720]));
        assert_eq!(tile.height(at(5_000)), 720);
        tile.lay_out(at(6_000), 0, &laid_out(1280, 720));
        assert_eq!(tile.height(at(6_100)), 1440, "the layout doubled the tile");
        tile.report(Some([1000, 562]));
        assert_eq!(tile.height(at(6_200)), 562, "the client says how large it really is");
        tile.lay_out(at(7_000), 0, &laid_out(182, 102));
        assert_eq!((tile.height(at(7_500)), tile.height(at(8_000))), (79, 562), "nothing more was said: it did not follow");
        tile.report(None);
        assert_eq!(tile.height(at(8_100)), 102, "as the layout has it");

        tile.lay_out(at(9_000), 4, &room::Tile { main: false, ..laid_out(182, 102) });
        tile.report(Some([182, 102]));
        assert!(!tile.is_large());
        tile.report(Some([1280, 720]));
        assert!(tile.is_large(), "its viewer has made it so");
        tile.lay_out(at(9_100), 4, &room::Tile { main: false, ..laid_out(640, 360) });
        tile.report(Some([1280, 720]));
        assert!(!tile.is_large(), "all are of this size on this screen");
    }

    #[test]
    fn what_is_hidden_stays_hidden_whatever_the_layout_does_and_portrait_counts_its_width() {
        let start = Instant::now();
        let mut tile = Tile::new(start);
        tile.report(Some([0, 0]));
        tile.lay_out(start, 0, &laid_out(1280, 720));
        assert_eq!(tile.height(start), 0);
        tile.report(Some([360, 640]));
        assert_eq!(tile.height(start), 360);
    }
}
