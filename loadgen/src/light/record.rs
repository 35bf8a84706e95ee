//! What a client saw and heard in one slot: plain values for assertions and reports.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::listener::SoundFigures;
use super::pattern::{Author, Stamp};

/// Complaints kept word for word; further ones are only counted.
const MAX_COMPLAINTS: usize = 8;

/// A sound that came, as itself or as a copy.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// What it says of itself.
    pub stamp: Stamp,
    /// When it came first.
    pub at: Instant,
}

/// Everything observed in one slot since the window began.
#[derive(Clone, Debug, Default)]
pub struct SlotRecord {
    /// Packets, retransmissions included, duplicates not.
    pub packets: u64,
    /// Packets that came as retransmission.
    pub recovered: u64,
    /// Packets whose sequence number had come before, same content.
    pub duplicates: u64,
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
    /// Times the decoder had to skip to a keyframe.
    pub skips: u64,
    /// Frames whose rest never came because a keyframe, of somebody else or of another layer, came instead.
    pub broken_off: u64,
    /// How much of the sound could be played.
    pub sound: SoundFigures,
    /// Every sound that came, where the setup asks for it.
    pub heard: Option<Vec<Heard>>,
    /// Things that no receiver may ever see, counted.
    pub error_count: u64,
    /// The first of them in words.
    pub errors: Vec<String>,
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

    pub(super) fn note_decoded(&mut self, now: Instant, author: Author) {
        if let Some(last) = self.last_decoded.replace(now) {
            self.longest_freeze = self.longest_freeze.max(now.saturating_duration_since(last));
        }
        self.first_decoded.get_or_insert(now);
        self.author = Some(author);
        *self.decoded.entry(author).or_default() += 1;
    }

    /// Forgets the counts and begins anew; a freeze under way goes on counting from the last picture.
    pub(super) fn begin_window(&mut self) {
        let (size, author, last_decoded) = (self.size, self.author, self.last_decoded);
        let heard = self.heard.as_ref().map(|_| Vec::new());
        *self = Self { size, author, last_decoded, heard, ..Self::default() };
    }

    /// Nothing is expected here now: the time until the next picture is no freeze.
    pub(super) fn expect_nothing(&mut self) {
        self.last_decoded = None;
    }
}
