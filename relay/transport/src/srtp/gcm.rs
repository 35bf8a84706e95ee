//! AEAD_AES_128_GCM and AEAD_AES_256_GCM packets (RFC 7714).

use rtc_crypto::{AeadAlgorithm, AeadCipher, RTCCrypto};
use wire::ids::Ssrc;

use super::SrtpError;
use super::cipher::{E_FLAG, INDEX_WORD, RTCP_CLEAR, RtpPlace};

/// Authentication tag, bytes.
pub(super) const TAG: usize = 16;
const NONCE: usize = 12;

/// An expanded key with its salt.
pub(super) struct Gcm {
    aead: Box<dyn AeadCipher>,
    salt: [u8; NONCE],
}

impl Gcm {
    pub(super) fn new(crypto: &dyn RTCCrypto, algorithm: AeadAlgorithm, key: &[u8], salt: [u8; NONCE]) -> Result<Self, SrtpError> {
        let aead = crypto.new_aead(algorithm, key).map_err(|_| SrtpError::Crypto)?;
        Ok(Self { aead, salt })
    }

    pub(super) fn seal_rtp(&mut self, buf: &mut [u8], len: usize, place: &RtpPlace) -> Result<usize, SrtpError> {
        let nonce = self.rtp_nonce(place);
        let sealed = buf.get_mut(..len + TAG).ok_or(SrtpError::NoRoom)?;
        let (packet, tag) = sealed.split_at_mut(len);
        let (header, payload) = packet.split_at_mut_checked(place.payload_start).ok_or(SrtpError::Malformed)?;
        self.aead.seal_in_place(&nonce, header, payload, tag).map_err(|_| SrtpError::Crypto)?;
        Ok(len + TAG)
    }

    pub(super) fn open_rtp(&mut self, packet: &mut [u8], place: &RtpPlace) -> Result<usize, SrtpError> {
        let nonce = self.rtp_nonce(place);
        let len = packet.len().checked_sub(TAG).ok_or(SrtpError::Malformed)?;
        let (packet, tag) = packet.split_at_mut(len);
        let (header, payload) = packet.split_at_mut_checked(place.payload_start).ok_or(SrtpError::Malformed)?;
        self.aead.open_in_place(&nonce, header, payload, tag).map_err(|_| SrtpError::Authentication)?;
        Ok(len)
    }

    /// Layout: header and SSRC in clear, encrypted rest, tag, E flag and index.
    pub(super) fn seal_rtcp(&mut self, buf: &mut [u8], len: usize, ssrc: Ssrc, index: u32) -> Result<usize, SrtpError> {
        let nonce = self.rtcp_nonce(ssrc, index);
        let sealed = buf.get_mut(..len + TAG + INDEX_WORD).ok_or(SrtpError::NoRoom)?;
        let (packet, tail) = sealed.split_at_mut(len);
        let (clear, payload) = packet.split_first_chunk_mut::<RTCP_CLEAR>().ok_or(SrtpError::Malformed)?;
        let (tag, word) = tail.split_at_mut(TAG);
        word.copy_from_slice(&(E_FLAG | index).to_be_bytes());
        self.aead.seal_in_place(&nonce, &rtcp_aad(clear, word), payload, tag).map_err(|_| SrtpError::Crypto)?;
        Ok(len + TAG + INDEX_WORD)
    }

    pub(super) fn open_rtcp(&mut self, packet: &mut [u8], ssrc: Ssrc, index: u32) -> Result<usize, SrtpError> {
        let nonce = self.rtcp_nonce(ssrc, index);
        let len = packet.len().checked_sub(TAG + INDEX_WORD).ok_or(SrtpError::Malformed)?;
        let (packet, tail) = packet.split_at_mut(len);
        let (clear, payload) = packet.split_first_chunk_mut::<RTCP_CLEAR>().ok_or(SrtpError::Malformed)?;
        let (tag, word) = tail.split_at_mut(TAG);
        self.aead.open_in_place(&nonce, &rtcp_aad(clear, word), payload, tag).map_err(|_| SrtpError::Authentication)?;
        Ok(len)
    }

