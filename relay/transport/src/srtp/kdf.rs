//! Session keys from master keys: the AES counter mode PRF (RFC 3711 section 4.3, RFC 6188 section 3, RFC 7714 section 11).

use rtc_crypto::{BlockCipherAlgorithm, RTCCrypto};

use super::SrtpError;

/// What a derived key is for (RFC 3711 section 4.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Label {
    RtpKey = 0x00,
    RtpAuth = 0x01,
    RtpSalt = 0x02,
    RtcpKey = 0x03,
    RtcpAuth = 0x04,
    RtcpSalt = 0x05,
}

const BLOCK: usize = 16;

/// Fills `out` with the key for `label`. The key derivation rate is zero, so each key is derived once.
///
/// The master key selects AES-128 or AES-256; a 96-bit master salt (AEAD) counts as padded with zeros on the right.
///
/// # Errors
/// [`SrtpError::KeyLength`] for a key that is neither 16 nor 32 bytes, or a salt longer than 14; [`SrtpError::Crypto`].
pub(super) fn derive(crypto: &dyn RTCCrypto, master_key: &[u8], master_salt: &[u8], label: Label, out: &mut [u8]) -> Result<(), SrtpError> {
    let algorithm = match master_key.len() {
        16 => BlockCipherAlgorithm::Aes128,
        32 => BlockCipherAlgorithm::Aes256,
        _ => return Err(SrtpError::KeyLength),
    };
    // IV = (salt XOR label * 2^48) * 2^16: the label meets the eighth byte, the last two bytes count blocks.
    let mut counter = [0; BLOCK];
    counter[..BLOCK - 2].get_mut(..master_salt.len()).ok_or(SrtpError::KeyLength)?.copy_from_slice(master_salt);
    counter[7] ^= label as u8;
    for (index, chunk) in out.chunks_mut(BLOCK).enumerate() {
        let index = u16::try_from(index).map_err(|_| SrtpError::KeyLength)?;
        let mut block = counter;
        block[BLOCK - 2..].copy_from_slice(&index.to_be_bytes());
        crypto.block_encrypt(algorithm, master_key, &mut block).map_err(|_| SrtpError::Crypto)?;
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rtc_crypto::RTCCryptoProvider;
    use rtc_crypto::providers::RingProvider;

    use super::super::testing::hex;
    use super::*;

    fn derived(key: &str, salt: &str, label: Label, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        derive(RingProvider::new().crypto(), &hex(key), &hex(salt), label, &mut out).unwrap();
        out
    }

    #[test]
    fn rfc3711_b3() {
        let (key, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
        assert_eq!(derived(key, salt, Label::RtpKey, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(key, salt, Label::RtpSalt, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let auth = "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098
                    6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";
        assert_eq!(derived(key, salt, Label::RtpAuth, 94), hex(auth));
    }

    /// AES-256 counter mode is no profile of ours, but AEAD_AES_256_GCM derives its keys with the same PRF.
    #[test]
    fn rfc6188_7_2() {
        let key = "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6";
        let salt = "3b04803de51ee7c96423ab5b78d2";
        let expected = "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4";
        assert_eq!(derived(key, salt, Label::RtpKey, 32), hex(expected));
        assert_eq!(derived(key, salt, Label::RtpSalt, 14), hex("fa31791685ca444a9e07c6c64e93"));
        assert_eq!(derived(key, salt, Label::RtpAuth, 20), hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
    }

    #[test]
    fn wrong_lengths() {
        let provider = RingProvider::new();
        let refused = |key: &[u8], salt: &[u8]| derive(provider.crypto(), key, salt, Label::RtpKey, &mut [0; 16]);
        assert_eq!(refused(&[0; 24], &[0; 14]), Err(SrtpError::KeyLength));
        assert_eq!(refused(&[0; 16], &[0; 15]), Err(SrtpError::KeyLength));
    }
}
