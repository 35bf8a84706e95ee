//! The last packets of one publication layer, for retransmission to any of its viewers.

use std::time::{Duration, Instant};

use wire::codec::{Codec, FrameInfo};
use wire::ext::{ExtMap, ExtValues};
use wire::ntp::Ntp;
use wire::rtp::RtpHeader;

use crate::{Inbound, MediaKind, Stored};

/// How long a packet is worth its memory: three round trips of over 600 ms, after which a picture is given up for a keyframe.
const HORIZON: Duration = Duration::from_secs(2);

/// And beyond the usual limits: half a second is the longest that a pacer holds a picture, and as long it may be missed then.
const SHORT_HORIZON: Duration = Duration::from_secs(1);

/// Usual bytes per publication of video, shared out among its layers: 1.4 s at 1.5 Mbit/s. What comes at a lower rate needs less.
const VIDEO_BYTES: usize = 256 * 1024;

/// Most, for a large picture that comes at once, and leaves for a slow viewer while others come: two of what a pacer holds at most.
const MOST_VIDEO_BYTES: usize = 1024 * 1024;

/// Most bytes per publication of audio: 2 s at 64 kbit/s.
const AUDIO_BYTES: usize = 16 * 1024;

/// Memory is taken a block at a time, bytes. A packet lies in one piece, so the end of a block is lost: a part of a packet in a dozen.
const VIDEO_BLOCK: usize = 16 * 1024;
const AUDIO_BLOCK: usize = 2 * 1024;

/// Usual packets per layer, and most; powers of two so that the index is a mask.
const VIDEO_ENTRIES: usize = 512;
const MOST_VIDEO_ENTRIES: usize = 1024;
const AUDIO_ENTRIES: usize = 128;

/// Packets per layer at first.
const FIRST_ENTRIES: usize = 32;

/// Entries by number over a ring of blocks of bytes. Both grow with the rate, until they hold what came within [`HORIZON`] or reach their
/// limits, and stay. Beyond the usual limits they grow for what came within [`SHORT_HORIZON`].
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// By `ext_seq` modulo length, so that late packets find their place.
    entries: Vec<Option<Entry>>,
    /// In the order they were taken; the ring is [`Block::next`].
    blocks: Vec<Block>,
    /// The one that is being written.
    current: usize,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    entries: Limit,
    blocks: Limit,
    /// Bytes in each.
    block: usize,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    usual: usize,
    most: usize,
}

impl Limit {
    /// How old something may be of which there are `len` and still be worth another; `None` if there are no more.
    fn horizon(&self, len: usize) -> Option<Duration> {
        (len < self.most).then_some(if len < self.usual { HORIZON } else { SHORT_HORIZON })
    }
}

#[derive(Clone, Debug)]
struct Block {
    bytes: Box<[u8]>,
    used: usize,
    /// Arrival of the last packet in it.
    newest: Instant,
    /// How often it was written from the beginning. Entries of earlier turns have lost their bytes.
    turn: u32,
    next: usize,
}

/// Header and payload of a packet lie next to each other in a block.
#[derive(Clone, Copy, Debug)]
struct Entry {
    ext_seq: u64,
    arrival: Instant,
    place: Place,
    abs_capture: Option<Ntp>,
    picture_id: Option<u16>,
    timestamp: u32,
    header: u16,
    payload: u16,
    in_pt: u8,
    codec: Codec,
    marker: bool,
    unread: bool,
    frame: FrameInfo,
}

/// Where a packet begins.
#[derive(Clone, Copy, Debug)]
struct Place {
    turn: u32,
    block: u16,
    at: u16,
}

impl Store {
    /// A store for layer `layer` of `layers`. Higher layers have the higher rate and get twice the memory of the one below.
    pub(crate) fn new(kind: MediaKind, layer: usize, layers: usize) -> Self {
        // One more, for one is always being written over.
        let limits = match kind {
            MediaKind::Audio => {
                let (entries, blocks) = (AUDIO_ENTRIES, AUDIO_BYTES / layers.max(1) / AUDIO_BLOCK + 1);
                let alike = |usual| Limit { usual, most: usual };
                Limits { entries: alike(entries), blocks: alike(blocks), block: AUDIO_BLOCK }
            }
            MediaKind::Video => {
                let blocks = |bytes: usize| (bytes << layer) / ((1 << layers.max(1)) - 1) / VIDEO_BLOCK + 1;
                let entries = Limit { usual: VIDEO_ENTRIES, most: MOST_VIDEO_ENTRIES };
                let blocks = Limit { usual: blocks(VIDEO_BYTES), most: blocks(MOST_VIDEO_BYTES) };
                Limits { entries, blocks, block: VIDEO_BLOCK }
            }
        };
        Self { entries: Vec::new(), blocks: Vec::new(), current: 0, limits }
    }

