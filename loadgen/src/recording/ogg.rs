//! Opus packets out of an Ogg file (RFC 3533, RFC 7845): pages are taken apart by their lacing, as most writers put many packets on one.

use std::time::Duration;

use bytes::Bytes;

use super::Piece;

/// A page's header without its lacing, bytes.
const HEADER: usize = 27;
/// A lacing value of this says that the packet goes on.
const GOES_ON: u8 = 255;
/// The longest sound in one packet (RFC 6716 section 3.2.5), µs.
const LONGEST: u64 = 120_000;

/// The sounds of the first stream in the file.
pub(super) fn opus(file: &[u8]) -> Result<Vec<Piece>, String> {
    let mut packets = packets(file)?.into_iter();
    if !packets.next().is_some_and(|head| head.starts_with(b"OpusHead")) {
        return Err("no Opus in it, expected Ogg with Opus (ffmpeg -c:a libopus)".to_owned());
    }
    // The second one holds tags.
    let sounds = packets.skip(1).filter(|packet| !packet.is_empty());
    sounds
        .map(|packet| {
            let lasts = span(&packet).ok_or("a packet in it is no Opus")?;
            Ok(Piece { data: Bytes::from(packet), keyframe: true, lasts })
        })
        .collect()
}

/// All whole packets of the first stream.
fn packets(file: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let (mut packets, mut open, mut first) = (Vec::new(), Vec::new(), None);
    let mut rest = file;
    while !rest.is_empty() {
        let (head, behind) = rest.split_at_checked(HEADER).ok_or("it ends in the middle of a page")?;
        if !head.starts_with(b"OggS") {
            return Err("no Ogg file, or a damaged one".to_owned());
        }
        let (lacing, body) = behind.split_at_checked(usize::from(head[26])).ok_or("it ends in the middle of a page")?;
        let len: usize = lacing.iter().map(|value| usize::from(*value)).sum();
        let (mut body, next) = body.split_at_checked(len).ok_or("it ends in the middle of a page")?;
        rest = next;
        if *first.get_or_insert(&head[14..18]) != &head[14..18] {
            continue;
        }
        for value in lacing {
            let (part, behind) = body.split_at(usize::from(*value));
            body = behind;
            open.extend_from_slice(part);
            if *value < GOES_ON {
                packets.push(std::mem::take(&mut open));
            }
        }
    }
    Ok(packets)
}

/// How much sound a packet holds (RFC 6716 section 3.1).
fn span(packet: &[u8]) -> Option<Duration> {
    let toc = packet.first()?;
    let frame: u64 = match toc >> 3 {
        config @ 0..=11 => [10_000, 20_000, 40_000, 60_000][usize::from(config % 4)],
        config @ 12..=15 => [10_000, 20_000][usize::from(config % 2)],
        config => [2_500, 5_000, 10_000, 20_000][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1)? & 0x3f),
    };
    Some(frame * frames).filter(|micros| (1..=LONGEST).contains(micros)).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of this stream with these packets; the last one may go on.
    fn page(stream: u8, packets: &[&[u8]], goes_on: bool) -> Vec<u8> {
        let mut lacing = Vec::new();
        for (index, packet) in packets.iter().enumerate() {
            lacing.extend(std::iter::repeat_n(GOES_ON, packet.len() / 255));
            if !(goes_on && index + 1 == packets.len()) {
                lacing.push((packet.len() % 255) as u8);
            }
        }
        let mut page = b"OggS".to_vec();
        page.resize(14, 0);
        page.extend([stream, 0, 0, 0]);
        page.resize(26, 0);
        page.push(lacing.len() as u8);
        [page, lacing, packets.concat()].concat()
    }

    #[test]
    fn packets_are_found_many_on_a_page_and_one_over_two_pages() {
        let long = [0x78; 600];
        let file = [
            page(1, &[b"OpusHead"], false),
            page(1, &[b"OpusTags"], false),
            page(2, &[b"another stream"], false),
            page(1, &[&[0x78, 1], &[0x79, 2], &[0x7b, 3, 3], &long[..510]], true),
            page(1, &[&long[..90]], false),
        ]
        .concat();
        let pieces = opus(&file).expect("a file");
        let found: Vec<(usize, u128)> = pieces.iter().map(|piece| (piece.data.len(), piece.lasts.as_millis())).collect();
        assert_eq!(found, [(2, 20), (2, 40), (3, 60), (600, 20)]);
        assert!(opus(&file[..file.len() - 1]).is_err_and(|why| why.contains("middle")));
        assert!(opus(&page(1, &[b"vorbis"], false)).is_err_and(|why| why.contains("libopus")));
    }
}
