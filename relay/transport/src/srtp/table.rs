//! Per-SSRC state: a small sorted table that only ever grows, up to a limit.

use wire::ids::Ssrc;

use super::SrtpError;

/// SSRCs that one key may be used with, per direction and for RTP and RTCP each.
///
/// An entry is never replaced: a forgotten rollover counter or replay window could be abused (on receipt, by playing old packets
/// again; when sending, by using a nonce twice). What a peer can make us remember is therefore bounded by refusing: at most 24 KiB.
/// A publisher with three layers, RTX and a screen uses about 12; the limit leaves room for a day of starting sources anew.
pub const MAX_SSRCS: usize = 512;

/// Values by SSRC.
#[derive(Debug)]
pub(super) struct SsrcTable<T> {
    /// Sorted by SSRC: looking up is a binary search, adding (rare) moves the rest.
    entries: Vec<(Ssrc, T)>,
}

/// Where an SSRC is, or would have to be put. Valid until the table grows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Known(usize),
    New(usize),
}

impl<T> SsrcTable<T> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Finds an SSRC without changing anything.
    ///
    /// # Errors
    /// [`SrtpError::TooManySsrcs`] if it is not there and could not be added.
    pub(super) fn find(&self, ssrc: Ssrc) -> Result<Slot, SrtpError> {
        match self.entries.binary_search_by_key(&ssrc, |entry| entry.0) {
            Ok(position) => Ok(Slot::Known(position)),
            Err(position) if self.entries.len() < MAX_SSRCS => Ok(Slot::New(position)),
            Err(_) => Err(SrtpError::TooManySsrcs),
        }
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        match slot {
            Slot::Known(position) => self.entries.get(position).map(|entry| &entry.1),
            Slot::New(_) => None,
        }
    }

    /// The value at `slot`; a new one is made for an SSRC that was not there. `slot` must come from `find` with the same SSRC and
    /// no growth in between.
    pub(super) fn get_or_add(&mut self, slot: Slot, ssrc: Ssrc, new: impl FnOnce() -> T) -> &mut T {
        let position = match slot {
            Slot::Known(position) => position,
            Slot::New(position) => {
                self.entries.insert(position, (ssrc, new()));
                position
            }
        };
        &mut self.entries[position].1
    }

    /// How many SSRCs are known.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn finds_what_was_added_and_stops_at_the_limit() {
        let mut table = SsrcTable::new();
        for number in 0..MAX_SSRCS as u32 {
            // A permutation of 32-bit numbers, so that insertion happens everywhere.
            let ssrc = Ssrc(number.wrapping_mul(2_654_435_761));
            let slot = table.find(ssrc).unwrap();
            assert!(table.get(slot).is_none());
            *table.get_or_add(slot, ssrc, || 0) = number;
        }
        for number in 0..MAX_SSRCS as u32 {
            let slot = table.find(Ssrc(number.wrapping_mul(2_654_435_761))).unwrap();
            assert_eq!(table.get(slot), Some(&number));
        }
        assert_eq!(table.find(Ssrc(1)).unwrap_err(), SrtpError::TooManySsrcs);
        assert_eq!(table.len(), MAX_SSRCS);
    }
}
