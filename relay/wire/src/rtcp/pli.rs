//! Picture loss indication: a receiver cannot decode and needs a keyframe (RFC 4585 section 6.3.1).

use super::{PAYLOAD_FEEDBACK, Packet, Rtcp, RtcpError, RtcpWriter, WriteError};
use crate::ids::Ssrc;

pub(super) fn read(packet: Packet<'_>) -> Result<Rtcp<'_>, RtcpError> {
    let (sender, media, _) = packet.feedback()?;
    Ok(Rtcp::Pli { sender, media })
}

impl RtcpWriter<'_> {
    /// `sender` needs a keyframe of `media`.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn pli(&mut self, sender: Ssrc, media: Ssrc) -> Result<(), WriteError> {
        self.message(PAYLOAD_FEEDBACK, FORMAT, |body| body.feedback(sender, media))
    }
}

pub(super) const FORMAT: u8 = 1;
