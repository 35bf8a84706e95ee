//! Publisher's clocks moved to the relay's: one offset per peer, one RTP anchor per layer, so that a person's audio and video stay
//! together and so that two persons in one slot share a time line.

use wire::ntp::Ntp;

/// Largest step of the offset that is believed at once, 2 s in units of 2^-32 s. Queues on the way are shorter; only a set clock or a lie
/// is larger.
const MAX_STEP: i64 = 2 << 32;

/// Equal steps needed before a set clock is believed.
const CONFIRMATIONS: u8 = 3;

/// How fast the filtered minimum may rise, as a right shift of elapsed time: 1/2048 is 490 ppm, above the drift of any real clock pair.
const RISE_SHIFT: u32 = 11;

/// Filtered minimum of "arrived on our clock minus sent on the peer's clock", over all sender reports of one peer.
///
/// The minimum, because delay only ever adds; filtered, because clocks drift apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeerOffset {
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Units of 2^-32 s, modulo 2^64.
    offset: i64,
    updated: Ntp,
    suspect: i64,
    suspicions: u8,
}

impl PeerOffset {
    /// Takes a sender report in; false if it contradicts the earlier ones and should be ignored.
    pub(crate) fn observe(&mut self, sent: Ntp, arrived: Ntp) -> bool {
        let sample = arrived.0.wrapping_sub(sent.0).cast_signed();
        let fresh = Known { offset: sample, updated: arrived, suspect: 0, suspicions: 0 };
        let Some(known) = &mut self.known else {
            self.known = Some(fresh);
            return true;
        };
        let step = sample.wrapping_sub(known.offset);
        if step.unsigned_abs() > MAX_STEP.unsigned_abs() {
            let agrees = sample.wrapping_sub(known.suspect).unsigned_abs() <= MAX_STEP.unsigned_abs();
            known.suspicions = if agrees { known.suspicions + 1 } else { 1 };
            known.suspect = sample;
            if known.suspicions < CONFIRMATIONS {
                return false;
            }
            self.known = Some(fresh);
            return true;
        }
        let elapsed = arrived.0.wrapping_sub(known.updated.0).cast_signed().max(0);
        known.offset = known.offset.wrapping_add(step.min(elapsed >> RISE_SHIFT));
        known.updated = arrived;
        known.suspicions = 0;
        true
    }

    /// A time of the peer's clock on the relay's; `None` before the first report.
    pub(crate) fn to_relay(self, at: Ntp) -> Option<Ntp> {
        self.known.map(|known| Ntp(at.0.wrapping_add_signed(known.offset)))
    }
}

/// Relation between one layer's RTP timestamps and the relay's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceClock {
    rate: u32,
    anchor_rtp: u32,
    anchor: Ntp,
}

impl SourceClock {
    /// A clock that nobody has set.
    pub(crate) const UNKNOWN: Self = Self { rate: 1, anchor_rtp: 0, anchor: Ntp(0) };

    /// A clock of `rate` Hz (at least 1) that showed `rtp` at `at`.
    #[must_use]
    pub fn new(rate: u32, rtp: u32, at: Ntp) -> Self {
        Self { rate: rate.max(1), anchor_rtp: rtp, anchor: at }
    }

    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// The time of an RTP timestamp within half a cycle (6.6 hours at 90 kHz) of the anchor.
    #[inline]
    #[must_use]
    pub fn time_of(&self, rtp: u32) -> Ntp {
        let ticks = i64::from(rtp.wrapping_sub(self.anchor_rtp).cast_signed());
        Ntp(self.anchor.0.wrapping_add_signed((ticks << 32) / i64::from(self.rate)))
    }

    /// The RTP timestamp at a time of the relay's clock, rounded down.
    #[must_use]
    pub fn rtp_at(&self, at: Ntp) -> u32 {
        let elapsed = at.0.wrapping_sub(self.anchor.0).cast_signed();
        self.anchor_rtp.wrapping_add(ticks(elapsed, self.rate) as u32)
    }
}

/// A signed span in units of 2^-32 s as RTP ticks, rounded down.
pub(crate) fn ticks(span: i64, rate: u32) -> i64 {
    ((i128::from(span) * i128::from(rate)) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::{PeerOffset, SourceClock};
    use proptest::prelude::*;
    use std::time::Duration;
    use wire::ntp::Ntp;

    const RELAY: Ntp = Ntp(0xe000_0000_0000_0000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_least_delayed_report_wins_and_drift_is_followed() {
        let peer = RELAY.minus(Duration::from_secs(1_000_000));
        let mut offset = PeerOffset::default();
        for (at, delay) in [(0, 80), (5000, 30), (10_000, 31), (15_000, 200)] {
            assert!(offset.observe(peer.plus(ms(at)), RELAY.plus(ms(at + delay))));
        }
        let seen = offset.to_relay(peer).unwrap_or_default().since(RELAY).unwrap_or_default();
        assert!((ms(30)..ms(36)).contains(&seen), "{seen:?}");
    }

    #[test]
    fn a_lie_is_ignored_a_set_clock_is_followed_after_three_reports() {
        let mut offset = PeerOffset::default();
        assert!(offset.observe(RELAY, RELAY.plus(ms(10))));
        let far = RELAY.plus(Duration::from_secs(10 * 365 * 86_400));
        assert!(!offset.observe(far, RELAY.plus(ms(1000))));
        assert!(offset.observe(RELAY.plus(ms(2000)), RELAY.plus(ms(2010))));
        assert_eq!(offset.to_relay(RELAY), Some(RELAY.plus(ms(10))));
        assert!(!offset.observe(far.plus(ms(3000)), RELAY.plus(ms(3000))));
        assert!(!offset.observe(far.plus(ms(4000)), RELAY.plus(ms(4000))));
        assert!(offset.observe(far.plus(ms(5000)), RELAY.plus(ms(5000))));
        assert_eq!(offset.to_relay(far), Some(RELAY));
    }

    proptest! {
        #[test]
        fn rtp_to_time_and_back(rtp: u32, anchor: u32, at: u64, rate in prop::sample::select(vec![8000u32, 48_000, 90_000])) {
            let clock = SourceClock::new(rate, anchor, Ntp(at));
            let back = clock.rtp_at(clock.time_of(rtp));
            prop_assert!(rtp.wrapping_sub(back) <= 1, "{rtp} {back}");
        }
    }
}
