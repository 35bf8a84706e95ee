//! Writes Binding requests and responses, signed and with a fingerprint.

use std::net::{IpAddr, SocketAddr};

use super::message::masked;
use super::{HEADER_LEN, Key, MAGIC_COOKIE, Role, TAG_LEN, TransactionId, attribute, key, message_type};

/// Longest reply, bytes: a success response with an IPv6 address. A check as RFC 8445 demands it has at least 88 bytes (two ufrags of
/// four characters, priority, role, integrity, fingerprint), so even towards an authenticated peer the relay amplifies nothing.
pub const MAX_REPLY: usize = HEADER_LEN + 24 + SIGNATURE_LEN;

/// Longest request [`binding_request`] writes, bytes.
pub const MAX_REQUEST: usize = HEADER_LEN + (4 + 512) + 8 + 12 + 4 + SIGNATURE_LEN;

/// A success response: the address the request came from, MESSAGE-INTEGRITY and FINGERPRINT. An IPv4-mapped IPv6 address is written
/// as the IPv4 address it is.
///
/// Gives the length; `None` if `buf` is shorter than the response ([`MAX_REPLY`] always suffices).
#[must_use]
pub fn binding_success(transaction: TransactionId, mapped: SocketAddr, key: &Key, buf: &mut [u8]) -> Option<usize> {
    let mut writer = Writer::new(message_type::SUCCESS, transaction, buf)?;
    let [high, low] = mapped.port().to_be_bytes();
    let port = [high ^ MAGIC_COOKIE[0], low ^ MAGIC_COOKIE[1]];
    match mapped.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = masked(ip.octets(), transaction);
            writer.attribute(attribute::XOR_MAPPED_ADDRESS, &[0, 1, port[0], port[1], a, b, c, d])?;
        }
        IpAddr::V6(ip) => {
            let mut value = [0, 2, port[0], port[1], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            value[4..].copy_from_slice(&masked(ip.octets(), transaction));
            writer.attribute(attribute::XOR_MAPPED_ADDRESS, &value)?;
        }
    }
    writer.sign(key)
}

/// An error response with `code` 300 to 699 (487 is a role conflict), without a reason phrase, signed like a success.
///
/// Only for requests that were verified; all others get no answer. Gives the length; `None` if `buf` is too short or `code` out of
/// range.
#[must_use]
pub fn binding_error(transaction: TransactionId, code: u16, key: &Key, buf: &mut [u8]) -> Option<usize> {
    if !(300..700).contains(&code) {
        return None;
    }
    let mut writer = Writer::new(message_type::ERROR, transaction, buf)?;
    writer.attribute(attribute::ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8])?;
    writer.sign(key)
}

/// What a client's connectivity check says.
#[derive(Clone, Copy, Debug)]
pub struct BindingRequest<'a> {
    /// Unpredictable to others; the caller's own choice.
    pub transaction: TransactionId,
    /// The receiver's ufrag.
    pub remote_ufrag: &'a str,
    /// The sender's own ufrag.
    pub local_ufrag: &'a str,
    /// Priority of the path as a peer-reflexive candidate.
    pub priority: u32,
    /// Role and tie-breaker.
    pub role: Role,
    /// Nominate this path.
    pub use_candidate: bool,
}

/// A connectivity check, signed with the receiver's password. Gives the length; `None` if `buf` or USERNAME is too short or too long.
#[must_use]
pub fn binding_request(request: &BindingRequest<'_>, key: &Key, buf: &mut [u8]) -> Option<usize> {
    let mut writer = Writer::new(message_type::REQUEST, request.transaction, buf)?;
    let (remote, local) = (request.remote_ufrag.as_bytes(), request.local_ufrag.as_bytes());
    writer.attribute_parts(attribute::USERNAME, &[remote, b":", local])?;
    writer.attribute(attribute::PRIORITY, &request.priority.to_be_bytes())?;
    match request.role {
        Role::Controlling(tie) => writer.attribute(attribute::ICE_CONTROLLING, &tie.to_be_bytes())?,
        Role::Controlled(tie) => writer.attribute(attribute::ICE_CONTROLLED, &tie.to_be_bytes())?,
    }
    if request.use_candidate {
        writer.attribute(attribute::USE_CANDIDATE, &[])?;
    }
    writer.sign(key)
}

/// Appends attributes to a message. The length field is kept right after each, as both checksums cover it.
struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    fn new(message_type: u16, transaction: TransactionId, buf: &'a mut [u8]) -> Option<Self> {
        let header = buf.first_chunk_mut::<HEADER_LEN>()?;
        header[..2].copy_from_slice(&message_type.to_be_bytes());
        header[4..8].copy_from_slice(&MAGIC_COOKIE);
        header[8..].copy_from_slice(&transaction.0);
        Some(Self { buf, len: HEADER_LEN })
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) -> Option<()> {
        self.attribute_parts(kind, &[value])
    }

    fn attribute_parts(&mut self, kind: u16, parts: &[&[u8]]) -> Option<()> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let len = u16::try_from(len).ok().filter(|&len| len <= MAX_VALUE)?;
        self.put(&kind.to_be_bytes())?;
        self.put(&len.to_be_bytes())?;
        for part in parts {
            self.put(part)?;
        }
        self.put(&[0; 3][..(4 - usize::from(len) % 4) % 4])
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.buf.get_mut(self.len..self.len + bytes.len())?.copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }

    /// Sets the length field as it will be after `more` further bytes.
    fn set_length(&mut self, more: usize) {
        // A few attributes of at most MAX_VALUE bytes: far below 65,536.
        let body = (self.len + more - HEADER_LEN) as u16;
        self.buf[2..4].copy_from_slice(&body.to_be_bytes());
    }

    fn sign(mut self, key: &Key) -> Option<usize> {
        self.set_length(4 + TAG_LEN);
        let tag = key.sign(&[&self.buf[..self.len]]);
        self.attribute(attribute::MESSAGE_INTEGRITY, &tag)?;
        self.set_length(4 + 4);
        let fingerprint = key::fingerprint(&self.buf[..self.len]);
        self.attribute(attribute::FINGERPRINT, &fingerprint.to_be_bytes())?;
        Some(self.len)
    }
}

/// MESSAGE-INTEGRITY and FINGERPRINT, bytes.
const SIGNATURE_LEN: usize = (4 + TAG_LEN) + (4 + 4);

/// Longest attribute value written: USERNAME (RFC 8489 section 14.3).
const MAX_VALUE: u16 = 508;
