//! A recording that goes round and round, and jumps to a keyframe when somebody needs one.

use std::sync::Arc;

use super::{Piece, Track};

/// Where in a recording somebody is.
#[derive(Clone, Debug)]
pub struct Reel {
    track: Arc<Track>,
    next: usize,
}

impl Reel {
    /// From its beginning.
    #[must_use]
    pub fn new(track: Arc<Track>) -> Self {
        Self { track, next: 0 }
    }

    /// The next piece; after the last comes the first, which is a keyframe.
    pub fn turn(&mut self) -> Piece {
        let pieces = self.track.pieces();
        let piece = pieces[self.next].clone();
        self.next = (self.next + 1) % pieces.len();
        piece
    }

    /// Jumps over what lies before the next keyframe: a recording cannot make one at will.
    pub fn skip_to_keyframe(&mut self) {
        let pieces = self.track.pieces();
        let ahead = (self.next..pieces.len()).find(|index| pieces[*index].keyframe);
        self.next = ahead.unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn reel(keyframes: &[usize], len: usize) -> Reel {
        let piece = |index| Piece {
            data: Bytes::copy_from_slice(&[index as u8]),
            keyframe: keyframes.contains(&index),
            lasts: Duration::from_millis(40),
        };
        Reel::new(Arc::new(Track::new((0..len).map(piece).collect()).expect("a track")))
    }

    #[test]
    fn it_goes_round_and_a_wish_for_a_keyframe_jumps_to_the_next_one() {
        let mut reel = reel(&[0, 4], 6);
        let numbers = |reel: &mut Reel, count| (0..count).map(|_| reel.turn().data[0]).collect::<Vec<_>>();
        assert_eq!(numbers(&mut reel, 8), [0, 1, 2, 3, 4, 5, 0, 1]);
        reel.skip_to_keyframe();
        assert_eq!(numbers(&mut reel, 2), [4, 5]);
        assert_eq!(numbers(&mut reel, 1), [0]);
        numbers(&mut reel, 4);
        reel.skip_to_keyframe();
        assert_eq!(numbers(&mut reel, 1), [0], "behind the last keyframe comes the first");
    }

    #[test]
    fn what_nobody_could_decode_is_no_track() {
        let piece = Piece { data: Bytes::new(), keyframe: false, lasts: Duration::from_millis(40) };
        assert!(Track::new(Vec::new()).is_err());
        assert!(Track::new(vec![piece.clone()]).is_err_and(|why| why.contains("keyframe")));
        assert!(Track::new(vec![Piece { keyframe: true, lasts: Duration::ZERO, ..piece }]).is_err());
    }
}
