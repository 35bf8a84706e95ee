//! The keys that verify and sign tokens; each has one id and one algorithm for life.

use std::path::{Path, PathBuf};

use jsonwebtoken::{Algorithm as JwtAlgorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;

use super::claims::WireClaims;
use super::{MAX_LIFE_SECONDS, TokenRole};
use crate::config::{Algorithm, Key};

/// Shortest HS256 secret, bytes (RFC 7518 section 3.2).
const MIN_SECRET: usize = 32;
/// Largest key file, bytes.
const MAX_KEY_FILE: usize = 16 * 1024;

/// A key that cannot be used; names files, never their content.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("key `{id}`: {path} cannot be read: {error}", path = path.display())]
    Unreadable {
        /// The key's id.
        id: String,
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what the algorithm needs.
    #[error("key `{id}`: {path} is not usable, expected {expected}", path = path.display())]
    Unusable {
        /// The key's id.
        id: String,
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// The two halves of a pair do not belong together.
    #[error("key `{id}`: the private key does not belong to the public key")]
    Mismatch {
        /// The key's id.
        id: String,
    },
    /// No key can sign.
    #[error("no key can issue tokens, expected a key with `secret_file` or `private_key_file`")]
    NoSigner,
}

/// All keys of this node.
#[derive(Default)]
pub struct KeyRing {
    keys: Vec<LoadedKey>,
}

pub(super) struct LoadedKey {
    pub(super) id: String,
    pub(super) algorithm: JwtAlgorithm,
    pub(super) verify: DecodingKey,
    sign: Option<EncodingKey>,
}

impl KeyRing {
    /// Reads the configured keys.
    ///
    /// # Errors
    /// The first file that cannot be read or used.
    pub fn load(keys: &[Key]) -> Result<Self, KeyError> {
        let keys = keys.iter().map(LoadedKey::load).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Adds an HS256 key that lives only as long as this process.
    pub fn add_throw_away(&mut self, id: &str, secret: &[u8; MIN_SECRET]) {
        self.keys.push(LoadedKey::symmetric(id, secret));
    }

    /// True when this node can issue tokens.
    #[must_use]
    pub fn can_issue(&self) -> bool {
        self.keys.iter().any(|key| key.sign.is_some())
    }

    /// Issues a token with the first key that can sign; `now` and `life` (at most [`MAX_LIFE_SECONDS`]) in seconds.
    ///
    /// # Errors
    /// [`KeyError::NoSigner`] where there is none.
    pub fn issue(&self, issue: &Issue<'_>, now: u64) -> Result<Issued, KeyError> {
        let signer = self.keys.iter().find_map(|key| key.sign.as_ref().map(|sign| (key, sign)));
        let (key, sign) = signer.ok_or(KeyError::NoSigner)?;
        let expires = now.saturating_add(issue.life.min(MAX_LIFE_SECONDS));
        let claims = WireClaims {
            room: issue.room.map(ToOwned::to_owned),
            sub: issue.identity.to_owned(),
            name: issue.name.map(ToOwned::to_owned),
            role: issue.role,
            exp: expires,
            nbf: None,
            iat: Some(now),
        };
        let token = key.sign(sign, &claims).map_err(|_| KeyError::NoSigner)?;
        Ok(Issued { token, expires })
    }

    pub(super) fn find(&self, id: &str) -> Option<&LoadedKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// What a new token is to say.
#[derive(Clone, Copy)]
pub struct Issue<'a> {
    /// The room; `None` only makes sense for a service.
    pub room: Option<&'a str>,
    /// Who.
    pub identity: &'a str,
    /// Display name.
    pub name: Option<&'a str>,
    /// As what.
    pub role: TokenRole,
    /// For how long, seconds.
    pub life: u64,
}

/// A new token.
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it ends, Unix seconds.
    pub expires: u64,
}

impl LoadedKey {
    fn load(key: &Key) -> Result<Self, KeyError> {
        let path = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
        match key.algorithm {
            Algorithm::HS256 => {
                let path = path(&key.secret_file);
                let mut secret = read(&key.id, &path)?;
                while matches!(secret.last(), Some(b'\n' | b'\r')) {
                    secret.pop();
                }
                if secret.len() < MIN_SECRET {
                    return Err(unusable(&key.id, &path, "at least 32 bytes"));
                }
                Ok(Self::symmetric(&key.id, &secret))
            }
            Algorithm::ES256 => Self::pair(key, JwtAlgorithm::ES256, DecodingKey::from_ec_pem, EncodingKey::from_ec_pem),
            Algorithm::EdDSA => Self::pair(key, JwtAlgorithm::EdDSA, DecodingKey::from_ed_pem, EncodingKey::from_ed_pem),
        }
    }

    fn symmetric(id: &str, secret: &[u8]) -> Self {
        Self {
            id: id.to_owned(),
            algorithm: JwtAlgorithm::HS256,
            verify: DecodingKey::from_secret(secret),
            sign: Some(EncodingKey::from_secret(secret)),
        }
    }

    fn pair(
        key: &Key,
        algorithm: JwtAlgorithm,
        public: fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>,
        private: fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>,
    ) -> Result<Self, KeyError> {
        let path = key.public_key_file.clone().unwrap_or_default();
        let verify =
            public(&read(&key.id, &path)?).map_err(|_| unusable(&key.id, &path, "a public key (SPKI) in PEM for the key's algorithm"))?;
        let sign = match &key.private_key_file {
            None => None,
            Some(path) => {
                let sign = private(&read(&key.id, path)?);
                Some(sign.map_err(|_| unusable(&key.id, path, "a private key (PKCS #8) in PEM for the key's algorithm"))?)
            }
        };
        let loaded = Self { id: key.id.clone(), algorithm, verify, sign };
        loaded.prove()?;
        Ok(loaded)
    }

    /// Signs something and verifies it, so that a wrong curve or a foreign half shows at the start and not at the first meeting.
    fn prove(&self) -> Result<(), KeyError> {
        let mismatch = || KeyError::Mismatch { id: self.id.clone() };
        let Some(sign) = &self.sign else { return Ok(()) };
        let proof = self.sign(sign, &serde_json::json!({})).map_err(|_| mismatch())?;
        let (message, signature) = proof.rsplit_once('.').ok_or_else(mismatch)?;
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.verify, self.algorithm) {
            Ok(true) => Ok(()),
            _ => Err(mismatch()),
        }
    }

    fn sign(&self, sign: &EncodingKey, claims: &impl Serialize) -> jsonwebtoken::errors::Result<String> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, sign)
    }
}

fn read(id: &str, path: &Path) -> Result<Vec<u8>, KeyError> {
    let bytes = std::fs::read(path).map_err(|error| KeyError::Unreadable { id: id.to_owned(), path: path.to_owned(), error })?;
    if bytes.len() > MAX_KEY_FILE { Err(unusable(id, path, "at most 16 KiB")) } else { Ok(bytes) }
}

fn unusable(id: &str, path: &Path, expected: &'static str) -> KeyError {
    KeyError::Unusable { id: id.to_owned(), path: path.to_owned(), expected }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
