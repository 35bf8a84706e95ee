//! What a slot may send again: how often, how much, and with what it was sent.

use std::time::{Duration, Instant};

use wire::ext::ExtMap;

use crate::MediaKind;
use crate::audio::Copies;

/// Times that a packet is sent again. A picture is of use for half a second, and a viewer 20 ms away asks each 30 ms: with six times a
/// line that was dead for 150 ms left a picture standing until a keyframe came.
const MAX_TIMES: u8 = 16;

/// What can be saved up on any line, bytes: a picture.
const LEAST_SAVED: i64 = 8 * 1024;

/// What is kept for the temporal layer below, in sixteenths of what may be saved up. With four the top layer's repairs were refused
/// where a tenth was lost, which does not use the budget up.
const RESERVED: i64 = 1;
/// The same from when it was used up until it is full again. With one, what was left did not mend a keyframe where three tenths were lost:
/// of 25 pictures a second 3 were shown in place of 9, and one stood for 22 s in place of 3.
const RESERVED_WHEN_SHORT: i64 = 6;

/// What must be saved up, in sixteenths of what may be, for the first repair of a packet to go twice, by temporal layer; of higher layers
/// none does. Of the base layer alone, whatever is saved up, less was left for the others; of all layers nothing was left for anybody.
const TO_SPARE: [i64; 2] = [10, 15];

/// Least time between two retransmissions of a packet where the round trip is shorter or unknown.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// What a kind of media may spend on retransmissions.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// Of what is sent, one byte of so many.
    share: i64,
    /// Unused share that can be saved up, bytes.
    max: i64,
    /// Credit of a slot that has not sent yet, bytes.
    first: i64,
}

/// A fifth. Saved up: all that goes in a second at 2 Mbit/s; with half of it rows of losses that lie close took the rest of what a picture
/// needed. At first: that a keyframe is lost and what comes in the second after it; with 24 KB that was used up soon where a tenth is lost, and
/// the upper layers were not repaired for some seconds.
const VIDEO: Budget = Budget { share: 5, max: 256 * 1024, first: 64 * 1024 };

/// As much again as the sound itself: it is small, and nothing is as annoying as its loss. Saved up: two seconds at 64 kbit/s.
const AUDIO: Budget = Budget { share: 1, max: 16 * 1024, first: 4 * 1024 };

/// Retransmitted packets remembered; a power of two. Fewer than can be asked for, but then the budget is used up.
const REMEMBERED: usize = 256;

/// A remembered number of so long ago is another packet after the numbers wrapped.
const MAX_AGE: Duration = Duration::from_secs(10);

/// Limits of retransmission.
#[derive(Clone, Debug)]
pub(crate) struct ResendLimit {
    budget: Budget,
    /// What can be saved up now, bytes: what the line carries in a second, at the most [`Budget::max`].
    max: i64,
    credit: i64,
    /// It was used up, and was not full since.
    short: bool,
    /// By number modulo length; empty until the first retransmission.
    recent: Vec<Option<Resent>>,
}

#[derive(Clone, Copy, Debug)]
struct Resent {
    out_seq: u16,
    times: u8,
    last: Instant,
}

impl ResendLimit {
    pub(crate) const fn new(kind: MediaKind) -> Self {
        let budget = match kind {
            MediaKind::Audio => AUDIO,
            MediaKind::Video => VIDEO,
        };
        Self { budget, max: budget.max, credit: budget.first, short: false, recent: Vec::new() }
    }

    /// `bytes` were sent for the first time.
    #[inline]
    pub(crate) fn earn(&mut self, bytes: usize) {
        self.credit = (self.credit + bytes as i64 / self.budget.share).min(self.max);
        self.short &= self.credit < self.max;
    }

    /// The line carries `bytes` in a second: what was saved up on a better one would fill it for longer.
    pub(crate) fn fit(&mut self, bytes: u64) {
        self.max = i64::try_from(bytes).unwrap_or(i64::MAX).clamp(LEAST_SAVED, self.budget.max);
        self.credit = self.credit.min(self.max);
    }

    /// Whether a packet may be sent again now.
    pub(crate) fn allows(&self, now: Instant, out_seq: u16, rtt: Duration) -> bool {
        self.credit > 0
            && self
                .find(now, out_seq)
                .is_none_or(|resent| resent.times < MAX_TIMES && now.saturating_duration_since(resent.last) >= rtt.max(MIN_PAUSE))
    }

