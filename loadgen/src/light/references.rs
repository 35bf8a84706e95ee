//! Finds which frames a VP8 frame refers to from TL0PICIDX, temporal layer and picture id alone, as browsers do: whatever the relay
//! writes there wrongly shows as a frame that waits for ever, or is decoded without what it needs.
//!
//! The rules are those of libwebrtc's VP8 reference finder.

use std::collections::{BTreeMap, BTreeSet};

use super::reassembly::Picture;

/// Picture ids that may be missing before older ones are forgotten.
const MAX_MISSING: u64 = 100;
/// A frame that waits for others is given up when so many came after it; sooner than what it waits for is forgotten.
const MAX_STASHED: u64 = 90;
/// Base layer frames remembered.
const MAX_BASES: u64 = 50;
/// Temporal layers that two bits can name.
const LAYERS: usize = 4;

/// What is known of a frame's references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum References {
    /// These frames, by their names: in VP8 the number of the last packet.
    Known(Vec<u64>),
    /// Not yet: a frame between is missing.
    Unknown,
    /// The frame came too late to be of use.
    TooLate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    id: u64,
    last_seq: u64,
}

/// The newest frame of each temporal layer, for each base layer frame.
#[derive(Debug, Default)]
pub(super) struct Finder {
    newest_id: Option<u64>,
    newest_base: Option<u64>,
    missing: BTreeSet<u64>,
    bases: BTreeMap<u64, [Option<Known>; LAYERS]>,
}

impl Finder {
    /// The references of a frame with temporal layers. To be asked again later when they are unknown.
    pub(super) fn find(&mut self, frame: &Picture, keyframe: bool) -> Option<References> {
        let (tl0, temporal, sync) = frame.head().layered?;
        let id = unwrap(self.newest_id, u64::from(frame.head().picture_id?.value()), 1 << 15);
        let base = unwrap(self.newest_base, u64::from(tl0), 1 << 8);
        self.note_gaps(id);
        self.newest_base = self.newest_base.max(Some(base));
        let oldest = self.newest_base.unwrap_or_default().saturating_sub(MAX_BASES);
        self.bases = self.bases.split_off(&oldest);
        let (layer, own) = (usize::from(temporal), Known { id, last_seq: frame.last_seq });
        if keyframe {
            self.bases.insert(base, [None; LAYERS]);
            self.update(base, layer, own);
            return Some(References::Known(Vec::new()));
        }
        Some(self.of_delta(base, layer, sync, own))
    }

    fn of_delta(&mut self, base: u64, layer: usize, sync: bool, own: Known) -> References {
        let rests_on = if layer == 0 { base - 1 } else { base };
        let Some(known) = self.bases.get(&rests_on).copied() else { return References::Unknown };
        let needs: Vec<Option<Known>> = match (layer, sync) {
            (0, _) => {
                self.bases.entry(base).or_insert(known);
                vec![known[0]]
            }
            (_, true) => vec![known[0]],
            (_, false) => known[..=layer].to_vec(),
        };
        let overtaken = if layer == 0 || sync { known[layer] } else { None };
        if self.newest_id.is_some_and(|newest| newest > own.id + MAX_STASHED)
            || overtaken.is_some_and(|newer| newer.id >= own.id)
            || needs.iter().flatten().any(|needed| needed.id >= own.id)
        {
            return References::TooLate;
        }
        let between = |needed: &Known| self.missing.range(needed.id + 1..own.id).next().is_some();
        if needs.contains(&None) || (layer > 0 && !sync && needs.iter().flatten().any(between)) {
            return References::Unknown;
        }
        self.update(base, layer, own);
        References::Known(needs.into_iter().flatten().map(|needed| needed.last_seq).collect())
    }

    /// Ids between the newest and this one have not come.
    fn note_gaps(&mut self, id: u64) {
        let oldest = id.saturating_sub(MAX_MISSING);
        let newest = self.newest_id.unwrap_or(id);
        self.missing.extend(newest.max(oldest) + 1..=id);
        self.missing = self.missing.split_off(&oldest);
        self.newest_id = Some(newest.max(id));
    }

    /// The frame is the newest of its layer for its base and those after it.
    fn update(&mut self, base: u64, layer: usize, own: Known) {
        for (_, newest) in self.bases.range_mut(base..) {
            if newest[layer].is_some_and(|newest| newest.id > own.id) {
                break;
            }
            newest[layer] = Some(own);
        }
        self.missing.remove(&own.id);
    }
}

/// The number nearest to `newest` that reads as `value` modulo `modulus`. The first is taken one modulus up, so that none goes below zero.
pub(super) fn unwrap(newest: Option<u64>, value: u64, modulus: u64) -> u64 {
    let Some(newest) = newest else { return modulus + value };
    let ahead = (value + modulus - newest % modulus) % modulus;
    if ahead < modulus / 2 { newest + ahead } else { (newest + ahead).saturating_sub(modulus) }
}
