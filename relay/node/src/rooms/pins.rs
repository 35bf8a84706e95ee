//! PINs: how they are written, and how they are kept. Nothing here prints one.
//!
//! A PIN of few digits falls to anybody who has its plain hash, so what is kept is keyed: HMAC-SHA256 under a random key of this node,
//! over the room and what the PIN is for. The key lies beside the store, never in it.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::{Choice, ConstantTimeEq as _};
use worker::command::RoomId;

/// The smallest PIN.
const MIN: u32 = 1000;
/// The largest PIN.
const MAX: u32 = 999_999_999;
/// What is told of a PIN that is none.
const EXPECTED: &str = "1000 to 999999999, as a number or as digits without a leading zero";

/// A PIN as somebody typed it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pin(u32);

impl Pin {
    /// From 1000 to 999999999.
    pub(crate) fn new(number: u64) -> Option<Self> {
        let number = u32::try_from(number).ok()?;
        (MIN..=MAX).contains(&number).then_some(Self(number))
    }

    /// ASCII digits only, without anything around them; one way to write each.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        if digits { Self::new(text.parse().ok()?) } else { None }
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// 4 to 9.
    pub(crate) fn digits(self) -> u8 {
        // At most 9.
        self.0.ilog10() as u8 + 1
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pin(…)")
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PinVisitor)
    }
}

struct PinVisitor;

impl Visitor<'_> for PinVisitor {
    type Value = Pin;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(EXPECTED)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Pin, E> {
        Pin::new(number).ok_or_else(|| E::invalid_value(Unexpected::Other("another number"), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Pin, E> {
        Pin::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Other("another text"), &self))
    }
}

/// What a PIN opens the room as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PinKind {
    /// Host.
    Host,
    /// Participant.
    Guest,
}

/// A PIN at rest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedPin {
    /// How many digits: decides how often strangers may guess.
    pub digits: u8,
    tag: Tag,
}

/// 256 bits of HMAC-SHA256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag([u8; 32]);

impl Tag {
    /// Compares in a time that does not depend on where they differ.
    pub(crate) fn same(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("not 256 bits of base64"))
    }
}

/// The key that seals.
pub(crate) struct PinKey {
    key: hmac::Key,
    /// What a room without a PIN is compared with, so that it takes the same time.
    decoy: Tag,
}

impl PinKey {
    /// From 256 random bits.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let key = hmac::Key::new(HMAC_SHA256, secret);
        let decoy = tag(&key, &[b"decoy"]);
        Self { key, decoy }
    }

    /// What is kept of a PIN.
    pub(crate) fn seal(&self, room: &RoomId, kind: PinKind, pin: Pin) -> SealedPin {
        SealedPin { digits: pin.digits(), tag: self.tag_of(room, kind, pin) }
    }

    /// Whether this is the PIN; without one it takes as long and is not.
    pub(crate) fn opens(&self, room: &RoomId, kind: PinKind, sealed: Option<&SealedPin>, pin: Pin) -> Choice {
        let kept = sealed.map_or(&self.decoy, |sealed| &sealed.tag);
        self.tag_of(room, kind, pin).same(kept)
    }

    /// A digest of something that may hold PINs.
    pub(crate) fn digest(&self, text: &[u8]) -> Tag {
        tag(&self.key, &[b"digest", text])
    }

    fn tag_of(&self, room: &RoomId, kind: PinKind, pin: Pin) -> Tag {
        let kind: &[u8] = match kind {
            PinKind::Host => b"host",
            PinKind::Guest => b"guest",
        };
        tag(&self.key, &[kind, room.0.as_bytes(), &pin.0.to_be_bytes()])
    }
}

/// Each part behind its length, so that no two lists of parts read alike.
fn tag(key: &hmac::Key, parts: &[&[u8]]) -> Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    Tag(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(json: &str) -> Option<Pin> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn a_pin_is_1000_to_999999999_in_ascii_digits() {
        for (json, number, digits) in [("1000", 1000, 4), ("\"1000\"", 1000, 4), ("999999999", 999_999_999, 9), ("\"482913\"", 482_913, 6)]
        {
            let pin = read(json).unwrap();
            assert_eq!((pin, pin.digits()), (Pin(number), digits), "{json}");
        }
        let bad = [
            "999",
            "1000000000",
            "-1000",
            "1000.0",
            "1e4",
            "true",
            "null",
            "[1000]",
            "{}",
            "18446744073709551616",
            "\"\"",
            "\" \"",
            "\"#\"",
            "\" 1234\"",
            "\"1234 \"",
            "\"12 34\"",
            "\"01234\"",
            "\"+1234\"",
            "\"0x4d2\"",
            "\"999\"",
            "\"1000000000\"",
            "\"١٢٣٤\"",
            "\"１２３４\"",
            "\"1234\\u0000\"",
            "\"12３4\"",
        ];
        for json in bad {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn what_is_kept_opens_for_one_pin_one_room_and_one_purpose() {
        let key = PinKey::new(&[7; 32]);
        let room = RoomId("a".into());
        let (right, wrong) = (Pin::new(123_456).unwrap(), Pin::new(123_457).unwrap());
        let sealed = key.seal(&room, PinKind::Host, right);
        let opens = |key: &PinKey, room: &str, kind, pin| bool::from(key.opens(&RoomId(room.into()), kind, Some(&sealed), pin));
        assert!(opens(&key, "a", PinKind::Host, right));
        assert!(!opens(&key, "a", PinKind::Host, wrong));
        assert!(!opens(&key, "a", PinKind::Guest, right));
        assert!(!opens(&key, "b", PinKind::Host, right));
        assert!(!opens(&PinKey::new(&[8; 32]), "a", PinKind::Host, right));
        assert!(!bool::from(key.opens(&room, PinKind::Host, None, right)));
        let kept = serde_json::to_string(&sealed).unwrap();
        assert!(!kept.contains("123456") && serde_json::from_str::<SealedPin>(&kept).unwrap() == sealed, "{kept}");
        assert_eq!(format!("{right:?}"), "Pin(…)");
    }
}
