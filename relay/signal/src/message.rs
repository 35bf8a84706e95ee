//! The signalling protocol, version 1: one JSON object per WebSocket text message, `type` names it. The crate's README shows each.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use wire::ids::MAX_TOKEN;

pub use crate::parse::{ProtocolError, parse_client};
/// What a publishing m-line carries.
pub use room::Source;
use room::{Announcement, ChatMessage, Code, RosterEntry};
/// What else messages carry, so that a client needs no other crate to speak the protocol.
pub use room::{BreakoutId, Command, Device, Direction, ParticipantId, Scene};

/// The protocol version this relay speaks.
pub const VERSION: u32 = 1;
/// Longest message a client may send, bytes.
pub const MAX_MESSAGE: usize = 128 * 1024;

/// From the client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Must come first. The token never travels in the URL.
    Hello {
        /// Protocol version the client speaks.
        version: u32,
        /// Signed token that names room, identity and role.
        token: String,
        /// Secret from an earlier `welcome`: take up that session again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<String>,
        /// What the person holds; phones and tablets do not share screens.
        #[serde(default)]
        device: Device,
        /// Hosts and services: tell the room's events after this number (0: all that are kept).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        events_after: Option<u64>,
    },
    /// An SDP offer. The relay answers with the same `id`.
    Offer {
        /// Chosen by the client, echoed in the answer.
        id: u32,
        /// The offer.
        sdp: String,
        /// Which source each publishing m-line (by mid) carries.
        #[serde(default)]
        sources: BTreeMap<String, Source>,
    },
    /// Something is asked of the room. Answered by `done` or `refused` with the same `id`.
    Command {
        /// Chosen by the client, echoed in the reply.
        id: u32,
        /// What.
        command: Command,
    },
    /// How large the client shows its slots now, by mid; slots that are left out are shown in full. Layers follow within a tick.
    Tiles {
        /// Width and height in physical pixels; `[0, 0]`: not visible.
        tiles: BTreeMap<String, [u16; 2]>,
    },
    /// The person turned a source of their own on or off (mute, camera off, start or stop sharing). The command without a reply when it succeeds.
    SetSource {
        /// Which one.
        source: Source,
        /// Whether it should flow.
        active: bool,
    },
    /// The person leaves.
    Leave,
    /// Keep-alive; echoed as `pong`.
    Ping {
        /// Echoed.
        id: u32,
    },
}

/// From the relay.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is in the room. Also sent after a resume, then with the state as it is now.
    Welcome {
        /// Protocol version the relay speaks.
        version: u32,
        /// The room's id.
        room: String,
        /// The client's own participant id.
        participant: u64,
        /// Secret to resume this session after a lost connection.
        resume: String,
        /// True when an earlier session was taken up; its peer connection lives on.
        resumed: bool,
        /// Everyone of whom the client may know, the client included.
        #[serde(with = "crate::shared")]
        roster: Arc<Vec<RosterEntry>>,
        /// The room, or the waiting page.
        scene: Scene,
    },
    /// The room, or the waiting page, as it is now for this client. Always the whole.
    Scene {
        /// What it is now.
        scene: Scene,
    },
    /// The roster as it is now; instead of many of the three messages below.
    Roster {
        /// Everyone of whom the client may know, the client included.
        #[serde(with = "crate::shared")]
        roster: Arc<Vec<RosterEntry>>,
    },
    /// Answer to an offer.
    Answer {
        /// The offer's id.
        id: u32,
        /// The answer.
        sdp: String,
    },
    /// The client may know of somebody more.
    Joined {
        /// Who.
        participant: RosterEntry,
    },
    /// Somebody's name, role or sources changed, as the client may know them.
    Updated {
        /// The whole new state.
        participant: RosterEntry,
    },
    /// Somebody left, or the client may not know of them any more.
    Left {
        /// Who.
        participant: u64,
    },
    /// Who is in which slot now. Always the whole table.
    Slots {
        /// One entry for each slot m-line.
        slots: Vec<Slot>,
    },
    /// What anybody needs of the client's own pictures now. What nobody needs should not be sent; a client that sends it all the same
    /// harms only its own line.
    Send {
        /// One entry for each source of pictures that the client publishes.
        sources: Vec<Needed>,
    },
    /// There is more to see or hear than the client has slots for; it may offer more m-lines.
    SlotsWanted {
        /// Audio slots that would suffice.
        audio: usize,
        /// Video slots that would suffice.
        video: usize,
    },
    /// The person who speaks, or nobody.
    Speaker {
        /// Who.
        participant: Option<u64>,
    },
    /// A chat message.
    Chat {
        /// What, by whom, to whom.
        message: ChatMessage,
        /// It was written before the client came.
        #[serde(default)]
        earlier: bool,
    },
    /// The staff says something to everyone.
    Announcement {
        /// What.
        message: Announcement,
    },
    /// The host asks the person to open their microphone.
    UnmuteAsked,
    /// The command was carried out, or there was nothing to do.
    Done {
        /// The command's id.
        id: u32,
    },
    /// The command was refused; nothing changed.
    Refused {
        /// The command's id; left out for `set_source`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
        /// Stable.
        code: Code,
        /// For a developer's eyes.
        message: String,
        /// The command's field to blame, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
    },
    /// A line of the room's history; see the API's events.
    Event {
        /// The same object as in server-sent events and webhooks.
        event: serde_json::Value,
    },
    /// Reply to `ping`.
    Pong {
        /// The ping's id.
        id: u32,
    },
    /// Something was refused. `code` is stable.
    Error {
        /// Stable machine-readable code.
        code: ErrorCode,
        /// For a developer's eyes.
        message: String,
        /// The offending field, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// The offer that was refused, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
    },
    /// The last message before the relay closes the connection.
    Bye {
        /// Why.
        reason: ByeReason,
    },
}

