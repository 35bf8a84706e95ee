//! Small copyable identifiers that RTP and SDP share: SSRC, mid, rid, ICE credentials, certificate fingerprint.

use std::fmt;

/// Synchronisation source of an RTP stream (RFC 3550 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssrc(pub u32);

impl fmt::Debug for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Longest mid or rid that fits the one-byte header extension form (RFC 8285 section 4.2).
pub const MAX_TOKEN: usize = 16;

/// An inline identifier of 1 to 16 visible ASCII characters without spaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Token {
    len: u8,
    bytes: [u8; MAX_TOKEN],
}

impl Token {
    fn new(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > MAX_TOKEN || !text.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut bytes = [0; MAX_TOKEN];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self { len: text.len() as u8, bytes })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Token);

        impl $name {
            /// `None` unless `text` is 1 to 16 visible ASCII characters.
            #[must_use]
            pub fn new(text: impl AsRef<[u8]>) -> Option<Self> {
                Token::new(text.as_ref()).map(Self)
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(self.0.as_bytes()).unwrap_or_default()
            }

            /// The same as it stands in a header extension.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

token!(
    /// Identifies an m-line within a session (RFC 8843 section 15).
    Mid
);
token!(
    /// Identifies one simulcast encoding of an m-line (RFC 8851, RFC 8852).
    Rid
);

/// One side's short-term ICE credentials (RFC 8839 section 5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `ice-ufrag`, 4 to 256 characters.
    pub ufrag: String,
    /// `ice-pwd`, 22 to 256 characters.
    pub pwd: String,
}

impl fmt::Debug for IceCredentials {
    /// Shows neither part: both are secrets of a person's connection.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IceCredentials(..)")
    }
}

/// SHA-256 fingerprint of a DTLS certificate (RFC 8122 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Reads the colon-separated hexadecimal form of SDP, without the algorithm name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let mut pairs = text.trim().split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| pair.len() == 2)?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}
