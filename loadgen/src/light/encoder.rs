//! Makes the pictures and sounds: VP8-shaped frames and Opus-shaped packets whose content is the [`pattern`](super::pattern).

use std::time::Duration;

use bytes::Bytes;

use super::pattern::{self, Author, CELL, Stamp};
use super::setup::{Layer, SourceSetup};
use super::sizes::Sizes;
use super::structure::Structure;
use super::vp8::Packetizer;

/// Opus table of contents byte: CELT, full band, 20 ms, mono, one frame (RFC 6716 section 3.1).
const OPUS_TOC: u8 = 0xf8;
/// Cells in an Opus-shaped packet; two make 65 bytes a packet, 26 kbit/s.
const OPUS_CELLS: u16 = 2;
/// What the first picture's numbers are: soon behind 7 bits, and soon behind 8.
const FIRST_NUMBERS: (u16, u8) = (100, 250);

/// Makes the frames of one layer.
#[derive(Debug)]
pub(super) struct PictureEncoder {
    author: Author,
    layer: Layer,
    fps: u32,
    frame: u32,
    keyframe_wanted: bool,
    /// The rate it has to keep, bit/s; the layer's own unless somebody wants less.
    rate: u32,
    structure: Structure,
    sizes: Sizes,
    packetizer: Packetizer,
}

impl PictureEncoder {
    /// `seed` makes its sizes.
    pub(super) fn new(author: Author, layer: Layer, source: &SourceSetup, seed: u64) -> Self {
        Self {
            author,
            layer,
            fps: source.fps.max(1),
            frame: 0,
            keyframe_wanted: true,
            rate: layer.bitrate,
            structure: Structure::new(source.temporal),
            sizes: Sizes::new(source.motion, source.trace.clone(), seed),
            packetizer: Packetizer::new(FIRST_NUMBERS.0, FIRST_NUMBERS.1),
        }
    }

    /// The next frame will stand alone.
    pub(super) fn want_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// Not more than this from now on, bit/s; never more than the layer's own.
    pub(super) fn set_limit(&mut self, limit: u32) {
        self.rate = self.layer.bitrate.min(limit);
    }

    /// The next frame, cut into RTP payloads.
    pub(super) fn encode(&mut self, captured: Duration) -> Vec<Bytes> {
        let keyframe = self.sizes.keyframe(std::mem::take(&mut self.keyframe_wanted));
        let place = self.structure.advance(keyframe);
        let stamp = Stamp { temporal: place.temporal, needs: place.needs, ..Stamp::alone(self.author, self.frame, captured) };
        self.frame = self.frame.wrapping_add(1);
        let usual = f64::from(self.rate) / 8.0 / f64::from(self.fps);
        let size = self.sizes.next(captured, keyframe, usual, place.weight);
        let mut frame = Vec::with_capacity(size + CELL);
        write_frame_header(&mut frame, keyframe, &self.layer);
        pattern::write(&mut frame, &stamp, (size / CELL).clamp(2, usize::from(u16::MAX)) as u16);
        self.packetizer.cut(&frame, &place, self.structure.is_layered())
    }
}

/// Frame tag of RFC 6386 section 9.1, for a keyframe with start code and dimensions.
fn write_frame_header(frame: &mut Vec<u8>, keyframe: bool, layer: &Layer) {
    const SHOW_FRAME: u8 = 1 << 4;
    frame.extend_from_slice(&[SHOW_FRAME | u8::from(!keyframe), 0, 0]);
    if keyframe {
        frame.extend_from_slice(&KEYFRAME_START_CODE);
        frame.extend_from_slice(&layer.width.to_le_bytes());
        frame.extend_from_slice(&layer.height.to_le_bytes());
    }
}

const KEYFRAME_START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

/// What the header of a frame says; the rest is the pattern.
pub(super) struct FrameHeader {
    /// Picture size of a keyframe.
    pub(super) keyframe: Option<(u16, u16)>,
    /// Where the pattern begins.
    pub(super) len: usize,
}

/// Reads what [`PictureEncoder`] wrote before the pattern.
pub(super) fn read_frame_header(frame: &[u8]) -> Option<FrameHeader> {
    if frame.first()? & 1 == 1 {
        return Some(FrameHeader { keyframe: None, len: 3 });
    }
    let head = frame.get(3..10)?;
    let size = (u16::from_le_bytes([head[3], head[4]]), u16::from_le_bytes([head[5], head[6]]));
    (head[..3] == KEYFRAME_START_CODE).then_some(FrameHeader { keyframe: Some(size), len: 10 })
}

/// An Opus-shaped packet.
pub(super) fn sound(out: &mut Vec<u8>, stamp: &Stamp) {
    out.clear();
    out.push(OPUS_TOC);
    pattern::write(out, stamp, OPUS_CELLS);
}

/// Verifies what [`sound`] wrote.
pub(super) fn read_sound(payload: &[u8]) -> Option<Stamp> {
    let (toc, cells) = payload.split_first()?;
    (*toc == OPUS_TOC).then(|| pattern::verify(cells))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal::message::Source;

    #[test]
    fn a_keyframe_comes_first_and_when_asked_for_and_every_frame_verifies() {
        let author = Author { publisher: 1, source: Source::Camera, layer: 0 };
        let mut encoder = PictureEncoder::new(author, Layer::single(), &SourceSetup::camera(Vec::new()), 1);
        for number in 0..5 {
            if number == 3 {
                encoder.want_keyframe();
            }
            let packets = encoder.encode(Duration::from_millis(40 * u64::from(number)));
            let descriptor = 3;
            let frame: Vec<u8> = packets.iter().flat_map(|packet| packet[descriptor..].to_vec()).collect();
            let header = read_frame_header(&frame).expect("a header");
            assert_eq!(header.keyframe.is_some(), number == 0 || number == 3, "frame {number}");
            assert_eq!(pattern::verify(&frame[header.len..]).map(|stamp| stamp.frame), Some(number));
        }
    }
}
