//! The dependency descriptor (AV1 RTP specification, appendix A), for AV1 and for every other codec that carries it.
//!
//! ```text
//! |S|E| template id (6) | frame number (16) |  mandatory; where there is more:
//! |structure|active|dtis|fdiffs|chains|        five flags, one bit each, and behind them, each where its flag is set:
//!   template dependency structure              with keyframes: what follows refers to it
//!   active decode targets                      one bit per target, the highest target first
//!   DTIs, frame diffs, chain diffs             this frame's own instead of the template's
//! ```
//!
//! Of writing there is what can be done in place: another frame number, and other active targets where the sender wrote some. Not done:
//! adding active targets to a descriptor that has none, and taking the layers that are not forwarded out of a structure. Receivers go by
//! the frame diffs and need neither.

mod structure;
#[cfg(test)]
mod tests;

pub use structure::Structure;

use super::bits::BitReader;

/// What a frame is to one decode target (table A.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dti {
    /// Not a part of the target.
    NotPresent,
    /// Part of it, but no other frame of the target refers to it.
    Discardable,
    /// If this frame can be decoded, all later frames of the target can.
    Switch,
    /// Part of it, and neither of the others.
    Required,
}

/// A packet's descriptor, filled from its template. All its numbers are relative: it may be kept with the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// The packet begins a frame: one spatial layer of one picture.
    pub start_of_frame: bool,
    /// The packet ends a frame.
    pub end_of_frame: bool,
    /// Counts frames of all layers in decoding order, modulo 2^16.
    pub frame_number: u16,
    /// The packet brought a structure.
    pub brings_structure: bool,
    /// The decode targets that the sender produces from here on, bit n for target n. `None` where the packet does not say: then what was
    /// said before still holds.
    pub active_targets: Option<u32>,
    /// Width and height of the frame, pixels, where the structure says.
    pub resolution: Option<(u16, u16)>,
    frame: Dependencies,
    /// Offset of the active targets in the value, bits, where the packet has them.
    active_at: Option<u16>,
}

impl Descriptor {
    /// Reads the value of the extension. `known` is the structure that an earlier packet of this stream brought, if one did; if this
    /// packet brings one, that counts, and is in `fresh` (`None` otherwise) to be kept for the next packets.
    ///
    /// `None` if the value is cut off, refers to a structure that is not known, or exceeds the limits of this module.
    #[must_use]
    pub fn parse(value: &[u8], known: Option<&Structure>, fresh: &mut Option<Structure>) -> Option<Self> {
        *fresh = None;
        let descriptor = Self::read(value, known, fresh);
        if descriptor.is_none() {
            *fresh = None;
        }
        descriptor
    }

    fn read(value: &[u8], known: Option<&Structure>, fresh: &mut Option<Structure>) -> Option<Self> {
        let (&[first, high, low], extended) = value.split_first_chunk()?;
        let mut bits = BitReader::new(value);
        bits.take(8 * MANDATORY)?;
        let mut flags = [false; 5];
        // "sz > 3" is how the specification tells that there are extended fields.
        if !extended.is_empty() {
            for flag in &mut flags {
                *flag = bits.flag()?;
            }
        }
        let [brings_structure, has_active, custom_dtis, custom_diffs, custom_chains] = flags;

        let structure = if brings_structure { fresh.insert(Structure::read(&mut bits)?) } else { known? };
        let active_at = has_active.then_some(bits.position() as u16);
        let active_targets = match (has_active, brings_structure) {
            (true, _) => Some(bits.take(structure.target_count().into())?),
            // A structure without them makes all targets active.
            (false, true) => Some(u32::MAX >> (32 - structure.target_count())),
            (false, false) => None,
        };
        let mut frame = *structure.template(first & TEMPLATE)?;
        if custom_dtis {
            frame.dtis = Dependencies::read_dtis(&mut bits, frame.target_count)?;
        }
        if custom_diffs {
            frame.read_frame_diffs(&mut bits)?;
        }
        if custom_chains {
            for diff in &mut frame.chain_diffs[..usize::from(structure.chain_count())] {
                *diff = bits.take(8)? as u8;
            }
        }
        Some(Self {
            start_of_frame: first & START != 0,
            end_of_frame: first & END != 0,
            frame_number: u16::from_be_bytes([high, low]),
            brings_structure,
            active_targets,
            resolution: structure.resolutions().get(usize::from(frame.spatial)).copied(),
            frame,
            active_at,
        })
    }

    /// Spatial layer, 0 to 3.
    #[must_use]
    pub const fn spatial(&self) -> u8 {
        self.frame.spatial
    }

    /// Temporal layer, 0 to 7.
    #[must_use]
    pub const fn temporal(&self) -> u8 {
        self.frame.temporal
    }

    /// What the frame is to a decode target. Targets that the structure does not have hold no frame.
    #[must_use]
    pub const fn dti(&self, target: usize) -> Dti {
        self.frame.dti(target)
    }

    /// The frames this one refers to, as differences of frame numbers, 1 to 4096. Empty for a keyframe. The frame can be decoded if all
    /// of them could.
    #[must_use]
    pub fn frame_diffs(&self) -> &[u16] {
        &self.frame.frame_diffs[..usize::from(self.frame.diff_count)]
    }

