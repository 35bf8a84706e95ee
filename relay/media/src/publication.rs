//! One published source and its layers.

use std::time::Instant;

use wire::ext::ExtMap;
use wire::ids::{Mid, Ssrc};

use crate::ladder::{Announced, ladder};
use crate::layer::Layer;
use crate::quality::Ladder;
use crate::{CodecIn, MediaKind, PublishConfig, SourceClock, Stored};

/// Layers of one publication; simulcast has three.
pub(crate) const MAX_LAYERS: usize = 4;

/// One published source.
#[derive(Debug)]
pub struct Publication {
    config: PublishConfig,
    exts: ExtMap,
    /// What comes is kept. While the room does not let it flow it is not, so that nothing of it can be sent later either.
    open: bool,
    pub(crate) layers: Vec<Layer>,
    announced: Announced,
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
        Self { config, exts, open: true, layers, announced: Announced::default() }
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
        self.announced.update(layer, self.layers.len(), value);
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

    /// Layer and role (true: retransmissions) of an announced SSRC.
    pub(crate) fn announced(&self, ssrc: Ssrc) -> Option<(usize, bool)> {
        let announced = self.config.ssrcs.iter().take(self.layers.len()).enumerate();
        announced.into_iter().find_map(|(layer, &(media, rtx))| match ssrc {
            ssrc if ssrc == media => Some((layer, false)),
            ssrc if Some(ssrc) == rtx => Some((layer, true)),
            _ => None,
        })
    }
}
