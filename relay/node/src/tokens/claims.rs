//! What a token says: its claims on the wire, and the checked values the rest of the node works with.

use serde::{Deserialize, Serialize};
use worker::command::{Role, RoomId};

use crate::room_id::parse_room;

/// Longest identity (`sub`), bytes.
pub const MAX_IDENTITY: usize = 128;
/// Longest display name, characters.
pub const MAX_NAME: usize = 80;

/// Role of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Leads the meeting.
    Host,
    /// Takes part.
    Participant,
    /// The API's caller. Never enters a room.
    Service,
}

impl TokenRole {
    /// The role in a room; `None` for a service.
    #[must_use]
    pub fn in_room(self) -> Option<Role> {
        match self {
            Self::Host => Some(Role::Host),
            Self::Participant => Some(Role::Participant),
            Self::Service => None,
        }
    }
}

/// The claims as they travel. Unknown ones are ignored, as RFC 7519 section 4 wants; a claim that comes twice is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireClaims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) room: Option<String>,
    pub(super) sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) role: TokenRole,
    pub(super) exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<u64>,
}

/// A verified token for a room.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// The one room it opens.
    pub room: RoomId,
    /// Who: unique within the room.
    pub identity: String,
    /// Display name; the identity where the token has none.
    pub name: String,
    /// As what.
    pub role: Role,
}

/// What a verified token allows.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// Entering one room.
    Room(Grant),
    /// Calling the API, for one room or (`None`) all.
    Service(Option<RoomId>),
}

impl Access {
    /// Checks the claims' values; the signature and times were checked before.
    pub(super) fn from_claims(claims: &WireClaims) -> Option<Self> {
        let room = match claims.room.as_deref() {
            Some(room) => Some(parse_room(room)?),
            None => None,
        };
        let identity = identity(&claims.sub)?;
        let Some(role) = claims.role.in_room() else { return Some(Self::Service(room)) };
        let name = display_name(claims.name.as_deref().unwrap_or(&identity))?;
        Some(Self::Room(Grant { room: room?, identity, name, role }))
    }
}

/// An identity: 1 to [`MAX_IDENTITY`] bytes, no control characters, no blanks around it.
#[must_use]
pub fn identity(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= MAX_IDENTITY && text.trim() == text;
    (fits && !text.chars().any(unsafe_to_show)).then(|| text.to_owned())
}

/// A display name: 1 to [`MAX_NAME`] characters after blanks around it are removed, nothing that could rearrange the text around it.
#[must_use]
pub fn display_name(text: &str) -> Option<String> {
    let name = text.trim();
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME;
    (fits && !name.chars().any(unsafe_to_show)).then(|| name.to_owned())
}

/// Control characters, and the invisible ones that turn the direction of the text after them (Unicode TR 9).
fn unsafe_to_show(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}
