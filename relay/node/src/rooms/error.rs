//! Why a definition was not changed.

use std::borrow::Cow;

/// Why not; nothing was changed, unless it says otherwise.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// A field is not acceptable.
    #[error("{message}")]
    Field {
        /// Its path in the body.
        field: Cow<'static, str>,
        /// What is wrong with it.
        message: String,
    },
    /// There is no such room or template.
    #[error("there is nothing here")]
    NotFound,
    /// There is one already, made from something else.
    #[error("there is one with this id, made from something else")]
    Exists,
    /// It is not, or no longer, what the caller thinks (`If-Match`, `If-None-Match`).
    #[error("it was changed in the meantime")]
    Changed,
    /// Something inherits from it.
    #[error("rooms or templates inherit from it")]
    InUse,
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    Full,
    /// Too many writers wait, or the system has no entropy.
    #[error("this node is too busy")]
    Busy,
    /// The store failed. It is not known whether the change is kept.
    #[error("the store cannot be written now; look again before you repeat this")]
    Store,
}

impl ChangeError {
    pub(super) fn field(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::Field { field: field.into(), message: message.into() }
    }
}
