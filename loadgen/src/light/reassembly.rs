//! Puts RTP packets of a VP8 slot back into frames, in order, and decides when to give a gap up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtp::codec::vp8::Vp8Packet;
use rtp::packetizer::Depacketizer;

use super::encoder;

/// How long a gap may stop the picture before a keyframe beyond it is taken instead.
pub(super) const PATIENCE: Duration = Duration::from_millis(400);
/// Packets that may wait behind a gap; about 5 s of 1 Mbit/s. Beyond it the oldest go.
const MAX_WAITING: usize = 1_024;

/// A picture id with its field's width (RFC 7741 section 4.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct PictureId {
    id: u16,
    /// 15 bits instead of 7.
    wide: bool,
}

impl PictureId {
    /// Steps from `before` to here, modulo the narrower of the two fields.
    pub(super) fn since(self, before: Self) -> u16 {
        let mask = if self.wide && before.wide { 0x7fff } else { 0x7f };
        self.id.wrapping_sub(before.id) & mask
    }
}

/// One frame with the numbers it came under.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) timestamp: u32,
    pub(super) picture_id: Option<PictureId>,
    /// A keyframe began before the last packet came: the sender broke it off.
    pub(super) broken_off: bool,
    pub(super) bytes: Bytes,
}

#[derive(Debug)]
struct Part {
    timestamp: u32,
    marker: bool,
    starts_frame: bool,
    picture_id: Option<PictureId>,
    bytes: Bytes,
}

/// Packets in, frames out.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    parts: BTreeMap<u64, Part>,
    /// The sequence number the next frame must begin with; `None` until a keyframe began.
    next: Option<u64>,
    /// Since when the next part is missing although later ones are here.
    stuck_since: Option<Instant>,
}

impl Reassembly {
    /// Takes one packet. False when its payload is no VP8.
    pub(super) fn insert(&mut self, now: Instant, seq: u64, timestamp: u32, marker: bool, payload: &[u8]) -> bool {
        let mut descriptor = Vp8Packet::default();
        let Ok(bytes) = descriptor.depacketize(&Bytes::copy_from_slice(payload)) else { return false };
        if self.next.is_some_and(|next| seq < next) {
            return true;
        }
        let starts_frame = descriptor.s == 1 && descriptor.pid == 0;
        let wide = payload.get(2).is_some_and(|byte| byte & 0x80 != 0);
        let picture_id = (descriptor.i == 1).then_some(PictureId { id: descriptor.picture_id, wide });
        self.parts.insert(seq, Part { timestamp, marker, starts_frame, picture_id, bytes });
        while self.parts.len() > MAX_WAITING {
            self.parts.pop_first();
        }
        self.stuck_since.get_or_insert(now);
        true
    }

    /// The next whole frame in order, or, once patience is over, the next whole keyframe.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Frame> {
        let frame = match self.next {
            Some(next) => self.frame_at(next).or_else(|| self.late(now).then(|| self.first_keyframe())?),
            None => self.first_keyframe(),
        };
        if let Some(frame) = &frame {
            self.next = Some(frame.last_seq + 1);
            self.parts = self.parts.split_off(&(frame.last_seq + 1));
            self.stuck_since = None;
        }
        if self.parts.is_empty() {
            self.stuck_since = None;
        } else {
            self.stuck_since.get_or_insert(now);
        }
        frame
    }

    /// The decoder could not use what it got: only a keyframe helps.
    pub(super) fn restart(&mut self) {
        self.next = None;
    }

    /// Whether the picture stands still for longer than a retransmission takes.
    pub(super) fn late(&self, now: Instant) -> bool {
        self.stuck_since.is_some_and(|since| now.saturating_duration_since(since) >= PATIENCE)
    }

    /// When [`late`](Self::late) may become true.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.stuck_since.map(|since| since + PATIENCE)
    }

    /// Below this sequence number nothing is waited for any more.
    pub(super) fn next_seq(&self) -> Option<u64> {
        self.next
    }

    fn first_keyframe(&self) -> Option<Frame> {
        self.parts.iter().filter(|(_, part)| part.starts_frame).find_map(|(seq, part)| {
            encoder::read_frame_header(&part.bytes)?.keyframe?;
            self.frame_at(*seq)
        })
    }

    /// The frame that begins exactly here, when all of it is here.
    fn frame_at(&self, first_seq: u64) -> Option<Frame> {
        let first = self.parts.get(&first_seq)?;
        let mut bytes = BytesMut::new();
        for seq in first_seq.. {
            let part = self.parts.get(&seq)?;
            // A frame that ends without a marker is cut off here; the verifier of the content will see it.
            if part.timestamp != first.timestamp || (seq > first_seq && part.starts_frame) {
                let keyframe = part.starts_frame && encoder::read_frame_header(&part.bytes).is_some_and(|header| header.keyframe.is_some());
                return Some(Frame { broken_off: keyframe, ..whole(first_seq, seq - 1, first, bytes) });
            }
            bytes.extend_from_slice(&part.bytes);
            if part.marker {
                return Some(whole(first_seq, seq, first, bytes));
            }
        }
        None
    }
}

fn whole(first_seq: u64, last_seq: u64, first: &Part, bytes: BytesMut) -> Frame {
    let (timestamp, picture_id) = (first.timestamp, first.picture_id);
    Frame { first_seq, last_seq, timestamp, picture_id, broken_off: false, bytes: bytes.freeze() }
}
