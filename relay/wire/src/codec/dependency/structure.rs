//! The template dependency structure: what a sender says once of all its frames, so that each packet need only name a template.

use super::super::bits::BitReader;
use super::{Dependencies, MAX_CHAINS, MAX_DECODE_TARGETS, MAX_FRAME_DIFFS, MAX_SPATIAL_LAYERS, MAX_TEMPLATES, MAX_TEMPORAL_ID, TEMPLATE};

/// The structure that all packets refer to until another one comes. About 4 kB: keep one per stream, and move it seldom.
///
/// A *decode target* is a set of layers that a viewer may be given. A *chain* is the frames that some targets cannot do without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Structure {
    /// Template id of the first template.
    id_offset: u8,
    template_count: u8,
    templates: [Dependencies; MAX_TEMPLATES],
    target_count: u8,
    /// Highest spatial and temporal layer of each decode target.
    targets: [(u8, u8); MAX_DECODE_TARGETS],
    chain_count: u8,
    /// The chain that protects each decode target.
    protected_by: [u8; MAX_DECODE_TARGETS],
    /// 0 if the sender does not say.
    resolution_count: u8,
    resolutions: [(u16, u16); MAX_SPATIAL_LAYERS],
}

impl Structure {
    /// Highest spatial (0 to 3) and temporal (0 to 7) layer of each decode target, by its index.
    #[must_use]
    pub fn layers(&self) -> &[(u8, u8)] {
        &self.targets[..usize::from(self.target_count)]
    }

    /// Index of the decode target whose highest layers are these.
    #[must_use]
    pub fn decode_target(&self, spatial: u8, temporal: u8) -> Option<usize> {
        self.layers().iter().position(|&layers| layers == (spatial, temporal))
    }

    /// Index of the chain that protects a decode target: see [`super::Descriptor::chain_diffs`]. `None` without chains.
    #[must_use]
    pub fn chain(&self, target: usize) -> Option<usize> {
        let protected = target < usize::from(self.target_count) && self.chain_count > 0;
        protected.then(|| usize::from(self.protected_by[target]))
    }

    /// Whether it has the template that a descriptor's value names. If not, the descriptor goes by another structure.
    #[must_use]
    pub fn covers(&self, value: &[u8]) -> bool {
        value.first().is_some_and(|first| self.template(first & TEMPLATE).is_some())
    }

    /// Width and height of each spatial layer, pixels, lowest layer first; what exceeds 65,535 reads as that. Empty if the sender does
    /// not say.
    #[must_use]
    pub fn resolutions(&self) -> &[(u16, u16)] {
        &self.resolutions[..usize::from(self.resolution_count)]
    }

    /// Decode targets.
    pub(super) const fn target_count(&self) -> u8 {
        self.target_count
    }

    /// Chains.
    pub(super) const fn chain_count(&self) -> u8 {
        self.chain_count
    }

    /// The template behind an id, 0 to 63. An id of an earlier structure is none of this one's.
    pub(super) fn template(&self, id: u8) -> Option<&Dependencies> {
        let index = usize::from(id.wrapping_sub(self.id_offset)) % MAX_TEMPLATES;
        self.templates[..usize::from(self.template_count)].get(index)
    }

    /// `template_dependency_structure()`.
    pub(super) fn read(bits: &mut BitReader<'_>) -> Option<Self> {
        let mut structure = Self {
            id_offset: bits.take(6)? as u8,
            template_count: 0,
            templates: [Dependencies::NONE; MAX_TEMPLATES],
            target_count: bits.take(5)? as u8 + 1,
            targets: [(0, 0); MAX_DECODE_TARGETS],
            chain_count: 0,
            protected_by: [0; MAX_DECODE_TARGETS],
            resolution_count: 0,
            resolutions: [(0, 0); MAX_SPATIAL_LAYERS],
        };
        structure.read_layers(bits)?;
        for template in structure.used() {
            template.dtis = Dependencies::read_dtis(bits, template.target_count)?;
        }
        for template in structure.used() {
            read_frame_diffs(bits, template)?;
        }
        structure.read_chains(bits)?;
        if bits.flag()? {
            structure.read_resolutions(bits)?;
        }
        structure.find_layers();
        Some(structure)
    }

    fn used(&mut self) -> &mut [Dependencies] {
        &mut self.templates[..usize::from(self.template_count)]
    }

    /// `template_layers()`: each template says how its layers differ from those of the next one.
    fn read_layers(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        let (mut spatial, mut temporal) = (0, 0);
        for template in &mut self.templates {
            *template = Dependencies { spatial, temporal, target_count: self.target_count, ..Dependencies::NONE };
            self.template_count += 1;
            match bits.take(2)? {
                SAME_LAYER => {}
                NEXT_TEMPORAL_LAYER => temporal += 1,
                NEXT_SPATIAL_LAYER => (spatial, temporal) = (spatial + 1, 0),
                _ => return Some(()),
            }
            if usize::from(spatial) == MAX_SPATIAL_LAYERS || temporal > MAX_TEMPORAL_ID {
                return None;
            }
        }
        None
    }

    /// `template_chains()`.
    fn read_chains(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.chain_count = bits.non_symmetric(u32::from(self.target_count) + 1)? as u8;
        if self.chain_count == 0 {
            return Some(());
        }
        for chain in &mut self.protected_by[..usize::from(self.target_count)] {
            *chain = bits.non_symmetric(u32::from(self.chain_count))? as u8;
        }
        let chain_count = self.chain_count;
        for template in self.used() {
            template.chain_count = chain_count;
            for diff in &mut template.chain_diffs[..usize::from(chain_count)] {
                *diff = bits.take(4)? as u8;
            }
        }
        Some(())
    }

    /// `render_resolutions()`. Templates come in the order of their spatial layers, so the last one has the highest.
    fn read_resolutions(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.resolution_count = self.used().last()?.spatial + 1;
        for size in &mut self.resolutions[..usize::from(self.resolution_count)] {
            let mut number = || Some((bits.take(16)? as u16).saturating_add(1));
            *size = (number()?, number()?);
        }
        Some(())
    }

    /// `decode_target_layers()`: a target reaches up to the highest layers of the templates present in it.
    fn find_layers(&mut self) {
        for template in &self.templates[..usize::from(self.template_count)] {
            for (index, (spatial, temporal)) in self.targets[..usize::from(self.target_count)].iter_mut().enumerate() {
                if template.has(index) {
                    *spatial = template.spatial.max(*spatial);
                    *temporal = template.temporal.max(*temporal);
                }
            }
        }
    }
}

/// One template's part of `template_fdiffs()`. `None` if there are more than [`MAX_FRAME_DIFFS`].
fn read_frame_diffs(bits: &mut BitReader<'_>, template: &mut Dependencies) -> Option<()> {
    for count in 0..=MAX_FRAME_DIFFS {
        if !bits.flag()? {
            template.diff_count = count as u8;
            return Some(());
        }
        *template.frame_diffs.get_mut(count)? = bits.take(4)? as u16 + 1;
    }
    None
}

/// `next_layer_idc`, table A.3; 3 says that there are no more templates.
const SAME_LAYER: u32 = 0;
const NEXT_TEMPORAL_LAYER: u32 = 1;
const NEXT_SPATIAL_LAYER: u32 = 2;

const _: () = assert!(MAX_CHAINS == MAX_DECODE_TARGETS, "a structure has at most as many chains as targets");
