//! Why something was refused; what is refused changes nothing.

use serde::{Deserialize, Serialize};

/// Stable code of a refusal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The room, or a list in it, holds no more.
    Full,
    /// The role does not allow it, or whoever asks waits. Also for ids of people whom the asker may not know.
    Forbidden,
    /// Nobody, or no breakout, has that id here.
    NotFound,
    /// The person was removed, and is not allowed back.
    Removed,
    /// It is too early.
    NotOpen,
    /// The meeting is over.
    Ended,
    /// The host closed it; only the staff can open it again.
    LockedByHost,
    /// The room's settings do not allow it.
    NotAllowedHere,
    /// Somebody else shares already.
    Taken,
    /// A text or number is out of range.
    Invalid,
    /// Too many messages in a short time.
    RateLimited,
}

/// A refused command or arrival.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable.
    pub code: Code,
    /// For a developer's eyes; names no person.
    pub message: String,
    /// The field of the command to blame, where there is one.
    pub field: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None }
    }

    pub(crate) fn field(field: &'static str, code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: Some(field) }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::field(field, Code::Invalid, message)
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(Code::Forbidden, "this role does not allow it here")
    }

    /// There is nobody, or nothing, of that kind.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// The same words whether the id never existed, or belongs to somebody of whom the asker may not know.
    pub(crate) fn nobody(field: &'static str) -> Self {
        Self::field(field, Code::NotFound, "nobody has that id here")
    }

    pub(crate) fn no_breakout() -> Self {
        Self::field("breakout", Code::NotFound, "no breakout room has that id here")
    }

    pub(crate) fn not_here(message: impl Into<String>) -> Self {
        Self::new(Code::NotAllowedHere, message)
    }
}
