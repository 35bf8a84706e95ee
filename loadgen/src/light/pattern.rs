//! The pattern that fills every payload: whose media it is, which frame, and a checksum, readable from a fragment.
//!
//! ```text
//!  0        4           8        9       10      12       16                  24      26      28         32
//!  +--------+-----------+--------+-------+-------+--------+-------------------+-------+-------+----------+
//!  | magic  | publisher | source | layer | index | frame  | captured, µs      | cells | needs | checksum |
//!  +--------+-----------+--------+-------+-------+--------+-------------------+-------+-------+----------+
//! ```
//! The high half of the source's byte is the temporal layer; its fourth bit says that the frame rests on the spatial layer below.
//!
//! A payload is a row of such cells, so each window of two cells' length holds a whole one: a single packet out of the
//! middle of a frame still says who made it, and a whole frame is verified byte by byte.

use std::time::Duration;

use signal::message::Source;

/// Length of one cell, bytes.
pub const CELL: usize = 32;
const MAGIC: [u8; 4] = [0xc3, 0x5a, 0x96, 0x0f];
const SOURCE: u8 = 0x07;
const BELOW: u8 = 0x08;

/// Whose media a payload is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Author {
    /// Number of the client that made it, chosen by the test or the load plan.
    pub publisher: u32,
    /// Which of its sources.
    pub source: Source,
    /// Simulcast or spatial layer, 0 is the lowest.
    pub layer: u8,
}

/// What a cell says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Who made it.
    pub author: Author,
    /// Frame number of this layer, counted from 0 (audio: packet number).
    pub frame: u32,
    /// Capture time since the publisher's own start, exact to the microsecond.
    pub captured: Duration,
    /// Temporal layer, 0 to 15.
    pub temporal: u8,
    /// So many frames back are those that this one refers to; 0: none. With two zeros it stands alone.
    pub needs: [u8; 2],
    /// It refers to the next lower layer of the same number as well.
    pub below: bool,
}

impl Stamp {
    /// One that refers to nothing: a sound, or a keyframe.
    #[must_use]
    pub const fn alone(author: Author, frame: u32, captured: Duration) -> Self {
        Self { author, frame, captured, temporal: 0, needs: [0; 2], below: false }
    }
}

/// Appends `cells` cells to `out`.
pub fn write(out: &mut Vec<u8>, stamp: &Stamp, cells: u16) {
    for index in 0..cells {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&stamp.author.publisher.to_be_bytes());
        out.push(source_number(stamp.author.source) | if stamp.below { BELOW } else { 0 } | stamp.temporal << 4);
        out.push(stamp.author.layer);
        out.extend_from_slice(&index.to_be_bytes());
        out.extend_from_slice(&stamp.frame.to_be_bytes());
        out.extend_from_slice(&(stamp.captured.as_micros() as u64).to_be_bytes());
        out.extend_from_slice(&cells.to_be_bytes());
        out.extend_from_slice(&stamp.needs);
        let sum = checksum(&out[start..]);
        out.extend_from_slice(&sum.to_be_bytes());
    }
}

/// Reads the first whole cell in a fragment, wherever the fragment was cut. `None` when it holds none.
#[must_use]
pub fn find(fragment: &[u8]) -> Option<Stamp> {
    let last = fragment.len().checked_sub(CELL)?.min(CELL - 1);
    (0..=last).find_map(|offset| read_cell(&fragment[offset..offset + CELL])).map(|(stamp, _, _)| stamp)
}

/// Verifies a whole payload: complete, in order, nothing foreign in it.
#[must_use]
pub fn verify(payload: &[u8]) -> Option<Stamp> {
    let (first, _, cells) = read_cell(payload.get(..CELL)?)?;
    if payload.len() != usize::from(cells) * CELL {
        return None;
    }
    let whole = payload
        .chunks_exact(CELL)
        .enumerate()
        .all(|(index, cell)| read_cell(cell).is_some_and(|(stamp, at, _)| stamp == first && usize::from(at) == index));
    whole.then_some(first)
}

/// Whether nothing in a payload is of this pattern, damaged or not: media of somebody who does not make it.
#[must_use]
pub fn is_foreign(payload: &[u8]) -> bool {
    !payload.windows(MAGIC.len()).any(|window| window == MAGIC)
}

/// What it says, its index and the number of cells.
fn read_cell(cell: &[u8]) -> Option<(Stamp, u16, u16)> {
    if cell.len() != CELL || cell[..4] != MAGIC || be32(&cell[28..]) != checksum(&cell[..28]) {
        return None;
    }
    let mut captured = [0; 8];
    captured.copy_from_slice(&cell[16..24]);
    let author = Author { publisher: be32(&cell[4..]), source: source_from(cell[8] & SOURCE)?, layer: cell[9] };
    let stamp = Stamp {
        author,
        frame: be32(&cell[12..]),
        captured: Duration::from_micros(u64::from_be_bytes(captured)),
        temporal: cell[8] >> 4,
        needs: [cell[26], cell[27]],
        below: cell[8] & BELOW != 0,
    };
    Some((stamp, u16::from_be_bytes([cell[10], cell[11]]), u16::from_be_bytes([cell[24], cell[25]])))
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// FNV-1a, 32 bit: finds damage and mixing, needs no tables.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

const SOURCES: [Source; 4] = [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];

fn source_number(source: Source) -> u8 {
    SOURCES.iter().position(|known| *known == source).unwrap_or_default() as u8
}

fn source_from(number: u8) -> Option<Source> {
    SOURCES.get(usize::from(number)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        let author = Author { publisher: 7, source: Source::Screen, layer: 2 };
        Stamp { temporal: 2, needs: [1, 3], below: true, ..Stamp::alone(author, 41, Duration::from_micros(1_234_567)) }
    }

    #[test]
    fn a_whole_payload_verifies_and_any_damaged_byte_is_seen() {
        let mut payload = Vec::new();
        write(&mut payload, &stamp(), 5);
        assert_eq!(verify(&payload), Some(stamp()));
        for index in 0..payload.len() {
            payload[index] ^= 1;
            assert_eq!(verify(&payload), None, "byte {index}");
            payload[index] ^= 1;
        }
        assert_eq!(verify(&payload[..4 * CELL]), None, "a missing end is seen");
    }

    #[test]
    fn what_is_damaged_is_not_foreign() {
        let mut payload = Vec::new();
        write(&mut payload, &stamp(), 2);
        for index in 0..payload.len() {
            payload[index] ^= 1;
            assert!(!is_foreign(&payload), "byte {index}");
            payload[index] ^= 1;
        }
        assert!(is_foreign(&[7; 200]) && is_foreign(&[]));
    }

    #[test]
    fn every_window_of_two_cells_names_its_author() {
        let mut payload = Vec::new();
        write(&mut payload, &stamp(), 6);
        for start in 0..=payload.len() - 2 * CELL {
            assert_eq!(find(&payload[start..start + 2 * CELL]), Some(stamp()), "from byte {start}");
        }
        assert_eq!(find(&[0; 200]), None);
    }
}
