//! Video layers allocations that a writer of its own laid out from random layers: what was put in must come out.

use proptest::prelude::*;
use wire::codec::allocation::VideoLayersAllocation;

use crate::bits::{BitWriter, Draw};

/// Stream, spatial layer, kbit/s of each temporal layer; width, height less one and frame rate.
type Entry = (u8, u8, Vec<u32>, (u32, u32, u8));

/// Entries of random masks, in their order.
fn draw_entries(draw: &mut Draw, masks: &[u32]) -> Vec<Entry> {
    let mut entries = vec![];
    for (stream, mask) in (0..).zip(masks) {
        for spatial in (0..4).filter(|spatial| mask >> spatial & 1 == 1) {
            let temporal = 1 + draw.below(4);
            let rates = draw.list(temporal, 1_000_001);
            // Short numbers too: they take fewer bytes.
            let rates = rates.into_iter().map(|rate| rate >> draw.below(20)).collect();
            let picture = (draw.below(1 << 16), draw.below(1 << 16), draw.below(256) as u8);
            entries.push((stream, spatial, rates, picture));
        }
    }
    entries
}

fn write(stream: u32, masks: &[u32], entries: &[Entry], has_pictures: bool) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.put(stream, 2);
    bits.put(masks.len() as u32 - 1, 2);
    let shared = masks[0] != 0 && masks.iter().all(|&mask| mask == masks[0]);
    if shared {
        bits.put(masks[0], 4);
    } else {
        bits.put(0, 4);
        masks.iter().for_each(|&mask| bits.put(mask, 4));
        bits.put(0, 4 * (masks.len() as u32 % 2));
    }
    entries.iter().for_each(|(_, _, rates, _)| bits.put(rates.len() as u32 - 1, 2));
    let used = entries.len() as u32;
    bits.put(0, 2 * (used.next_multiple_of(4).max(4) - used));
    for &rate in entries.iter().flat_map(|(_, _, rates, _)| rates) {
        let mut left = rate;
        while left >= 0x80 {
            bits.put(0x80 | left & 0x7f, 8);
            left >>= 7;
        }
        bits.put(left, 8);
    }
    for &(width, height, fps) in entries.iter().map(|(.., picture)| picture).filter(|_| has_pictures) {
        bits.put(width, 16);
        bits.put(height, 16);
        bits.put(fps.into(), 8);
    }
    bits.bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..crate::seeded() })]

    #[test]
    fn what_is_written_is_read(seed: u64) {
        let mut draw = Draw(seed);
        let streams = 1 + draw.below(4);
        let mut masks = draw.list(streams, 16);
        if draw.flag() {
            masks = vec![masks[0]; masks.len()];
        }
        let entries = draw_entries(&mut draw, &masks);
        let (stream, has_pictures) = (draw.below(streams), draw.flag());
        let value = write(stream, &masks, &entries, has_pictures);

        let read = VideoLayersAllocation::parse(&value).unwrap();
        prop_assert_eq!((u32::from(read.stream), u32::from(read.streams)), (stream, streams));
        prop_assert_eq!(read.layers().len(), entries.len());
        let number = |less_one: u32| (less_one + 1).min(65_535) as u16;
        for (layer, (stream, spatial, rates, (width, height, fps))) in read.layers().iter().zip(&entries) {
            prop_assert_eq!((layer.stream, layer.spatial), (*stream, *spatial));
            let kbps: Vec<u32> = layer.bitrates().iter().map(|rate| rate / 1000).collect();
            prop_assert_eq!(&kbps, rates);
            let picture = layer.picture.map(|picture| (picture.width, picture.height, picture.fps));
            prop_assert_eq!(picture, has_pictures.then_some((number(*width), number(*height), *fps)));
        }
    }
}