    /// Two zero bytes, SSRC, rollover counter, sequence number, all XORed with the salt (RFC 7714 section 8.1).
    fn rtp_nonce(&self, place: &RtpPlace) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce[2..6].copy_from_slice(&place.ssrc.0.to_be_bytes());
        nonce[6..].copy_from_slice(&place.index.to_be_bytes()[2..]);
        self.salted(nonce)
    }

    /// Two zero bytes, SSRC, two zero bytes, the 31-bit index, all XORed with the salt (RFC 7714 section 9.1).
    fn rtcp_nonce(&self, ssrc: Ssrc, index: u32) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce[2..6].copy_from_slice(&ssrc.0.to_be_bytes());
        nonce[8..].copy_from_slice(&index.to_be_bytes());
        self.salted(nonce)
    }

    fn salted(&self, mut nonce: [u8; NONCE]) -> [u8; NONCE] {
        for (byte, salt) in nonce.iter_mut().zip(self.salt) {
            *byte ^= salt;
        }
        nonce
    }
}

/// What is authenticated but not encrypted: the clear part and the index word, side by side (RFC 7714 section 9.2).
fn rtcp_aad(clear: &[u8; RTCP_CLEAR], word: &[u8]) -> [u8; RTCP_CLEAR + INDEX_WORD] {
    let mut aad = [0; RTCP_CLEAR + INDEX_WORD];
    aad[..RTCP_CLEAR].copy_from_slice(clear);
    aad[RTCP_CLEAR..].copy_from_slice(word);
    aad
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rtc_crypto::RTCCryptoProvider;
    use rtc_crypto::providers::RingProvider;

    use super::super::testing::hex;
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f";
    const RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
                       61727465 73207472 6573";
    const RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
                        deadbeef deadbeef deadbeef";
    const RTCP_INDEX: u32 = 0x5d4;

    fn rfc_gcm(algorithm: AeadAlgorithm) -> Gcm {
        let key = match algorithm {
            AeadAlgorithm::Aes128Gcm => &hex(KEY)[..16],
            _ => &hex(KEY)[..],
        };
        let salt = hex("517569642070726f2071756f").try_into().unwrap();
        Gcm::new(RingProvider::new().crypto(), algorithm, key, salt).unwrap()
    }

    /// RFC 7714 sections 16.1 and 16.2: encryption and decryption, SSRC 5501a0b2, ROC 0, SEQ f17b.
    #[test]
    fn rfc7714_section_16() {
        let place = RtpPlace { payload_start: 12, ssrc: Ssrc(0x5501_a0b2), index: 0xf17b };
        for (algorithm, expected) in [
            (
                AeadAlgorithm::Aes128Gcm,
                "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
                 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
            ),
            (
                AeadAlgorithm::Aes256Gcm,
                "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f
                 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
            ),
        ] {
            let mut gcm = rfc_gcm(algorithm);
            assert_eq!(gcm.rtp_nonce(&place)[..], hex("51753c6580c2726f20718414"));
            let plain = hex(RTP);
            let mut buf = plain.clone();
            buf.resize(plain.len() + TAG, 0);
            assert_eq!(gcm.seal_rtp(&mut buf, plain.len(), &place), Ok(plain.len() + TAG));
            assert_eq!(buf, hex(expected), "{algorithm:?}");
            assert_eq!(gcm.open_rtp(&mut buf, &place), Ok(plain.len()));
            assert_eq!(buf[..plain.len()], plain);
        }
    }

    /// RFC 7714 sections 17.1 (encryption) and 17.2 (decryption), index 5d4.
    #[test]
    fn rfc7714_section_17() {
        for (algorithm, expected) in [
            (
                AeadAlgorithm::Aes128Gcm,
                "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
                 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
            ),
            (
                AeadAlgorithm::Aes256Gcm,
                "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658
                 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
            ),
        ] {
            let mut gcm = rfc_gcm(algorithm);
            let ssrc = Ssrc(0x4d61_7273);
            assert_eq!(gcm.rtcp_nonce(ssrc, RTCP_INDEX)[..], hex("517524055203726f207170bb"));
            let plain = hex(RTCP);
            let mut buf = plain.clone();
            buf.resize(plain.len() + TAG + INDEX_WORD, 0);
            assert_eq!(gcm.seal_rtcp(&mut buf, plain.len(), ssrc, RTCP_INDEX), Ok(plain.len() + TAG + INDEX_WORD));
            assert_eq!(buf, hex(expected), "{algorithm:?}");
            assert_eq!(gcm.open_rtcp(&mut buf, ssrc, RTCP_INDEX), Ok(plain.len()));
            assert_eq!(buf[..plain.len()], plain);
        }
    }
}