    /// For each chain, the difference to the frame number of its last frame before this one, 0 to 255; 0 where the chain begins anew. If
    /// that frame did not arrive, the chain is broken, and the decode targets it protects are until the chain begins anew.
    #[must_use]
    pub fn chain_diffs(&self) -> &[u8] {
        &self.frame.chain_diffs[..usize::from(self.frame.chain_count)]
    }

    /// Whether this packet begins a keyframe: it refers to nothing and brings the structure. Where the spatial layers do not refer to
    /// each other, each has its own.
    #[must_use]
    pub const fn starts_keyframe(&self) -> bool {
        self.start_of_frame && self.brings_structure && self.frame.diff_count == 0
    }

    /// Writes other active targets over those of the value this was parsed from, or a copy of it. False, and nothing is written, where
    /// the sender wrote none.
    pub fn patch_active_targets(&self, value: &mut [u8], active: u32) -> bool {
        let count = usize::from(self.frame.target_count);
        let Some(at) = self.active_at.map(usize::from) else { return false };
        if value.len() < (at + count).div_ceil(8) {
            return false;
        }
        for target in 0..count {
            let bit = at + count - 1 - target;
            let mask = 0x80 >> (bit % 8);
            if active >> target & 1 == 0 {
                value[bit / 8] &= !mask;
            } else {
                value[bit / 8] |= mask;
            }
        }
        true
    }
}

/// Whether a value brings a structure, even one that cannot be read.
#[must_use]
pub fn brings_structure(value: &[u8]) -> bool {
    value.get(MANDATORY).is_some_and(|flags| flags & STRUCTURE != 0)
}

/// Writes another frame number into a value, which is the same in every packet of a frame. The differences stay right if all frames move
/// by the same number. A value shorter than its mandatory fields is left alone.
pub fn patch_frame_number(value: &mut [u8], number: u16) {
    if let Some(field) = value.get_mut(1..MANDATORY) {
        field.copy_from_slice(&number.to_be_bytes());
    }
}

/// A template, and what becomes of it in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Dependencies {
    spatial: u8,
    temporal: u8,
    target_count: u8,
    chain_count: u8,
    diff_count: u8,
    chain_diffs: [u8; MAX_CHAINS],
    frame_diffs: [u16; MAX_FRAME_DIFFS],
    /// Two bits each; target 0 in the lowest.
    dtis: u64,
}

impl Dependencies {
    const NONE: Self = Self {
        spatial: 0,
        temporal: 0,
        target_count: 0,
        chain_count: 0,
        diff_count: 0,
        chain_diffs: [0; MAX_CHAINS],
        frame_diffs: [0; MAX_FRAME_DIFFS],
        dtis: 0,
    };

    const fn dti(&self, target: usize) -> Dti {
        if target >= self.target_count as usize {
            return Dti::NotPresent;
        }
        match self.dtis >> (2 * target) & 3 {
            0 => Dti::NotPresent,
            1 => Dti::Discardable,
            2 => Dti::Switch,
            _ => Dti::Required,
        }
    }

    fn has(&self, target: usize) -> bool {
        self.dti(target) != Dti::NotPresent
    }

    /// `frame_dtis()`, and one template's part of `template_dtis()`.
    fn read_dtis(bits: &mut BitReader<'_>, targets: u8) -> Option<u64> {
        (0..targets).try_fold(0, |dtis, target| Some(dtis | u64::from(bits.take(2)?) << (2 * target)))
    }

    /// `frame_fdiffs()`. `None` if there are more than [`MAX_FRAME_DIFFS`].
    fn read_frame_diffs(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.frame_diffs = [0; MAX_FRAME_DIFFS];
        for count in 0..=MAX_FRAME_DIFFS {
            let nibbles = bits.take(2)? as usize;
            if nibbles == 0 {
                self.diff_count = count as u8;
                return Some(());
            }
            *self.frame_diffs.get_mut(count)? = bits.take(4 * nibbles)? as u16 + 1;
        }
        None
    }
}

/// Templates that six bits can number.
pub const MAX_TEMPLATES: usize = 64;
/// Decode targets that five bits can count.
pub const MAX_DECODE_TARGETS: usize = 32;
/// Chains: one per decode target at most.
pub const MAX_CHAINS: usize = 32;
/// Frames that one frame may refer to. The format has no limit; AV1 keeps eight frames, H.264 encoders for calls keep fewer.
pub const MAX_FRAME_DIFFS: usize = 8;
/// Spatial layers: `MAX_SPATIAL_ID` is 3.
pub const MAX_SPATIAL_LAYERS: usize = 4;
/// Highest temporal layer.
pub const MAX_TEMPORAL_ID: u8 = 7;

/// Mandatory fields, bytes.
const MANDATORY: usize = 3;
const START: u8 = 0x80;
const END: u8 = 0x40;
const TEMPLATE: u8 = 0x3f;
/// The first of the extended fields.
const STRUCTURE: u8 = 0x80;
