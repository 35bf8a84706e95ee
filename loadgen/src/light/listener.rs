//! What of the sound of one slot a listener could use in time: plain packets, and what redundancy brings of lost ones (RFC 2198).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::codec::red;

use super::encoder;
use super::pattern::{Author, Stamp};
use super::record::{Heard, SlotRecord};

/// A sound that comes later than this after the quickest is of no use: a listener's buffer has given it up.
const USABLE: i64 = 200_000;

/// Sounds that may still come, counted back from the newest: 640 ms in packets of 20 ms.
const OPEN: u32 = 32;

/// Whoever comes back after more sounds than this was not in the slot meanwhile.
const AWAY: u32 = 64;

/// Judges the sounds of everyone who is in a slot, one after the other.
#[derive(Debug, Default)]
pub(super) struct Listener {
    people: BTreeMap<Author, Hearing>,
}

#[derive(Debug)]
struct Hearing {
    /// The quickest way from microphone to here, microseconds between two clocks.
    quickest: i64,
    /// The first sound that is not judged yet.
    next: u32,
    /// Ways of those that came, by number.
    came: BTreeMap<u32, i64>,
}

impl Listener {
    /// A packet with its age since the client began, its payload type being that of redundancy or not. Gives the newest sound in it.
    pub(super) fn hear(&mut self, now: Instant, age: Duration, packet: &Packet<'_>, record: &mut SlotRecord) -> Option<Stamp> {
        let payload = packet.payload;
        let (_, newest) = if packet.redundant { red::primary(payload)? } else { (0, payload) };
        let stamp = encoder::read_sound(newest)?;
        let blocks = Some(payload).filter(|_| packet.redundant).and_then(red::blocks).into_iter().flatten();
        record.sound.redundant_packets += u64::from(packet.redundant);
        for block in blocks.filter(|block| block.offset > 0) {
            record.sound.copies += 1;
            let Some(copy) = encoder::read_sound(block.data) else {
                record.complain(|| "a damaged copy of a sound".to_owned());
                continue;
            };
            let ticks = stamp.captured.saturating_sub(copy.captured).as_micros() * 48 / 1000;
            if copy.author != stamp.author || ticks.abs_diff(u128::from(block.offset)) > 1 {
                record.complain(|| format!("{copy:?}, {} ticks before {stamp:?}", block.offset));
            }
            self.note(now, age, &copy, false, record);
        }
        self.note(now, age, &stamp, packet.begins, record);
        Some(stamp)
    }

    fn note(&mut self, now: Instant, age: Duration, stamp: &Stamp, begins: bool, record: &mut SlotRecord) {
        let way = age.as_micros() as i64 - stamp.captured.as_micros() as i64;
        let fresh = || Hearing { quickest: way, next: stamp.frame, came: BTreeMap::new() };
        let hearing = self.people.entry(stamp.author).or_insert_with(fresh);
        hearing.quickest = hearing.quickest.min(way);
        if begins || stamp.frame >= hearing.next.saturating_add(AWAY) {
            hearing.judge(hearing.newest().map_or(0, |newest| newest + 1), &mut record.sound);
            hearing.next = stamp.frame;
        }
        if stamp.frame < hearing.next || hearing.came.contains_key(&stamp.frame) {
            return;
        }
        hearing.came.insert(stamp.frame, way);
        if let Some(log) = &mut record.heard {
            log.push(Heard { stamp: *stamp, at: now });
        }
        hearing.judge(stamp.frame.saturating_sub(OPEN), &mut record.sound);
    }
}

/// What comes in.
pub(super) struct Packet<'a> {
    pub(super) redundant: bool,
    /// The sender says that nothing is missing before it.
    pub(super) begins: bool,
    pub(super) payload: &'a [u8],
}

impl Hearing {
    fn newest(&self) -> Option<u32> {
        self.came.last_key_value().map(|(frame, _)| *frame)
    }

    /// Judges all up to `end`.
    fn judge(&mut self, end: u32, sound: &mut SoundFigures) {
        while self.next < end {
            match self.came.remove(&self.next) {
                Some(way) if way - self.quickest <= USABLE => sound.usable += 1,
                Some(_) => sound.late += 1,
                None => sound.never += 1,
            }
            self.next += 1;
        }
    }
}

/// Sounds of one slot: how many could be played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoundFigures {
    /// Came in time, the first time or as a copy.
    pub usable: u64,
    /// Came too late.
    pub late: u64,
    /// Never came.
    pub never: u64,
    /// Packets with copies of earlier ones, or room for them.
    pub redundant_packets: u64,
    /// Copies in them.
    pub copies: u64,
}

impl SoundFigures {
    /// Share of the sound that had to be concealed, 0 to 1; 0 where nothing was judged.
    #[must_use]
    pub fn concealed(&self) -> f64 {
        let gone = self.late + self.never;
        gone as f64 / (self.usable + gone).max(1) as f64
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            usable: self.usable + other.usable,
            late: self.late + other.late,
            never: self.never + other.never,
            redundant_packets: self.redundant_packets + other.redundant_packets,
            copies: self.copies + other.copies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal::message::Source;

    fn stamp(frame: u32) -> Stamp {
        let author = Author { publisher: 1, source: Source::Microphone, layer: 0 };
        Stamp::alone(author, frame, Duration::from_millis(20 * u64::from(frame)))
    }

    fn sound(frame: u32) -> Vec<u8> {
        let mut payload = Vec::new();
        encoder::sound(&mut payload, &stamp(frame));
        payload
    }

    /// 200 sounds of which `lost` are lost, each packet with copies of those `distances` before it.
    fn listen(lost: impl Fn(u32) -> bool, distances: &[u32]) -> SlotRecord {
        let (mut listener, mut record, start) = (Listener::default(), SlotRecord::default(), Instant::now());
        for frame in (0..200).filter(|frame| !lost(*frame)) {
            let copies: Vec<(u32, Vec<u8>)> = distances.iter().filter_map(|d| Some((*d, sound(frame.checked_sub(*d)?)))).collect();
            let blocks: Vec<_> = copies.iter().map(|(d, data)| red::Block { payload_type: 111, offset: 960 * d, data }).collect();
            let mut payload = [0; 1000];
            let len = red::write(&blocks, &red::Block { payload_type: 111, offset: 0, data: &sound(frame) }, &mut payload)
                .expect("there is room");
            let (redundant, payload) = if distances.is_empty() { (false, &payload[1..len]) } else { (true, &payload[..len]) };
            let age = stamp(frame).captured + Duration::from_millis(30);
            listener.hear(start + age, age, &Packet { redundant, begins: frame == 0, payload }, &mut record);
        }
        assert_eq!(record.errors, Vec::<String>::new());
        record
    }

    #[test]
    fn copies_fill_gaps_and_without_them_gaps_are_concealed() {
        let every_tenth = |frame: u32| frame % 10 == 3;
        let alone = listen(every_tenth, &[]).sound;
        assert_eq!((alone.usable, alone.never, alone.copies), (150, 17, 0), "{alone:?}");
        let helped = listen(every_tenth, &[2, 1]).sound;
        assert_eq!((helped.usable, helped.never, helped.late), (167, 0, 0), "{helped:?}");
        let far = listen(every_tenth, &[11]).sound;
        assert_eq!(far.late, 17, "a copy after 220 ms is too late: {far:?}");
    }

    #[test]
    fn whoever_was_away_missed_nothing() {
        let sound = listen(|frame| (50..150).contains(&frame), &[]).sound;
        assert_eq!(sound.never, 0, "{sound:?}");
    }
}
