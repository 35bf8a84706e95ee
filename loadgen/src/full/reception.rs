//! One stream as its receiver sees it: numbers, pictures put together and judged as a decoder would, freezes, wishes for keyframes. Time
//! is passed in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtp::Header;
use rtp::codec::h264::H264Packet;
use rtp::codec::vp8::Vp8Packet;
use rtp::packetizer::Depacketizer;

use super::figures::{Kind, Received};
use crate::recording::Codec;

/// A picture that stands still for longer is a freeze.
const FREEZE: Duration = Duration::from_millis(200);
/// How long a missing packet is waited for once a later one is here; retransmission takes a round trip.
const PATIENCE: Duration = Duration::from_millis(150);
/// How long a stream may begin without a keyframe before one is asked for.
const BEGINNING: Duration = Duration::from_millis(200);
/// Time between two requests for a keyframe.
const RETRY: Duration = Duration::from_millis(300);
/// A freeze is taken back when it turns out this late that somebody else came into the slot.
const HINDSIGHT: Duration = Duration::from_millis(500);
/// Numbers remembered to tell what comes twice, and packets that wait for others: 10 s of 1 Mbit/s.
const MEMORY: u64 = 1_024;
/// A number so far from all others begins the stream anew.
const JUMP: u64 = 10_000;

/// One stream.
#[derive(Debug)]
pub(super) struct Reception {
    kind: Kind,
    window: Range<Instant>,
    highest: Option<u64>,
    seen: BTreeSet<u64>,
    parts: BTreeMap<u64, Part>,
    /// The first number that no picture was made of yet.
    next: Option<u64>,
    chain: Chain,
    ask_at: Option<Instant>,
    last_picture: Option<Instant>,
    last_freeze: Option<(Instant, Duration)>,
    /// When the first packet and the first picture came.
    pub(super) first: [Option<Instant>; 2],
    pub(super) received: Received,
}

#[derive(Debug)]
struct Part {
    at: Instant,
    timestamp: u32,
    ends: bool,
    head: Head,
}

/// What the depacketiser says of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Head {
    /// A number without content.
    empty: bool,
    begins: bool,
    keyframe: bool,
    /// TL0PICIDX, temporal layer, layer sync.
    layer: Option<(u8, u8, bool)>,
}

impl Reception {
    /// Counts what comes within the window.
    pub(super) fn new(now: Instant, kind: Kind, window: Range<Instant>) -> Self {
        Self {
            kind,
            window,
            highest: None,
            seen: BTreeSet::new(),
            parts: BTreeMap::new(),
            next: None,
            chain: Chain::default(),
            ask_at: (kind == Kind::Video).then_some(now + BEGINNING),
            last_picture: None,
            last_freeze: None,
            first: [None; 2],
            received: Received::default(),
        }
    }

    /// A packet came; pictures are of this codec.
    pub(super) fn packet(&mut self, now: Instant, header: &Header, payload: &Bytes, codec: Codec) {
        let Some(number) = self.number(header.sequence_number) else { return };
        self.first[0].get_or_insert(now);
        let counts = self.window.contains(&now);
        if let Some(before) = self.highest.filter(|_| counts) {
            self.received.expected += number.saturating_sub(before);
        }
        self.received.expected += u64::from(counts && self.highest.is_none());
        self.received.packets += u64::from(counts);
        self.highest = self.highest.max(Some(number));
        if self.kind == Kind::Audio || self.next.is_some_and(|next| number < next) {
            return;
        }
        let Some(head) = read(codec, payload) else { return };
        self.parts.insert(number, Part { at: now, timestamp: header.timestamp, ends: header.marker, head });
        if self.parts.len() as u64 > MEMORY {
            self.parts.pop_first();
        }
        self.advance(now);
    }

