//! NTP timestamps as RTCP carries them (RFC 3550 section 4, RFC 5905 section 6): 32.32 bit fixed point seconds since 1900.

use std::time::Duration;

/// A point in time: seconds since 1 January 1900 in the upper 32 bits, fraction of 2^-32 s in the lower.
///
/// Arithmetic is modulo 2^64, so the era change of 7 February 2036 needs no special care as long as compared times are less than 68
/// years apart. For that reason the type has no `Ord`; use [`Ntp::since`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Ntp(pub u64);

impl Ntp {
    /// From the time since 1 January 1970 UTC. Exact to 2^-32 s (0.23 ns), rounded down.
    #[must_use]
    pub fn from_unix(since_1970: Duration) -> Self {
        Self(UNIX_EPOCH).plus(since_1970)
    }

    /// This point plus a span; spans of 2^32 s and more wrap.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.wrapping_add(to_fixed(span)))
    }

    /// This point minus a span; spans of 2^32 s and more wrap.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.wrapping_sub(to_fixed(span)))
    }

    /// Time from `earlier` to here, to the nearest nanosecond; `None` if `earlier` is in fact later (within 68 years).
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let fixed = self.0.wrapping_sub(earlier.0);
        (fixed.cast_signed() >= 0).then(|| from_fixed(fixed))
    }

    /// The middle 32 bits, units of 1/65536 s: the LSR field of a report block (RFC 3550 section 6.4.1).
    #[must_use]
    pub const fn middle32(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// A span in units of 2^-32 s, modulo 2^64, rounded down.
fn to_fixed(span: Duration) -> u64 {
    // Below 2^32: the fraction is less than one second.
    let fraction = (u64::from(span.subsec_nanos()) << 32) / NANOS_PER_SEC;
    (span.as_secs() << 32) | fraction
}

/// The nearest whole nanosecond, so that a span survives the way to fixed point and back unchanged.
fn from_fixed(fixed: u64) -> Duration {
    let nanos = ((fixed & 0xffff_ffff) * NANOS_PER_SEC + (1 << 31)) >> 32;
    // `new` carries a full second of nanoseconds into the seconds.
    Duration::new(fixed >> 32, nanos as u32)
}

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// 1 January 1970 in seconds since 1 January 1900 (70 years with 17 leap days), as fixed point.
const UNIX_EPOCH: u64 = 2_208_988_800 << 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Ntp;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn unix_epoch_and_halves() {
        assert_eq!(Ntp::from_unix(Duration::ZERO), Ntp(0x83aa_7e80_0000_0000));
        assert_eq!(Ntp::from_unix(Duration::from_millis(500)), Ntp(0x83aa_7e80_8000_0000));
    }

    /// The example of RFC 3550 section 6.4.1, figure 2: b44d:b705.20000000 has the middle bits b705:2000.
    #[test]
    fn middle_bits() {
        assert_eq!(Ntp(0xb44d_b705_2000_0000).middle32(), 0xb705_2000);
    }

    #[test]
    fn era_change_is_an_ordinary_second() {
        let before = Ntp(u64::MAX - (1 << 31));
        let after = before.plus(Duration::from_secs(2));
        assert!(after.0 < before.0, "wrapped");
        assert_eq!(after.since(before), Some(Duration::from_secs(2)));
        assert_eq!(before.since(after), None);
        assert_eq!(after.minus(Duration::from_secs(2)), before);
    }

    proptest! {
        #![proptest_config(crate::testing::seeded())]

        #[test]
        fn spans_survive_the_round_trip(start: u64, secs in 0..1u64 << 31, nanos in 0..1_000_000_000u32) {
            let span = Duration::new(secs, nanos);
            prop_assume!(span < Duration::from_secs((1 << 31) - 1));
            let start = Ntp(start);
            prop_assert_eq!(start.plus(span).since(start), Some(span));
            prop_assert_eq!(start.plus(span).minus(span), start);
        }
    }
}
