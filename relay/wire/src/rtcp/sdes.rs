//! SDES: written with a CNAME only (RFC 3550 section 6.5.1); not read, since SDP says who sends what.

use super::{RtcpWriter, SOURCE_DESCRIPTION, WriteError};
use crate::ids::Ssrc;

impl RtcpWriter<'_> {
    /// Ties `ssrc` to the canonical name `name`, 1 to 255 bytes. The same name on audio and video lets a receiver synchronise them.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is written then.
    pub fn cname(&mut self, ssrc: Ssrc, name: &str) -> Result<(), WriteError> {
        let len = u8::try_from(name.len()).ok().filter(|&len| len > 0).ok_or(WriteError::Range)?;
        self.message(SOURCE_DESCRIPTION, 1, |body| {
            body.put(&ssrc.0.to_be_bytes())?;
            body.put(&[CNAME, len])?;
            body.put(name.as_bytes())?;
            // "The list of items in each chunk MUST be terminated by one or more null octets ... no length octet follows"
            body.put(&[END])?;
            body.pad()
        })
    }
}

const END: u8 = 0;
const CNAME: u8 = 1;
