//! Protection profiles and the master keys that DTLS exports for them.

use rtc_crypto::{AeadAlgorithm, SecretVec};

use super::SrtpError;

/// Protection profiles of DTLS-SRTP that are spoken here (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// SRTP_AEAD_AES_128_GCM
    AeadAes128Gcm,
    /// SRTP_AEAD_AES_256_GCM
    AeadAes256Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80
    AesCm128HmacSha1_80,
}

impl Profile {
    /// Every profile, for tests and tables.
    pub const ALL: [Self; 3] = [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::AesCm128HmacSha1_80];

    /// As IANA registers it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
            Self::AesCm128HmacSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
        }
    }

    /// Master and session encryption key, bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Master and session salt, bytes.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::AesCm128HmacSha1_80 => 14,
        }
    }

    /// What has to be exported from DTLS: two keys and two salts, bytes.
    #[must_use]
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// `None` for counter mode.
    pub(super) const fn aead(self) -> Option<AeadAlgorithm> {
        match self {
            Self::AeadAes128Gcm => Some(AeadAlgorithm::Aes128Gcm),
            Self::AeadAes256Gcm => Some(AeadAlgorithm::Aes256Gcm),
            Self::AesCm128HmacSha1_80 => None,
        }
    }
}

/// Which end of the DTLS handshake a session belongs to; decides which keys seal and which open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The DTLS client (a browser, a load client).
    Client,
    /// The DTLS server (the relay).
    Server,
}

impl Role {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Master keys and salts of both directions. Wiped from memory when dropped.
pub struct KeyingMaterial {
    profile: Profile,
    bytes: SecretVec,
}

impl std::fmt::Debug for KeyingMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyingMaterial(..)")
    }
}

impl KeyingMaterial {
    /// Takes what the DTLS exporter gave: client key, server key, client salt, server salt (RFC 5764 section 4.2).
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] when the length does not belong to the profile.
    pub fn from_exporter(profile: Profile, bytes: &[u8]) -> Result<Self, SrtpError> {
        if bytes.len() != profile.keying_material_len() {
            return Err(SrtpError::KeyLength);
        }
        Ok(Self { profile, bytes: SecretVec::new(bytes.to_vec()) })
    }

    /// What the keys are for.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Master key and master salt with which this end writes.
    pub(super) fn write_keys(&self, role: Role) -> (&[u8], &[u8]) {
        let (keys, salts) = self.bytes.as_ref().split_at(2 * self.profile.key_len());
        let (client_key, server_key) = keys.split_at(self.profile.key_len());
        let (client_salt, server_salt) = salts.split_at(self.profile.salt_len());
        match role {
            Role::Client => (client_key, client_salt),
            Role::Server => (server_key, server_salt),
        }
    }
}
