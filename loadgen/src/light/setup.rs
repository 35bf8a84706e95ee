//! What a client is asked to be: its sources, its slots, its numbering and its clock.

use std::sync::Arc;
use std::time::Duration;

use signal::message::Source;
use wire::codec::Codec;
use wire::ext::{Ext, ExtMap};
use wire::ids::Rid;

use super::sizes::SizeTrace;

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
    /// Whether each slot's record keeps the time between pictures or sounds until somebody takes it ([`super::Client::take_gaps`]).
    pub keeps_gaps: bool,
    /// What the client tells of how its line does.
    pub feedback: Feedback,
    /// How often congestion feedback is given while packets come; browsers use 50 to 250 ms.
    pub feedback_every: Duration,
    /// What pictures of others may be coded in; VP9 beside VP8, everything else alone.
    pub reads: Codec,
    /// Whether lost packets are asked for again.
    pub asks_again: bool,
    /// Whether others may send what is not of the pattern, as real encoders do; it is counted apart then, where it would be an error.
    pub takes_foreign: bool,
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
            keeps_gaps: false,
            feedback: Feedback::TransportCc,
            feedback_every: Duration::from_millis(100),
            reads: Codec::Vp8,
            asks_again: true,
            takes_foreign: false,
        }
    }

    /// Whether it tells when packets of this payload type came, if it tells by transport-wide number.
    pub(super) fn tells_of(&self, payload_type: u8) -> bool {
        self.feedback != Feedback::OfPictures || ![self.numbering.opus, self.numbering.red].contains(&payload_type)
    }

    /// Receives only.
    #[must_use]
    pub fn viewer(publisher: u32, audio_slots: usize, video_slots: usize) -> Self {
        Self { sources: Vec::new(), audio_slots, video_slots, ..Self::meeting(publisher) }
    }
}

/// What a viewer tells the relay of how its line does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feedback {
    /// When each packet came, by transport-wide number: browsers.
    TransportCc,
    /// The same, of pictures only, as Firefox offers it.
    OfPictures,
    /// When each packet came, by stream (RFC 8888).
    Ccfb,
    /// Only what the viewer itself believes the line carries.
    Remb,
    /// Nothing but receiver reports: how much was lost.
    Reports,
    /// The same, though transport-wide numbers were agreed on.
    Mute,
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
    /// Temporal layers of each encoding, 1 to 3.
    pub temporal: u8,
    /// Whether `layers` are spatial layers of one VP9 stream, without rids, instead of encodings in VP8.
    pub scalable: Option<Scalable>,
    /// How large the pictures are, one after the other.
    pub motion: Motion,
    /// Sizes and keyframes of a recording instead; `motion` does not count then.
    pub trace: Option<Arc<SizeTrace>>,
    /// A keyframe of one encoding is one of all: how libwebrtc's encoders make them.
    pub keyframes_together: bool,
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
    /// Whether lost packets are sent again to whoever asks.
    pub again: bool,
    /// Packets at the beginning of speech that are quieter than what counts as speech.
    pub soft: u32,
    /// How much quieter than others this person speaks, dB, at most 30.
    pub quieter: u8,
    /// Whether nobody is told how loud it is: encoders that speak WHIP.
    pub hides_level: bool,
}

impl SourceSetup {
    /// Sound: one Opus-like packet each 20 ms.
    #[must_use]
    pub fn microphone() -> Self {
        let (source, layers) = (Source::Microphone, Vec::new());
        Self { source, layers, fps: 50, ..Self::camera(Vec::new()) }
    }

    /// Pictures, 25 a second.
    #[must_use]
    pub fn camera(layers: Vec<Layer>) -> Self {
        let (source, motion, voice) = (Source::Camera, Motion::Even, Voice::default());
        Self { source, layers, fps: 25, temporal: 1, scalable: None, motion, trace: None, keyframes_together: false, active: true, voice }
    }

    /// A shared screen, 10 pictures a second, silent until it is switched on.
    #[must_use]
    pub fn screen() -> Self {
        Self { source: Source::Screen, layers: vec![Layer::single()], fps: 10, active: false, ..Self::camera(Vec::new()) }
    }

    /// A camera as a browser sends it: three encodings with three temporal layers each, sizes and keyframes as an encoder makes them.
    #[must_use]
    pub fn webcam() -> Self {
        Self { fps: 30, temporal: 3, motion: Motion::Natural, keyframes_together: true, ..Self::camera(Layer::webcam()) }
    }

    /// The same in VP9: three spatial layers in one stream.
    #[must_use]
    pub fn scalable(scalable: Scalable, temporal: u8) -> Self {
        let layers = Layer::webcam().into_iter().map(|layer| Layer { rid: None, ..layer }).collect();
        Self { layers, temporal, scalable: Some(scalable), ..Self::webcam() }
    }

    /// A shared screen of 1080 lines in two encodings, still for seconds and then another slide, silent until it is switched on.
    #[must_use]
    pub fn slides() -> Self {
        let layer = |rid, width, height, bitrate| Layer { rid: Rid::new(rid), width, height, bitrate };
        let layers = vec![layer("h", 1920, 1080, 1_500_000), layer("l", 960, 540, 400_000)];
        Self { layers, fps: 15, temporal: 3, motion: Motion::Slides, keyframes_together: true, ..Self::screen() }
    }

    /// True for microphone and screen sound.
    #[must_use]
    pub fn is_audio(&self) -> bool {
        matches!(self.source, Source::Microphone | Source::ScreenAudio)
    }
}

/// In which pictures a spatial layer rests on the one below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scalable {
    /// In all of them: `L3T3`.
    Full,
    /// In keyframes only, so that in between nobody needs a layer that is not shown: `L3T3_KEY`.
    Key,
}

/// How the sizes of a source's pictures vary around its rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Motion {
    /// All alike, and keyframes four times as large: for what does not depend on sizes.
    Even,
    /// Smaller the less refers to them, a quarter more or less by chance, keyframes six times as large and paid back afterwards.
    Natural,
    /// Every five seconds one second at the full rate, next to nothing in between.
    Slides,
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
    /// Mean payload rate, bit/s; of a spatial layer without those below.
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

    /// The same with the rates of a browser on a good line.
    #[must_use]
    pub fn webcam() -> Vec<Self> {
        Self::simulcast().into_iter().zip([1_500_000, 500_000, 150_000]).map(|(layer, bitrate)| Self { bitrate, ..layer }).collect()
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
    /// VP9.
    pub vp9: u8,
    /// RTX of VP9.
    pub vp9_rtx: u8,
    /// Header extensions.
    pub extensions: [(u8, Ext); 6],
}

impl Default for Numbering {
    fn default() -> Self {
        let extensions =
            [(1, Ext::AudioLevel), (2, Ext::AbsSendTime), (3, Ext::TransportCc), (4, Ext::Mid), (10, Ext::Rid), (11, Ext::RepairedRid)];
        Self { opus: 111, red: 63, vp8: 96, rtx: 97, vp9: 98, vp9_rtx: 99, extensions }
    }
}

impl Numbering {
    /// A second, wholly different numbering.
    #[must_use]
    pub fn shifted() -> Self {
        let extensions =
            [(5, Ext::AudioLevel), (7, Ext::AbsSendTime), (6, Ext::TransportCc), (9, Ext::Mid), (1, Ext::Rid), (2, Ext::RepairedRid)];
        Self { opus: 109, red: 114, vp8: 120, rtx: 124, vp9: 121, vp9_rtx: 125, extensions }
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
