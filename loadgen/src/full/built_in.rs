//! Media for those who have none recorded: packets that look like Opus and frames that look like VP8, at usual sizes. No decoder would
//! show them; all that counts packets and pictures takes them as they are.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use crate::recording::Piece;

/// Time in one packet of sound.
const SOUND: Duration = Duration::from_millis(20);
/// Opus table of contents: hybrid, full band, 20 ms, mono, one frame (RFC 6716 section 3.1).
const TOC: u8 = 0x78;
/// A packet of sound, bytes: 32 kbit/s.
const SOUND_SIZE: usize = 80;
/// Pictures a second, and bytes of one: 300 kbit/s.
const FPS: u64 = 25;
const PICTURE_SIZE: usize = 1_500;
/// So many times larger is a keyframe.
const KEYFRAME: usize = 4;
/// One comes after so many pictures even if nobody asks, as encoders do.
const KEYFRAME_EVERY: u32 = 250;

/// The `n`th packet of sound.
pub(super) fn sound(n: u32) -> Piece {
    let mut data = BytesMut::from(&[TOC][..]);
    fill(&mut data, SOUND_SIZE, n);
    Piece { data: data.freeze(), keyframe: true, lasts: SOUND }
}

/// A camera without a lens.
#[derive(Clone, Debug, Default)]
pub(super) struct Camera {
    frame: u32,
    since_keyframe: Option<u32>,
}

impl Camera {
    pub(super) fn want_keyframe(&mut self) {
        self.since_keyframe = None;
    }

    /// The next picture.
    pub(super) fn picture(&mut self) -> Piece {
        let keyframe = self.since_keyframe.is_none_or(|pictures| pictures >= KEYFRAME_EVERY);
        self.since_keyframe = Some(if keyframe { 1 } else { self.since_keyframe.map_or(1, |pictures| pictures + 1) });
        self.frame = self.frame.wrapping_add(1);
        let mut data = BytesMut::new();
        // RFC 6386 section 9.1: the frame's tag, and in keyframes start code and size, here 320 x 180.
        data.put_slice(&[0x10 | u8::from(!keyframe), 0, 0]);
        if keyframe {
            data.put_slice(&[0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00]);
        }
        fill(&mut data, if keyframe { KEYFRAME * PICTURE_SIZE } else { PICTURE_SIZE }, self.frame);
        Piece { data: Bytes::from(data), keyframe, lasts: Duration::from_micros(1_000_000 / FPS) }
    }
}

fn fill(buffer: &mut BytesMut, len: usize, n: u32) {
    while buffer.len() < len {
        buffer.put_u8((buffer.len() as u32).wrapping_mul(31).wrapping_add(n) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframes_come_first_when_asked_for_and_now_and_then() {
        let mut camera = Camera::default();
        let mut keyframes: Vec<usize> = Vec::new();
        for number in 0..600 {
            if number == 100 {
                camera.want_keyframe();
            }
            if camera.picture().keyframe {
                keyframes.push(number);
            }
        }
        assert_eq!(keyframes, [0, 100, 350]);
    }
}
