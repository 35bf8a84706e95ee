//! What people and systems may ask of a room. Every command is idempotent: asked twice, the second time changes nothing and succeeds.

use serde::{Deserialize, Serialize};

use crate::ids::{BreakoutId, ParticipantId, Place};
use crate::layout::Layout;
use crate::object::object;
use crate::participant::Source;
use crate::settings::{Direction, Template};

/// Longest text of a chat message or an announcement, characters.
pub const MAX_TEXT: usize = 1000;
/// Longest name of a breakout room, characters.
pub const MAX_BREAKOUT_NAME: usize = 40;
/// Most breakout rooms.
pub const MAX_BREAKOUTS: usize = 50;

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Somebody in the room, waiting or admitted.
    Person(ParticipantId),
    /// The API's caller, who has the host's powers and no media.
    Service,
}

/// A command, as it travels: `{"type": "mute", "participant": 7}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    // Everyone, for themselves.
    /// Switches a source of one's own on or off.
    SetSource {
        /// Which.
        source: Source,
        /// Whether it should flow.
        active: bool,
    },
    /// Raises one's own hand.
    RaiseHand {},
    /// Lowers a hand: one's own (`participant` left out), or as staff anybody's.
    LowerHand {
        /// Whose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participant: Option<ParticipantId>,
    },
    /// Writes in the chat: to all in one's place (and, where guests may only write to the staff, to the staff), or to one.
    Say {
        /// 1 to 1000 characters.
        text: String,
        /// To whom alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<ParticipantId>,
    },
    /// Pins somebody large for oneself; `null` unpins.
    Pin {
        /// Whom.
        participant: Option<ParticipantId>,
    },
    /// Asks the staff to come to one's breakout, or takes that back.
    AskHelp {
        /// Whether help is wanted.
        wanted: bool,
    },
    /// Goes to a breakout, or back to the main room (`null`): the staff anywhere, guests where self-choice is on.
    Go {
        /// Where to.
        breakout: Place,
    },

    // Host, deputy and services.
    /// Closes a microphone until the staff opens it again.
    Mute {
        /// Whose.
        participant: ParticipantId,
    },
    /// Takes the host's lock off a microphone and asks its owner to open it (or opens it, where the room says so).
    Unmute {
        /// Whose.
        participant: ParticipantId,
    },
    /// [`Command::Mute`] for every guest who is admitted.
    MuteAll {},
    /// [`Command::Unmute`] for every guest who is admitted.
    UnmuteAll {},
    /// Switches a camera off until the staff allows it again.
    DenyCamera {
        /// Whose.
        participant: ParticipantId,
    },
    /// Allows a camera again.
    AllowCamera {
        /// Whose.
        participant: ParticipantId,
    },
    /// [`Command::DenyCamera`] for every guest who is admitted.
    DenyCameras {},
    /// [`Command::AllowCamera`] for every guest who is admitted.
    AllowCameras {},
    /// Ends somebody's screen share.
    StopScreen {
        /// Whose.
        participant: ParticipantId,
    },
    /// Keeps a place among the sounds for somebody (an interpreter) at everyone who may hear them, however many others speak; or no longer.
    SetAlwaysHeard {
        /// Whom.
        participant: ParticipantId,
        /// Whether they are always heard.
        on: bool,
    },
    /// Arranges tiles for all, overriding the rules by number of people.
    SetLayout {
        /// How.
        layout: Layout,
    },
    /// One-way or two-way.
    SetDirection {
        /// Which way.
        direction: Direction,
    },
    /// Changes settings of the running meeting. Only those that are safe while people are in it (see [`Command::live_settings`]).
    Change {
        /// What changes.
        #[serde(deserialize_with = "object")]
        settings: Box<Template>,
    },
    /// Nobody new gets in; they wait. Those who were here come back.
    Lock {},
    /// The opposite.
    Unlock {},
    /// Lets somebody in who waits.
    Admit {
        /// Whom.
        participant: ParticipantId,
    },
    /// Lets everybody in who waits, as far as there is room.
    AdmitAll {},
    /// Sends somebody away who waits; they may ask again.
    Deny {
        /// Whom.
        participant: ParticipantId,
    },
    /// Removes somebody; their identity cannot come back until allowed.
    Remove {
        /// Whom.
        participant: ParticipantId,
    },
    /// Allows a removed person to come back.
    AllowBack {
        /// The id they had.
        participant: ParticipantId,
    },
    /// Ends the meeting for all.
    EndMeeting {},
    /// Shows somebody large for all; `null` ends it.
    Spotlight {
        /// Whom.
        participant: Option<ParticipantId>,
    },
    /// Makes somebody the deputy; whoever was it before is a participant again. The host only (and services).
    Delegate {
        /// Whom.
        participant: ParticipantId,
    },
    /// Takes the deputy's role back. The host only (and services).
    Undelegate {},
    /// Lowers all hands.
    LowerHands {},

    // Breakout rooms.
    /// Creates breakout rooms with these names.
    CreateBreakouts {
        /// 1 to 40 characters each.
        names: Vec<String>,
    },
    /// Renames one.
    RenameBreakout {
        /// Which.
        breakout: BreakoutId,
        /// 1 to 40 characters.
        name: String,
    },
    /// Deletes one; whoever is in it comes back to the main room.
    DeleteBreakout {
        /// Which.
        breakout: BreakoutId,
    },
    /// Says where somebody goes when the breakouts open (`null`: stays); moves them at once when they are open.
    Assign {
        /// Whom.
        participant: ParticipantId,
        /// Where to.
        breakout: Place,
    },
    /// Assigns all admitted guests evenly at random.
    AssignRandom {},
    /// Opens the breakouts: everyone goes where they are assigned.
    OpenBreakouts {
        /// Whether guests may choose and change by themselves.
        #[serde(default)]
        self_choice: bool,
        /// Closes them by itself after so many seconds (1 to 86400).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u32>,
    },
    /// Sets or (with `null`) stops the timer of open breakouts.
    SetTimer {
        /// From now, 1 to 86400.
        seconds: Option<u32>,
    },
    /// Brings one person back to the main room.
    Recall {
        /// Whom.
        participant: ParticipantId,
    },
    /// Closes the breakouts and brings everyone back: at once, or after a countdown.
    RecallAll {
        /// Countdown, 0 to 300 seconds.
        #[serde(default)]
        seconds: u32,
    },
    /// A message to everyone, wherever they are.
    Broadcast {
        /// 1 to 1000 characters.
        text: String,
    },
}

