//! The payload of a packet of sound with earlier ones beside it (RFC 2198).

use wire::codec::{Codec, red};

use super::plan::{MAX_DISTANCE, Plan};
use crate::{CodecOut, Publication, Route};

/// Longest payload with redundancy, bytes: one datagram on every path, and never more than a fragment of a picture.
const MAX_PAYLOAD: usize = 1000;

/// What RFC 2198 has room for: 14 bits of RTP ticks, 341 ms at 48 kHz, and ten bits of bytes.
const MAX_OFFSET: u32 = 0x3fff;
const MAX_LENGTH: usize = 0x3ff;

/// Most copies in one packet: as many as there are distances.
const MAX_COPIES: usize = MAX_DISTANCE as usize;

/// Which earlier packets went along: bit `d - 1` for the one `d` before.
pub(crate) type Copies = u8;

const _: () = assert!(MAX_DISTANCE as u32 <= Copies::BITS);

/// What earlier packets a packet may carry.
pub(crate) struct Shelf<'a> {
    pub(crate) publication: &'a Publication,
    pub(crate) layer: usize,
    /// The packet itself.
    pub(crate) ext_seq: u64,
    pub(crate) timestamp: u32,
    /// Nothing from before is the viewer's.
    pub(crate) first: u64,
}

impl<'a> Shelf<'a> {
    /// The packet `distance` before, as a block of redundancy; `None` if it never came or is gone, if it is not the viewer's, or if the
    /// silence since then is too long to be said.
    fn block(&self, route: &Route, distance: u8) -> Option<red::Block<'a>> {
        let ext_seq = self.ext_seq.checked_sub(u64::from(distance)).filter(|ext_seq| *ext_seq >= self.first)?;
        let stored = self.publication.stored(self.layer, ext_seq)?;
        let (pt, data) = if stored.codec == Codec::Red { red::primary(stored.payload)? } else { (stored.in_pt, stored.payload) };
        let offset = self.timestamp.wrapping_sub(stored.timestamp);
        let payload_type = route.plain(pt)?.pt;
        let sayable = (1..=MAX_OFFSET).contains(&offset) && (1..=MAX_LENGTH).contains(&data.len());
        sayable.then_some(red::Block { payload_type, offset, data })
    }

    /// The copies that a plan asks for, as far as they are there and fit beside `primary`.
    pub(crate) fn copies(&self, route: &Route, plan: Plan, primary: &[u8]) -> Copies {
        let mut left = MAX_PAYLOAD.saturating_sub(primary.len() + 1);
        let mut copies = 0;
        for distance in plan.distances() {
            let cost = self.block(route, *distance).map(|block| block.data.len() + 4);
            if let Some(rest) = cost.and_then(|cost| left.checked_sub(cost)) {
                left = rest;
                copies |= 1 << (distance - 1);
            }
        }
        copies
    }

    /// Writes `primary` with exactly these copies. `None` if one of them is not there any more, or it does not fit.
    pub(crate) fn write(&self, route: &Route, copies: Copies, primary: (CodecOut, &[u8]), out: &mut [u8]) -> Option<usize> {
        let mut blocks = [red::Block { payload_type: 0, offset: 0, data: &[] }; MAX_COPIES];
        let mut count = 0;
        for distance in (1..=MAX_DISTANCE).rev().filter(|distance| copies & 1 << (distance - 1) != 0) {
            blocks[count] = self.block(route, distance)?;
            count += 1;
        }
        red::write(&blocks[..count], &red::Block { payload_type: primary.0.pt, offset: 0, data: primary.1 }, out)
    }
}
