//! What a client saw and heard in one slot: plain values for assertions and reports.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use signal::message::Source;

use super::listener::SoundFigures;
use super::pattern::{self, Author, Stamp};

/// Complaints kept word for word; further ones are only counted.
const MAX_COMPLAINTS: usize = 8;
/// A picture that stands still for longer is a freeze.
pub const FREEZE: Duration = Duration::from_millis(200);
/// From a change to the first picture of every temporal layer that belongs to it: two of the longest patterns at 25 pictures a second.
const COMPLETE: Duration = Duration::from_millis(320);

/// Sounds captured further apart than this were not sent one after the other: silence was left out.
const LONGEST_SOUND: Duration = Duration::from_millis(30);
/// The same for pictures: no source here makes fewer than ten a second.
const LONGEST_PICTURE: Duration = Duration::from_millis(150);
/// Later than its capture explains by more than this, a picture stood still meanwhile: what W3C's `freezeCount` allows beyond the usual.
const LATE_PICTURE: Duration = Duration::from_millis(150);
/// How far apart two spans between capture times may be that are the same: schedule and stamps are rounded.
const ROUNDED: Duration = Duration::from_millis(1);
/// Freezes and changes kept one by one; further ones are only counted.
const MAX_KEPT: usize = 1_024;
/// A temporal layer that did not come within so many pictures is gone; three times the longest pattern of an encoder.
const TEMPORAL_MEMORY: u8 = 12;

/// A quality that is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// From when on.
    pub at: Instant,
    /// Whose, and which encoding.
    pub author: Author,
    /// Picture size, pixels.
    pub size: Option<(u16, u16)>,
    /// Highest temporal layer.
    pub temporal: u8,
}

/// A sound that came, as itself or as a copy.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// What it says of itself.
    pub stamp: Stamp,
    /// When it came first.
    pub at: Instant,
}

/// Two pictures or sounds that followed each other in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Whose the second is.
    pub author: Author,
    /// Time between them.
    pub length: Duration,
    /// The second builds upon the first, or takes over from it, and came as long after it as it was captured, or little later. What lies between was left out for
    /// this viewer, as the upper layers of a screen at few pictures a second are: slow, but nothing stands still.
    pub on_time: bool,
}

/// Everything observed in one slot since the window began.
#[derive(Clone, Debug, Default)]
pub struct SlotRecord {
    /// Packets, retransmissions included, duplicates not.
    pub packets: u64,
    /// Numbers by which the newest packet moved on: so many packets should have come.
    pub expected: u64,
    /// Packets that came as retransmission.
    pub recovered: u64,
    /// Packets whose sequence number had come before, same content.
    pub duplicates: u64,
    /// Packets overtaken by later ones, retransmissions not counted.
    pub reordered: u64,
    /// Sequence numbers that were given up.
    pub missing: u64,
    /// Packets by author, as far as a packet names one.
    pub authors: BTreeMap<Author, u64>,
    /// Decoded pictures (sound: verified packets) by author.
    pub decoded: BTreeMap<Author, u64>,
    /// Decoded keyframes.
    pub keyframes: u64,
    /// Size of the last keyframe, pixels.
    pub size: Option<(u16, u16)>,
    /// Who was decoded last.
    pub author: Option<Author>,
    /// When the first picture of the window was decoded.
    pub first_decoded: Option<Instant>,
    /// When the last picture was decoded.
    pub last_decoded: Option<Instant>,
    /// Longest time between two decoded pictures.
    pub longest_freeze: Duration,
    /// Longer than [`FREEZE`]: the last picture before, and for how long it stood.
    pub freezes: Vec<(Instant, Duration)>,
    /// How many of these there were.
    pub freeze_count: u64,
    /// What was shown from when on, whenever that changed.
    pub shown: Vec<Shown>,
    /// How often it changed, the first picture not counted.
    pub changes: u64,
    /// When the first packet came of each author and layer, whenever these changed.
    pub began: Vec<(Instant, Author)>,
    /// Bytes of payload by author, as far as a packet names one.
    pub bytes: BTreeMap<Author, u64>,
    /// Numbers that came without content.
    pub fillers: u64,
    /// Packets with content that is not of the pattern, where the setup allows it: media of others than light clients.
    pub foreign: u64,
    /// Whether the setup does.
    pub(super) takes_foreign: bool,
    /// Times the decoder had to skip to a keyframe.
    pub skips: u64,
    /// Frames whose rest never came because a keyframe, of somebody else or of another layer, came instead.
    pub broken_off: u64,
    /// Pictures that went on behind the packet that said it was their last: browsers show the small one first, then the whole.
    pub resumed: u64,
    /// How much of the sound could be played.
    pub sound: SoundFigures,
    /// Every sound that came, where the setup asks for it.
    pub heard: Option<Vec<Heard>>,
    /// Time between pictures or sounds, where the setup asks for it and the sender did not pause.
    pub gaps: Option<Vec<Gap>>,
    /// Things that no receiver may ever see, counted.
    pub error_count: u64,
    /// The first of them in words.
    pub errors: Vec<String>,
    /// When the last change began.
    began_showing: Option<Instant>,
    /// Pictures since the highest temporal layer was last seen, and the highest below it since then.
    since_highest: (u8, u8),
    newest_author: Option<Author>,
    last_stamp: Option<Stamp>,
    /// Between the captures of the last two pictures of which one builds upon the other.
    rhythm: Duration,
}