    /// Whether there is enough left for a packet of this temporal layer: the more others rest on it, the more of what was saved up it may
    /// take. When more is lost than can be made good, pictures get fewer before they stop.
    pub(crate) fn affords(&self, temporal: u8) -> bool {
        let reserved = if self.short { RESERVED_WHEN_SHORT } else { RESERVED };
        self.credit > self.max / 16 * reserved * i64::from(temporal.min(2))
    }

    /// Whether a packet was not sent again after `sent`.
    pub(crate) fn is_latest(&self, now: Instant, out_seq: u16, sent: Instant) -> bool {
        self.find(now, out_seq).is_none_or(|resent| resent.last <= sent)
    }

    /// How many copies of a packet that may be sent again are worth it: two if it was sent again before, and that was lost as well; three from
    /// the third time on. More take from others what they bring, and so does a second where little is left.
    pub(crate) fn copies(&self, now: Instant, out_seq: u16) -> u32 {
        let times = self.find(now, out_seq).filter(|_| self.affords(1)).map_or(0, |resent| resent.times);
        1 + u32::from(times.min(2))
    }

    /// Whether so much is saved up that the first repair of a packet of this temporal layer can go twice, too.
    pub(crate) fn has_to_spare(&self, temporal: u8) -> bool {
        TO_SPARE.get(usize::from(temporal)).is_some_and(|least| self.credit > self.max / 16 * least)
    }

    /// A copy was sent.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.credit -= bytes as i64;
        self.short |= self.credit < self.max / 16 * RESERVED;
    }

    /// A packet is sent again, in however many copies.
    pub(crate) fn tried(&mut self, now: Instant, out_seq: u16) {
        let times = self.find(now, out_seq).map_or(0, |resent| resent.times) + 1;
        if self.recent.is_empty() {
            self.recent.resize(REMEMBERED, None);
        }
        self.recent[usize::from(out_seq) % REMEMBERED] = Some(Resent { out_seq, times, last: now });
    }

    fn find(&self, now: Instant, out_seq: u16) -> Option<Resent> {
        let resent = (*self.recent.get(usize::from(out_seq) % REMEMBERED)?)?;
        let same = resent.out_seq == out_seq && now.saturating_duration_since(resent.last) < MAX_AGE;
        same.then_some(resent)
    }
}

/// Transport-wide numbers of sent packets, for slots without a retransmission stream.
///
/// Such a slot sends the same packet again under the same sequence number. With the same key it must then be the same to the last
/// byte (one nonce, one packet), so everything that differs between two packets is remembered here.
#[derive(Clone, Debug)]
pub(crate) struct SameAgain {
    exts: ExtMap,
    /// By number modulo length.
    transport: Vec<u16>,
    /// Which earlier packets went along, likewise.
    copies: Vec<Copies>,
    /// Older numbers were sent with another extension map.
    since: u64,
}

/// Packets remembered by [`SameAgain`].
const SAME_AGAIN: u64 = 256;

impl SameAgain {
    /// Begins with the packet `out_seq`.
    pub(crate) fn new(exts: ExtMap, out_seq: u64) -> Self {
        Self { exts, transport: vec![0; SAME_AGAIN as usize], copies: vec![0; SAME_AGAIN as usize], since: out_seq }
    }

    /// `out_seq` was sent for the first time, with this transport-wide number.
    #[inline]
    pub(crate) fn sent(&mut self, exts: &ExtMap, out_seq: u64, transport: u16) {
        if self.exts != *exts {
            self.exts = *exts;
            self.since = out_seq;
        }
        self.transport[(out_seq % SAME_AGAIN) as usize] = transport;
        self.copies[(out_seq % SAME_AGAIN) as usize] = 0;
    }

    /// The packet that was told last went out with these copies.
    #[inline]
    pub(crate) fn with(&mut self, out_seq: u64, copies: Copies) {
        self.copies[(out_seq % SAME_AGAIN) as usize] = copies;
    }

    /// The copies `out_seq` was sent with; of a number that is too old they are another's.
    pub(crate) fn copies(&self, out_seq: u64) -> Copies {
        self.copies[(out_seq % SAME_AGAIN) as usize]
    }

