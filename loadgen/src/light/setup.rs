//! What a client is asked to be: its sources, its slots, its numbering and its clock.

use std::time::Duration;

use signal::message::Source;
use wire::ext::{Ext, ExtMap};
use wire::ids::Rid;

/// Everything that is decided before the first offer.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The number that goes into every payload as its author.
    pub publisher: u32,
    /// Seed of names, SSRCs and first sequence numbers.
    pub seed: u64,
    /// Sources to publish, one m-line each, in this order.
    pub sources: Vec<SourceSetup>,
    /// M-lines on which to hear others.
    pub audio_slots: usize,
    /// M-lines on which to see others.
    pub video_slots: usize,
    /// Payload types and header extension ids.
    pub numbering: Numbering,
    /// How far this client's NTP clock runs ahead of the true time; only sender reports show it.
    pub clock_offset: Duration,
    /// Whether sound may come with copies of earlier packets (RED); needs a payload type of its own in `numbering`.
    pub takes_red: bool,
    /// Whether lost packets of sound are asked for again.
    pub sound_nack: bool,
    /// Whether each slot's record keeps every sound; for tests, as it grows without end.
    pub keeps_sounds: bool,
}

impl Setup {
    /// Microphone and one camera picture of 320x180, room to see and hear three others.
    #[must_use]
    pub fn meeting(publisher: u32) -> Self {
        Self {
            publisher,
            seed: u64::from(publisher),
            sources: vec![SourceSetup::microphone(), SourceSetup::camera(vec![Layer::single()])],
            audio_slots: 3,
            video_slots: 3,
            numbering: Numbering::default(),
            clock_offset: Duration::ZERO,
            takes_red: false,
            sound_nack: false,
            keeps_sounds: false,
        }
    }

    /// Receives only.
    #[must_use]
    pub fn viewer(publisher: u32, audio_slots: usize, video_slots: usize) -> Self {
        Self { sources: Vec::new(), audio_slots, video_slots, ..Self::meeting(publisher) }
    }
}

/// One publishing m-line.
#[derive(Clone, Debug)]
pub struct SourceSetup {
    /// What it carries.
    pub source: Source,
    /// Layers in the client's order, highest quality first; empty for sound.
    pub layers: Vec<Layer>,
    /// Pictures per second; ignored for sound.
    pub fps: u32,
    /// Whether it flows from the start.
    pub active: bool,
    /// How this person sounds; ignored for pictures.
    pub voice: Voice,
}

/// How somebody's sound is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice {
    /// Copies of earlier packets in each (RED), nearest first; 0: plain Opus.
    pub copies: u8,
    /// Whether silence is sent as one packet in 400 ms.
    pub dtx: bool,
    /// Packets at the beginning of speech that are quieter than what counts as speech.
    pub soft: u32,
}

impl SourceSetup {
    /// Sound: one Opus-like packet each 20 ms.
    #[must_use]
    pub fn microphone() -> Self {
        Self { source: Source::Microphone, layers: Vec::new(), fps: 50, active: true, voice: Voice::default() }
    }

    /// Pictures, 25 a second.
    #[must_use]
    pub fn camera(layers: Vec<Layer>) -> Self {
        Self { source: Source::Camera, layers, fps: 25, active: true, voice: Voice::default() }
    }

    /// A shared screen, 10 pictures a second, silent until it is switched on.
    #[must_use]
    pub fn screen() -> Self {
        Self { source: Source::Screen, layers: vec![Layer::single()], fps: 10, active: false, voice: Voice::default() }
    }

    /// True for microphone and screen sound.
    #[must_use]
    pub fn is_audio(&self) -> bool {
        matches!(self.source, Source::Microphone | Source::ScreenAudio)
    }
}

/// One encoding of a picture source.
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    /// Its rid; `None` sends without simulcast and announces its SSRC instead.
    pub rid: Option<Rid>,
    /// Picture width, written into keyframes.
    pub width: u16,
    /// Picture height.
    pub height: u16,
    /// Mean payload rate, bit/s.
    pub bitrate: u32,
}

impl Layer {
    /// The only layer of a source without simulcast.
    #[must_use]
    pub fn single() -> Self {
        Self { rid: None, width: 320, height: 180, bitrate: 300_000 }
    }

    /// Three encodings `h`, `m`, `l`, highest first.
    #[must_use]
    pub fn simulcast() -> Vec<Self> {
        [("h", 1280, 720, 1_200_000), ("m", 640, 360, 400_000), ("l", 320, 180, 120_000)]
            .into_iter()
            .map(|(rid, width, height, bitrate)| Self { rid: Rid::new(rid), width, height, bitrate })
            .collect()
    }
}

/// Payload types and header extension ids of one client. Two clients with different ones prove that the relay translates.
#[derive(Clone, Copy, Debug)]
pub struct Numbering {
    /// Opus.
    pub opus: u8,
    /// Redundant Opus.
    pub red: u8,
    /// VP8.
    pub vp8: u8,
    /// RTX of VP8.
    pub rtx: u8,
    /// Header extensions.
    pub extensions: [(u8, Ext); 5],
}

impl Default for Numbering {
    fn default() -> Self {
        let extensions = [(1, Ext::AudioLevel), (3, Ext::TransportCc), (4, Ext::Mid), (10, Ext::Rid), (11, Ext::RepairedRid)];
        Self { opus: 111, red: 63, vp8: 96, rtx: 97, extensions }
    }
}

impl Numbering {
    /// A second, wholly different numbering.
    #[must_use]
    pub fn shifted() -> Self {
        let extensions = [(5, Ext::AudioLevel), (6, Ext::TransportCc), (9, Ext::Mid), (1, Ext::Rid), (2, Ext::RepairedRid)];
        Self { opus: 109, red: 114, vp8: 120, rtx: 124, extensions }
    }

    /// The extension ids as a map.
    #[must_use]
    pub fn map(&self) -> ExtMap {
        let mut map = ExtMap::default();
        for (id, ext) in self.extensions {
            // The two tables above hold distinct ids between 1 and 14.
            let _ = map.insert(id, ext);
        }
        map
    }
}