impl SlotRecord {
    /// Pictures or sounds of one publisher, all its layers together.
    #[must_use]
    pub fn decoded_of(&self, publisher: u32) -> u64 {
        self.decoded.iter().filter(|(author, _)| author.publisher == publisher).map(|(_, count)| count).sum()
    }

    /// Everything decoded.
    #[must_use]
    pub fn decoded_total(&self) -> u64 {
        self.decoded.values().sum()
    }

    /// The longest time without a new picture, the time since the last one included.
    #[must_use]
    pub fn freeze_until(&self, now: Instant) -> Duration {
        let open = self.last_decoded.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.longest_freeze.max(open)
    }

    pub(super) fn complain(&mut self, complaint: impl FnOnce() -> String) {
        self.error_count += 1;
        if self.errors.len() < MAX_COMPLAINTS {
            self.errors.push(complaint());
        }
    }

    /// Whether a payload that is not whole is somebody else's media, and not a damaged one.
    pub(super) fn is_foreign(&self, payload: &[u8]) -> bool {
        self.takes_foreign && pattern::is_foreign(payload)
    }

    /// A packet came that names its author; the newest of the slot, or an older one.
    pub(super) fn note_packet(&mut self, now: Instant, author: Author, len: usize, newest: bool) {
        *self.authors.entry(author).or_default() += 1;
        *self.bytes.entry(author).or_default() += len as u64;
        if newest && self.newest_author.replace(author) != Some(author) && self.began.len() < MAX_KEPT {
            self.began.push((now, author));
        }
    }

    /// A picture or sound was decoded; `keyframe` is the size of one.
    pub(super) fn note_decoded(&mut self, now: Instant, stamp: &Stamp, keyframe: Option<(u16, u16)>) {
        let before = self.last_stamp.replace(*stamp);
        if let Some(last) = self.last_decoded.replace(now) {
            let stood = now.saturating_duration_since(last);
            self.note_gap(stood, stamp, before);
            self.longest_freeze = self.longest_freeze.max(stood);
            if stood > FREEZE {
                self.freeze_count += 1;
                if self.freezes.len() < MAX_KEPT {
                    self.freezes.push((last, stood));
                }
            }
        }
        self.first_decoded.get_or_insert(now);
        *self.decoded.entry(stamp.author).or_default() += 1;
        self.size = keyframe.or(self.size);
        self.note_quality(now, stamp);
        self.author = Some(stamp.author);
    }

    /// Frames count on without a pause, captured further apart than their number explains: the sender was silent meanwhile.
    fn note_gap(&mut self, length: Duration, stamp: &Stamp, before: Option<Stamp>) {
        let Some(gaps) = self.gaps.as_mut().filter(|gaps| gaps.len() < MAX_KEPT) else { return };
        let audio = matches!(stamp.author.source, Source::Microphone | Source::ScreenAudio);
        let longest = if audio { LONGEST_SOUND } else { LONGEST_PICTURE };
        let apart = |before: Stamp| stamp.captured.saturating_sub(before.captured);
        let follows = before.filter(|before| before.author == stamp.author);
        let frames = follows.map_or(0, |before| stamp.frame.saturating_sub(before.frame));
        let paused = follows.is_some_and(|before| apart(before) > longest * frames.max(1));
        let builds_on = frames > 0 && stamp.needs.iter().any(|back| u32::from(*back) == frames);
        // Another encoding of the same source begins with a keyframe; on time if no later than the next picture of the one before.
        let takes_over = before.is_some_and(|before| {
            let other = Author { layer: before.author.layer, ..stamp.author };
            stamp.needs == [0; 2] && before.author == other && other != stamp.author && apart(before) <= self.rhythm + ROUNDED
        });
        let on_time = (builds_on || takes_over) && before.is_some_and(|before| length <= apart(before) + LATE_PICTURE);
        if let Some(before) = before.filter(|_| builds_on) {
            self.rhythm = apart(before);
        }
        // Sounds that overtook each other are no gap.
        let forward = before.is_none_or(|before| before.captured <= stamp.captured);
        if !paused && forward {
            gaps.push(Gap { author: stamp.author, length, on_time });
        }
    }

