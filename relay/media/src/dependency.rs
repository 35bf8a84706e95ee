//! What a selector needs of a dependency descriptor: which choices of layers a frame belongs to, and which frames it refers to.

use wire::codec::dependency::{Descriptor, Dti, MAX_FRAME_DIFFS, Structure};

use crate::quality::{MAX_SPATIAL, MAX_TEMPORAL, cell};

/// One frame's dependencies, without the tables of its stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dependency {
    /// Frame number, modulo 2^16.
    pub(crate) number: u16,
    /// There is something to choose from: the stream has more than one decode target.
    pub(crate) layered: bool,
    /// Highest spatial and temporal layer of the stream.
    pub(crate) top: (u8, u8),
    /// The same of what the sender produces from here on, where the packet brought a structure.
    pub(crate) produced: Option<(u8, u8)>,
    /// One bit per choice ([`cell`]): from this frame on all its frames can be decoded, if this one can.
    switch: u16,
    diffs: [u16; MAX_FRAME_DIFFS],
    count: u8,
}

impl Dependency {
    pub(crate) fn new(descriptor: &Descriptor, structure: &Structure) -> Self {
        let (mut switch, mut top, mut produced) = (0, (0, 0), (0, 0));
        for (target, &(spatial, temporal)) in structure.layers().iter().enumerate() {
            top = (spatial.max(top.0), temporal.max(top.1));
            if descriptor.active_targets.is_some_and(|active| active >> target & 1 == 1) {
                produced = (spatial.max(produced.0), temporal.max(produced.1));
            }
            let told_apart = usize::from(spatial) < MAX_SPATIAL && usize::from(temporal) < MAX_TEMPORAL;
            if told_apart && descriptor.dti(target) == Dti::Switch {
                switch |= 1 << cell(spatial, temporal);
            }
        }
        let mut diffs = [0; MAX_FRAME_DIFFS];
        let known = descriptor.frame_diffs();
        diffs[..known.len()].copy_from_slice(known);
        let produced = descriptor.brings_structure.then_some(produced);
        let (number, layered) = (descriptor.frame_number, structure.layers().len() > 1);
        Self { number, layered, top, produced, switch, diffs, count: known.len() as u8 }
    }

    /// Whether who can decode this frame can decode all that follows of these layers.
    pub(crate) fn switches_to(&self, spatial: u8, temporal: u8) -> bool {
        self.switch & 1 << cell(spatial, temporal) != 0
    }

    /// The frames this one refers to, as differences of frame numbers.
    pub(crate) fn diffs(&self) -> &[u16] {
        &self.diffs[..usize::from(self.count)]
    }
}
