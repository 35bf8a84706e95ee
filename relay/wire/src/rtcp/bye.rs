//! BYE: streams that end (RFC 3550 section 6.6).

use rtcp_types::prelude::*;

use super::{GOODBYE, Packet, Rtcp, RtcpError, RtcpWriter, WriteError};
use crate::ids::Ssrc;

/// Iterator over the SSRCs of a BYE, at most 31.
#[derive(Clone, Copy, Debug)]
pub struct ByeSources<'a> {
    rest: &'a [u8],
}

impl Iterator for ByeSources<'_> {
    type Item = Ssrc;

    fn next(&mut self) -> Option<Self::Item> {
        let (ssrc, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(Ssrc(u32::from_be_bytes(*ssrc)))
    }
}

pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    // The reason for leaving is checked for its length and not read.
    rtcp_types::Bye::parse(packet.whole).map_err(|_| packet.malformed())?;
    let rest = packet.body.get(..4 * usize::from(packet.count)).ok_or(packet.malformed())?;
    Ok(Rtcp::Bye { ssrcs: ByeSources { rest } })
}

impl RtcpWriter<'_> {
    /// The stream `ssrc` ends.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn bye(&mut self, ssrc: Ssrc) -> Result<(), WriteError> {
        self.message(GOODBYE, 1, |body| body.put(&ssrc.0.to_be_bytes()))
    }
}
