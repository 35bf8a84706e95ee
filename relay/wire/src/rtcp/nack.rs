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
