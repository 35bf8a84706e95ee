//! One published source and its layers.

use std::time::{Duration, Instant};

use wire::ext::ExtMap;
use wire::ids::{Mid, Ssrc};

use crate::intake::Intake;
use crate::ladder::{Announced, ladder};
use crate::layer::Layer;
use crate::quality::Ladder;
use crate::store::Store;
use crate::{CodecIn, MediaKind, PublishConfig, SourceClock, Stored};

/// Layers of one publication; simulcast has three.
pub(crate) const MAX_LAYERS: usize = 4;

/// Layers change places not more often than this: everybody who has one of them begins anew.
const MIN_REORDER: Duration = Duration::from_secs(10);

/// Nor before what they say has contradicted the order for so long: when a camera changes its size, its layers say so one after the other.
const DOUBT: Duration = Duration::from_millis(300);

/// Where nobody says how large the pictures are, so much higher a rate is a larger picture's, in halves ...
const LARGER: u64 = 3;

/// ... once all have come for so long.
const COMPARABLE: Duration = Duration::from_secs(2);

/// One published source.
#[derive(Debug)]
pub struct Publication {
    config: PublishConfig,
    exts: ExtMap,
    /// What comes is kept. While the room does not let it flow it is not, so that nothing of it can be sent later either.
    open: bool,
    pub(crate) layers: Vec<Layer>,
    announced: Announced,
    /// What may still come of sound.
    pub(crate) intake: Intake,
    /// When the layers changed places last, and since when what they say contradicts their order.
    reordered: Option<Instant>,
    doubted: Option<Instant>,
}

impl Publication {
    pub(crate) fn new(now: Instant, exts: ExtMap, config: PublishConfig) -> Self {
        let (kind, rids) = (config.kind, &config.rids[..config.rids.len().min(MAX_LAYERS)]);
        let layers = if rids.is_empty() {
            let count = config.ssrcs.len().clamp(1, MAX_LAYERS);
            (0..count).map(|index| Layer::new(now, kind, None, index, count)).collect()
        } else {
            let lowest_first = rids.iter().rev().enumerate();
            lowest_first.map(|(index, &rid)| Layer::new(now, kind, Some(rid), index, rids.len())).collect()
        };
        let (announced, intake) = (Announced::default(), Intake::new(now));
        Self { config, exts, open: true, layers, announced, intake, reordered: None, doubted: None }
    }

    /// Takes over a renegotiated line that is the same source with the same layers; gives the configuration back if it is not.
    pub(crate) fn reconfigure(&mut self, exts: ExtMap, config: &PublishConfig) -> bool {
        let same_layers = config.rids == self.config.rids && (!config.rids.is_empty() || config.ssrcs.len() == self.config.ssrcs.len());
        if config.mid != self.config.mid || config.kind != self.config.kind || !same_layers {
            return false;
        }
        self.config = config.clone();
        self.exts = exts;
        true
    }

    /// Its m-line.
    #[must_use]
    pub fn mid(&self) -> Mid {
        self.config.mid
    }

