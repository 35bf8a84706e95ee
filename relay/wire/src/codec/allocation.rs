//! Video layers allocation (libwebrtc's header extension of that name, version 00): what a sender sends, and at which rates.
//!
//! ```text
//! |RID| NS| sl_bm |  stream this came with, streams - 1, spatial layers of every stream (one bit each);
//! |sl0_bm |sl1_bm |  or, where sl_bm is 0, of each stream: one byte for up to two, else two
//! |#tl|#tl|#tl|#tl|  temporal layers - 1 of each spatial layer, four to a byte
//!   target bitrates, kbit/s as leb128, one per temporal layer
//! | width-1 (16) | height-1 (16) | fps (8) |  per spatial layer, perhaps
//! ```

/// The layers that a sender sends now. Empty if it sends nothing, as while its camera is off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VideoLayersAllocation {
    /// Index of the RTP stream that this came with, 0 to 3, counted from the lowest simulcast layer.
    pub stream: u8,
    /// RTP streams of the sender, 1 to 4.
    pub streams: u8,
    count: u8,
    layers: [LayerAllocation; MAX_LAYERS],
}

/// One spatial layer of one RTP stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayerAllocation {
    /// Index of the RTP stream, 0 to 3.
    pub stream: u8,
    /// Spatial layer within the stream, 0 to 3.
    pub spatial: u8,
    /// Size and rate of the pictures, where the sender says.
    pub picture: Option<Picture>,
    temporal_count: u8,
    bitrates: [u32; MAX_TEMPORAL_LAYERS],
}

/// What the pictures of a layer are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Pixels; what exceeds 65,535 reads as that.
    pub width: u16,
    /// Pixels; what exceeds 65,535 reads as that.
    pub height: u16,
    /// At most so many pictures a second.
    pub fps: u8,
}

impl VideoLayersAllocation {
    /// Reads the value of the extension. `None` if it is cut off, too long, contradicts itself, or names a rate beyond [`MAX_KBPS`].
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let nothing = LayerAllocation { stream: 0, spatial: 0, picture: None, temporal_count: 0, bitrates: [0; MAX_TEMPORAL_LAYERS] };
        let mut allocation = Self { stream: 0, streams: 1, count: 0, layers: [nothing; MAX_LAYERS] };
        // "An empty layer allocation (i.e nothing sent on ssrc) is encoded as special case with a single 0 byte."
        if value == [0] {
            return Some(allocation);
        }
        let (&first, mut rest) = value.split_first()?;
        allocation.stream = first >> 6;
        allocation.streams = (first >> 4 & 3) + 1;
        allocation.place_layers(first & 0x0f, &mut rest)?;
        allocation.read_temporal_counts(&mut rest)?;
        for layer in allocation.used() {
            for bitrate in &mut layer.bitrates[..usize::from(layer.temporal_count)] {
                *bitrate = 1000 * leb128(&mut rest).filter(|&kbps| kbps <= MAX_KBPS)?;
            }
        }
        if !rest.is_empty() {
            allocation.read_pictures(rest)?;
        }
        (allocation.stream < allocation.streams).then_some(allocation)
    }

    /// By stream, then by spatial layer, lowest first.
    #[must_use]
    pub fn layers(&self) -> &[LayerAllocation] {
        &self.layers[..usize::from(self.count)]
    }

    fn used(&mut self) -> &mut [LayerAllocation] {
        &mut self.layers[..usize::from(self.count)]
    }

    /// Takes the masks of spatial layers, unless there is `shared`, and makes an entry of each bit.
    fn place_layers(&mut self, shared: u8, rest: &mut &[u8]) -> Option<()> {
        for stream in 0..self.streams {
            let mask = match (shared, stream % 2) {
                (0, 0) => rest.first()? >> 4,
                (0, _) => take(rest)? & 0x0f,
                (shared, _) => shared,
            };
            for spatial in (0..MAX_SPATIAL_LAYERS).filter(|spatial| mask >> spatial & 1 != 0) {
                let layer = self.layers.get_mut(usize::from(self.count))?;
                (layer.stream, layer.spatial) = (stream, spatial);
                self.count += 1;
            }
        }
        // Of an odd number of streams the last one leaves half a byte.
        if shared == 0 && self.streams % 2 == 1 {
            take(rest)?;
        }
        Some(())
    }

    /// Two bits per layer, from the highest on; there is a byte even if there is no layer.
    fn read_temporal_counts(&mut self, rest: &mut &[u8]) -> Option<()> {
        let mut byte = take(rest)?;
        for (index, layer) in self.used().iter_mut().enumerate() {
            if index > 0 && index % 4 == 0 {
                byte = take(rest)?;
            }
            layer.temporal_count = (byte >> (6 - 2 * (index % 4)) & 3) + 1;
        }
        Some(())
    }

    /// "Presence is inferred from the rtp header extension size": all layers have one, or none has.
    fn read_pictures(&mut self, rest: &[u8]) -> Option<()> {
        let (pictures, []) = rest.as_chunks::<5>() else { return None };
        if pictures.len() != usize::from(self.count) {
            return None;
        }
        for (layer, &[w1, w0, h1, h0, fps]) in self.used().iter_mut().zip(pictures) {
            let number = |bytes| u16::from_be_bytes(bytes).saturating_add(1);
            layer.picture = Some(Picture { width: number([w1, w0]), height: number([h1, h0]), fps });
        }
        Some(())
    }
}

