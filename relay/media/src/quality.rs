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

/// Spatial layers told apart in one encoding; the dependency descriptor has no more, and SVC encoders make three.
pub(crate) const MAX_SPATIAL: usize = 4;

/// Temporal layers told apart: VP8 has no more, and encoders for calls make three.
pub(crate) const MAX_TEMPORAL: usize = 4;

/// Choices within one encoding.
pub(crate) const CELLS: usize = MAX_SPATIAL * MAX_TEMPORAL;

/// Index of a choice within one encoding, in the order of quality. What lies beyond the limits counts as the highest.
#[inline]
pub(crate) fn cell(spatial: u8, temporal: u8) -> usize {
    usize::from(spatial).min(MAX_SPATIAL - 1) * MAX_TEMPORAL + usize::from(temporal).min(MAX_TEMPORAL - 1)
}

/// Rungs of one publication: four encodings of four temporal layers, or one with four spatial layers of as many; what is more is left out.
pub(crate) const MAX_RUNGS: usize = 16;

/// A publication's rungs at one moment, lowest quality first.
#[derive(Clone, Copy, Debug)]
pub struct Ladder {
    rungs: [Rung; MAX_RUNGS],
    count: usize,
}

impl Ladder {
    pub(crate) const fn new() -> Self {
        let nothing = Rung { layer: LayerId { encoding: 0, spatial: 0, temporal: 0 }, height: 0, fps: 0, bitrate: 0, flows: false };
        Self { rungs: [nothing; MAX_RUNGS], count: 0 }
    }

    pub(crate) fn push(&mut self, rung: Rung) {
        if let Some(place) = self.rungs.get_mut(self.count) {
            *place = rung;
            self.count += 1;
        }
    }
}

impl std::ops::Deref for Ladder {
    type Target = [Rung];

    fn deref(&self) -> &[Rung] {
        &self.rungs[..self.count]
    }
}
