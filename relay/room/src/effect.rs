//! What came of a command: events for the log, messages for people, people to send away.

use serde::{Deserialize, Serialize};

use crate::command::Actor;
use crate::ids::{BreakoutId, ParticipantId, Place, Time};
use crate::layout::Layout;
use crate::participant::{Role, Source};
use crate::settings::Direction;

/// Something the caller has to do. Afterwards it asks for routes, views, rosters and scenes again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// For the room's event log, in this order.
    Event(Event),
    /// A chat message for exactly these people (the sender among them).
    Chat(ChatMessage, Vec<ParticipantId>),
    /// An announcement of the staff for exactly these people.
    Announce(Announcement, Vec<ParticipantId>),
    /// Ask this person whether they open their microphone.
    AskUnmute(ParticipantId),
    /// End this person's session. They are out of the room already: nothing of theirs flows any more.
    Close(ParticipantId, Farewell),
}

/// Why the room ends a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Farewell {
    /// Removed by the staff.
    Removed,
    /// Not let in.
    Denied,
    /// The meeting ended.
    Ended,
}

/// A chat message. Everything but the text is the room's own word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Counts up within the room; with gaps for those who may not read all.
    pub id: u64,
    /// Who wrote it.
    pub from: ParticipantId,
    /// To whom alone.
    pub to: Option<ParticipantId>,
    /// For the staff only, by the room's setting.
    pub to_staff: bool,
    /// Where it was written.
    pub place: Place,
    /// When.
    pub at: Time,
    /// What.
    pub text: String,
}

/// A message of the staff to everyone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// Who sent it; `None` for a service.
    pub from: Option<ParticipantId>,
    /// When.
    pub at: Time,
    /// What.
    pub text: String,
}

/// One line of the room's history. Without names, identities and texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When.
    pub at: Time,
    /// Who did it; `None` when time or the network did.
    pub actor: Option<Actor>,
    /// What changed.
    pub change: Change,
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// A host came for the first time, or again after the meeting had fallen back to waiting.
    MeetingStarted,
    /// The meeting is over for all.
    MeetingEnded,
    /// Neither host nor deputy is here; the grace runs until `until`.
    Abandoned {
        /// Until when.
        until: Time,
    },
    /// Somebody came: into the room, or to wait.
    Joined {
        /// Who.
        participant: ParticipantId,
        /// As what.
        role: Role,
        /// Whether they wait.
        waiting: bool,
    },
    /// Somebody was let in, by the staff or by a rule.
    Admitted {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody was not let in.
    Denied {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody fell back to waiting.
    Waiting {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody is gone.
    Left {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody was removed.
    Removed {
        /// Who.
        participant: ParticipantId,
    },
    /// A removed person may come back.
    AllowedBack {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody's role changed.
    RoleChanged {
        /// Whose.
        participant: ParticipantId,
        /// To what.
        role: Role,
    },
    /// A source was switched on or off by its owner.
    SourceSet {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        source: Source,
        /// Whether it is on.
        active: bool,
    },
    /// The staff locked or unlocked a source.
    SourceLocked {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        source: Source,
        /// Whether it is locked.
        locked: bool,
    },
    /// Somebody is heard by all however many others speak, or no longer.
    AlwaysHeardChanged {
        /// Who.
        participant: ParticipantId,
        /// Whether they are.
        on: bool,
    },
    /// Tiles are arranged in another way.
    LayoutChanged {
        /// How.
        layout: Layout,
    },
    /// Pictures go another way.
    DirectionChanged {
        /// Which.
        direction: Direction,
    },
    /// Settings changed.
    SettingsChanged {
        /// Their names.
        settings: Vec<&'static str>,
    },
    /// Locked or unlocked.
    LockChanged {
        /// Whether it is locked.
        locked: bool,
    },
    /// A hand went up or down.
    HandChanged {
        /// Whose.
        participant: ParticipantId,
        /// Whether it is up.
        raised: bool,
    },
    /// Somebody wrote in the chat.
    ChatWritten {
        /// Who.
        participant: ParticipantId,
        /// To whom alone.
        to: Option<ParticipantId>,
        /// Where.
        breakout: Place,
    },
    /// Somebody is shown large for all, or nobody any more.
    SpotlightChanged {
        /// Who.
        participant: Option<ParticipantId>,
    },
    /// A viewer's line has begun to limit his pictures, or carries them again.
    LineChanged {
        /// Whose.
        participant: ParticipantId,
        /// Whether it limits them.
        limited: bool,
    },
    /// Breakouts were created, renamed or deleted.
    BreakoutsChanged {
        /// Those that exist now.
        breakouts: Vec<BreakoutId>,
    },
    /// Breakouts opened.
    BreakoutsOpened {
        /// When they close by themselves.
        closes_at: Option<Time>,
    },
    /// The moment at which breakouts close changed: timer or countdown.
    TimerChanged {
        /// When; `None`: they stay open.
        closes_at: Option<Time>,
    },
    /// Breakouts closed.
    BreakoutsClosed,
    /// Somebody went from one place to another.
    Moved {
        /// Who.
        participant: ParticipantId,
        /// Where to.
        breakout: Place,
    },
    /// Somebody is meant for a breakout.
    Assigned {
        /// Who.
        participant: ParticipantId,
        /// Which.
        breakout: Place,
    },
    /// A breakout asks for help, or no longer.
    HelpChanged {
        /// Who asks.
        participant: ParticipantId,
        /// Whether help is wanted.
        wanted: bool,
    },
    /// The staff wrote to everyone.
    Broadcast,
}

impl Change {
    /// Whom it is about, where it is about one person.
    #[must_use]
    pub fn participant(&self) -> Option<ParticipantId> {
        match self {
            Self::Joined { participant, .. }
            | Self::Admitted { participant }
            | Self::Denied { participant }
            | Self::Waiting { participant }
            | Self::Left { participant }
            | Self::Removed { participant }
            | Self::AllowedBack { participant }
            | Self::RoleChanged { participant, .. }
            | Self::SourceSet { participant, .. }
            | Self::SourceLocked { participant, .. }
            | Self::AlwaysHeardChanged { participant, .. }
            | Self::HandChanged { participant, .. }
            | Self::ChatWritten { participant, .. }
            | Self::Moved { participant, .. }
            | Self::Assigned { participant, .. }
            | Self::HelpChanged { participant, .. }
            | Self::LineChanged { participant, .. } => Some(*participant),
            Self::SpotlightChanged { participant } => *participant,
            _ => None,
        }
    }
}