    /// The whole number of a packet that has not come before.
    fn number(&mut self, sequence: u16) -> Option<u64> {
        // From the second turn on, so that a packet overtaken by the first one has a number as well.
        let highest = self.highest.unwrap_or(u64::from(sequence) + (1 << 16));
        let number = highest.wrapping_add_signed(i64::from(sequence.wrapping_sub(highest as u16).cast_signed()));
        if number.abs_diff(highest) > JUMP {
            (self.highest, self.next, self.last_picture) = (None, None, None);
            (self.seen, self.parts) = (BTreeSet::new(), BTreeMap::new());
            self.chain.gap();
            return self.number(sequence);
        }
        self.seen = self.seen.split_off(&highest.saturating_sub(MEMORY));
        self.seen.insert(number).then_some(number)
    }

    /// Makes all pictures that can be made by now.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(step) = self.step(now) {
            match step {
                Step::Picture(end) => {
                    let head = self.parts.get(&end.0).map(|part| part.head).unwrap_or_default();
                    self.picture(now, head);
                    self.forget(end.1 + 1);
                }
                Step::Drop(next) => {
                    self.received.incomplete += u64::from(self.window.contains(&now));
                    self.chain.gap();
                    self.forget(next);
                }
                Step::Empty(next) => self.forget(next),
            }
        }
    }

    /// What can be done with the first packets that wait.
    fn step(&self, now: Instant) -> Option<Step> {
        let Some(next) = self.next else {
            // Whatever came before the first beginning of a picture belongs to one that began earlier.
            return self.parts.iter().find(|(_, part)| part.head.begins).map(|(number, _)| Step::Empty(*number));
        };
        let (first, part) = self.parts.first_key_value()?;
        if *first == next && part.head.empty {
            return Some(Step::Empty(next + 1));
        }
        let waited = |part: &Part| now.saturating_duration_since(part.at) >= PATIENCE;
        if *first != next {
            return waited(part).then_some(Step::Drop(*first));
        }
        if !part.head.begins {
            // The rest of a picture whose beginning was given up.
            return Some(Step::Empty(next + 1));
        }
        for number in next.. {
            match self.parts.get(&number) {
                Some(other) if !other.head.empty && other.timestamp != part.timestamp => {
                    // Broken off by its sender: another picture begins without a number missing.
                    return Some(Step::Drop(number));
                }
                Some(other) if other.ends && !other.head.empty => return Some(Step::Picture((next, number))),
                Some(_) => {}
                None => {
                    let (beyond, later) = self.parts.range(number..).next()?;
                    return waited(later).then_some(Step::Drop(*beyond));
                }
            }
        }
        None
    }

    fn forget(&mut self, next: u64) {
        self.next = Some(next);
        self.parts = self.parts.split_off(&next);
    }

    /// A whole picture.
    fn picture(&mut self, now: Instant, head: Head) {
        let counts = self.window.contains(&now);
        match self.chain.take(head) {
            Judged::Decoded => {
                self.ask_at = None;
                self.first[1].get_or_insert(now);
                self.received.pictures += u64::from(counts);
                if let Some(last) = self.last_picture.replace(now) {
                    self.note_freeze(now, now.saturating_duration_since(last));
                }
            }
            Judged::Skipped => self.received.incomplete += u64::from(counts),
            Judged::Broken => {
                self.received.incomplete += u64::from(counts);
                self.ask_at.get_or_insert(now);
            }
        }
    }

    fn note_freeze(&mut self, now: Instant, stood: Duration) {
        if stood > FREEZE && self.window.contains(&now) {
            self.received.freezes += 1;
            self.received.frozen += stood;
            self.last_freeze = Some((now, stood));
        }
    }

    /// Somebody else is in the slot, or nobody: the time until the next picture is no freeze, nor was the one just noted.
    pub(super) fn expect_nothing(&mut self, now: Instant) {
        self.last_picture = None;
        if let Some((at, stood)) = self.last_freeze.take()
            && now.saturating_duration_since(at) < HINDSIGHT
        {
            self.received.freezes = self.received.freezes.saturating_sub(1);
            self.received.frozen = self.received.frozen.saturating_sub(stood);
        }
    }

    /// The window ends: a picture that stands still now has done so until here.
    pub(super) fn end(&mut self, now: Instant) {
        if let Some(last) = self.last_picture.take() {
            let end = self.window.end.min(now);
            let stood = end.saturating_duration_since(last);
            if stood > FREEZE {
                self.received.freezes += 1;
                self.received.frozen += stood;
            }
        }
    }

    /// Whether a keyframe should be asked for now.
    pub(super) fn wants_keyframe(&mut self, now: Instant) -> bool {
        let wants = self.ask_at.is_some_and(|at| at <= now);
        if wants {
            self.ask_at = Some(now + RETRY);
        }
        wants
    }
}

