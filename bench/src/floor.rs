//! The physical floor of forwarding: open once, then copy and seal for each receiver, with the same crypto and nothing else.

use transport::srtp::SrtpSession;

/// What a perfect relay would still have to do.
pub struct Floor {
    opener: SrtpSession,
    sealers: Vec<SrtpSession>,
    buffer: Vec<u8>,
}

impl Floor {
    /// `opener` opens what the sender sealed, each of `sealers` stands for one receiver.
    #[must_use]
    pub fn new(opener: SrtpSession, sealers: Vec<SrtpSession>) -> Self {
        Self { opener, sealers, buffer: vec![0; 1_500] }
    }

    /// One packet to everyone; gives the bytes that would be sent.
    ///
    /// # Panics
    /// When the packet does not open: the comparison has no meaning then.
    pub fn forward(&mut self, packet: &mut [u8]) -> usize {
        let len = self.opener.open_rtp(packet).expect("the sender's own packet opens");
        let mut sent = 0;
        for sealer in &mut self.sealers {
            self.buffer[..len].copy_from_slice(&packet[..len]);
            sent += sealer.seal_rtp(&mut self.buffer, len).expect("sealing works");
        }
        sent
    }
}
