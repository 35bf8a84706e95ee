//! What one publisher's pictures are needed for: gathered from all viewers, and told with patience downwards and without upwards.

use std::time::{Duration, Instant};

use media::allocator::{Grant, Reason};
use media::{Receiver, Rung};
use room::Source;

/// What nobody needs is sent for so long: people change layouts back and forth, and each stop costs a keyframe at the next start. It is to
/// be gone after five seconds: a tick, the message and the browser, which stops an encoding with its next picture, take their part of them.
const LOWER_AFTER: Duration = Duration::from_secs(4);

/// The least time between two words about bandwidth.
const CAP_PAUSE: Duration = Duration::from_secs(1);
/// Caps are told in steps of so many bit/s, and when they have moved by a seventh.
const CAP_STEP: u64 = 50_000;
const CAP_MOVE: u64 = 7;
/// The same for less, which is more urgent: what the line does not carry any more costs the layer.
const CAP_FALL: u64 = 10;
/// No cap is told that is lower, bit/s: below it a smaller picture is better than a worse one.
const LEAST_CAP: u64 = 150_000;
/// A line that carries so many times the picture's rate needs no cap.
const AMPLE: u64 = 2;

/// Heights that are told, lines, so that a window that is dragged larger is not a message for each of its sizes.
const HEIGHTS: [u16; 8] = [180, 270, 360, 540, 720, 1080, 1440, 2160];

/// The pictures of one publisher.
#[derive(Default, Debug)]
pub(crate) struct Uplink {
    camera: Picture,
    screen: Picture,
}

/// One source.
#[derive(Default, Debug)]
pub(crate) struct Picture {
    /// Its ladder as of the last look.
    pub(crate) rungs: Vec<Rung>,
    pub(crate) wishes: Wishes,
    pub(crate) asked: Asked,
    /// When each encoding that was not flowing had its last keyframe.
    appeared: [Option<Instant>; 8],
}

impl Uplink {
    /// `None` for sound.
    pub(crate) fn picture(&self, source: Source) -> Option<&Picture> {
        match source {
            Source::Camera => Some(&self.camera),
            Source::Screen => Some(&self.screen),
            Source::Microphone | Source::ScreenAudio => None,
        }
    }

    /// `None` for sound.
    pub(crate) fn picture_mut(&mut self, source: Source) -> Option<&mut Picture> {
        match source {
            Source::Camera => Some(&mut self.camera),
            Source::Screen => Some(&mut self.screen),
            Source::Microphone | Source::ScreenAudio => None,
        }
    }

    /// Looks at what arrives now.
    pub(crate) fn measure(&mut self, now: Instant, receiver: &Receiver) {
        for (source, picture) in [(Source::Camera, &mut self.camera), (Source::Screen, &mut self.screen)] {
            picture.rungs.clear();
            let mut found = receiver.publications().iter();
            if let Some(publication) = found.find(|publication| publication.label() == source as u32) {
                picture.rungs.extend_from_slice(&publication.ladder(now));
            }
        }
    }

    /// The viewers are about to say anew what they need.
    pub(crate) fn begin(&mut self) {
        self.camera.wishes = Wishes::default();
        self.screen.wishes = Wishes::default();
    }

    /// Encodings of a source are not the ones they were: what was said of each is not true any more.
    pub(crate) fn reordered(&mut self, now: Instant, source: usize) {
        if let Some(picture) = Source::ALL.get(source).and_then(|source| self.picture_mut(*source)) {
            picture.asked.ask_for_all(now);
        }
    }

    /// The client has to be told again.
    pub(crate) fn repeat(&mut self) {
        self.camera.asked.repeat = true;
        self.screen.asked.repeat = true;
    }
}

impl Picture {
    /// Whether an encoding was flowing when the ladder was looked at.
    pub(crate) fn flows(&self, encoding: usize) -> bool {
        self.rungs.iter().any(|rung| rung.flows && usize::from(rung.layer.encoding) == encoding)
    }

    /// Whether a keyframe of an encoding that was not flowing is worth a look at the whole ladder now: the first after a silence is. An
    /// encoding for which the ladder has no rung never flows, and the beat of the room has the next look anyway.
    pub(crate) fn appears(&mut self, now: Instant, encoding: usize) -> bool {
        let flows = self.flows(encoding);
        let Some(last) = self.appeared.get_mut(encoding).filter(|_| !flows) else { return false };
        let before = last.replace(now);
        before.is_none_or(|at| now.saturating_duration_since(at) >= SILENCE)
    }

    /// The rate of a layer, bit/s.
    pub(crate) fn rate(&self, layer: Option<media::LayerId>) -> u64 {
        self.rungs.iter().find(|rung| Some(rung.layer) == layer).map_or(0, |rung| rung.bitrate)
    }
}

