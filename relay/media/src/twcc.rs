//! Records when each packet of a leg arrived and reports it (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::time::{Duration, Instant};

use wire::ids::Ssrc;
use wire::rtcp::{RtcpWriter, TransportCcInfo};
use wire::seq::SeqUnwrapper;

/// Time from the first unreported packet to its report: often enough for the sender's controller, and about 2 % of a 500 kbit/s stream.
const INTERVAL: Duration = Duration::from_millis(60);

/// So many unreported packets are reported at once.
const MAX_WAITING: u64 = 200;

/// Statuses per message; at worst 0.6 kB.
const MAX_STATUSES: usize = 256;

/// Packets remembered; a power of two.
const REMEMBERED: u64 = 512;

/// Arrival times are kept in the unit of the format.
const TICK_MICROS: u128 = 250;

/// A reference time is 64 ms.
const TICKS_PER_REFERENCE: u32 = 256;

/// Arrivals of one leg.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    unwrapper: SeqUnwrapper,
    /// In ticks since `start`, by number modulo length; 0 means not received.
    ticks: [u32; REMEMBERED as usize],
    /// First number not yet reported.
    next: u64,
    /// When the oldest unreported packet came.
    waiting_since: Option<Instant>,
    feedback_count: u8,
}

impl Arrivals {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            start: now,
            unwrapper: SeqUnwrapper::new(),
            ticks: [0; REMEMBERED as usize],
            next: 0,
            waiting_since: None,
            feedback_count: 0,
        }
    }

    /// A packet with transport-wide number `seq` arrived.
    #[inline]
    pub(crate) fn record(&mut self, now: Instant, seq: u16) {
        let before = self.unwrapper.highest();
        let number = self.unwrapper.unwrap(seq);
        match before {
            None => self.next = number,
            Some(highest) if number > highest => self.advance(highest, number),
            // Too late, or seen before: the first arrival counts.
            Some(highest) if highest - number >= REMEMBERED || *self.slot(number) != 0 => return,
            // Overtaken by packets that were reported already: report from here again.
            Some(_) => self.next = self.next.min(number),
        }
        *self.slot(number) = self.tick(now);
        self.waiting_since.get_or_insert(now);
    }

    /// When [`Arrivals::write`] has something to say.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let since = self.waiting_since?;
        let waiting = self.unwrapper.highest().map_or(0, |highest| highest + 1 - self.next);
        Some(if waiting >= MAX_WAITING { since } else { since + INTERVAL })
    }

    /// Writes one message if one is due; false if none is, or if it does not fit any more.
    pub(crate) fn write(&mut self, now: Instant, sender: Ssrc, media: Ssrc, writer: &mut RtcpWriter<'_>) -> bool {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return false;
        }
        let (Some(highest), Some(reference)) = (self.unwrapper.highest(), self.first_tick()) else {
            self.waiting_since = None;
            return false;
        };
        let mut statuses = [None; MAX_STATUSES];
        let mut count = 0;
        let mut previous = reference / TICKS_PER_REFERENCE * TICKS_PER_REFERENCE;
        for (status, number) in statuses.iter_mut().zip(self.next..=highest) {
            let tick = *self.slot(number);
            if tick != 0 {
                // What does not fit into 16 bits goes into the next message, with a reference of its own.
                let Ok(delta) = i16::try_from(tick.wrapping_sub(previous).cast_signed()) else { break };
                *status = Some(delta);
                previous = tick;
            }
            count += 1;
        }
        let info = TransportCcInfo {
            base: self.next as u16,
            reference_time: reference / TICKS_PER_REFERENCE,
            feedback_count: self.feedback_count,
        };
        if writer.transport_cc(sender, media, &info, statuses[..count].iter().copied()).is_err() {
            return false;
        }
        self.feedback_count = self.feedback_count.wrapping_add(1);
        self.next += count as u64;
        if self.next > highest {
            self.waiting_since = None;
        }
        true
    }

    fn slot(&mut self, number: u64) -> &mut u32 {
        &mut self.ticks[(number % REMEMBERED) as usize]
    }

    /// Never 0, and modulo 2^32, which is 12 days.
    fn tick(&self, now: Instant) -> u32 {
        ((now.saturating_duration_since(self.start).as_micros() / TICK_MICROS) as u32).wrapping_add(1).max(1)
    }

    /// Arrival of the first received packet from `next` on.
    fn first_tick(&mut self) -> Option<u32> {
        let highest = self.unwrapper.highest()?;
        (self.next..=highest).map(|number| *self.slot(number)).find(|&tick| tick != 0)
    }

    /// Forgets the arrivals whose places the numbers after `highest` up to `number` take.
    #[inline]
    fn advance(&mut self, highest: u64, number: u64) {
        if number - highest >= REMEMBERED {
            self.ticks.fill(0);
            self.next = number;
            return;
        }
        for skipped in highest + 1..number {
            *self.slot(skipped) = 0;
        }
        self.next = self.next.max((number + 1).saturating_sub(REMEMBERED));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::{Arrivals, INTERVAL};
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};
    use wire::ids::Ssrc;
    use wire::rtcp::{Rtcp, RtcpWriter, parse};

    /// Writes all that is due and returns, per number, when it arrived in ticks of 250 us, and the count of messages.
    fn drain(arrivals: &mut Arrivals, now: Instant) -> (BTreeMap<u16, Option<i64>>, usize) {
        let mut all = BTreeMap::new();
        let mut messages = 0;
        loop {
            let mut buf = [0; 1200];
            let mut writer = RtcpWriter::new(&mut buf);
            if !arrivals.write(now, Ssrc(1), Ssrc(2), &mut writer) {
                return (all, messages);
            }
            messages += 1;
            let len = writer.finish();
            let Some(Rtcp::TransportCc(feedback)) = parse(&buf[..len]).unwrap().next() else { panic!("no feedback") };
            let mut at = i64::from(feedback.info.reference_time) * 256;
            for (seq, delta) in feedback.packets() {
                all.insert(
                    seq,
                    delta.map(|delta| {
                        at += i64::from(delta);
                        at
                    }),
                );
            }
        }
    }

    #[test]
    fn reports_losses_reordering_and_times() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let ms = |ms| start + Duration::from_millis(ms);
        for (at, seq) in [(1000, 65_534), (1005, 1), (1010, 65_535), (1011, 65_535)] {
            arrivals.record(ms(at), seq);
        }
        assert_eq!(arrivals.poll_timeout(), Some(ms(1000) + INTERVAL));
        assert_eq!(drain(&mut arrivals, ms(1059)).1, 0);
        let (seen, messages) = drain(&mut arrivals, ms(1060));
        assert_eq!(messages, 1);
        let expected = [(65_534, Some(4001)), (65_535, Some(4041)), (0, None), (1, Some(4021))];
        assert_eq!(seen, expected.into_iter().collect());
        assert_eq!(arrivals.poll_timeout(), None);
        // Overtaken by the report: told again from there.
        arrivals.record(ms(1070), 0);
        let (seen, _) = drain(&mut arrivals, ms(1200));
        assert_eq!(seen, [(0, Some(4281)), (1, Some(4021))].into_iter().collect());
    }

    #[test]
    fn a_pause_longer_than_a_delta_begins_a_new_message() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        arrivals.record(start, 7);
        arrivals.record(start + Duration::from_secs(9), 8);
        let (seen, messages) = drain(&mut arrivals, start + Duration::from_secs(9));
        assert_eq!(messages, 2);
        assert_eq!(seen, [(7, Some(1)), (8, Some(36_001))].into_iter().collect());
    }

    #[test]
    fn a_flood_is_reported_early_and_completely() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        for seq in 0..450 {
            arrivals.record(start, seq);
        }
        let (seen, messages) = drain(&mut arrivals, start);
        assert_eq!((seen.len(), messages), (256, 1), "the rest waits for its time");
        assert_eq!(drain(&mut arrivals, start + INTERVAL).0.len(), 194);
    }

    #[test]
    fn places_used_before_are_not_taken_for_arrivals() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let mut lost = 0;
        for seq in 0..2000u16 {
            let now = start + Duration::from_millis(u64::from(seq));
            if seq % 7 != 3 {
                arrivals.record(now, seq);
            }
            let (seen, _) = drain(&mut arrivals, now);
            lost += seen.iter().filter(|(seq, seen)| **seq % 7 == 3 && seen.is_none()).count();
            assert!(seen.iter().all(|(seq, seen)| seen.is_some() == (seq % 7 != 3)));
        }
        assert!(lost > 250);
    }

    #[test]
    fn wild_numbers_are_survived() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let mut seq = 0u16;
        for step in 0..100_000u32 {
            arrivals.record(start + Duration::from_micros(u64::from(step)), seq);
            seq = seq.wrapping_add([32_767, 32_768, 1, 513, 65_000][step as usize % 5]);
        }
        let (_, messages) = drain(&mut arrivals, start + Duration::from_secs(100));
        assert!((1..=2).contains(&messages));
    }
}
