//! Finds which frames a VP9 frame refers to from picture id, TL0PICIDX, layers and the scalability structure alone, as browsers do:
//! whatever the relay writes there wrongly shows as a picture that waits for ever, or is decoded without what it needs.
//!
//! The rules are those of libwebrtc's VP9 reference finder in non-flexible mode, picture by picture as its frame buffer decodes. Left out is
//! that a switch up lets it forget references to earlier pictures of higher layers: there are none where each picture refers to one other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::reassembly::{Picture, Spatial};
use super::references::{References, unwrap};
use super::vp9::Structure;

/// Picture ids that may be missing before older ones are forgotten.
const MAX_MISSING: u64 = 100;
/// Base layer pictures remembered.
const MAX_BASES: u64 = 50;
/// Spatial layers that three bits can name.
const SPATIAL: u64 = 8;
/// Sets names of VP9's frames apart from those of VP8, which are numbers of packets.
const OF_VP9: u64 = 1 << 63;

/// The group that pictures upon one base layer picture go by.
#[derive(Debug, Clone)]
struct Base {
    structure: Arc<Structure>,
    /// Where the group began, and the newest picture.
    start: u64,
    newest: u64,
}

impl Base {
    fn place(&self, id: u64) -> Option<&(u8, Vec<u8>)> {
        let into = usize::try_from(id.checked_sub(self.start)?).ok()?;
        self.structure.group.get(into % self.structure.group.len())
    }
}

/// What is known of the pictures of one stream.
#[derive(Debug, Default)]
pub(super) struct Finder {
    newest_id: Option<u64>,
    newest_base: Option<u64>,
    /// Pictures that have not come, with their temporal layers.
    missing: BTreeMap<u8, BTreeSet<u64>>,
    bases: BTreeMap<u64, Base>,
}

impl Finder {
    /// What the frames of a picture are called, lowest first; `None` without picture id or layers.
    pub(super) fn names(&mut self, picture: &Picture) -> Option<Vec<u64>> {
        let id = unwrap(self.newest_id, u64::from(picture.head().picture_id?.value()), 1 << 15);
        self.newest_id = self.newest_id.max(Some(id));
        picture.layers.iter().map(|layer| Some(name(id, layer.head.spatial.as_ref()?.layer))).collect()
    }

    /// What the frames of a picture refer to, without each other. To be asked again later when it is unknown.
    pub(super) fn find(&mut self, picture: &Picture, names: &[u64]) -> Option<References> {
        let (tl0, temporal, _) = picture.head().layered?;
        let id = (names.first()? & !OF_VP9) / SPATIAL;
        let base = unwrap(self.newest_base, u64::from(tl0), 1 << 8);
        self.newest_base = self.newest_base.max(Some(base));
        let spatial = picture.head().spatial.as_ref()?;
        let Some(info) = self.base_of(base, id, temporal, spatial) else {
            // A keyframe that does not say what follows is of no use.
            return Some(if spatial.inter_picture { References::Unknown } else { References::TooLate });
        };
        let oldest = self.newest_base.unwrap_or_default().saturating_sub(MAX_BASES);
        self.bases = self.bases.split_off(&oldest);
        self.received(id, info);
        let Some(info) = self.bases.get(&info) else { return Some(References::TooLate) };
        let Some((temporal, needs)) = info.place(id) else { return Some(References::TooLate) };
        if spatial.inter_picture && needs.iter().any(|back| self.is_missing_since(id - u64::from(*back), id, *temporal)) {
            return Some(References::Unknown);
        }
        let mut needed = Vec::new();
        for spatial in picture.layers.iter().filter_map(|layer| layer.head.spatial.as_ref()) {
            if spatial.inter_picture {
                needed.extend(needs.iter().map(|back| name(id - u64::from(*back), spatial.layer)));
            }
            if spatial.inter_layer {
                needed.push(name(id, spatial.layer.wrapping_sub(1)));
            }
        }
        needed.retain(|name| !names.contains(name));
        Some(References::Known(needed))
    }

    /// Under which base layer picture the group of this picture is kept.
    fn base_of(&mut self, base: u64, id: u64, temporal: u8, spatial: &Spatial) -> Option<u64> {
        if let Some(structure) = spatial.structure.clone().filter(|_| temporal == 0) {
            self.bases.insert(base, Base { structure, start: id, newest: id });
            return Some(base);
        }
        if !spatial.inter_picture || temporal > 0 {
            return self.bases.contains_key(&base).then_some(base);
        }
        let before = self.bases.get(&(base - 1))?.clone();
        self.bases.entry(base).or_insert(Base { newest: id, ..before });
        Some(base)
    }

    /// Whether a picture of a lower temporal layer between these two has not come.
    fn is_missing_since(&self, needed: u64, id: u64, temporal: u8) -> bool {
        self.missing.range(..temporal).any(|(_, missing)| missing.range(needed..id).next().is_some())
    }

    /// Pictures between the newest upon the same base and this one have not come.
    fn received(&mut self, id: u64, base: u64) {
        let Some(info) = self.bases.get_mut(&base) else { return };
        for skipped in (info.newest + 1).max(id.saturating_sub(MAX_MISSING))..id {
            let temporal = info.place(skipped).map_or(0, |place| place.0);
            self.missing.entry(temporal).or_default().insert(skipped);
        }
        info.newest = info.newest.max(id);
        for missing in self.missing.values_mut() {
            missing.remove(&id);
            *missing = missing.split_off(&id.saturating_sub(MAX_MISSING));
        }
    }
}

fn name(id: u64, spatial: u8) -> u64 {
    OF_VP9 | (id * SPATIAL + u64::from(spatial))
}