/// An encoding without a keyframe for so long may appear again: each time the lines of all viewers are shared anew.
const SILENCE: Duration = Duration::from_millis(500);

/// What all viewers of a source together want.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Wishes {
    /// In whose slots it is.
    viewers: u32,
    /// The largest tile, lines.
    height: u16,
    /// What is needed, a bit for each encoding: of a viewer who is content that which he has, of others all up to what they would have
    /// on a good line, for their line may carry any of them in a moment.
    encodings: u8,
    /// All viewers are content.
    content: bool,
    /// What the last viewer's line has for it, bit/s, and what it takes.
    line: (u64, u64),
}

impl Wishes {
    /// One viewer shows it at `height` lines and was granted `grant`, `flowing` being the encoding of `encodings` that is forwarded. His line
    /// has so many bit/s for it, and it takes so many: `line`.
    pub(crate) fn add(&mut self, height: u16, grant: Option<&Grant>, (flowing, encodings): (Option<usize>, usize), line: (u64, u64)) {
        let granted = grant.and_then(|grant| grant.layer).map_or(0, |layer| layer.encoding);
        let ideal = grant.and_then(|grant| grant.ideal);
        let arrived = flowing == Some(usize::from(granted));
        let (encodings, content) = match (grant.map(|grant| grant.reason), ideal) {
            (Some(Reason::Fits), _) if arrived => (1 << granted, true),
            // The tile is larger than any picture: there is nothing better to wait for.
            (Some(Reason::Source), _) if arrived && usize::from(granted) + 1 >= encodings => (1 << granted, true),
            (Some(Reason::Hidden), Some(ideal)) => (1 << ideal.encoding, true),
            // There may be something better; what is worse would take a publisher's line from it for nobody.
            (Some(Reason::Source), _) if arrived => (u8::MAX << granted, false),
            // Or nothing is known yet.
            (Some(Reason::Source) | None, _) | (_, None) => (u8::MAX, false),
            (_, Some(ideal)) => (up_to(ideal.encoding.max(granted)), false),
        };
        self.content = content && (self.content || self.viewers == 0);
        self.viewers += 1;
        self.height = self.height.max(height);
        self.encodings |= encodings;
        self.line = line;
    }

    /// What follows for a source of so many encodings.
    pub(crate) fn need(&self, encodings: usize) -> Need {
        if self.viewers == 0 {
            return Need { height: 0, encodings: 0 };
        }
        // Whoever does not look now may look in a moment.
        Need { height: self.height.max(1), encodings: self.encodings & all(encodings) }
    }

    /// The only viewer's line as a bound of the only encoding, bit/s; `None` where no bound is needed. `told`: the bound that was told last. What
    /// is sent under it says nothing of what would be sent without, so it is lifted only where the line has ample room for itself.
    pub(crate) fn cap(&self, encodings: usize, told: Option<u64>) -> Option<u64> {
        let (line, rate) = self.line;
        let single = self.viewers == 1 && (encodings <= 1 || self.content);
        let scarce = line < rate.max(told.unwrap_or(0)).saturating_mul(AMPLE);
        (single && scarce).then(|| (line / CAP_STEP * CAP_STEP).max(LEAST_CAP))
    }
}

/// What is needed of a source.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Need {
    /// Lines; 0: nobody gets it.
    pub(crate) height: u16,
    /// One bit for each encoding, the lowest first.
    pub(crate) encodings: u8,
}

/// What a publisher was told about a source.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Asked {
    /// `None`: nothing, so everything may be sent.
    told: Option<Need>,
    cap: Option<u64>,
    cap_at: Option<Instant>,
    /// When it was looked at first.
    began: Option<Instant>,
    /// When each encoding was last needed, and each of [`HEIGHTS`], and more.
    encodings: [Option<Instant>; 8],
    heights: [Option<Instant>; HEIGHTS.len() + 1],
    repeat: bool,
}

impl Asked {
    /// What was told last.
    pub(crate) fn told(&self) -> Option<Need> {
        self.told
    }

    /// The bound that was told last, bit/s.
    pub(crate) fn cap(&self) -> Option<u64> {
        self.cap
    }

    /// All encodings count as needed just now.
    fn ask_for_all(&mut self, now: Instant) {
        let told = self.told.map(|told| Need { encodings: u8::MAX, ..told });
        *self = Self { told, encodings: [Some(now); 8], repeat: true, ..*self };
    }

    /// So much is needed now, of a source with so many encodings. True when the publisher has to be told: more at once, less when it has
    /// been less for a while.
    pub(crate) fn decide(&mut self, now: Instant, need: Need, cap: Option<u64>, encodings: usize) -> bool {
        let before = (self.told, self.cap);
        let began = *self.began.get_or_insert(now);
        self.note(now, need);
        // Until then it is sent, and perhaps needed in a moment.
        if self.told.is_some() || !lately(now, began) {
            self.told = Some(self.needed_lately(now, encodings));
            self.bound(now, cap);
        }
        let repeat = std::mem::take(&mut self.repeat) && self.told.is_some();
        repeat || before != (self.told, self.cap)
    }