    /// Keeps a packet. `header` is its header as received, whose extension values are read again when it is resent.
    #[inline]
    pub(crate) fn insert(&mut self, packet: &Inbound<'_>, header: &[u8]) {
        let len = header.len() + packet.payload.len();
        let (Ok(header_len), Ok(payload_len)) = (u16::try_from(header.len()), u16::try_from(packet.payload.len())) else {
            return;
        };
        let Some(index) = self.index(packet.ext_seq, packet.arrival) else { return };
        let Some((place, bytes)) = self.reserve(len, packet.arrival) else { return };
        let (head, tail) = bytes.split_at_mut(header.len());
        head.copy_from_slice(header);
        tail.copy_from_slice(packet.payload);
        self.entries[index] = Some(Entry {
            ext_seq: packet.ext_seq,
            arrival: packet.arrival,
            place,
            abs_capture: packet.abs_capture,
            picture_id: packet.picture_id,
            timestamp: packet.timestamp,
            header: header_len,
            payload: payload_len,
            in_pt: packet.in_pt,
            codec: packet.codec,
            marker: packet.marker,
            unread: packet.unread,
            frame: packet.frame,
        });
    }

    /// The RTP timestamp of the packet with this number, while its entry was not reused.
    pub(crate) fn timestamp(&self, ext_seq: u64) -> Option<u32> {
        self.entry(ext_seq).map(|entry| entry.timestamp)
    }

