//! Generic NACK: lost packets as base sequence numbers with bit masks (RFC 4585 section 6.2.1).

use super::{Packet, Rtcp, RtcpError, RtcpWriter, TRANSPORT_FEEDBACK, WriteError};
use crate::ids::Ssrc;

/// Iterator over the sequence numbers that are reported lost: up to 17 for four bytes of feedback, in the order written. Numbers may
/// repeat.
#[derive(Clone, Copy, Debug)]
pub struct LostSeqs<'a> {
    rest: &'a [u8],
    /// The number behind the lowest bit of `mask`.
    next: u16,
    /// Bits of the current entry that were not given yet.
    mask: u32,
}

impl Iterator for LostSeqs<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<Self::Item> {
        if self.mask == 0 {
            let (&[a, b, c, d], rest) = self.rest.split_first_chunk::<4>()?;
            self.rest = rest;
            self.next = u16::from_be_bytes([a, b]);
            // Bit i of the mask (from 1) stands for base + i; the base itself becomes bit 0.
            self.mask = u32::from(u16::from_be_bytes([c, d])) << 1 | 1;
        }
        let skip = self.mask.trailing_zeros();
        let seq = self.next.wrapping_add(skip as u16);
        self.next = seq.wrapping_add(1);
        self.mask = self.mask >> skip >> 1;
        Some(seq)
    }
}

pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let (sender, media, rest) = packet.feedback()?;
    Ok(Rtcp::Nack { sender, media, lost: LostSeqs { rest, next: 0, mask: 0 } })
}

impl RtcpWriter<'_> {
    /// `sender` misses the packets `lost` of `media`. Ascending order packs best; any order is right. An empty list writes nothing.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn nack(&mut self, sender: Ssrc, media: Ssrc, lost: &[u16]) -> Result<(), WriteError> {
        let mut rest = lost.iter().copied().peekable();
        if rest.peek().is_none() {
            return Ok(());
        }
        self.message(TRANSPORT_FEEDBACK, FORMAT, |body| {
            body.feedback(sender, media)?;
            while let Some(base) = rest.next() {
                let mut mask = 0u16;
                // A repeated base has offset 0 and needs no bit.
                while let Some(offset) = rest.next_if(|seq| seq.wrapping_sub(base) <= 16).map(|seq| seq.wrapping_sub(base)) {
                    mask |= (1u32 << offset >> 1) as u16;
                }
                body.put(&base.to_be_bytes())?;
                body.put(&mask.to_be_bytes())?;
            }
            Ok(())
        })
    }
}

pub(super) const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtcp::parse;
    use proptest::prelude::*;

    fn written(lost: &[u16]) -> Vec<u8> {
        let mut buf = [0; 1400];
        let mut writer = RtcpWriter::new(&mut buf);
        writer.nack(Ssrc(1), Ssrc(2), lost).unwrap();
        let len = writer.finish();
        buf[..len].to_vec()
    }

    fn read(datagram: &[u8]) -> Vec<u16> {
        let Some(Rtcp::Nack { sender: Ssrc(1), media: Ssrc(2), lost }) = parse(datagram).unwrap().next() else { panic!() };
        lost.collect()
    }

    #[test]
    fn bytes() {
        assert_eq!(written(&[10, 11, 26, 27]), [0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0x80, 1, 0, 27, 0, 0]);
        assert_eq!(written(&[]), []);
    }

    #[test]
    fn order_repetition_and_wrap() {
        assert_eq!(read(&written(&[65_535, 0, 15, 16])), [65_535, 0, 15, 16]);
        assert_eq!(read(&written(&[5, 4, 4, 5])), [5, 4, 5]);
        assert_eq!(written(&[65_535, 0, 15]).len(), 16, "one entry spans the wrap");
    }

    #[test]
    fn full_mask() {
        let all: Vec<u16> = (100..117).collect();
        assert_eq!(written(&all).len(), 16);
        assert_eq!(read(&written(&all)), all);
    }

    #[test]
    fn padding_is_not_taken_for_losses() {
        let mut padded = written(&[7]);
        padded.extend([0, 0, 0, 4]);
        padded[0] |= 0x20;
        padded[3] += 1;
        assert_eq!(read(&padded), [7]);
    }

    #[test]
    fn hostile_list_is_bounded_by_its_bytes() {
        let mut datagram = vec![0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        datagram.extend([0xff; 1400]);
        datagram[2..4].copy_from_slice(&(2 + 350u16).to_be_bytes());
        assert_eq!(read(&datagram).len(), 350 * 17);
    }

    #[test]
    fn does_not_fit() {
        let mut buf = [0; 19];
        let mut writer = RtcpWriter::new(&mut buf);
        assert_eq!(writer.nack(Ssrc(1), Ssrc(2), &[1, 100]), Err(WriteError::Full));
        assert!(writer.is_empty(), "nothing is left behind");
        writer.nack(Ssrc(1), Ssrc(2), &[1]).unwrap();
        assert_eq!((writer.len(), writer.remaining()), (16, 3));
    }

    proptest! {
        #![proptest_config(crate::testing::seeded())]

        #[test]
        fn any_list_survives(lost in proptest::collection::vec(any::<u16>(), 1..300)) {
            let sets = [read(&written(&lost)), lost].map(std::collections::BTreeSet::from_iter);
            prop_assert_eq!(&sets[0], &sets[1]);
        }
    }
}
