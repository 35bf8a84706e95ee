//! One published source and its layers.

use std::time::Instant;

use wire::ids::{Mid, Rid, Ssrc};
use wire::ntp::Ntp;

use crate::{MediaKind, Stored};

/// One published source.
pub struct Publication {
    layers: Vec<Layer>,
    clock: SourceClock,
    mid: Mid,
    kind: MediaKind,
    label: u32,
}

impl Publication {
    /// Its m-line.
    #[must_use]
    pub fn mid(&self) -> Mid {
        self.mid
    }

    /// Audio or video.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// The caller's key.
    #[must_use]
    pub fn label(&self) -> u32 {
        self.label
    }

    /// Its layers, lowest quality first; at least one.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// True while packets of this layer come. A pause of the whole publication (a still screen) does not end it; silence of one layer
    /// while another goes on does.
    #[must_use]
    pub fn active(&self, _layer: usize, _now: Instant) -> bool {
        false
    }

    /// A packet from the retransmission store, while it is still there.
    #[must_use]
    pub fn stored(&self, _layer: usize, _ext_seq: u64) -> Option<Stored<'_>> {
        None
    }

    /// The relation between a layer's RTP timestamps and the relay's clock.
    #[must_use]
    pub fn clock(&self, _layer: usize) -> SourceClock {
        self.clock
    }
}

/// One encoding of a publication.
pub struct Layer {
    rid: Option<Rid>,
    ssrc: Option<Ssrc>,
}

impl Layer {
    /// Its rid, where it has one.
    #[must_use]
    pub fn rid(&self) -> Option<Rid> {
        self.rid
    }

    /// The SSRC in use, once known.
    #[must_use]
    pub fn ssrc(&self) -> Option<Ssrc> {
        self.ssrc
    }

    /// Rate over about the last second, bit/s.
    #[must_use]
    pub fn bitrate(&self, _now: Instant) -> u64 {
        0
    }

    /// Packets received, retransmissions that filled a gap included.
    #[must_use]
    pub fn packets(&self) -> u64 {
        0
    }

    /// Packets given up.
    #[must_use]
    pub fn lost(&self) -> u64 {
        0
    }

    /// Keyframe requests sent.
    #[must_use]
    pub fn keyframe_requests(&self) -> u64 {
        0
    }
}

/// Relation between one layer's RTP timestamps and the relay's clock.
#[derive(Clone, Copy, Debug)]
pub struct SourceClock {
    rate: u32,
}

impl SourceClock {
    /// The publisher's RTP timestamp at a time of the relay's clock.
    #[must_use]
    pub fn rtp_at(&self, _at: Ntp) -> u32 {
        self.rate
    }
}
