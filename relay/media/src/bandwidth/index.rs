//! Finds a packet by stream and sequence number, for viewers who report that way (RFC 8888).

use wire::ids::Ssrc;

/// Places, a power of two: twice what [`super::sent::History`] remembers of a fast viewer with 5 Mbit/s. A faster one is reported on
/// long before his packets are overwritten.
const PLACES: usize = 1 << 12;

/// Places looked at for one packet.
const TRIES: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Place {
    ssrc: Ssrc,
    sequence: u16,
    /// Under which it is remembered; 0: nothing is here, as numbers begin above that.
    number: u64,
}

/// Table with linear probing; where there is no place the oldest of a few is forgotten.
#[derive(Debug)]
pub(super) struct Index {
    places: Vec<Place>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { places: vec![Place { ssrc: Ssrc(0), sequence: 0, number: 0 }; PLACES] }
    }

    #[inline]
    pub(super) fn insert(&mut self, ssrc: Ssrc, sequence: u16, number: u64) {
        let candidates = places(ssrc, sequence);
        let same = candidates.clone().find(|&at| self.places[at].ssrc == ssrc && self.places[at].sequence == sequence);
        let Some(at) = same.or_else(|| candidates.min_by_key(|&at| self.places[at].number)) else { return };
        self.places[at] = Place { ssrc, sequence, number };
    }

    #[inline]
    pub(super) fn find(&self, ssrc: Ssrc, sequence: u16) -> Option<u64> {
        let mut candidates = places(ssrc, sequence).map(|at| &self.places[at]);
        candidates.find(|place| place.ssrc == ssrc && place.sequence == sequence && place.number > 0).map(|place| place.number)
    }
}

fn places(ssrc: Ssrc, sequence: u16) -> impl Iterator<Item = usize> + Clone {
    // Scattered (the odd numbers are 2^32 and 2^16 divided by the golden ratio): side by side, streams would overlap and crowd.
    let start = (ssrc.0 ^ u32::from(sequence).wrapping_mul(0x9e37_0001)).wrapping_mul(0x9e37_79b1) as usize >> 16;
    (start..start + TRIES).map(|at| at & (PLACES - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_a_full_room_are_kept_apart() {
        let mut index = Index::new();
        let mut number = 65_536;
        let streams: Vec<Ssrc> = (0..66u32).map(|nth| Ssrc(nth.wrapping_mul(0x1234_5677))).collect();
        let (mut asked, mut found) = (0, 0);
        for step in 0..3000u16 {
            for ssrc in &streams {
                number += 1;
                index.insert(*ssrc, step.wrapping_add(65_000), number);
            }
            // The last 20 of each stream: 1,320 packets.
            let back = step % 20;
            for (nth, ssrc) in (1..).zip(&streams).filter(|_| step >= 20) {
                let expected = number - (66 - nth) - u64::from(back) * 66;
                asked += 1;
                found += u32::from(index.find(*ssrc, 65_000u16.wrapping_add(step - back)) == Some(expected));
            }
        }
        assert!(found * 100 >= asked * 98, "{found} of {asked}");
    }

    #[test]
    fn strangers_and_repetitions() {
        let mut index = Index::new();
        assert_eq!(index.find(Ssrc(0), 0), None, "an empty place is no packet");
        index.insert(Ssrc(1), 5, 70_000);
        index.insert(Ssrc(1), 5, 70_009);
        assert_eq!(index.find(Ssrc(1), 5), Some(70_009), "sent again under the same number");
        assert_eq!((index.find(Ssrc(2), 5), index.find(Ssrc(1), 6)), (None, None));
    }
}
