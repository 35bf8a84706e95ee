//! Pictures out of IVF (VP8) and out of an Annex B byte stream (H.264).

use std::io::Cursor;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use rtc::media::io::h26x_reader::{H26xNAL, H26xReader, H264NAL, H264NalUnitType};
use rtc::media::io::ivf_reader::{IVF_FILE_HEADER_SIZE, IVF_FRAME_HEADER_SIZE, IVFReader};

use super::Piece;

/// Bytes that the reader of units takes at a time.
const CHUNK: usize = 64 << 10;
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The frames of an IVF file with VP8 in it.
pub(super) fn ivf(file: &[u8]) -> Result<Vec<Piece>, String> {
    let (mut reader, header) = IVFReader::new(Cursor::new(file)).map_err(|error| format!("no IVF file ({error})"))?;
    if &header.four_cc != b"VP80" {
        return Err(format!("it holds {}, expected VP80 (ffmpeg -c:v libvpx)", String::from_utf8_lossy(&header.four_cc)));
    }
    let (ticks, base) = (f64::from(header.timebase_numerator), f64::from(header.timebase_denominator));
    if ticks == 0.0 || base == 0.0 {
        return Err("its time base is 0".to_owned());
    }
    let mut frames: Vec<(u64, Bytes)> = Vec::new();
    let mut at = IVF_FILE_HEADER_SIZE;
    // The reader trusts a frame's length; a file that ends before it would be taken for zeros.
    while let Some(head) = file.get(at..at + IVF_FRAME_HEADER_SIZE) {
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        at += IVF_FRAME_HEADER_SIZE + len;
        if at > file.len() {
            return Err("it ends in the middle of a picture".to_owned());
        }
        let (data, head) = reader.parse_next_frame().map_err(|error| error.to_string())?;
        if let Some((before, _)) = frames.last().filter(|(before, _)| *before >= head.timestamp) {
            return Err(format!("its times go back from {before} to {}", head.timestamp));
        }
        // An encoder that drops a picture writes an empty one.
        if !data.is_empty() {
            frames.push((head.timestamp, data.freeze()));
        }
    }
    let mut lasts: Vec<Duration> =
        frames.windows(2).map(|pair| Duration::from_secs_f64((pair[1].0 - pair[0].0) as f64 * ticks / base)).collect();
    // What follows the last one is not in the file.
    lasts.push(lasts.last().copied().unwrap_or(Duration::from_millis(40)));
    // RFC 6386 section 9.1: the lowest bit of a frame is 0 in keyframes.
    Ok(frames.into_iter().zip(lasts).map(|((_, data), lasts)| Piece { keyframe: data[0] & 1 == 0, data, lasts }).collect())
}

/// The access units of an Annex B stream (H.264 section 7.4.1.2.3: a delimiter, a parameter set, or a first slice begins one).
pub(super) fn annex_b(file: &[u8], fps: u32) -> Vec<Piece> {
    let mut reader = H26xReader::new(Cursor::new(file), CHUNK, false);
    let mut units = Vec::new();
    let mut unit = Unit::default();
    while let Ok(H26xNAL::H264(nal)) = reader.next_nal() {
        if unit.pictured && begins_a_picture(&nal) {
            units.push(std::mem::take(&mut unit));
        }
        unit.add(&nal);
    }
    if unit.pictured {
        units.push(unit);
    }
    let lasts = Duration::from_secs_f64(1.0 / f64::from(fps.max(1)));
    units.into_iter().map(|unit| Piece { data: unit.data.freeze(), keyframe: unit.keyframe, lasts }).collect()
}

/// What is gathered of a picture.
#[derive(Default)]
struct Unit {
    data: BytesMut,
    keyframe: bool,
    /// A slice is in it.
    pictured: bool,
}

impl Unit {
    fn add(&mut self, nal: &H264NAL) {
        self.keyframe |= nal.unit_type == H264NalUnitType::CodedSliceIdr;
        self.pictured |= is_slice(nal);
        // Delimiters are not sent (RFC 6184 section 5.4 leaves it open; nobody needs them).
        if nal.unit_type != H264NalUnitType::AUD {
            self.data.put_slice(&START_CODE);
            self.data.put_slice(&nal.data);
        }
    }
}

fn is_slice(nal: &H264NAL) -> bool {
    matches!(nal.unit_type, H264NalUnitType::CodedSliceIdr | H264NalUnitType::CodedSliceNonIdr)
}

fn begins_a_picture(nal: &H264NAL) -> bool {
    // The first field of a slice is the number of its first macroblock; 0 is written as a single 1 bit.
    let first_slice = is_slice(nal) && nal.data.get(1).is_some_and(|byte| byte & 0x80 != 0);
    let head = matches!(nal.unit_type, H264NalUnitType::AUD | H264NalUnitType::SPS | H264NalUnitType::PPS | H264NalUnitType::SEI);
    first_slice || head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(frames: &[(u64, &[u8])]) -> Vec<u8> {
        let mut file =
            [&b"DKIF"[..], &[0, 0, 32, 0], b"VP80", &[64, 0, 36, 0], &30_u32.to_le_bytes(), &1_u32.to_le_bytes(), &[0; 8]].concat();
        for (at, frame) in frames {
            file.extend((frame.len() as u32).to_le_bytes());
            file.extend(at.to_le_bytes());
            file.extend(*frame);
        }
        file
    }

    #[test]
    fn frames_of_ivf_last_until_the_next_one() {
        let pieces = ivf(&file(&[(0, &[0x10, 1]), (1, &[0x11, 2]), (4, &[0x11, 3])])).expect("a file");
        let keyframes: Vec<bool> = pieces.iter().map(|piece| piece.keyframe).collect();
        assert_eq!(keyframes, [true, false, false]);
        let millis: Vec<u128> = pieces.iter().map(|piece| piece.lasts.as_millis()).collect();
        assert_eq!(millis, [33, 100, 100]);
        let whole = file(&[(0, &[0x10, 1]), (1, &[0x11, 2])]);
        assert!(ivf(&whole[..whole.len() - 1]).is_err_and(|why| why.contains("middle")));
        assert!(ivf(&file(&[(1, &[0x10]), (1, &[0x11])])).is_err_and(|why| why.contains("go back")));
        assert!(ivf(b"RIFF").is_err());
    }

    #[test]
    fn units_of_a_stream_are_gathered_to_pictures_whatever_slices_they_have() {
        // SPS, PPS, two slices of a keyframe; a delimiter and two slices of the next picture; a third picture without a delimiter.
        let units: [&[u8]; 8] = [
            &[0x67, 66],
            &[0x68, 1],
            &[0x65, 0x88, 7],
            &[0x65, 0x40, 7],
            &[0x09, 0xf0],
            &[0x41, 0x9a, 7],
            &[0x41, 0x40, 7],
            &[0x41, 0x9a, 8],
        ];
        let stream: Vec<u8> = units.iter().flat_map(|unit| [&START_CODE, *unit].concat()).collect();
        let pieces = annex_b(&stream, 25);
        let found: Vec<(bool, usize)> = pieces.iter().map(|piece| (piece.keyframe, piece.data.len())).collect();
        assert_eq!(found, [(true, 26), (false, 14), (false, 7)]);
        assert_eq!(pieces[0].lasts, Duration::from_millis(40));
        assert!(annex_b(&[1, 2, 3], 25).is_empty());
    }
}
