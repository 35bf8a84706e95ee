//! The last packets of one publication layer, for retransmission to any of its viewers.

use std::time::Instant;

use wire::codec::{Codec, FrameInfo};
use wire::ext::{ExtMap, ExtValues};
use wire::ntp::Ntp;
use wire::rtp::RtpHeader;

use crate::{Inbound, MediaKind, Stored};

/// Bytes per publication of video, shared out among its layers: 1.4 s at 1.5 Mbit/s.
const VIDEO_BYTES: usize = 256 * 1024;

/// Bytes per publication of audio: 2 s at 64 kbit/s.
const AUDIO_BYTES: usize = 16 * 1024;

/// Packets per layer; a power of two so that the index is a mask.
const VIDEO_ENTRIES: usize = 512;
const AUDIO_ENTRIES: usize = 128;

/// A ring of entries over a circular byte arena. The memory is taken with the first packet, all at once.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// By `ext_seq` modulo length, so that late packets find their place.
    entries: Vec<Option<Entry>>,
    arena: Vec<u8>,
    /// Bytes ever written; position modulo length is the place in the arena.
    written: u64,
    capacity: (usize, usize),
}

/// Header and payload of a packet lie next to each other in the arena.
#[derive(Clone, Copy, Debug)]
struct Entry {
    ext_seq: u64,
    arrival: Instant,
    /// `written` where the packet begins.
    begin: u64,
    abs_capture: Option<Ntp>,
    picture_id: Option<u16>,
    timestamp: u32,
    header: u16,
    payload: u16,
    in_pt: u8,
    codec: Codec,
    marker: bool,
    frame: FrameInfo,
}

impl Store {
    /// A store for layer `layer` of `layers`. Higher layers have the higher rate and get twice the memory of the one below.
    pub(crate) fn new(kind: MediaKind, layer: usize, layers: usize) -> Self {
        let capacity = match kind {
            MediaKind::Audio => (AUDIO_ENTRIES, AUDIO_BYTES / layers.max(1)),
            MediaKind::Video => (VIDEO_ENTRIES, (VIDEO_BYTES << layer) / ((1 << layers.max(1)) - 1)),
        };
        Self { entries: Vec::new(), arena: Vec::new(), written: 0, capacity }
    }

    /// Keeps a packet. `header` is its header as received, whose extension values are read again when it is resent.
    #[inline]
    pub(crate) fn insert(&mut self, packet: &Inbound<'_>, header: &[u8]) {
        if self.entries.is_empty() {
            self.entries.resize(self.capacity.0, None);
            self.arena.resize(self.capacity.1, 0);
        }
        let len = header.len() + packet.payload.len();
        let (Ok(header_len), Ok(payload_len)) = (u16::try_from(header.len()), u16::try_from(packet.payload.len())) else {
            return;
        };
        let Some(begin) = self.reserve(len) else { return };
        let at = (begin % self.arena.len() as u64) as usize;
        let (head, tail) = self.arena[at..at + len].split_at_mut(header.len());
        head.copy_from_slice(header);
        tail.copy_from_slice(packet.payload);
        let index = packet.ext_seq as usize & (self.entries.len() - 1);
        // A packet so late that its place belongs to a newer one is not worth more than that one.
        if self.entries[index].is_some_and(|newer| newer.ext_seq > packet.ext_seq) {
            return;
        }
        self.entries[index] = Some(Entry {
            ext_seq: packet.ext_seq,
            arrival: packet.arrival,
            begin,
            abs_capture: packet.abs_capture,
            picture_id: packet.picture_id,
            timestamp: packet.timestamp,
            header: header_len,
            payload: payload_len,
            in_pt: packet.in_pt,
            codec: packet.codec,
            marker: packet.marker,
            frame: packet.frame,
        });
    }

    /// The RTP timestamp of the packet with this number, while its entry was not reused.
    pub(crate) fn timestamp(&self, ext_seq: u64) -> Option<u32> {
        let entry = self.entries.get(ext_seq as usize & self.entries.len().checked_sub(1)?)?.as_ref()?;
        (entry.ext_seq == ext_seq).then_some(entry.timestamp)
    }

    /// The packet with this number, while neither its entry nor its bytes were reused. `exts` is the publisher's map.
    pub(crate) fn get(&self, ext_seq: u64, exts: &ExtMap) -> Option<Stored<'_>> {
        let entry = self.entries.get(ext_seq as usize & self.entries.len().checked_sub(1)?)?.as_ref()?;
        if entry.ext_seq != ext_seq || self.written - entry.begin > self.arena.len() as u64 {
            return None;
        }
        let at = (entry.begin % self.arena.len() as u64) as usize;
        let (header_len, payload_len) = (usize::from(entry.header), usize::from(entry.payload));
        let bytes = self.arena.get(at..at + header_len + payload_len)?;
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
            frame: entry.frame,
        })
    }

    /// Forgets everything; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.entries.fill(None);
    }

    /// Takes `len` bytes in one piece: what does not fit before the end of the arena goes to its beginning.
    fn reserve(&mut self, len: usize) -> Option<u64> {
        let size = self.arena.len();
        if len > size {
            return None;
        }
        let at = (self.written % size as u64) as usize;
        if at + len > size {
            self.written += (size - at) as u64;
        }
        let begin = self.written;
        self.written += len as u64;
        Some(begin)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::{Store, VIDEO_BYTES, VIDEO_ENTRIES};
    use crate::{Inbound, MediaKind};
    use proptest::prelude::*;
    use std::time::Instant;
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
        };
        store.insert(&inbound, &packet[..20]);
    }

    fn exts() -> ExtMap {
        let mut exts = ExtMap::new();
        exts.insert(3, Ext::AudioLevel).unwrap();
        exts
    }

    #[test]
    fn layers_share_the_memory_and_take_it_with_the_first_packet() {
        let total: usize = (0..3).map(|layer| Store::new(MediaKind::Video, layer, 3).capacity.1).sum();
        assert!(total <= VIDEO_BYTES && total > VIDEO_BYTES - 8, "{total}");
        let mut store = Store::new(MediaKind::Video, 2, 3);
        assert_eq!((store.arena.capacity(), store.get(1, &exts()).is_none()), (0, true));
        insert(&mut store, &exts(), 70_000, 0, Instant::now());
        assert!(store.arena.len() > VIDEO_BYTES / 2);
        assert_eq!(store.get(70_000, &exts()).unwrap().payload, [0u8; 0]);
    }

    #[test]
    fn a_late_packet_does_not_push_a_newer_one_out() {
        let mut store = Store::new(MediaKind::Video, 0, 1);
        let newer = 70_000 + VIDEO_ENTRIES as u64;
        insert(&mut store, &exts(), newer, 10, Instant::now());
        insert(&mut store, &exts(), 70_000, 10, Instant::now());
        assert!(store.get(newer, &exts()).is_some() && store.get(70_000, &exts()).is_none());
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