impl Command {
    /// Its name, as `type` on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SetSource { .. } => "set_source",
            Self::RaiseHand { .. } => "raise_hand",
            Self::LowerHand { .. } => "lower_hand",
            Self::Say { .. } => "say",
            Self::Pin { .. } => "pin",
            Self::AskHelp { .. } => "ask_help",
            Self::Go { .. } => "go",
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::MuteAll { .. } => "mute_all",
            Self::UnmuteAll { .. } => "unmute_all",
            Self::DenyCamera { .. } => "deny_camera",
            Self::AllowCamera { .. } => "allow_camera",
            Self::DenyCameras { .. } => "deny_cameras",
            Self::AllowCameras { .. } => "allow_cameras",
            Self::StopScreen { .. } => "stop_screen",
            Self::SetAlwaysHeard { .. } => "set_always_heard",
            Self::SetLayout { .. } => "set_layout",
            Self::SetDirection { .. } => "set_direction",
            Self::Change { .. } => "change",
            Self::Lock { .. } => "lock",
            Self::Unlock { .. } => "unlock",
            Self::Admit { .. } => "admit",
            Self::AdmitAll { .. } => "admit_all",
            Self::Deny { .. } => "deny",
            Self::Remove { .. } => "remove",
            Self::AllowBack { .. } => "allow_back",
            Self::EndMeeting { .. } => "end_meeting",
            Self::Spotlight { .. } => "spotlight",
            Self::Delegate { .. } => "delegate",
            Self::Undelegate { .. } => "undelegate",
            Self::LowerHands { .. } => "lower_hands",
            Self::CreateBreakouts { .. } => "create_breakouts",
            Self::RenameBreakout { .. } => "rename_breakout",
            Self::DeleteBreakout { .. } => "delete_breakout",
            Self::Assign { .. } => "assign",
            Self::AssignRandom { .. } => "assign_random",
            Self::OpenBreakouts { .. } => "open_breakouts",
            Self::SetTimer { .. } => "set_timer",
            Self::Recall { .. } => "recall",
            Self::RecallAll { .. } => "recall_all",
            Self::Broadcast { .. } => "broadcast",
        }
    }

    /// Whom it is about, where it names somebody.
    #[must_use]
    pub fn target(&self) -> Option<ParticipantId> {
        match self {
            Self::Mute { participant }
            | Self::Unmute { participant }
            | Self::DenyCamera { participant }
            | Self::AllowCamera { participant }
            | Self::StopScreen { participant }
            | Self::SetAlwaysHeard { participant, .. }
            | Self::Admit { participant }
            | Self::Deny { participant }
            | Self::Remove { participant }
            | Self::AllowBack { participant }
            | Self::Delegate { participant }
            | Self::Assign { participant, .. }
            | Self::Recall { participant } => Some(*participant),
            Self::LowerHand { participant } | Self::Pin { participant } | Self::Spotlight { participant } => *participant,
            Self::Say { to, .. } => *to,
            _ => None,
        }
    }

    /// Whether it takes a host's powers: what the audit log tells of. Somebody else's hand is the host's business, one's own is not.
    #[must_use]
    pub fn is_host_action(&self) -> bool {
        !matches!(
            self,
            Self::SetSource { .. }
                | Self::RaiseHand {}
                | Self::LowerHand { participant: None }
                | Self::Say { .. }
                | Self::Pin { .. }
                | Self::AskHelp { .. }
                | Self::Go { .. }
        )
    }
}
