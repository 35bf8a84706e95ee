//! The viewer's clock: turns the times of feedback messages into us that do not wrap.

/// Unit of the reference time of transport-wide feedback, us.
const REFERENCE_UNIT: i64 = 64_000;

/// Bits of that time.
const REFERENCE_BITS: u32 = 24;

/// Unit of its deltas, us.
pub(super) const DELTA_UNIT: i64 = 250;

/// A clock that is read modulo a power of two.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Raw value and the extended one.
    last: Option<(u32, i64)>,
}

impl Clock {
    /// us of a 24-bit reference time.
    pub(super) fn reference(&mut self, raw: u32) -> i64 {
        let shift = u32::BITS - REFERENCE_BITS;
        self.extend(raw << shift, shift).wrapping_mul(REFERENCE_UNIT)
    }

    /// us of an NTP timestamp's middle 32 bits.
    pub(super) fn ntp_middle(&mut self, raw: u32) -> i64 {
        let extended = self.extend(raw, 0);
        // Seconds are the upper 16 bits; in two steps, as a million times all would overflow after some lies.
        (extended >> 16).wrapping_mul(1_000_000) + (((extended & 0xffff) * 1_000_000) >> 16)
    }

    /// The value nearest to the last one, without the lowest `shift` bits.
    fn extend(&mut self, raw: u32, shift: u32) -> i64 {
        let extended = match self.last {
            None => i64::from(raw >> shift),
            Some((last, extended)) => {
                let step = i64::from(raw.wrapping_sub(last).cast_signed() >> shift);
                // Half a circle at a time it takes 2^32 lies to get out of range.
                extended.saturating_add(step)
            }
        };
        self.last = Some((raw, extended));
        extended
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn wraps_in_both_directions() {
        let mut clock = Clock::default();
        let first = clock.reference(0xff_ffff);
        assert_eq!(clock.reference(1) - first, 128_000);
        assert_eq!(clock.reference(0xff_fffe) - first, -64_000);

        let mut clock = Clock::default();
        let first = clock.ntp_middle(0xffff_c000);
        assert_eq!(clock.ntp_middle(0x0000_8000) - first, 750_000);
        assert_eq!(clock.ntp_middle(0xffff_8000) - first, -250_000);
    }

    #[test]
    fn lies_do_not_overflow() {
        let mut clock = Clock::default();
        for nth in 0..1000u32 {
            let _ = (clock.reference(nth.wrapping_mul(0x7f_ffff)), clock.ntp_middle(nth.wrapping_mul(0x7fff_ffff)));
        }
    }
}
