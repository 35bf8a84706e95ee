//! Appends RTCP messages to a buffer; the messages themselves are written beside where they are read.

use super::HEADER_LEN;
use crate::ids::Ssrc;

/// Why a message was not written. The buffer holds what it held before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WriteError {
    /// The buffer has no room for it.
    #[error("no room for the message")]
    Full,
    /// A list is too long or too short for the message: the caller is to blame.
    #[error("value out of range")]
    Range,
}

/// Writes one compound packet from the start of `buf`, message by message. Put a sender or receiver report first unless the receiver
/// takes reduced-size RTCP (RFC 5506).
#[derive(Debug)]
pub struct RtcpWriter<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> RtcpWriter<'a> {
    /// An empty compound. Leave room in the buffer behind `buf` for what SRTCP appends.
    #[must_use]
    pub const fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written: then there is nothing to send.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buf.len() - self.len
    }

    /// The length of the compound packet, bytes.
    #[must_use]
    pub const fn finish(self) -> usize {
        self.len
    }

    /// Appends one message; `fill` writes what follows the common header, a multiple of four bytes. All or nothing.
    pub(super) fn message(
        &mut self,
        packet_type: u8,
        count: u8,
        fill: impl FnOnce(&mut Body<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let (header, rest) = self.buf[self.len..].split_first_chunk_mut::<HEADER_LEN>().ok_or(WriteError::Full)?;
        let mut body = Body { buf: rest, len: 0 };
        fill(&mut body)?;
        let words = u16::try_from(body.len / 4).map_err(|_| WriteError::Full)?.to_be_bytes();
        *header = [VERSION << 6 | count, packet_type, words[0], words[1]];
        self.len += HEADER_LEN + body.len;
        Ok(())
    }
}

/// What follows the common header of the message being written.
pub(super) struct Body<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl Body<'_> {
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let free = self.buf.get_mut(self.len..self.len + bytes.len()).ok_or(WriteError::Full)?;
        free.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Zeros up to the next multiple of four bytes.
    pub(super) fn pad(&mut self) -> Result<(), WriteError> {
        self.put(&[0; 3][..self.len.next_multiple_of(4) - self.len])
    }

    /// Sender and media source of a feedback message.
    pub(super) fn feedback(&mut self, sender: Ssrc, media: Ssrc) -> Result<(), WriteError> {
        self.put(&sender.0.to_be_bytes())?;
        self.put(&media.0.to_be_bytes())
    }
}

const VERSION: u8 = 2;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rtcp::{Rtcp, parse};

    #[test]
    fn compound_in_order_and_full_at_the_end() {
        let mut buf = [0; 43];
        let mut writer = RtcpWriter::new(&mut buf);
        assert!(writer.is_empty());
        writer.receiver_report(Ssrc(1), &[]).unwrap();
        writer.cname(Ssrc(1), "relay").unwrap();
        writer.pli(Ssrc(1), Ssrc(2)).unwrap();
        assert_eq!((writer.len(), writer.remaining()), (36, 7));
        assert_eq!(writer.bye(Ssrc(1)), Err(WriteError::Full), "one byte short");
        let len = writer.finish();
        let kinds: Vec<_> = parse(&buf[..len]).unwrap().collect();
        assert!(matches!(kinds[..], [Rtcp::ReceiverReport { .. }, Rtcp::Other { packet_type: 202 }, Rtcp::Pli { .. }]));
    }

    #[test]
    fn message_beyond_the_length_field() {
        let mut buf = vec![0; 1 << 19];
        let mut writer = RtcpWriter::new(&mut buf);
        assert_eq!(writer.message(210, 0, |body| body.put(&vec![0; 4 << 16])), Err(WriteError::Full));
        assert_eq!(writer.message(210, 0, |body| body.put(&vec![0; (4 << 16) - 4])), Ok(()));
    }
}
