//! The 48-bit packet index of a stream, guessed from the 16 bits that RTP carries (RFC 3711 section 3.3.1).

use super::SrtpError;

/// Packets that one key may protect per SSRC: "the maximum number of packets secured with the same key is fixed to 2^48"
/// (RFC 3711 section 9.2).
const END: u64 = 1 << 48;

/// The index closest to `highest`, the highest one so far, whose low 16 bits are `sequence`. The first packet of a stream has
/// rollover counter 0.
///
/// # Errors
/// [`SrtpError::Replay`] for a packet before the first rollover's beginning; [`SrtpError::Exhausted`] past the last index.
pub(super) fn guess(highest: Option<u64>, sequence: u16) -> Result<u64, SrtpError> {
    let Some(highest) = highest else {
        return Ok(u64::from(sequence));
    };
    let (rollover, last) = (highest >> 16, i32::from(highest as u16));
    let distance = i32::from(sequence) - last;
    let rollover = if distance > 0x8000 {
        rollover.checked_sub(1).ok_or(SrtpError::Replay)?
    } else if distance < -0x8000 {
        rollover + 1
    } else {
        rollover
    };
    let index = rollover << 16 | u64::from(sequence);
    if index < END { Ok(index) } else { Err(SrtpError::Exhausted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (highest, sequence, expected) in [
            (None, 65_535, Ok(65_535)),
            (Some(10), 11, Ok(11)),
            (Some(10), 10, Ok(10)),
            (Some(10), 9, Ok(9)),
            (Some(65_535), 0, Ok(0x1_0000)),
            (Some(0x1_0000), 65_535, Ok(65_535)),
            (Some(0x1_0003), 65_000, Ok(65_000)),
            (Some(0x2_fff0), 5, Ok(0x3_0005)),
            (Some(0x3_0005), 0xfff0, Ok(0x2_fff0)),
            // Exactly half the circle away: the same rollover, as the RFC's pseudo-code decides.
            (Some(0x1_0000), 0x8000, Ok(0x1_8000)),
            (Some(0x1_8000), 0x0000, Ok(0x1_0000)),
            (Some(0x1_0000), 0x8001, Ok(0x0_8001)),
            (Some(0x1_8001), 0x0000, Ok(0x2_0000)),
            // There is no rollover before the first.
            (Some(5), 65_534, Err(SrtpError::Replay)),
            // Nor one after the last.
            (Some(0xffff_ffff_fffe), 0xffff, Ok(0xffff_ffff_ffff)),
            (Some(0xffff_ffff_ffff), 0, Err(SrtpError::Exhausted)),
        ] {
            assert_eq!(guess(highest, sequence), expected, "{highest:?} then {sequence}");
        }
    }

    /// The pseudo-code of RFC 3711 section 3.3.1, word for word, against the shorter form above.
    #[test]
    fn agrees_with_the_rfc_everywhere() {
        for last in (0..=65_535u32).step_by(97) {
            for sequence in (0..=65_535u32).step_by(89) {
                let rollover = 7;
                let expected = if last < 32_768 {
                    if sequence as i32 - last as i32 > 32_768 { rollover - 1 } else { rollover }
                } else if last - 32_768 > sequence {
                    rollover + 1
                } else {
                    rollover
                };
                let highest = u64::from(rollover << 16 | last);
                assert_eq!(guess(Some(highest), sequence as u16), Ok(u64::from(expected << 16 | sequence)));
            }
        }
    }
}
