//! A connectivity check as it arrives: a Binding request with the attributes ICE demands.

use super::message::Message;
use super::{Key, Role, StunError, TransactionId, attribute, message_type};

/// A well-formed Binding request with USERNAME, PRIORITY and MESSAGE-INTEGRITY. It is not authentic before
/// [`StunRequest::verify`] said so.
#[derive(Clone, Copy, Debug)]
pub struct StunRequest<'a> {
    message: Message<'a>,
    local: &'a str,
    remote: &'a str,
    priority: u32,
}

impl<'a> StunRequest<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    /// [`StunError`]: not a STUN message, not a Binding request, or one of the three attributes is missing.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, StunError> {
        let message = Message::parse(datagram)?;
        if message.message_type != message_type::REQUEST {
            return Err(StunError::MessageType(message.message_type));
        }
        if !message.is_signed() {
            return Err(StunError::Missing(attribute::MESSAGE_INTEGRITY));
        }
        let username = message.username.ok_or(StunError::Missing(attribute::USERNAME))?;
        let (local, remote) = username.split_once(':').ok_or(StunError::Attribute(attribute::USERNAME))?;
        let priority = message.priority.ok_or(StunError::Missing(attribute::PRIORITY))?;
        Ok(Self { message, local, remote, priority })
    }

    /// The two halves of USERNAME, `(local, remote)` as seen from here: our ufrag, then the sender's. Either may be empty.
    #[must_use]
    pub const fn username(&self) -> (&'a str, &'a str) {
        (self.local, self.remote)
    }

    /// Whether MESSAGE-INTEGRITY is right under our own password's key. Constant time in the tag.
    #[must_use]
    pub fn verify(&self, key: &Key) -> bool {
        self.message.verify(key)
    }

    /// Whether the controlling side nominates this path (RFC 8445 section 8.1.1).
    #[must_use]
    pub const fn use_candidate(&self) -> bool {
        self.message.use_candidate
    }

    /// The role the sender claims, if it does.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        self.message.role
    }

    /// The priority the path would have as a peer-reflexive candidate.
    #[must_use]
    pub const fn priority(&self) -> u32 {
        self.priority
    }

    /// To be echoed in the response.
    #[must_use]
    pub const fn transaction(&self) -> TransactionId {
        self.message.transaction
    }
}
