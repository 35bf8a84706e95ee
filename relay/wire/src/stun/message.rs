//! Reads the header and the attributes of a STUN message once, front to back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{HEADER_LEN, Key, MAGIC_COOKIE, MAX_ATTRIBUTES, MAX_LEN, Role, StunError, TAG_LEN, TransactionId, attribute, key};

/// Everything the relay reads of a STUN message, of any type. Of repeated attributes the first counts (RFC 8489 section 14).
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) message_type: u16,
    pub(super) transaction: TransactionId,
    pub(super) username: Option<&'a str>,
    pub(super) priority: Option<u32>,
    pub(super) use_candidate: bool,
    pub(super) role: Option<Role>,
    pub(super) mapped: Option<SocketAddr>,
    pub(super) error_code: Option<u16>,
    integrity: Option<Integrity<'a>>,
}

/// The MESSAGE-INTEGRITY value and the bytes in front of the attribute.
#[derive(Clone, Copy, Debug)]
struct Integrity<'a> {
    before: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Message<'a> {
    pub(super) fn parse(datagram: &'a [u8]) -> Result<Self, StunError> {
        let (header, _) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(StunError::Length)?;
        if header[4..8] != MAGIC_COOKIE {
            return Err(StunError::Cookie);
        }
        let body_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if datagram.len() > MAX_LEN || datagram.len() != HEADER_LEN + body_len || !body_len.is_multiple_of(4) {
            return Err(StunError::Length);
        }
        let mut transaction = TransactionId([0; 12]);
        transaction.0.copy_from_slice(&header[8..]);
        let mut message = Self {
            message_type: u16::from_be_bytes([header[0], header[1]]),
            transaction,
            username: None,
            priority: None,
            use_candidate: false,
            role: None,
            mapped: None,
            error_code: None,
            integrity: None,
        };
        message.read_attributes(datagram)?;
        Ok(message)
    }

    fn read_attributes(&mut self, datagram: &'a [u8]) -> Result<(), StunError> {
        let mut at = HEADER_LEN;
        for _ in 0..MAX_ATTRIBUTES {
            let rest = &datagram[at..];
            // The message is a multiple of four bytes long, and so is each attribute with its padding: a rest is never 1 to 3 bytes.
            let Some((head, body)) = rest.split_first_chunk::<4>() else { return Ok(()) };
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let padded = len.next_multiple_of(4);
            if padded > body.len() {
                return Err(StunError::Attribute(kind));
            }
            let (before, value) = (&datagram[..at], &body[..len]);
            if kind == attribute::FINGERPRINT {
                // "When present, the FINGERPRINT attribute MUST be the last attribute in the message."
                let right = value == key::fingerprint(before).to_be_bytes() && padded == body.len();
                return if right { Ok(()) } else { Err(StunError::Fingerprint) };
            }
            // "With the exception of the FINGERPRINT attribute, which appears after MESSAGE-INTEGRITY, agents MUST ignore all other
            // attributes that follow MESSAGE-INTEGRITY": nobody signed them.
            if self.integrity.is_none() {
                self.read_attribute(kind, value, before).ok_or(StunError::Attribute(kind))?;
            }
            at += 4 + padded;
        }
        if at == datagram.len() { Ok(()) } else { Err(StunError::TooManyAttributes) }
    }

    /// `None` if the value is not valid for its type. Unknown attributes are skipped, also those from the range that asks to be
    /// understood: browsers send new ones before servers know them, and ICE works without.
    fn read_attribute(&mut self, kind: u16, value: &'a [u8], before: &'a [u8]) -> Option<()> {
        match kind {
            attribute::USERNAME => {
                let username = std::str::from_utf8(value).ok().filter(|name| name.len() <= MAX_USERNAME)?;
                self.username.get_or_insert(username);
            }
            attribute::PRIORITY => {
                self.priority.get_or_insert(u32::from_be_bytes(value.try_into().ok()?));
            }
            attribute::USE_CANDIDATE => {
                self.use_candidate = value.is_empty().then_some(true)?;
            }
            attribute::ICE_CONTROLLING => self.set_role(Role::Controlling(u64::from_be_bytes(value.try_into().ok()?)))?,
            attribute::ICE_CONTROLLED => self.set_role(Role::Controlled(u64::from_be_bytes(value.try_into().ok()?)))?,
            attribute::XOR_MAPPED_ADDRESS => {
                self.mapped.get_or_insert(xor_address(value, self.transaction)?);
            }
            attribute::ERROR_CODE => {
                self.error_code.get_or_insert(error_code(value)?);
            }
            attribute::MESSAGE_INTEGRITY => {
                self.integrity = Some(Integrity { before, tag: value.try_into().ok()? });
            }
            _ => {}
        }
        Some(())
    }

    /// `None` if the sender claims both roles.
    fn set_role(&mut self, role: Role) -> Option<()> {
        let known = *self.role.get_or_insert(role);
        (std::mem::discriminant(&known) == std::mem::discriminant(&role)).then_some(())
    }

    pub(super) const fn is_signed(&self) -> bool {
        self.integrity.is_some()
    }

    /// False without MESSAGE-INTEGRITY.
    pub(super) fn verify(&self, key: &Key) -> bool {
        let Some(Integrity { before, tag }) = self.integrity else { return false };
        // "The value of the Length field ... should include the MESSAGE-INTEGRITY attribute itself", whatever follows. At most
        // MAX_LEN, so it fits.
        let length = (before.len() - HEADER_LEN + 4 + TAG_LEN) as u16;
        key.verify(&[&before[..2], &length.to_be_bytes(), &before[4..]], tag)
    }
}

/// Address family, port and address, the latter two hidden from meddling NATs with the cookie and the transaction id (RFC 8489
/// section 14.2).
fn xor_address(value: &[u8], transaction: TransactionId) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2] ^ MAGIC_COOKIE[0], head[3] ^ MAGIC_COOKIE[1]]);
    let ip = match head[1] {
        1 => IpAddr::V4(Ipv4Addr::from(masked(address.try_into().ok()?, transaction))),
        2 => IpAddr::V6(Ipv6Addr::from(masked::<16>(address.try_into().ok()?, transaction))),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// XORs an address with the cookie followed by the transaction id; its own inverse.
pub(super) fn masked<const N: usize>(mut address: [u8; N], transaction: TransactionId) -> [u8; N] {
    for (byte, mask) in address.iter_mut().zip(MAGIC_COOKIE.into_iter().chain(transaction.0)) {
        *byte ^= mask;
    }
    address
}

/// Class 3 to 6 and number 0 to 99 (RFC 8489 section 14.8); the reason phrase is for people and not read.
fn error_code(value: &[u8]) -> Option<u16> {
    let (head, _) = value.split_first_chunk::<4>()?;
    let (class, number) = (head[2] & 0x07, head[3]);
    ((3..=6).contains(&class) && number < 100).then(|| u16::from(class) * 100 + u16::from(number))
}

/// "MUST contain a UTF-8 encoded sequence of fewer than 509 bytes" (RFC 8489 section 14.3).
const MAX_USERNAME: usize = 508;