    fn note_quality(&mut self, now: Instant, stamp: &Stamp) {
        let known = self.shown.last().copied().filter(|shown| shown.author == stamp.author && shown.size == self.size);
        let (pictures, below) = self.since_highest;
        let temporal = match known {
            Some(shown) if stamp.temporal < shown.temporal => {
                self.since_highest = (pictures + 1, below.max(stamp.temporal));
                if pictures + 1 < TEMPORAL_MEMORY { shown.temporal } else { self.since_highest.1 }
            }
            _ => stamp.temporal,
        };
        if known.is_none_or(|shown| temporal != shown.temporal || stamp.temporal == temporal) {
            self.since_highest = (0, 0);
        }
        let shown = Shown { at: now, author: stamp.author, size: self.size, temporal };
        if known.is_some_and(|known| known.temporal == temporal) {
            return;
        }
        // A layer begins with a keyframe, which is of the lowest temporal layer: what follows at once belongs to the same change.
        if let (Some(known), Some(last)) = (known, self.shown.last_mut())
            && temporal > known.temporal
            && self.began_showing.is_some_and(|at| now.saturating_duration_since(at) < COMPLETE)
        {
            *last = shown;
            return;
        }
        self.began_showing = Some(now);
        self.changes += u64::from(self.author.is_some());
        if self.shown.len() == MAX_KEPT {
            self.shown.pop();
        }
        self.shown.push(shown);
    }

    /// Forgets the counts and begins anew; a freeze under way goes on counting from the last picture, and what is shown stays known.
    pub(super) fn begin_window(&mut self) {
        let (size, author, last_decoded, newest_author) = (self.size, self.author, self.last_decoded, self.newest_author);
        let began_showing = self.began_showing;
        let (shown, since_highest) = (self.shown.pop().into_iter().collect(), self.since_highest);
        let (heard, gaps) = (self.heard.as_ref().map(|_| Vec::new()), self.gaps.as_ref().map(|_| Vec::new()));
        let (last_stamp, takes_foreign, rhythm) = (self.last_stamp, self.takes_foreign, self.rhythm);
        let kept = Self { size, author, last_decoded, newest_author, shown, since_highest, heard, began_showing, ..Self::default() };
        *self = Self { gaps, last_stamp, takes_foreign, rhythm, ..kept };
    }

    /// Nothing is expected here now: the time until the next picture is no freeze.
    pub(super) fn expect_nothing(&mut self) {
        self.last_decoded = None;
    }
}