    fn note(&mut self, now: Instant, need: Need) {
        for (_, at) in self.encodings.iter_mut().enumerate().filter(|(encoding, _)| need.encodings >> encoding & 1 == 1) {
            *at = Some(now);
        }
        if need.height > 0 {
            let class = HEIGHTS.iter().position(|height| *height >= need.height).unwrap_or(HEIGHTS.len());
            self.heights[class] = Some(now);
        }
    }

    fn needed_lately(&self, now: Instant, encodings: usize) -> Need {
        let lately = |at: &Option<Instant>| at.is_some_and(|at| lately(now, at));
        let class = self.heights.iter().rposition(lately);
        let height = class.map_or(0, |class| HEIGHTS.get(class).copied().unwrap_or(u16::MAX));
        let bits = self.encodings.iter().enumerate().filter(|(_, at)| lately(at)).fold(0, |bits, (encoding, _)| bits | 1 << encoding);
        Need { height, encodings: bits & all(encodings) }
    }

    /// Nothing is said of bandwidth to whom nothing was said at all.
    fn bound(&mut self, now: Instant, cap: Option<u64>) {
        let moved = match (self.cap, cap) {
            (Some(told), Some(cap)) if cap < told => told - cap > told / CAP_FALL,
            (Some(told), Some(cap)) => cap - told > told / CAP_MOVE,
            (told, cap) => told != cap,
        };
        let rested = self.cap_at.is_none_or(|at| now.saturating_duration_since(at) >= CAP_PAUSE);
        if moved && rested {
            (self.cap, self.cap_at) = (cap, Some(now));
        }
    }
}

fn lately(now: Instant, at: Instant) -> bool {
    now.saturating_duration_since(at) < LOWER_AFTER
}

fn up_to(encoding: u8) -> u8 {
    all(usize::from(encoding) + 1)
}