/// A mid or rid, inline: an act that moves everybody tells everybody of all their slots.
pub type ShortName = ArrayString<MAX_TOKEN>;

/// What is in a slot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// The slot's m-line.
    pub mid: ShortName,
    /// Whose media, `None` when empty.
    pub participant: Option<u64>,
    /// Which source of theirs.
    pub source: Option<Source>,
    /// The simulcast layer that is forwarded, where there are layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<ShortName>,
    /// Why the picture is not as good as it is shown large; left out when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited: Option<Limited>,
}

/// Why a picture is not as good as it is shown large. Stable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// The publisher sends nothing better.
    Source,
    /// It is not visible, says the client.
    Hidden,
    /// The client's line does not carry more.
    Bandwidth,
    /// The client's line has just become better; going up waits.
    Waits,
    /// The client's line does not even carry the least.
    NoRoom,
    /// Nothing arrives from the publisher.
    NoMedia,
    /// What arrives is in a codec that the client did not offer to read.
    Codec,
}

/// What is needed of one source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Needed {
    /// Which.
    pub source: Source,
    /// Lines of the largest picture anybody shows; 0: nobody gets it.
    pub height: u16,
    /// The simulcast layers in the client's order; none without simulcast.
    pub layers: Vec<NeededLayer>,
    /// The only viewer's line carries no more, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bitrate: Option<u64>,
}

/// Whether a simulcast layer is needed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NeededLayer {
    /// Which.
    pub rid: String,
    /// Whether anybody needs it.
    pub active: bool,
}

/// Stable error codes of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, not an object of a known type, or a wrong field.
    BadMessage,
    /// Longer than the limit.
    TooLarge,
    /// The first message was not `hello`, or `hello` came twice.
    OutOfOrder,
    /// The relay does not speak that version.
    UnsupportedVersion,
    /// The token is missing, malformed, expired, not ours, or not for this room.
    Unauthorized,
    /// The offer is not acceptable; `message` says what was expected.
    BadOffer,
    /// The room is full, or the node takes no more.
    Full,
    /// Too many messages in a short time.
    RateLimited,
    /// The token is valid but does not allow this.
    Forbidden,
}

/// Why the relay ends a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The client asked.
    Left,
    /// The same identity connected again.
    Replaced,
    /// The connection was silent or broken for too long.
    TimedOut,
    /// DTLS or ICE failed for good.
    TransportFailed,
    /// The node stops.
    ShuttingDown,
    /// The client broke the protocol or read too slowly.
    ProtocolError,
    /// The room or the node does not take the client; `error` or `refused` said why.
    Refused,
    /// The staff removed the person.
    Removed,
    /// The staff did not let the person in.
    Denied,
    /// The meeting is over.
    Ended,
}
