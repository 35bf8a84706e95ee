//! One source the client publishes: its schedule, its encoders and its streams.

use std::time::{Duration, Instant};

use bytes::Bytes;
use wire::codec::Codec;
use wire::ids::{Mid, Rid, Ssrc};

use super::encoder::PictureEncoder;
use super::entropy::Entropy;
use super::offer::{Direction, OfferLine};
use super::outgoing::{OutStream, Packet, StreamSetup};
use super::pattern::{Author, Stamp};
use super::scalable::ScalableEncoder;
use super::setup::{Numbering, SourceSetup};
use super::talker::Talker;

/// An Opus packet spans 20 ms.
const SOUND_INTERVAL: Duration = Duration::from_millis(20);
/// How far behind its schedule a source may fall before it skips ahead: a stalled machine must not answer with a burst.
const MAX_BEHIND: Duration = Duration::from_millis(200);

/// One publishing m-line.
pub(super) struct Publication {
    pub(super) setup: SourceSetup,
    pub(super) mid: Mid,
    pub(super) active: bool,
    /// The relay took the m-line.
    pub(super) accepted: bool,
    pub(super) speaking: bool,
    talker: Talker,
    author: Author,
    tracks: Vec<Track>,
    next: Option<Instant>,
    packets: u32,
}

/// One stream; pictures have an encoder, sound has none.
pub(super) struct Track {
    pub(super) stream: OutStream,
    encoder: Option<Encoder>,
    /// The client can afford it.
    active: bool,
    /// The relay wants it.
    wanted: bool,
    /// Keyframe requests received.
    pub(super) asked: u64,
}

/// What makes the pictures of a stream.
enum Encoder {
    /// One layer, in VP8.
    Single(PictureEncoder),
    /// All of them, in VP9.
    Scalable(ScalableEncoder),
}

impl Publication {
    pub(super) fn new(setup: SourceSetup, mid: Mid, publisher: u32, numbering: &Numbering, entropy: &mut Entropy) -> Self {
        let author = Author { publisher, source: setup.source, layer: 0 };
        let mut tracks = Vec::new();
        if setup.is_audio() {
            let (payload_type, again) = (numbering.opus, setup.voice.again);
            let stream = StreamSetup { mid, rid: None, ssrc: entropy.ssrc(), payload_type, clock_rate: 48_000, rtx: None, again };
            tracks.push((stream, None));
        }
        if let Some(scalable) = setup.scalable {
            let (payload_type, ssrc, rtx) = (numbering.vp9, entropy.ssrc(), Some((entropy.ssrc(), numbering.vp9_rtx)));
            let stream = StreamSetup { mid, rid: None, ssrc, payload_type, clock_rate: 90_000, rtx, again: false };
            tracks.push((stream, Some(Encoder::Scalable(ScalableEncoder::new(author, scalable, &setup)))));
        }
        for (index, layer) in setup.layers.iter().enumerate().filter(|_| setup.scalable.is_none()) {
            // Layers come highest first; authors count from the lowest.
            let author = Author { layer: (setup.layers.len() - 1 - index) as u8, ..author };
            let stream = StreamSetup {
                mid,
                rid: layer.rid,
                ssrc: entropy.ssrc(),
                payload_type: numbering.vp8,
                clock_rate: 90_000,
                rtx: Some((entropy.ssrc(), numbering.rtx)),
                again: false,
            };
            tracks.push((stream, Some(Encoder::Single(PictureEncoder::new(author, *layer, &setup, entropy.next())))));
        }
        let track = |(stream, encoder)| Track { stream: OutStream::new(stream, entropy), encoder, active: true, wanted: true, asked: 0 };
        let tracks = tracks.into_iter().map(track).collect();
        let (active, talker) = (setup.active, Talker::new(setup.voice, numbering));
        Self { setup, mid, active, accepted: false, speaking: true, talker, author, tracks, next: None, packets: 0 }
    }

    /// Its m-line in an offer.
    pub(super) fn offer_line(&self) -> OfferLine {
        let streams = || self.tracks.iter().map(|track| &track.stream.setup);
        let rids: Vec<Rid> = streams().filter_map(|stream| stream.rid).collect();
        let ssrc = streams().next().filter(|_| rids.is_empty());
        OfferLine {
            mid: self.mid.as_str().to_owned(),
            audio: self.setup.is_audio(),
            codec: if self.setup.scalable.is_some() { Codec::Vp9 } else { Codec::Vp8 },
            direction: Direction::Send,
            rids,
            ssrc: ssrc.map(|stream| (stream.ssrc, stream.rtx.map(|(ssrc, _)| ssrc))),
        }
    }

    pub(super) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The first stream, with another payload type from now on if one is given.
    pub(super) fn first_stream(&mut self, payload_type: Option<u8>) -> Option<&mut OutStream> {
        let stream = &mut self.tracks.first_mut()?.stream;
        stream.setup.payload_type = payload_type.unwrap_or(stream.setup.payload_type);
        Some(stream)
    }