fn all(encodings: usize) -> u8 {
    (1_u16 << encodings.min(8)).wrapping_sub(1) as u8
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;
    use media::LayerId;

    fn layer(encoding: u8) -> Option<LayerId> {
        Some(LayerId { encoding, spatial: 0, temporal: 0 })
    }

    fn grant(layer: Option<LayerId>, ideal: Option<LayerId>, reason: Reason) -> Grant {
        Grant { slot: 0, layer, ideal, reason }
    }

    /// What viewers make of a source with three encodings: height, granted, ideal, why, what flows.
    fn need(viewers: &[(u16, u8, u8, Reason, usize)]) -> (u16, u8) {
        let mut wishes = Wishes::default();
        for &(height, granted, ideal, reason, flowing) in viewers {
            wishes.add(height, Some(&grant(layer(granted), layer(ideal), reason)), (Some(flowing), 3), (9_000_000, 1_000_000));
        }
        let need = wishes.need(3);
        (need.height, need.encodings)
    }

    #[test]
    fn the_largest_layer_anybody_needs_decides() {
        use Reason::{Bandwidth, Fits, Hidden, Source};
        type Row<'a> = (&'a str, &'a [(u16, u8, u8, Reason, usize)], (u16, u8));
        let rows: [Row<'_>; 13] = [
            ("nobody", &[], (0, 0)),
            ("small tiles", &[(102, 0, 0, Fits, 0), (180, 0, 0, Fits, 0)], (180, 0b001)),
            ("one of many is large: the middle one has no viewer", &[(102, 0, 0, Fits, 0), (700, 2, 2, Fits, 2)], (700, 0b101)),
            ("one is large on a bad line", &[(102, 0, 0, Fits, 0), (700, 0, 2, Bandwidth, 0)], (700, 0b111)),
            ("it may carry the middle one in a moment", &[(700, 1, 1, Fits, 1), (300, 0, 1, Bandwidth, 0)], (700, 0b011)),
            ("all look away: the lowest, so that they can look back", &[(0, 0, 0, Hidden, 0), (0, 0, 0, Hidden, 0)], (1, 0b001)),
            ("two in a room: one encoding", &[(700, 2, 2, Fits, 2)], (700, 0b100)),
            ("but not before it has arrived", &[(700, 2, 2, Fits, 0)], (700, 0b111)),
            ("nor on a line that does not carry it", &[(700, 1, 2, Bandwidth, 1)], (700, 0b111)),
            ("what may exist is asked for", &[(1080, 1, 1, Source, 0)], (1080, 0b111)),
            ("but not what is worse than what has come", &[(1080, 1, 1, Source, 1)], (1080, 0b110)),
            ("a tile larger than any picture has the best there is", &[(1080, 2, 2, Source, 2)], (1080, 0b100)),
            ("once it has arrived", &[(1080, 2, 2, Source, 1)], (1080, 0b111)),
        ];
        for (name, viewers, expected) in rows {
            assert_eq!(need(viewers), expected, "{name}");
        }
        let mut wishes = Wishes::default();
        wishes.add(90, None, (None, 3), (0, 0));
        assert_eq!(wishes.need(3), Need { height: 90, encodings: 0b111 }, "nothing was ever sent, so nothing is known");
    }

    #[test]
    fn more_at_once_and_less_after_a_while() {
        let (start, mut asked) = (Instant::now(), Asked::default());
        let at = |ms| start + Duration::from_millis(ms);
        let need = |height, encodings| Need { height, encodings };
        assert!(!asked.decide(at(0), need(180, 1), None, 3), "everything is sent at first");
        assert!(!asked.decide(at(3_000), need(360, 2), None, 3));
        assert!(asked.decide(at(4_000), need(180, 1), None, 3));
        assert_eq!(asked.told(), Some(need(360, 3)), "what was needed in the last seconds");
        assert!(asked.decide(at(7_000), need(180, 1), None, 3));
        assert_eq!(asked.told(), Some(need(180, 1)), "and not any more");
        assert!(asked.decide(at(7_100), need(720, 4), None, 3), "more at once");
        assert_eq!(asked.told(), Some(need(720, 5)));
        assert!(!asked.decide(at(7_200), need(0, 0), None, 3));
        assert!(!asked.decide(at(10_900), need(720, 5), None, 3), "needed again in time");
        assert!(!asked.decide(at(11_000), need(0, 0), None, 3));
        assert!(!asked.decide(at(14_800), need(0, 0), None, 3));
        assert!(asked.decide(at(14_900), need(0, 0), None, 3));
        assert_eq!(asked.told(), Some(need(0, 0)));
        assert!(!asked.decide(at(60_000), need(0, 0), None, 3), "nothing is said twice");
        asked.repeat = true;
        assert!(asked.decide(at(60_100), need(0, 0), None, 3), "but to whom was away");
    }

    #[test]
    fn an_encoding_appears_once_until_it_was_silent() {
        let (start, mut picture) = (Instant::now(), Picture::default());
        // Keyframes each 20 ms of an encoding that never has a rung, a pause of a second, and the same again.
        let times = (0..200).chain(250..450).map(|nth| start + Duration::from_millis(20 * nth));
        let appeared: Vec<u128> = times.filter(|at| picture.appears(*at, 1)).map(|at| (at - start).as_millis()).collect();
        assert_eq!(appeared, [0, 5_000], "each is a sharing of every line");
        assert!(picture.appears(start + Duration::from_millis(9_000), 2), "another encoding");
    }

    #[test]
    fn the_only_viewers_line_bounds_the_only_encoding() {
        let fits = grant(layer(2), layer(2), Reason::Fits);
        let cap = |encodings, viewers: u32, line| {
            let mut wishes = Wishes::default();
            (0..viewers).for_each(|_| wishes.add(700, Some(&fits), (Some(2), encodings), (line, 1_500_000)));
            wishes.cap(encodings, None)
        };
        assert_eq!([cap(3, 1, 2_030_000), cap(1, 1, 2_030_000)], [Some(2_000_000); 2]);
        assert_eq!([cap(3, 2, 2_030_000), cap(3, 1, 3_000_000), cap(3, 0, 0)], [None; 3], "a second viewer, a good line, nobody");
        assert_eq!(cap(1, 1, 20_000), Some(LEAST_CAP));
        let mut wishes = Wishes::default();
        let mut told = None;
        // Under a bound of 800 kbit/s the picture takes 425, and without one 700: that alone must not lift and set it again and again.
        let mut asked = |line, free| {
            let rate = if told.is_some() { 425_000 } else { free };
            wishes.line = (line, rate);
            (wishes.viewers, wishes.content) = (1, true);
            told = wishes.cap(3, told);
            told
        };
        assert_eq!([1; 4].map(|_| asked(888_000, 700_000)), [Some(850_000); 4]);
        assert_eq!([1; 2].map(|_| asked(1_750_000, 700_000)), [None; 2], "ample room");
        let (start, mut asked) = (Instant::now(), Asked::default());
        let need = Need { height: 720, encodings: 4 };
        let mut told = |ms, cap| asked.decide(start + Duration::from_millis(ms), need, cap, 3);
        assert!(!told(0, Some(2_000_000)) && told(4_000, Some(2_000_000)));
        assert!(!told(4_500, Some(1_000_000)) && told(5_000, Some(1_000_000)), "at most once a second");
        assert!(!told(8_000, Some(1_100_000)) && told(8_100, None), "small moves are not worth a word");
    }
}