impl LayerAllocation {
    /// Target bitrate up to each temporal layer, bit/s, lowest first, 1 to 4 of them. Lower temporal layers are included; with SVC, lower
    /// spatial layers that this one needs are too.
    #[must_use]
    pub fn bitrates(&self) -> &[u32] {
        &self.bitrates[..usize::from(self.temporal_count)]
    }
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

/// A little-endian base-128 number of at most four bytes, below 2^28, which no rate exceeds.
fn leb128(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for index in 0..4 {
        let byte = take(rest)?;
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Highest target bitrate believed, kbit/s. libwebrtc refuses more as well.
pub const MAX_KBPS: u32 = 1_000_000;
/// Entries that four streams of four spatial layers can have.
pub const MAX_LAYERS: usize = 16;
/// Temporal layers that two bits can count.
pub const MAX_TEMPORAL_LAYERS: usize = 4;

/// Spatial layers of one stream: bits of its mask.
const MAX_SPATIAL_LAYERS: u8 = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    // Binary literals are grouped as the fields are.
    #![allow(clippy::unusual_byte_groupings)]
    use super::*;

    /// Stream, spatial layer and rates of each entry.
    fn rates(value: &[u8]) -> Option<Vec<(u8, u8, Vec<u32>)>> {
        let allocation = VideoLayersAllocation::parse(value)?;
        Some(allocation.layers().iter().map(|layer| (layer.stream, layer.spatial, layer.bitrates().to_vec())).collect())
    }

    /// As Chrome sends them: three simulcast streams of three temporal layers, on the second stream; SVC of three layers.
    const SIMULCAST: &[u8] = &[
        0b01_10_0001,
        0b10_10_10_00,
        60,
        90,
        0x96,
        0x01,
        0xc8,
        0x01,
        0xac,
        0x02,
        0xf4,
        0x03,
        0xe8,
        0x07,
        0xdc,
        0x0b,
        0xc4,
        0x13,
        0x01,
        0x3f,
        0,
        0xb3,
        15,
        0x02,
        0x7f,
        0x01,
        0x67,
        30,
        0x04,
        0xff,
        0x02,
        0xcf,
        30,
    ];
    const SVC: &[u8] = &[0b00_00_0111, 0b00_00_00_00, 100, 0xac, 0x02, 0xe8, 0x07];

    #[test]
    fn simulcast() {
        let allocation = VideoLayersAllocation::parse(SIMULCAST).unwrap();
        assert_eq!((allocation.stream, allocation.streams), (1, 3));
        let expected =
            [(0, vec![60_000, 90_000, 150_000]), (1, vec![200_000, 300_000, 500_000]), (2, vec![1_000_000, 1_500_000, 2_500_000])];
        assert_eq!(rates(SIMULCAST).unwrap(), expected.map(|(stream, rates)| (stream, 0, rates)));
        let pictures: Vec<_> = allocation.layers().iter().map(|layer| layer.picture.unwrap()).collect();
        let size = |width, height, fps| Picture { width, height, fps };
        assert_eq!(pictures, [size(320, 180, 15), size(640, 360, 30), size(1280, 720, 30)]);
    }

    #[test]
    fn svc_without_sizes() {
        assert_eq!(rates(SVC).unwrap(), [(0, 0, vec![100_000]), (0, 1, vec![300_000]), (0, 2, vec![1_000_000])]);
        assert!(VideoLayersAllocation::parse(SVC).unwrap().layers().iter().all(|layer| layer.picture.is_none()));
    }

    /// Masks of their own: one byte for two streams, two for three or four. A stream that is paused has none.
    #[test]
    fn streams_that_differ() {
        let two = [0b00_01_0000, 0b0001_0011, 0b00_01_00_00, 1, 2, 3, 4];
        assert_eq!(rates(&two).unwrap(), [(0, 0, vec![1000]), (1, 0, vec![2000, 3000]), (1, 1, vec![4000])]);
        let three = [0b10_10_0000, 0b0001_0000, 0b0100_0000, 0, 5, 6];
        assert_eq!(rates(&three).unwrap(), [(0, 0, vec![5000]), (2, 2, vec![6000])]);
        let four = [0b11_11_0000, 0b0000_0000, 0b0000_1000, 0, 7];
        assert_eq!(rates(&four).unwrap(), [(3, 3, vec![7000])]);
        let all = [&[0b00_11_1111, 0, 0, 0, 0][..], &[9; 16]].concat();
        assert_eq!(rates(&all).unwrap().len(), MAX_LAYERS);
    }

    #[test]
    fn nothing_is_sent() {
        let allocation = VideoLayersAllocation::parse(&[0]).unwrap();
        assert_eq!((allocation.stream, allocation.layers()), (0, &[][..]));
        assert_eq!(rates(&[0, 0, 0]), Some(vec![]), "the long way round");
    }

    #[test]
    fn every_truncation_is_none() {
        for whole in [SIMULCAST, SVC, &[0b10_10_0000, 0b0001_0000, 0b0100_0000, 0, 5, 6]] {
            for len in 0..whole.len() {
                // Where the sizes would begin is another whole value.
                let without_sizes = whole == SIMULCAST && len == 18;
                assert_eq!(rates(&whole[..len]).is_some(), without_sizes, "{len} bytes of {whole:02x?}");
            }
            assert_eq!(rates(&[whole, &[0]].concat()), None, "a byte too much");
        }
    }

    #[test]
    fn contradictions() {
        assert_eq!(rates(&[0b01_00_0001, 0, 1]), None, "the second of one stream");
        assert_eq!(rates(&[0b00_00_0001, 0, 0xc0, 0x84, 0x3d]), Some(vec![(0, 0, vec![1_000_000_000])]), "the highest rate");
        assert_eq!(rates(&[0b00_00_0001, 0, 0xc1, 0x84, 0x3d]), None, "1 kbit/s more");
        assert_eq!(rates(&[0b00_00_0001, 0, 0x80, 0x80, 0x80, 0x80, 0x00]), None, "five bytes");
        let largest = VideoLayersAllocation::parse(&[0b00_00_0001, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0]).unwrap().layers()[0].picture;
        assert_eq!(largest, Some(Picture { width: 65_535, height: 65_535, fps: 0 }));
    }
}
