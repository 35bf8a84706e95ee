//! How good a picture can be: the layers of a publication as one ladder, whatever its codec makes them of.

/// What of a publication is forwarded: one encoding (a rid), and within it everything up to a spatial and a temporal layer.
///
/// Simulcast has several encodings with one spatial layer each, SVC one encoding with several. Ordered by quality.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LayerId {
    /// Index into [`crate::Publication::layers`]; 0 is the lowest quality.
    pub encoding: u8,
    /// Highest spatial layer, 0 to 7.
    pub spatial: u8,
    /// Highest temporal layer, 0 to 7.
    pub temporal: u8,
}

/// One rung of a publication's ladder: what a viewer could be given, and what it costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rung {
    /// What is forwarded.
    pub layer: LayerId,
    /// Lines of the picture, the smaller dimension; 0 where nobody said.
    pub height: u16,
    /// Pictures a second, rounded; 0 where nobody said.
    pub fps: u8,
    /// Everything up to this layer, bit/s: measured while it flows, remembered or announced while it does not.
    pub bitrate: u64,
    /// Whether it arrives now. What does not can be asked for, unless the publisher cannot afford it.
    pub flows: bool,
}
