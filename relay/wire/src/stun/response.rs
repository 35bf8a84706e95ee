//! The answer to a connectivity check, as a client reads it.

use std::net::SocketAddr;

use super::message::Message;
use super::{Key, StunError, TransactionId, attribute, message_type};

/// A well-formed Binding response. It is not authentic before [`StunResponse::verify`] said so.
#[derive(Clone, Copy, Debug)]
pub struct StunResponse<'a> {
    message: Message<'a>,
    outcome: Result<SocketAddr, u16>,
}

impl<'a> StunResponse<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    /// [`StunError`]: not a STUN message, not a Binding response, or without XOR-MAPPED-ADDRESS or ERROR-CODE.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, StunError> {
        let message = Message::parse(datagram)?;
        let outcome = match message.message_type {
            message_type::SUCCESS => Ok(message.mapped.ok_or(StunError::Missing(attribute::XOR_MAPPED_ADDRESS))?),
            message_type::ERROR => Err(message.error_code.ok_or(StunError::Missing(attribute::ERROR_CODE))?),
            other => return Err(StunError::MessageType(other)),
        };
        Ok(Self { message, outcome })
    }

    /// Whether MESSAGE-INTEGRITY is present and right under the peer's password's key.
    #[must_use]
    pub fn verify(&self, key: &Key) -> bool {
        self.message.verify(key)
    }

    /// Our address as the peer sees it, or the error code, 300 to 699.
    pub const fn outcome(&self) -> Result<SocketAddr, u16> {
        self.outcome
    }

    /// Which request this answers.
    #[must_use]
    pub const fn transaction(&self) -> TransactionId {
        self.message.transaction
    }
}