/// What [`Reception::step`] found.
enum Step {
    /// Whole: its first and its last number.
    Picture((u64, u64)),
    /// Given up, and everything before this number.
    Drop(u64),
    /// Nothing of a picture before this number.
    Empty(u64),
}

/// Reads a packet of pictures; `None` when it is none.
fn read(codec: Codec, payload: &Bytes) -> Option<Head> {
    if payload.is_empty() {
        return Some(Head { empty: true, ..Head::default() });
    }
    match codec {
        Codec::Vp8 => {
            let mut descriptor = Vp8Packet::default();
            let frame = descriptor.depacketize(payload).ok()?;
            let begins = descriptor.s == 1 && descriptor.pid == 0;
            // RFC 6386 section 9.1.
            let keyframe = begins && frame.first()? & 1 == 0;
            let layered = descriptor.l == 1 && descriptor.t == 1;
            let layer = layered.then_some((descriptor.tl0_pic_idx, descriptor.tid, descriptor.y == 1));
            Some(Head { empty: false, begins, keyframe, layer })
        }
        Codec::H264 => {
            // A slice in parts is whole only at its last one, so what the unit is stands in the first two bytes (RFC 6184 section 5.8).
            const PARTS: u8 = 28;
            let packet = H264Packet::default();
            let kind = |byte: u8| byte & 0x1f;
            let unit = if kind(*payload.first()?) == PARTS { kind(*payload.get(1)?) } else { kind(payload[0]) };
            // An IDR slice, or the parameters that encoders send in front of one, alone or together.
            let keyframe = matches!(unit, 5 | 7 | 24);
            let begins = packet.is_partition_head(payload);
            Some(Head { empty: false, begins, keyframe: begins && keyframe, layer: None })
        }
    }
}

/// Whether a whole picture could be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Judged {
    Decoded,
    /// Not this one, but those to come.
    Skipped,
    /// Only a keyframe helps.
    Broken,
}

/// What pictures refer to, by their descriptors: keyframes to nothing, the lowest temporal layer to its last one, higher ones to all below.
#[derive(Debug)]
struct Chain {
    /// Something is missing since the last picture that was decoded.
    gap: bool,
    /// TL0PICIDX of the last picture of the lowest layer, where layers are named.
    base: Option<u8>,
    /// Pictures of higher layers cannot be decoded until one says that it needs the lowest only.
    above: bool,
    started: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Self { gap: false, base: None, above: true, started: false }
    }
}

impl Chain {
    fn gap(&mut self) {
        (self.gap, self.above) = (true, false);
    }

    fn take(&mut self, head: Head) -> Judged {
        if head.keyframe {
            *self = Self { gap: false, base: head.layer.map(|(base, ..)| base), above: true, started: true };
            return Judged::Decoded;
        }
        if !self.started {
            return Judged::Broken;
        }
        match (head.layer, self.base) {
            (Some((index, 0, _)), Some(base)) if index == base.wrapping_add(1) || !self.gap => {
                (self.gap, self.base) = (false, Some(index));
                Judged::Decoded
            }
            (Some((index, layer, sync)), Some(base)) if layer > 0 && index == base => {
                self.above |= sync;
                if self.above { Judged::Decoded } else { Judged::Skipped }
            }
            _ if self.gap => {
                self.started = false;
                Judged::Broken
            }
            (layer, _) => {
                self.base = layer.map(|(index, ..)| index);
                Judged::Decoded
            }
        }
    }
}

#[cfg(test)]
#[path = "reception_tests.rs"]
mod tests;
