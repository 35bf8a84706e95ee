//! Numbers that look random and are not: the same salt gives the same numbers.

use crate::ids::ParticipantId;

/// Ids have 31 bits: they serve as labels in places that know no more.
const ID_BITS: u32 = 31;

/// Most arrivals in a room's life; each takes one id.
pub(crate) const MAX_ARRIVALS: u32 = (1 << ID_BITS) - 2;

/// Mixes a number well (the output function of splitmix64).
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The id of the `arrival`-th person: a permutation of 1 to 2^31-1 under the salt, so that an id tells nobody how many came before.
///
/// Four Feistel rounds over 32 bits; whoever lands outside the range walks on until inside, which keeps it a permutation.
pub(crate) fn participant_id(arrival: u32, salt: u64) -> ParticipantId {
    let mut value = arrival;
    loop {
        for round in 0..4u64 {
            let (left, right) = (value >> 16, value & 0xFFFF);
            let scrambled = mix(salt ^ (round << 56) ^ u64::from(right)) as u32 & 0xFFFF;
            value = right << 16 | (left ^ scrambled);
        }
        if value != 0 && value >> ID_BITS == 0 {
            return ParticipantId(u64::from(value));
        }
    }
}

/// Shuffles in place (Fisher and Yates), by the salt.
pub(crate) fn shuffle<T>(items: &mut [T], salt: u64) {
    for last in (1..items.len()).rev() {
        let chosen = mix(salt.wrapping_add(last as u64)) % (last as u64 + 1);
        items.swap(last, chosen as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_distinct_in_range_and_in_no_order() {
        for salt in [0, 1, u64::MAX] {
            let ids: Vec<u64> = (1..=5000).map(|arrival| participant_id(arrival, salt).0).collect();
            assert!(ids.iter().all(|id| (1..1 << ID_BITS).contains(id)));
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
            let rises = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
            assert!((2300..2700).contains(&rises), "{rises} of 4999 pairs rise");
        }
        assert_ne!(participant_id(1, 7), participant_id(1, 8), "the salt counts");
    }

    #[test]
    fn a_shuffle_keeps_all_and_depends_on_the_salt() {
        let shuffled = |salt| {
            let mut items: Vec<u32> = (0..20).collect();
            shuffle(&mut items, salt);
            items
        };
        assert_eq!(shuffled(3), shuffled(3));
        assert_ne!(shuffled(3), shuffled(4));
        let mut sorted = shuffled(3);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<u32>>());
    }
}
