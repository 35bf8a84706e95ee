//! The VP8 payload format as libwebrtc sends it (RFC 7741): frames cut into equal parts behind a descriptor.

use bytes::{BufMut, Bytes, BytesMut};

use super::structure::Place;

/// Largest RTP payload a picture is cut into, bytes: 1,200 less a 12-byte header and up to 40 bytes of extensions.
const MAX_PAYLOAD: usize = 1_148;
/// The longest descriptor written here, bytes.
const MAX_DESCRIPTOR: usize = 6;
/// Ids below this are written in 7 bits by a stream without temporal layers, as some encoders do; all others in 15.
const SHORT_IDS: u16 = 128;

const X: u8 = 0x80;
const N: u8 = 0x20;
const S: u8 = 0x10;
const I: u8 = 0x80;
const L: u8 = 0x40;
const T: u8 = 0x20;
const M: u16 = 0x8000;
const Y: u8 = 0x20;

/// Counts pictures and base layer pictures, and cuts.
#[derive(Debug, Default)]
pub(super) struct Packetizer {
    picture_id: u16,
    tl0: u8,
}

impl Packetizer {
    /// The numbers an encoder starts with are arbitrary.
    pub(super) fn new(picture_id: u16, tl0: u8) -> Self {
        Self { picture_id: picture_id & !M, tl0 }
    }

    /// The RTP payloads of one frame. `layered`: say which temporal layer it is of.
    pub(super) fn cut(&mut self, frame: &[u8], place: &Place, layered: bool) -> Vec<Bytes> {
        if place.temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let mut head = BytesMut::with_capacity(MAX_DESCRIPTOR);
        head.put_u8(X | if place.disposable { N } else { 0 });
        head.put_u8(if layered { I | L | T } else { I });
        if layered || self.picture_id >= SHORT_IDS {
            head.put_u16(self.picture_id | M);
        } else {
            head.put_u8(self.picture_id as u8);
        }
        if layered {
            head.put_u8(self.tl0);
            head.put_u8(place.temporal << 6 | if place.sync { Y } else { 0 });
        }
        self.picture_id = self.picture_id.wrapping_add(1) & !M;
        let parts = frame.len().div_ceil(MAX_PAYLOAD - MAX_DESCRIPTOR).max(1);
        // All alike but the last, which may be shorter: such a run can leave in one system call.
        let size = frame.len().div_ceil(parts);
        let part = |index: usize| {
            let (from, to) = (index * size, ((index + 1) * size).min(frame.len()));
            let mut payload = BytesMut::with_capacity(head.len() + to - from);
            payload.put_slice(&head);
            if index == 0 {
                payload[0] |= S;
            }
            payload.put_slice(&frame[from..to]);
            payload.freeze()
        };
        (0..parts).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::light::structure::Structure;
    use wire::codec::vp8::Descriptor;

    #[test]
    fn the_relays_reader_finds_what_was_written() {
        let (mut packetizer, mut structure) = (Packetizer::new(126, 254), Structure::new(3));
        for number in 0..8_u16 {
            let place = structure.advance(number == 0);
            let frame = vec![u8::from(number > 0); 3_000];
            let parts = packetizer.cut(&frame, &place, true);
            assert_eq!(parts.len(), 3);
            for (index, part) in parts.iter().enumerate() {
                let read = Descriptor::parse(part).expect("a descriptor");
                assert_eq!(read.picture_id.map(wire::codec::vp8::PictureId::value), Some(126 + number));
                assert_eq!((read.tid, read.sync, read.non_reference), (Some(place.temporal), place.sync, place.disposable));
                assert_eq!(read.tl0, Some(254_u8.wrapping_add(1 + number as u8 / 4)));
                assert_eq!((read.starts_frame(), read.keyframe), (index == 0, index == 0 && number == 0));
                assert!((1_000..=MAX_PAYLOAD).contains(&part.len()));
            }
        }
    }

    #[test]
    fn without_layers_the_id_grows_from_one_byte_to_two() {
        let mut packetizer = Packetizer::new(127, 0);
        let place = Structure::new(1).advance(true);
        assert_eq!(packetizer.cut(&[0; 10], &place, false)[0][..3], [X | S, I, 127]);
        assert_eq!(packetizer.cut(&[0; 10], &place, false)[0][..4], [X | S, I, 0x80, 128]);
    }
}
