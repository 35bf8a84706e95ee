//! The last packets of one publication layer, for retransmission to any of its viewers.

use wire::codec::Codec;
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
    entries: Vec<Entry>,
    arena: Vec<u8>,
    /// Bytes ever written; position modulo length is the place in the arena.
    written: u64,
    capacity: (usize, usize),
}

/// Header and payload of a packet lie next to each other in the arena.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// 0: empty. No packet has this number.
    ext_seq: u64,
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
}

const EMPTY: Entry = Entry {
    ext_seq: 0,
    begin: 0,
    abs_capture: None,
    picture_id: None,
    timestamp: 0,
    header: 0,
    payload: 0,
    in_pt: 0,
    codec: Codec::Opus,
    marker: false,
};

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
            self.entries.resize(self.capacity.0, EMPTY);
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
        if self.entries[index].ext_seq > packet.ext_seq {
            return;
        }
        self.entries[index] = Entry {
            ext_seq: packet.ext_seq,
            begin,
            abs_capture: packet.abs_capture,
            picture_id: packet.picture_id,
            timestamp: packet.timestamp,
            header: header_len,
            payload: payload_len,
            in_pt: packet.in_pt,
            codec: packet.codec,
            marker: packet.marker,
        };
    }

    /// The packet with this number, while neither its entry nor its bytes were reused. `exts` is the publisher's map.
    pub(crate) fn get(&self, ext_seq: u64, exts: &ExtMap) -> Option<Stored<'_>> {
        let entry = self.entries.get(ext_seq as usize & self.entries.len().checked_sub(1)?)?;
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
            picture_id: entry.picture_id,
        })
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