    /// The number `out_seq` was sent with; `highest` is the newest number sent. `None` if it cannot be sent the same again.
    pub(crate) fn transport(&self, exts: &ExtMap, out_seq: u64, highest: u64) -> Option<u16> {
        let known = self.exts == *exts && out_seq >= self.since && highest.checked_sub(out_seq)? < SAME_AGAIN;
        known.then(|| self.transport[(out_seq % SAME_AGAIN) as usize])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::{ResendLimit, VIDEO};
    use crate::MediaKind;
    use std::time::{Duration, Instant};

    const RTT: Duration = Duration::from_millis(50);

    #[test]
    fn once_per_round_trip_and_sixteen_times() {
        let start = Instant::now();
        let mut limit = ResendLimit::new(MediaKind::Video);
        let mut sent = Vec::new();
        for ms in 0..2_000 {
            let now = start + Duration::from_millis(ms);
            if limit.allows(now, 7, RTT) {
                assert_eq!(limit.copies(now, 7), 1 + sent.len().min(2) as u32);
                limit.tried(now, 7);
                sent.push(ms);
            }
        }
        assert_eq!(sent, (0..16).map(|time| time * 50).collect::<Vec<u64>>());
        assert!(limit.allows(start, 7 + 256, RTT), "another packet in the same place");
        assert!(limit.allows(start + Duration::from_secs(60), 7, RTT), "the number wrapped");
    }

    /// Row 12 of the design's list of attacks: NACKs for the last 1,000 packets, 1,000 times a second.
    #[test]
    fn a_storm_takes_a_fifth() {
        let start = Instant::now();
        let mut limit = ResendLimit::new(MediaKind::Video);
        let (mut first, mut again) = (0, 0);
        for ms in 0..10_000u64 {
            let now = start + Duration::from_millis(ms);
            limit.earn(1000);
            first += 1000;
            for back in 0..100 {
                let seq = (ms as u16).wrapping_sub(back);
                if limit.allows(now, seq, RTT) {
                    limit.tried(now, seq);
                    limit.spend(1000);
                    again += 1000;
                }
            }
        }
        assert!(again <= first / 5 + VIDEO.first as u64 + 1000, "{again} of {first}");
        assert!(again >= first / 6, "the share is usable: {again} of {first}");
    }

    #[test]
    fn what_is_saved_up_pays_for_a_second_copy_of_lower_layers_first() {
        let mut limit = ResendLimit::new(MediaKind::Video);
        let twice = |limit: &ResendLimit| [0, 1, 2, 7].map(|temporal| limit.has_to_spare(temporal));
        assert_eq!(twice(&limit), [false; 4], "nothing was sent yet");
        (0..3_000).for_each(|_| limit.earn(1200));
        assert_eq!(twice(&limit), [true, true, false, false]);
        limit.spend(VIDEO.max as usize / 4);
        assert_eq!(twice(&limit), [true, false, false, false]);
        limit.spend(VIDEO.max as usize / 3);
        assert_eq!(twice(&limit), [false; 4]);
    }

    #[test]
    fn once_used_up_the_base_layer_comes_first_until_it_is_full_again() {
        let mut limit = ResendLimit::new(MediaKind::Video);
        let affords = |limit: &ResendLimit| [0, 1, 2].map(|temporal| limit.affords(temporal));
        (0..1_200).for_each(|_| limit.earn(1200));
        assert_eq!(affords(&limit), [true; 3]);
        limit.spend(VIDEO.max as usize * 7 / 8);
        assert_eq!(affords(&limit), [true, true, false]);
        limit.spend(VIDEO.max as usize / 8);
        (0..600).for_each(|_| limit.earn(1200));
        assert_eq!(affords(&limit), [true, true, false], "half is saved up again");
        limit.spend(VIDEO.max as usize / 4);
        assert_eq!(affords(&limit), [true, false, false]);
        (0..1_200).for_each(|_| limit.earn(1200));
        limit.spend(VIDEO.max as usize / 2);
        assert_eq!(affords(&limit), [true; 3]);
    }

    /// At 30 % loss all sound that is asked for again goes out, and of the pictures a fifth.
    #[test]
    fn sound_is_never_short_of_budget() {
        let start = Instant::now();
        for (kind, bytes, usable) in [(MediaKind::Audio, 150, 100), (MediaKind::Video, 1200, 50)] {
            let mut limit = ResendLimit::new(kind);
            let (mut asked, mut sent) = (0, 0);
            for nth in 0..30_000u64 {
                let now = start + Duration::from_millis(nth * 7);
                limit.earn(bytes);
                if nth * 7919 % 10 < 4 {
                    asked += 1;
                    let seq = nth as u16;
                    if limit.allows(now, seq, RTT) {
                        limit.tried(now, seq);
                        limit.spend(bytes);
                        sent += 1;
                    }
                }
            }
            assert!((usable..=usable + 5).contains(&(sent * 100 / asked)), "{sent} of {asked} {kind:?}");
        }
    }
}
