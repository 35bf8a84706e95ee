//! AES_CM_128_HMAC_SHA1_80 packets (RFC 3711 sections 4.1.1 and 4.2.1).

use rtc_crypto::{HmacAlgorithm, Mac, RTCCrypto, StreamCipher, StreamCipherAlgorithm};
use subtle::ConstantTimeEq;
use wire::ids::Ssrc;

use super::SrtpError;
use super::cipher::{E_FLAG, INDEX_WORD, RTCP_CLEAR, RtpPlace};

/// Truncated tag, bytes.
pub(super) const TAG: usize = 10;
/// Session authentication key, bytes.
pub(super) const AUTH_KEY: usize = 20;
const SHA1: usize = 20;

/// Expanded keys with their salt. The HMAC keeps its padded-key state; the crypto library expands the AES key for each packet.
pub(super) struct Cm {
    stream: Box<dyn StreamCipher>,
    mac: Box<dyn Mac>,
    salt: [u8; 14],
}

impl Cm {
    pub(super) fn new(crypto: &dyn RTCCrypto, key: &[u8], auth_key: &[u8], salt: [u8; 14]) -> Result<Self, SrtpError> {
        let stream = crypto.new_stream_cipher(StreamCipherAlgorithm::Aes128Ctr, key).map_err(|_| SrtpError::Crypto)?;
        let mac = crypto.new_hmac(HmacAlgorithm::Sha1, auth_key).map_err(|_| SrtpError::Crypto)?;
        Ok(Self { stream, mac, salt })
    }

    pub(super) fn seal_rtp(&mut self, buf: &mut [u8], len: usize, place: &RtpPlace) -> Result<usize, SrtpError> {
        let iv = self.iv(place.ssrc, place.index);
        let sealed = buf.get_mut(..len + TAG).ok_or(SrtpError::NoRoom)?;
        let (packet, tag) = sealed.split_at_mut(len);
        let payload = packet.get_mut(place.payload_start..).ok_or(SrtpError::Malformed)?;
        self.stream.apply_keystream(&iv, payload).map_err(|_| SrtpError::Crypto)?;
        tag.copy_from_slice(&self.tag(&[packet, &rollover(place.index)])?);
        Ok(len + TAG)
    }

    pub(super) fn open_rtp(&mut self, packet: &mut [u8], place: &RtpPlace) -> Result<usize, SrtpError> {
        let iv = self.iv(place.ssrc, place.index);
        let len = packet.len().checked_sub(TAG).ok_or(SrtpError::Malformed)?;
        let (packet, tag) = packet.split_at_mut(len);
        // "The authentication tag [is computed over] the authenticated portion of the packet concatenated with the ROC."
        if !same(&self.tag(&[packet, &rollover(place.index)])?, tag) {
            return Err(SrtpError::Authentication);
        }
        let payload = packet.get_mut(place.payload_start..).ok_or(SrtpError::Malformed)?;
        self.stream.apply_keystream(&iv, payload).map_err(|_| SrtpError::Crypto)?;
        Ok(len)
    }

    /// Layout: header and SSRC in clear, encrypted rest, E flag and index, tag.
    pub(super) fn seal_rtcp(&mut self, buf: &mut [u8], len: usize, ssrc: Ssrc, index: u32) -> Result<usize, SrtpError> {
        let iv = self.iv(ssrc, u64::from(index));
        let sealed = buf.get_mut(..len + INDEX_WORD + TAG).ok_or(SrtpError::NoRoom)?;
        let (packet, tag) = sealed.split_at_mut(len + INDEX_WORD);
        let (plain, word) = packet.split_at_mut(len);
        let payload = plain.get_mut(RTCP_CLEAR..).ok_or(SrtpError::Malformed)?;
        self.stream.apply_keystream(&iv, payload).map_err(|_| SrtpError::Crypto)?;
        word.copy_from_slice(&(E_FLAG | index).to_be_bytes());
        tag.copy_from_slice(&self.tag(&[packet])?);
        Ok(len + INDEX_WORD + TAG)
    }

    pub(super) fn open_rtcp(&mut self, packet: &mut [u8], ssrc: Ssrc, index: u32) -> Result<usize, SrtpError> {
        let iv = self.iv(ssrc, u64::from(index));
        let len = packet.len().checked_sub(INDEX_WORD + TAG).ok_or(SrtpError::Malformed)?;
        let (packet, tag) = packet.split_at_mut(len + INDEX_WORD);
        if !same(&self.tag(&[packet])?, tag) {
            return Err(SrtpError::Authentication);
        }
        let payload = packet.get_mut(RTCP_CLEAR..len).ok_or(SrtpError::Malformed)?;
        self.stream.apply_keystream(&iv, payload).map_err(|_| SrtpError::Crypto)?;
        Ok(len)
    }

    /// IV = (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16)
    fn iv(&self, ssrc: Ssrc, index: u64) -> [u8; 16] {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        for (byte, ssrc) in iv[4..8].iter_mut().zip(ssrc.0.to_be_bytes()) {
            *byte ^= ssrc;
        }
        for (byte, index) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= index;
        }
        iv
    }

    fn tag(&mut self, input: &[&[u8]]) -> Result<[u8; TAG], SrtpError> {
        let mut full = [0; SHA1];
        self.mac.sign(input, &mut full).map_err(|_| SrtpError::Crypto)?;
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        Ok(tag)
    }
}

fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

fn same(expected: &[u8; TAG], tag: &[u8]) -> bool {
    expected.ct_eq(tag).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rtc_crypto::RTCCryptoProvider;
    use rtc_crypto::providers::RingProvider;

    use super::super::testing::hex;
    use super::*;

    /// RFC 3711 appendix B.2: the first and the last three blocks of the longest key stream a packet may use.
    #[test]
    fn rfc3711_b2() {
        let key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
        let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
        let mut cm = Cm::new(RingProvider::new().crypto(), &key, &[0; AUTH_KEY], salt).unwrap();
        let header = 12;
        let len = header + 1_044_512;
        let mut buf = vec![0; len + TAG];
        let place = RtpPlace { payload_start: header, ssrc: Ssrc(0), index: 0 };
        cm.seal_rtp(&mut buf, len, &place).unwrap();
        let first = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
        assert_eq!(buf[header..header + 48], hex(first));
        let last = "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44";
        assert_eq!(buf[len - 48..len], hex(last));
    }
}
