//! How much a publisher may send: what no microphone and no camera ever brings is refused before it is anybody's.

use std::time::{Duration, Instant};

use crate::MediaKind;

/// Sound of one line, bit/s: Opus of 128 kbit/s with two copies in each packet is 400.
const SOUND_RATE: u64 = 640_000;
/// Its packets, 400 a second: the shortest that browsers make are of 10 ms, and lost ones come again.
const SOUND_PACKET: Duration = Duration::from_micros(2_500);
/// Packets of pictures of one peer, 6,000 a second: 30 Mbit/s of 1,200 bytes are 3,100. Each is looked at for each viewer, however small.
const PICTURE_PACKET: Duration = Duration::from_nanos(166_667);

/// So much comes at once: a network that was silent for a moment delivers what it has held back.
const BURST: Duration = Duration::from_millis(500);
/// Bytes of sound, as what takes so long at their rate: 300 ms of the 400 kbit/s above are 190. What comes at once goes at once to everybody,
/// and a line of 2 Mbit/s has it behind it after 80.
const SOUND_BURST: Duration = Duration::from_millis(250);

/// What may come, as moments until which it would have come at these rates (the generic cell rate algorithm of ITU-T I.371).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intake {
    packets: Instant,
    bytes: Instant,
}

impl Intake {
    pub(crate) fn new(now: Instant) -> Self {
        Self { packets: now, bytes: now }
    }

    /// Whether a packet of so many bytes may come in now; what may not costs nothing of what may.
    #[inline]
    pub(crate) fn admit(&mut self, now: Instant, kind: MediaKind, bytes: usize) -> bool {
        let (packet, bytes) = match kind {
            MediaKind::Audio => (SOUND_PACKET, self.bytes.max(now) + time_of(bytes)),
            // Pictures may be as large as lines carry them: they have a viewer's queue before them.
            MediaKind::Video => (PICTURE_PACKET, self.bytes),
        };
        let packets = self.packets.max(now) + packet;
        let admitted = packets <= now + BURST && bytes <= now + SOUND_BURST;
        if admitted {
            *self = Self { packets, bytes };
        }
        admitted
    }
}

fn time_of(bytes: usize) -> Duration {
    Duration::from_nanos((bytes as u64).saturating_mul(8_000_000_000) / SOUND_RATE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;

    /// How many of `count` packets of so many bytes come in, one each `micros`, after a silence.
    fn admitted(kind: MediaKind, count: u64, micros: u64, bytes: usize) -> u64 {
        let start = Instant::now();
        let mut intake = Intake::new(start);
        let now = |nth: u64| start + Duration::from_secs(5) + Duration::from_micros(micros * nth);
        (0..count).map(|nth| u64::from(intake.admit(now(nth), kind, bytes))).sum()
    }

    #[test]
    fn what_people_send_comes_in_and_what_machines_do_does_not() {
        use MediaKind::{Audio, Video};
        type Row<'a> = (&'a str, MediaKind, (u64, u64, usize), u64);
        let rows: [Row<'_>; 8] = [
            ("Opus with two copies for a minute", Audio, (3_000, 20_000, 1_000), 3_000),
            ("packets of 10 ms for a minute", Audio, (6_000, 10_000, 160), 6_000),
            ("what was held back for 300 ms, with copies, at once", Audio, (15, 0, 1_000), 15),
            ("ten seconds of 20 Mbit/s", Audio, (22_727, 440, 1_100), 745),
            ("ten seconds of 10,000 tiny packets", Audio, (100_000, 100, 40), 4_199),
            ("ten seconds of pictures of 30 Mbit/s", Video, (31_250, 320, 1_200), 31_250),
            ("a keyframe of 1.5 MB at once", Video, (1_250, 0, 1_200), 1_250),
            ("ten seconds of 20,000 tiny packets", Video, (200_000, 50, 40), 63_000),
        ];
        for (name, kind, (count, micros, bytes), expected) in rows {
            let admitted = admitted(kind, count, micros, bytes);
            assert!(admitted.abs_diff(expected) <= expected / 100 * u64::from(expected < count), "{name}: {admitted} of {count}");
        }
    }
}