    /// Audio or video.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        self.config.kind
    }

    /// The caller's key.
    #[must_use]
    pub fn label(&self) -> u32 {
        self.config.label
    }

    /// The publisher's payload types, for [`crate::Route::new`].
    #[must_use]
    pub fn codecs(&self) -> &[CodecIn] {
        &self.config.codecs
    }

    /// Its layers, lowest quality first; 1 to 4.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// One layer by its index.
    #[must_use]
    pub fn layer(&self, index: usize) -> Option<&Layer> {
        self.layers.get(index)
    }

    /// True while packets of this layer come. A pause of the whole publication (a still screen) does not end it; silence of one layer
    /// while another goes on does, after half a second or five frames; and so does silence of a layer that nobody asked for
    /// ([`crate::Receiver::set_wanted`]), until it comes again.
    #[must_use]
    pub fn active(&self, layer: usize, now: Instant) -> bool {
        let Some(heard) = self.heard() else { return false };
        self.layers.get(layer).is_some_and(|layer| !layer.stalled(now, heard))
    }

    /// When any layer was heard last.
    fn heard(&self) -> Option<Instant> {
        self.layers.iter().filter_map(Layer::heard).max()
    }

    /// What there is to choose from at `now`, lowest first: a rung for each temporal and spatial layer of each encoding that was ever heard,
    /// but for those that are asked for and do not come, for some seconds. Empty for audio.
    #[must_use]
    pub fn ladder(&self, now: Instant) -> Ladder {
        match self.config.kind {
            MediaKind::Audio => Ladder::new(),
            MediaKind::Video => {
                let Some(heard) = self.heard() else { return Ladder::new() };
                let others = self.layers.iter().filter_map(|layer| layer.comes_since(now)).min();
                ladder(&self.layers, &self.announced, |layer| layer.flow(now, heard, others))
            }
        }
    }

    /// A packet of a layer brought a video layers allocation.
    pub(crate) fn announce(&mut self, layer: usize, value: &[u8]) {
        let place = self.layers.get(layer).map_or(layer, |layer| layer.place);
        self.announced.update(place, self.layers.len(), value);
    }

    /// Puts the layers in the order of their pictures, where what comes contradicts the offer: it should name the best first (RFC 8853
    /// section 5.2), and many clients name the smallest first. Not more often than each ten seconds. True if indexes mean other layers from now on.
    pub(crate) fn reorder(&mut self, now: Instant) -> bool {
        let count = self.layers.len();
        if count < 2 || self.reordered.is_some_and(|at| now.saturating_duration_since(at) < MIN_REORDER) {
            return false;
        }
        let mut lines = [0; MAX_LAYERS];
        lines.iter_mut().zip(&self.layers).for_each(|(lines, layer)| *lines = self.lines(now, layer));
        let known = || lines[..count].iter().filter(|&&lines| lines > 0);
        let falls = match known().count() {
            0 => self.rates_fall(now),
            1 => false,
            _ => known().is_sorted_by(|lower, upper| lower > upper),
        };
        let some = known().count() < count;
        if !falls && (some || known().is_sorted()) {
            self.doubted = None;
            return false;
        }
        if now.saturating_duration_since(*self.doubted.get_or_insert(now)) < DOUBT {
            return false;
        }
        if falls {
            self.layers.reverse();
        } else {
            let mut sorted: Vec<(u16, Layer)> = lines.into_iter().zip(self.layers.drain(..)).collect();
            sorted.sort_by_key(|&(lines, _)| lines);
            self.layers.extend(sorted.into_iter().map(|(_, layer)| layer));
        }
        for (index, layer) in self.layers.iter_mut().enumerate() {
            layer.store = Store::new(self.config.kind, index, count);
        }
        (self.reordered, self.doubted) = (Some(now), None);
        true
    }

    /// Lines of the pictures that come of a layer, or are announced; 0 where nobody says.
    fn lines(&self, now: Instant, layer: &Layer) -> u16 {
        let lines = if layer.comes_since(now).is_some() { layer.lore.tallest() } else { 0 };
        if lines > 0 { lines } else { self.announced.lines(self.layers.len(), layer.place) }
    }

    /// Whether each layer has clearly less than the one below it.
    fn rates_fall(&self, now: Instant) -> bool {
        let comes = |layer: &Layer| layer.comes_since(now).is_some_and(|since| now.saturating_duration_since(since) >= COMPARABLE);
        self.layers.iter().all(comes) && self.layers.is_sorted_by(|lower, upper| 2 * lower.bitrate(now) > LARGER * upper.bitrate(now))
    }

    /// A packet from the retransmission store, while it is still there.
    #[must_use]
    pub fn stored(&self, layer: usize, ext_seq: u64) -> Option<Stored<'_>> {
        self.layers.get(layer)?.store.get(ext_seq, &self.exts)
    }

    /// The relation between a layer's RTP timestamps and the relay's clock; without meaning before the layer's first packet.
    #[must_use]
    pub fn clock(&self, layer: usize) -> SourceClock {
        self.layers.get(layer).map_or(SourceClock::UNKNOWN, |layer| *layer.clock())
    }

    /// Whether the publisher sends again what was lost.
    pub(crate) fn asks_again(&self) -> bool {
        self.config.nack
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Opens or closes the stores; what is in them is forgotten when they close.
    pub(crate) fn set_open(&mut self, open: bool) {
        if self.open && !open {
            self.layers.iter_mut().for_each(|layer| layer.store.clear());
        }
        self.open = open;
    }

    pub(crate) fn exts(&self) -> ExtMap {
        self.exts
    }

    /// The codec with this media payload type.
    #[inline]
    pub(crate) fn codec(&self, pt: u8) -> Option<CodecIn> {
        self.config.codecs.iter().copied().find(|codec| codec.pt == pt)
    }

    /// The codec whose retransmissions have this payload type.
    pub(crate) fn codec_of_rtx(&self, pt: u8) -> Option<CodecIn> {
        self.config.codecs.iter().copied().find(|codec| codec.rtx == Some(pt))
    }

    /// Layer and role (true: retransmissions) of an announced SSRC. They are announced in the order of the rids, which name the best first.
    pub(crate) fn announced(&self, ssrc: Ssrc) -> Option<(usize, bool)> {
        let announced = self.layers.iter().enumerate();
        let place = |layer: &Layer| if layer.rid.is_some() { self.layers.len() - 1 - layer.place } else { layer.place };
        announced.into_iter().find_map(|(index, layer)| match (ssrc, *self.config.ssrcs.get(place(layer))?) {
            (ssrc, (media, _)) if ssrc == media => Some((index, false)),
            (ssrc, (_, rtx)) if Some(ssrc) == rtx => Some((index, true)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, clippy::unwrap_used)]
    use std::time::{Duration, Instant};

    use wire::codec::FrameInfo;
    use wire::ext::ExtMap;
    use wire::ids::{Mid, Rid};
    use wire::ntp::Ntp;

    use super::{DOUBT, Publication};
    use crate::layer::Arrival;
    use crate::reading::Reading;
    use crate::{MediaKind, PublishConfig};

    /// A line that offers a, b and c in this order, whose pictures of 40 ms each take so many bytes for `seconds`. Nobody says how large they are.
    fn publication(bytes: [usize; 3], seconds: u64) -> (Publication, Instant) {
        let start = Instant::now();
        let rids = ["a", "b", "c"].map(|rid| Rid::new(rid).unwrap()).to_vec();
        let (mid, kind) = (Mid::new("0").unwrap(), MediaKind::Video);
        let config = PublishConfig { mid, kind, codecs: vec![], nack: true, rids, ssrcs: vec![], label: 0 };
        let mut publication = Publication::new(start, ExtMap::new(), config);
        for nth in 0..25 * seconds {
            let now = start + Duration::from_millis(40 * nth);
            for (layer, &bytes) in publication.layers.iter_mut().rev().zip(&bytes).filter(|(_, bytes)| **bytes > 0) {
                let (timestamp, rate, rtt) = (3600 * nth as u32, 90_000, Duration::ZERO);
                let arrival = Arrival { now, now_ntp: Ntp(0), timestamp, rate, bytes, recovered: false, rtt };
                let place = layer.numbering.place(nth as u16);
                layer.accept(place, &arrival).unwrap();
                layer.count(&arrival, &Reading::new(FrameInfo { start: true, ..FrameInfo::default() }, None, None), None);
            }
        }
        (publication, start + Duration::from_secs(seconds))
    }

    #[test]
    fn where_nobody_says_how_large_pictures_are_their_rates_tell() {
        let rows = [
            ("the best first", [8_000, 2_000, 500], 4, "cba"),
            ("the lowest first", [500, 2_000, 8_000], 4, "abc"),
            ("too early to say", [500, 2_000, 8_000], 1, "cba"),
            ("a still screen", [100, 90, 80], 4, "cba"),
            ("not clearly one or the other", [500, 8_000, 2_000], 4, "cba"),
            ("one does not come", [500, 0, 8_000], 4, "cba"),
        ];
        for (name, bytes, seconds, expected) in rows {
            let (mut publication, now) = publication(bytes, seconds);
            assert!(!publication.reorder(now), "{name}: not at the first sight");
            let now = now + DOUBT;
            assert_eq!(publication.reorder(now), expected == "abc", "{name}");
            let lowest_first: String = publication.layers().iter().map(|layer| layer.rid().unwrap().as_str().to_owned()).collect();
            assert_eq!(lowest_first, expected, "{name}");
            assert!(!publication.reorder(now), "{name}: and then they stay");
        }
    }
}