    /// The stream with this media SSRC.
    pub(super) fn track_mut(&mut self, ssrc: Ssrc) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.stream.setup.ssrc == ssrc)
    }

    /// One encoding on or off; 0 is the lowest layer.
    pub(super) fn set_layer_active(&mut self, layer: usize, active: bool) {
        let count = self.tracks.len();
        if let Some(track) = count.checked_sub(1 + layer).and_then(|index| self.tracks.get_mut(index)) {
            track.active = active;
            let ssrc = track.stream.setup.ssrc;
            self.want_keyframe(ssrc);
        }
    }

    /// The next picture of this stream stands alone, and with it those of all others whose encoder is the same.
    pub(super) fn want_keyframe(&mut self, ssrc: Ssrc) {
        let together = self.setup.keyframes_together;
        self.tracks.iter_mut().filter(|track| together || track.stream.setup.ssrc == ssrc).for_each(Track::want_keyframe);
    }

    /// Does what the relay asks for: only these encodings, and all together not more than `limit` bit/s. What it does not name stays as
    /// it is. Whatever begins again begins with a keyframe.
    pub(super) fn obey(&mut self, layers: &[(Option<Rid>, bool)], limit: Option<u64>) {
        let mut begin = Vec::new();
        for track in &mut self.tracks {
            let said = layers.iter().find(|(rid, _)| *rid == track.stream.setup.rid);
            let wanted = said.map_or(track.wanted, |(_, active)| *active);
            if wanted && !track.wanted {
                begin.push(track.stream.setup.ssrc);
            }
            track.wanted = wanted;
        }
        begin.into_iter().for_each(|ssrc| self.want_keyframe(ssrc));
        // The lowest are the cheapest to keep whole: the best encoding gets what is left.
        let mut left = limit.map_or(u32::MAX, |limit| u32::try_from(limit).unwrap_or(u32::MAX));
        for (track, layer) in self.tracks.iter_mut().zip(&self.setup.layers).rev().filter(|(track, _)| track.wanted) {
            if let Some(encoder) = &mut track.encoder {
                encoder.set_limit(left);
            }
            left = left.saturating_sub(layer.bitrate);
        }
    }

    /// Which encodings the relay wants, lowest first.
    pub(super) fn wanted(&self) -> Vec<bool> {
        self.tracks.iter().rev().map(|track| track.wanted).collect()
    }

    /// Starts or stops capturing. Whoever starts again sends a keyframe first, and a scalable camera has a new encoder.
    pub(super) fn set_active(&mut self, active: bool) {
        self.active = active;
        self.next = None;
        for track in &mut self.tracks {
            match &mut track.encoder {
                Some(Encoder::Scalable(encoder)) if active => encoder.restart(),
                _ => track.want_keyframe(),
            }
        }
    }

    /// When the next picture or sound is due; `None` while nothing flows.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        (self.active && self.accepted).then(|| self.next.unwrap_or(now))
    }

    /// Makes whatever is due and hands each packet to `send`.
    pub(super) fn produce(&mut self, now: Instant, epoch: Instant, mut send: impl FnMut(&mut OutStream, &Packet<'_>)) {
        while let Some(due) = self.due(now).filter(|due| *due <= now) {
            // Sent on schedule: the capture time is the intended one, however late the caller is.
            let due = if now.saturating_duration_since(due) > MAX_BEHIND { now } else { due };
            self.next = Some(due + self.interval());
            let captured = due.saturating_duration_since(epoch);
            if self.setup.is_audio() {
                self.speak(captured, &mut send);
            } else {
                self.show(captured, &mut send);
            }
        }
    }

    fn interval(&self) -> Duration {
        if self.setup.is_audio() { SOUND_INTERVAL } else { Duration::from_secs(1) / self.setup.fps.max(1) }
    }

    fn speak(&mut self, captured: Duration, send: &mut impl FnMut(&mut OutStream, &Packet<'_>)) {
        let stamp = Stamp::alone(self.author, self.packets, captured);
        let Some(audio_level) = self.talker.next(self.speaking) else { return };
        let audio_level = (!self.setup.voice.hides_level).then_some(audio_level);
        let marker = self.packets == 0;
        self.packets = self.packets.wrapping_add(1);
        let (payload_type, payload) = self.talker.pack(&stamp);
        for track in &mut self.tracks {
            track.stream.setup.payload_type = payload_type;
            send(&mut track.stream, &Packet { captured, marker, audio_level, payload });
        }
    }

    fn show(&mut self, captured: Duration, send: &mut impl FnMut(&mut OutStream, &Packet<'_>)) {
        for track in self.tracks.iter_mut().filter(|track| track.active && track.wanted) {
            let Some(encoder) = &mut track.encoder else { continue };
            let payloads = encoder.encode(captured);
            for (index, payload) in payloads.iter().enumerate() {
                let marker = index + 1 == payloads.len();
                send(&mut track.stream, &Packet { captured, marker, audio_level: None, payload });
            }
        }
    }
}

impl Track {
    fn want_keyframe(&mut self) {
        match &mut self.encoder {
            Some(Encoder::Single(encoder)) => encoder.want_keyframe(),
            Some(Encoder::Scalable(encoder)) => encoder.want_keyframe(),
            None => {}
        }
    }
}

impl Encoder {
    fn set_limit(&mut self, limit: u32) {
        match self {
            Self::Single(encoder) => encoder.set_limit(limit),
            Self::Scalable(encoder) => encoder.set_limit(limit),
        }
    }

    fn encode(&mut self, captured: Duration) -> Vec<Bytes> {
        match self {
            Self::Single(encoder) => encoder.encode(captured),
            Self::Scalable(encoder) => encoder.encode(captured),
        }
    }
}