/// The counts in one line, for whoever reads why a test failed.
impl fmt::Display for SlotRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packets, recovered, duplicates, missing, skips, broken_off, fillers, freeze_count, .. } = self;
        let (decoded, shown) = (self.decoded_total(), self.shown.last());
        write!(f, "{packets} packets, {recovered} recovered, {duplicates} twice, {missing} missing, {fillers} empty; ")?;
        write!(f, "{decoded} decoded, {skips} skips, {broken_off} broken off, {} changes to {shown:?}; ", self.changes)?;
        write!(f, "{freeze_count} freezes up to {:?}; {} errors {:?}", self.longest_freeze, self.error_count, self.errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(record: &mut SlotRecord, now: &mut Instant, temporal: u8, keyframe: Option<(u16, u16)>) {
        *now += Duration::from_millis(40);
        let author = Author { publisher: 1, source: Source::Camera, layer: 0 };
        record.note_decoded(*now, &Stamp { temporal, ..Stamp::alone(author, 0, Duration::ZERO) }, keyframe);
    }

    #[test]
    fn a_temporal_layer_that_stays_away_is_a_change_and_one_lost_picture_is_none() {
        let (mut now, mut record) = (Instant::now(), SlotRecord::default());
        show(&mut record, &mut now, 0, Some((320, 180)));
        (0..40).for_each(|number| show(&mut record, &mut now, [0, 2, 1, 2][number % 4], None));
        assert_eq!(record.changes, 0, "it began with a keyframe of the lowest layer");
        record.begin_window();
        (0..40).for_each(|number| show(&mut record, &mut now, [0, 2, 1, 1][number % 4], None));
        assert_eq!((record.changes, record.shown.len()), (0, 1), "{:?}", record.shown);
        (0..40).for_each(|number| show(&mut record, &mut now, [0, 1][number % 2], None));
        assert_eq!((record.changes, record.shown.last().map(|shown| shown.temporal)), (1, Some(1)), "{:?}", record.shown);
        show(&mut record, &mut now, 2, None);
        show(&mut record, &mut now, 0, Some((640, 360)));
        assert_eq!(record.changes, 3, "up at once, and another size: {:?}", record.shown);
    }

    /// For each but the first of these pictures of a screen with 15 a second whether it came on time: encoding, number, what it builds
    /// upon, and how many ms later it came than it was captured.
    fn on_time(pictures: &[(u8, u32, [u8; 2], u64)]) -> Vec<bool> {
        let (start, mut record) = (Instant::now(), SlotRecord { gaps: Some(Vec::new()), ..SlotRecord::default() });
        for &(layer, frame, needs, late) in pictures {
            let captured = Duration::from_secs(1) * frame / 15;
            let author = Author { publisher: 1, source: Source::Screen, layer };
            let stamp = Stamp { needs, ..Stamp::alone(author, frame, captured) };
            record.note_decoded(start + captured + Duration::from_millis(late), &stamp, None);
        }
        let gaps = record.gaps.expect("kept");
        assert!(gaps.iter().all(|gap| gap.length > FREEZE), "{gaps:?}");
        gaps.iter().map(|gap| gap.on_time).collect()
    }

    #[test]
    fn a_viewer_of_the_lowest_temporal_layer_sees_no_freeze_and_one_who_misses_it_does() {
        let lowest = |late| on_time(&[(0, 0, [0, 0], 0), (0, 4, [4, 0], late), (0, 8, [4, 0], late)]);
        assert_eq!(lowest(0), [true, true]);
        assert_eq!(lowest(100), [true, true], "a new slide takes its time on the line");
        assert_eq!(lowest(200), [false, true], "it stood still, then went on as before");
        assert_eq!(on_time(&[(0, 0, [0, 0], 0), (0, 8, [0, 0], 0)]), [false], "a keyframe after a picture that was lost");
        assert_eq!(on_time(&[(0, 0, [0, 0], 0), (0, 8, [4, 0], 0)]), [false], "what it builds upon was not seen");
    }

    #[test]
    fn another_encoding_may_take_over_when_the_next_picture_is_due() {
        let next = |frame, late| on_time(&[(0, 0, [0, 0], 0), (0, 4, [4, 0], 0), (1, frame, [0, 0], late)]);
        assert_eq!(next(8, 80), [true, true]);
        assert_eq!(next(8, 160), [true, false], "late");
        assert_eq!(next(9, 0), [true, false], "one was missed before it came");
    }

    #[test]
    fn a_screen_on_which_nothing_changes_sends_nothing_and_does_not_freeze() {
        let author = Author { publisher: 1, source: Source::Screen, layer: 0 };
        let (start, mut record) = (Instant::now(), SlotRecord { gaps: Some(Vec::new()), ..SlotRecord::default() });
        for (frame, at) in [(0, 0), (1, 5_000), (2, 5_066)] {
            let at = Duration::from_millis(at);
            record.note_decoded(start + at, &Stamp { needs: [1, 0], ..Stamp::alone(author, frame, at) }, None);
        }
        let lengths: Vec<Duration> = record.gaps.iter().flatten().map(|gap| gap.length).collect();
        assert_eq!(lengths, [Duration::from_millis(66)]);
    }

    #[test]
    fn a_freeze_is_kept_with_its_beginning() {
        let (mut now, mut record) = (Instant::now(), SlotRecord::default());
        show(&mut record, &mut now, 0, Some((320, 180)));
        let last = now;
        now += FREEZE;
        show(&mut record, &mut now, 0, None);
        assert_eq!((record.freeze_count, record.freezes), (1, vec![(last, FREEZE + Duration::from_millis(40))]));
    }
}
