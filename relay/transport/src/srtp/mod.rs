//! SRTP and SRTCP of one peer (RFC 3711, RFC 7714), in place and without allocation once warm.
//!
//! ```text
//! open:  header -> SSRC entry, if any -> index -> replay? -> decrypt + tag -> only now: entry, window, rollover
//! seal:  header -> SSRC entry -> index -> encrypt + tag -> same packet as before? -> entry, window, rollover
//! ```
//! Crypto comes from `rtc-crypto` with its ring provider: of the two built in it was the faster one in every row that was measured
//! (GCM 1 to 2 %, counter mode with HMAC-SHA1 10 %).

mod cipher;
mod cm;
mod error;
mod gcm;
mod inbound;
mod index;
mod kdf;
mod outbound;
mod profile;
mod replay;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use rtc_crypto::RTCCryptoProvider;
use rtc_crypto::providers::RingProvider;
use wire::ids::Ssrc;

use inbound::Inbound;
use outbound::Outbound;

pub use error::SrtpError;
pub use profile::{KeyingMaterial, Profile, Role};
pub use table::MAX_SSRCS;

/// Bytes that sealing adds to an RTP packet, at most.
pub const MAX_RTP_OVERHEAD: usize = gcm::TAG;
/// Bytes that sealing adds to an RTCP packet, at most: the tag and the index word.
pub const MAX_RTCP_OVERHEAD: usize = gcm::TAG + cipher::INDEX_WORD;

/// SRTP and SRTCP of one peer, both directions. Methods are independent of each other and of time.
pub struct SrtpSession {
    inbound: Inbound,
    outbound: Outbound,
}

impl SrtpSession {
    /// Derives the session keys; `role` is the end that this value is.
    ///
    /// # Errors
    /// [`SrtpError::Crypto`] when the crypto library refuses a key.
    pub fn new(keys: &KeyingMaterial, role: Role) -> Result<Self, SrtpError> {
        let provider = RingProvider::new();
        let crypto = provider.crypto();
        Ok(Self {
            inbound: Inbound::new(crypto, keys.profile(), keys.write_keys(role.other()))?,
            outbound: Outbound::new(crypto, keys.profile(), keys.write_keys(role))?,
        })
    }

    /// Authenticates and decrypts an SRTP packet in place; gives the length of the plain RTP packet at the start of `packet`.
    ///
    /// # Errors
    /// [`SrtpError::Malformed`], [`SrtpError::Authentication`], [`SrtpError::Replay`], [`SrtpError::TooManySsrcs`],
    /// [`SrtpError::Exhausted`]. No state was changed; the bytes after the header are undefined.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.inbound.open_rtp(packet)
    }

    /// Authenticates and decrypts an SRTCP packet in place; gives the length of the plain compound packet.
    ///
    /// # Errors
    /// As [`SrtpSession::open_rtp`], and [`SrtpError::Unencrypted`].
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.inbound.open_rtcp(packet)
    }

    /// Encrypts the RTP packet in `buf[..len]` in place; `buf` needs [`MAX_RTP_OVERHEAD`] bytes of tail room. Gives the length of
    /// the SRTP packet.
    ///
    /// Packets of one SSRC may come up to 127 behind the highest sequence number. A sequence number that was sealed before is fine
    /// for the very same packet (a plain retransmission) and refused for any other. Streams should begin below 32,768, so that a
    /// receiver that misses the first packets still guesses the right rollover counter (RFC 3711 section 3.3.1).
    ///
    /// # Errors
    /// [`SrtpError::Malformed`], [`SrtpError::NoRoom`], [`SrtpError::Reused`], [`SrtpError::TooManySsrcs`],
    /// [`SrtpError::Exhausted`], [`SrtpError::Crypto`]. The buffer must not be sent then.
    pub fn seal_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.outbound.seal_rtp(buf, len)
    }

    /// Encrypts the compound RTCP packet in `buf[..len]` in place; `buf` needs [`MAX_RTCP_OVERHEAD`] bytes of tail room.
    ///
    /// # Errors
    /// As [`SrtpSession::seal_rtp`], but never [`SrtpError::Reused`] or [`SrtpError::TooManySsrcs`].
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.outbound.seal_rtcp(buf, len)
    }

    /// How many SSRCs of the peer hold state, for RTP and RTCP: each sent at least one authenticated packet.
    #[must_use]
    pub fn known_ssrcs(&self) -> (usize, usize) {
        self.inbound.known_ssrcs()
    }
}

/// The sender's SSRC of an RTCP packet, plain or not; the version is looked at, nothing else.
fn rtcp_ssrc(packet: &[u8]) -> Result<Ssrc, SrtpError> {
    let clear = packet.first_chunk::<{ cipher::RTCP_CLEAR }>().ok_or(SrtpError::Malformed)?;
    if clear[0] >> 6 != 2 {
        return Err(SrtpError::Malformed);
    }
    Ok(Ssrc(u32::from_be_bytes([clear[4], clear[5], clear[6], clear[7]])))
}
