//! The MESSAGE-INTEGRITY key of one side (RFC 8489 section 14.5) and the FINGERPRINT checksum (section 14.7).

use std::fmt;

use crc::{CRC_32_ISO_HDLC, Crc};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::TAG_LEN;

/// HMAC-SHA1 keyed once with an ICE password; signing a message costs no further key set-up.
#[derive(Clone)]
pub struct Key(Hmac<Sha1>);

impl Key {
    /// "The key for the HMAC depends on the credential mechanism": for ICE it is the password as it stands in SDP.
    #[must_use]
    pub fn new(password: &str) -> Self {
        // HMAC hashes keys longer than a block and pads shorter ones, so no length is wrong.
        Self(Hmac::new_from_slice(password.as_bytes()).expect("HMAC takes keys of any length"))
    }

    fn feed(&self, parts: &[&[u8]]) -> Hmac<Sha1> {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }

    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; TAG_LEN] {
        self.feed(parts).finalize().into_bytes().into()
    }

    /// In constant time.
    pub(super) fn verify(&self, parts: &[&[u8]], tag: &[u8; TAG_LEN]) -> bool {
        self.feed(parts).verify_slice(tag).is_ok()
    }
}

impl fmt::Debug for Key {
    /// Shows nothing: the key is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// "CRC-32 of the STUN message up to (but excluding) the FINGERPRINT attribute itself, XOR'ed with the 32-bit value 0x5354554e."
pub(super) fn fingerprint(before: &[u8]) -> u32 {
    CRC.checksum(before) ^ 0x5354_554e
}

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
