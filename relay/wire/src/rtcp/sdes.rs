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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ends_with_one_to_four_zeros() {
        for (name, padded) in [("a", 4), ("ab", 8), ("abcde", 8), ("abcdef", 12)] {
            let mut buf = [0xee; 32];
            let mut writer = RtcpWriter::new(&mut buf);
            writer.cname(Ssrc(1), name).unwrap();
            assert_eq!(writer.finish(), 8 + padded, "{name}");
            let end = 10 + name.len();
            assert_eq!(buf[..10], [0x81, 202, 0, (1 + padded / 4) as u8, 0, 0, 0, 1, 1, name.len() as u8]);
            assert_eq!(buf[10..end], *name.as_bytes());
            assert!(buf[end..8 + padded].iter().all(|&byte| byte == 0));
        }
    }

    #[test]
    fn name_lengths() {
        let mut buf = [0; 300];
        let mut write = |len| RtcpWriter::new(&mut buf).cname(Ssrc(1), &"x".repeat(len));
        assert_eq!((write(0), write(1), write(255), write(256)), (Err(WriteError::Range), Ok(()), Ok(()), Err(WriteError::Range)));
        assert_eq!(RtcpWriter::new(&mut [0; 11]).cname(Ssrc(1), "a"), Err(WriteError::Full));
    }
}