    /// The packet with this number, while neither its entry nor its bytes were reused. `exts` is the publisher's map.
    pub(crate) fn get(&self, ext_seq: u64, exts: &ExtMap) -> Option<Stored<'_>> {
        let entry = self.entry(ext_seq)?;
        let block = self.blocks.get(usize::from(entry.place.block)).filter(|block| block.turn == entry.place.turn)?;
        let (at, header_len, payload_len) = (usize::from(entry.place.at), usize::from(entry.header), usize::from(entry.payload));
        let bytes = block.bytes.get(at..at + header_len + payload_len)?;
        let header = RtpHeader::parse(bytes).ok()?;
        Some(Stored {
            ext_seq,
            timestamp: entry.timestamp,
            marker: entry.marker,
            codec: entry.codec,
            in_pt: entry.in_pt,
            payload: &bytes[header_len..],
            exts: ExtValues::read(exts, &header, bytes),
            abs_capture: entry.abs_capture,
            arrival: entry.arrival,
            picture_id: entry.picture_id,
            unread: entry.unread,
            frame: entry.frame,
        })
    }

    /// Tries again to read what could not be read when it came.
    pub(crate) fn read_again(&mut self, exts: &ExtMap, read: impl Fn(u64, &ExtValues<'_>, &mut FrameInfo) -> bool) {
        for index in 0..self.entries.len() {
            let Some(Entry { ext_seq, mut frame, .. }) = self.entries[index].filter(|entry| entry.unread) else { continue };
            let is_read = self.get(ext_seq, exts).is_some_and(|stored| read(ext_seq, &stored.exts, &mut frame));
            if let Some(entry) = self.entries[index].as_mut().filter(|_| is_read) {
                (entry.frame, entry.unread) = (frame, false);
            }
        }
    }

    /// Forgets everything; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.entries.fill(None);
    }

    fn entry(&self, ext_seq: u64) -> Option<&Entry> {
        let entry = self.entries.get(ext_seq as usize & self.entries.len().checked_sub(1)?)?.as_ref()?;
        (entry.ext_seq == ext_seq).then_some(entry)
    }

    /// Where the entry of a packet goes. `None`: it is so late that a newer one is there, which is worth more.
    #[inline]
    fn index(&mut self, ext_seq: u64, now: Instant) -> Option<usize> {
        loop {
            let Some(mask) = self.entries.len().checked_sub(1) else {
                self.entries.resize(FIRST_ENTRIES, None);
                continue;
            };
            let index = ext_seq as usize & mask;
            let Some(there) = &self.entries[index] else { return Some(index) };
            let newer = there.ext_seq > ext_seq;
            let age = now.saturating_duration_since(there.arrival);
            let useful = self.limits.entries.horizon(self.entries.len()).is_some_and(|horizon| newer || age <= horizon);
            if !useful || there.ext_seq == ext_seq {
                return (!newer).then_some(index);
            }
            self.grow();
        }
    }

    /// Twice as many entries.
    #[cold]
    fn grow(&mut self) {
        let mut larger = vec![None; 2 * self.entries.len()];
        let mask = larger.len() - 1;
        for entry in self.entries.iter().flatten() {
            larger[entry.ext_seq as usize & mask] = Some(*entry);
        }
        self.entries = larger;
    }

    /// Takes `len` bytes in one piece. `None`: so large is no packet.
    #[inline]
    fn reserve(&mut self, len: usize, now: Instant) -> Option<(Place, &mut [u8])> {
        if len > self.limits.block {
            return None;
        }
        if self.blocks.get(self.current).is_none_or(|block| block.bytes.len() - block.used < len) {
            self.turn_over(now);
        }
        let block = self.blocks.get_mut(self.current)?;
        let at = block.used;
        (block.used, block.newest) = (at + len, now);
        let place = Place { turn: block.turn, block: self.current as u16, at: at as u16 };
        Some((place, &mut block.bytes[at..at + len]))
    }

    /// Goes on to the oldest block, or to a new one while what is in the oldest is of use.
    #[cold]
    fn turn_over(&mut self, now: Instant) {
        let oldest = self.blocks.get(self.current).map_or(0, |current| current.next);
        let age = self.blocks.get(oldest).map_or(Duration::ZERO, |block| now.saturating_duration_since(block.newest));
        if self.limits.blocks.horizon(self.blocks.len()).is_some_and(|horizon| age <= horizon) {
            let new = self.blocks.len();
            self.blocks.push(Block { bytes: vec![0; self.limits.block].into(), used: 0, newest: now, turn: 0, next: oldest });
            self.blocks[self.current].next = new;
            self.current = new;
        } else {
            self.current = oldest;
            let block = &mut self.blocks[oldest];
            (block.used, block.turn) = (0, block.turn.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::{
        AUDIO_BLOCK, AUDIO_BYTES, FIRST_ENTRIES, MOST_VIDEO_BYTES, MOST_VIDEO_ENTRIES, Store, VIDEO_BLOCK, VIDEO_BYTES, VIDEO_ENTRIES,
    };
    use crate::{Inbound, MediaKind};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};
    use wire::codec::{Codec, FrameInfo};
    use wire::ext::{Ext, ExtMap, ExtValues};
    use wire::ntp::Ntp;
    use wire::rtp::{RtpFields, RtpHeader, write_header};

    /// A packet whose payload tells its number, with an audio level of the same kind.
    fn insert(store: &mut Store, exts: &ExtMap, ext_seq: u64, len: usize, now: Instant) {
        let mut packet = vec![ext_seq as u8; 20 + len];
        let fields = RtpFields { marker: true, payload_type: 5, sequence: ext_seq as u16, timestamp: 9, ssrc: wire::ids::Ssrc(1) };
        write_header(&mut packet, &fields, &[(3, &[ext_seq as u8])]).unwrap();
        let header = RtpHeader::parse(&packet).unwrap();
        let inbound = Inbound {
            label: 0,
            publication: 0,
            layer: 0,
            generation: 1,
            ext_seq,
            timestamp: 9,
            marker: true,
            codec: Codec::H264,
            in_pt: 5,
            keyframe: false,
            frame: FrameInfo::default(),
            late: false,
            payload: &packet[20..],
            exts: ExtValues::read(exts, &header, &packet),
            arrival: now,
            captured: Ntp(0),
            abs_capture: None,
            audio_level: None,
            picture_id: Some(ext_seq as u16),
            vp8: None,
            vp9: None,
            dependency: None,
            behind: 0,
            unread: false,
        };
        store.insert(&inbound, &packet[..20]);
    }

    fn exts() -> ExtMap {
        let mut exts = ExtMap::new();
        exts.insert(3, Ext::AudioLevel).unwrap();
        exts
    }

    /// Bytes of packets that are held at most and now.
    fn memory(store: &Store) -> (usize, usize) {
        (store.limits.blocks.most * store.limits.block, store.blocks.iter().map(|block| block.bytes.len()).sum())
    }

    #[test]
    fn layers_share_the_memory_and_take_none_before_the_first_packet() {
        let total: usize = (0..3).map(|layer| memory(&Store::new(MediaKind::Video, layer, 3)).0).sum();
        assert!((MOST_VIDEO_BYTES..=MOST_VIDEO_BYTES + 3 * VIDEO_BLOCK).contains(&total), "{total}");
        let mut store = Store::new(MediaKind::Video, 2, 3);
        assert_eq!((memory(&store).1, store.entries.capacity(), store.get(1, &exts()).is_none()), (0, 0, true));
        insert(&mut store, &exts(), 70_000, 0, Instant::now());
        assert_eq!((memory(&store).1, store.entries.len()), (VIDEO_BLOCK, FIRST_ENTRIES));
        assert_eq!(store.get(70_000, &exts()).unwrap().payload, [0u8; 0]);
    }

    /// Whatever the rate, two seconds are kept, and not much more memory is taken than they need.
    #[test]
    fn grows_with_the_rate_and_not_with_time() {
        let (start, exts) = (Instant::now(), exts());
        for (kind, len, pause, most) in [
            (MediaKind::Video, 1150, 20, 9 * VIDEO_BLOCK),
            (MediaKind::Video, 1150, 100, 3 * VIDEO_BLOCK),
            (MediaKind::Audio, 80, 20, AUDIO_BYTES),
            (MediaKind::Audio, 10, 400, 2 * AUDIO_BLOCK),
        ] {
            let mut store = Store::new(kind, 0, 1);
            let kept = 2000 / pause;
            for nth in 0..5_000 {
                let now = start + Duration::from_millis(nth * pause);
                insert(&mut store, &exts, 70_000 + nth, len, now);
                assert!(nth < kept || store.get(70_000 + nth - kept, &exts).is_some(), "{kind:?} {nth}");
            }
            assert!(memory(&store).1 <= most, "{kind:?} each {pause} ms: {}", memory(&store).1);
            assert!(store.entries.len() <= (kept as usize + 1).next_power_of_two().max(FIRST_ENTRIES), "{}", store.entries.len());
        }
    }

    /// A large picture that comes at once is kept whole, and stays for as long as it may leave slowly and then be missed.
    #[test]
    fn a_large_picture_is_kept_until_it_has_left() {
        for packets in [200, 300] {
            let (start, exts) = (Instant::now(), exts());
            let mut store = Store::new(MediaKind::Video, 1, 2);
            (70_000..70_000 + packets).for_each(|ext_seq| insert(&mut store, &exts, ext_seq, 1150, start));
            // The pictures behind it, of 2.5 Mbit/s.
            for nth in 0..270 {
                insert(&mut store, &exts, 70_000 + packets + nth, 1150, start + Duration::from_micros(nth * 3_700));
            }
            let kept = (70_000..70_270 + packets).filter(|&ext_seq| store.get(ext_seq, &exts).is_some()).count() as u64;
            assert_eq!(kept, packets + 270);
        }
    }

    /// What comes steadily costs no more than is usual, however much there is room for.
    #[test]
    fn a_steady_stream_stays_within_the_usual_memory() {
        let (start, exts) = (Instant::now(), exts());
        let mut store = Store::new(MediaKind::Video, 0, 1);
        // 1.8 Mbit/s, in 30 pictures a second.
        for nth in 0..200 * 20 {
            insert(&mut store, &exts, 70_000 + nth, 1150, start + Duration::from_millis(nth / 6 * 33));
        }
        assert!(memory(&store).1 <= VIDEO_BYTES + VIDEO_BLOCK && store.entries.len() <= VIDEO_ENTRIES, "{:?}", memory(&store));
    }

    #[test]
    fn a_late_packet_does_not_push_a_newer_one_out() {
        let mut store = Store::new(MediaKind::Video, 0, 1);
        let newer = 70_000 + MOST_VIDEO_ENTRIES as u64;
        insert(&mut store, &exts(), newer, 10, Instant::now());
        insert(&mut store, &exts(), 70_000, 10, Instant::now());
        assert!(store.get(newer, &exts()).is_some() && store.get(70_000, &exts()).is_none());
    }

    /// Where there is little room because little came, a packet that was lost and came late is still kept beside all newer ones.
    #[test]
    fn a_late_packet_finds_a_place() {
        let (mut store, now) = (Store::new(MediaKind::Video, 0, 1), Instant::now());
        (70_001..70_100).for_each(|ext_seq| insert(&mut store, &exts(), ext_seq, 10, now));
        insert(&mut store, &exts(), 70_000, 10, now);
        assert!((70_000..70_100).all(|ext_seq| store.get(ext_seq, &exts()).is_some()));
    }

    proptest! {
        /// What is found is what was put in, and the last 200 packets of at most 1,200 bytes are always found.
        #[test]
        fn found_as_put_in(lens in proptest::collection::vec(0usize..1200, 1..2000), audio: bool) {
            let kind = if audio { MediaKind::Audio } else { MediaKind::Video };
            let (mut store, exts, now) = (Store::new(kind, 0, 1), exts(), Instant::now());
            for (ext_seq, &len) in (65_536..).zip(&lens) {
                insert(&mut store, &exts, ext_seq, len, now);
            }
            let end = 65_536 + lens.len() as u64;
            for (ext_seq, &len) in (65_536..).zip(&lens) {
                let Some(stored) = store.get(ext_seq, &exts) else {
                    let kept = if audio { 12 } else { 200 };
                    prop_assert!(end - ext_seq > kept, "{}", end - ext_seq);
                    continue;
                };
                prop_assert_eq!((stored.ext_seq, stored.payload), (ext_seq, &vec![ext_seq as u8; len][..]));
                prop_assert_eq!(stored.exts.get(Ext::AudioLevel), Some(&[ext_seq as u8][..]));
            }
            prop_assert!(store.get(end, &exts).is_none() && store.get(65_535, &exts).is_none());
        }
    }
}
