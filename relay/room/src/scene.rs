//! What one person is told of the room: a roster and a scene, made for their eyes alone.

use std::sync::Arc;

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use crate::ids::{BreakoutId, ParticipantId, Place, Time};
use crate::layout::Layout;
use crate::participant::{Role, Source};
use crate::settings::{Chat, Direction};

/// One person, as this viewer may know them. One act may make a thousand of them anew: they allocate nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RosterEntry {
    /// Who.
    pub id: ParticipantId,
    /// Their name as this viewer may see it; empty where they may not.
    pub name: Arc<str>,
    /// Their role.
    pub role: Role,
    /// Sources that flow now and that this viewer may get; of oneself all that flow.
    pub sources: ArrayVec<Source, 4>,
    /// Sources that the staff closed.
    #[serde(default, skip_serializing_if = "ArrayVec::is_empty")]
    pub locked: ArrayVec<Source, 4>,
    /// Waits to be let in; only the staff is told of those.
    #[serde(default, skip_serializing_if = "is_false")]
    pub waiting: bool,
    /// Where they are; entries from another place than the viewer's own are shown to the staff only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakout: Place,
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// What a person is told beside the roster. Always the whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Scene {
    /// They wait; nothing about the room but this.
    Waiting(WaitingPage),
    /// They are in.
    Present(Box<Meeting>),
}

/// What those who wait see.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WaitingPage {
    /// The organisation's words; empty: the page's own.
    pub text: String,
    /// The organisation's logo; empty: none.
    pub logo: String,
    /// Place in the queue, from 1, where the room says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// When the meeting begins, where that is set and has not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Time>,
    /// Languages of the room, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

/// What those who are in see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Meeting {
    /// What the room is called.
    pub title: String,
    /// The viewer's own state.
    pub you: You,
    /// How tiles are arranged now.
    pub layout: Layout,
    /// Which way pictures go.
    pub direction: Direction,
    /// Nobody new gets in.
    pub locked: bool,
    /// The tiles that this viewer is meant to see, most important first.
    pub tiles: Vec<Tile>,
    /// Who is shown large for all.
    pub spotlight: Option<ParticipantId>,
    /// Raised hands the viewer may see, first raised first.
    pub hands: Vec<ParticipantId>,
    /// What the chat is open for.
    pub chat: Chat,
    /// Invited people who are not here, by name, where the viewer may see the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Breakout rooms: all of them for the staff and where guests may choose; else only the viewer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakouts: Option<Breakouts>,
    /// When the meeting ends, where that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// Neither host nor deputy is here: when the grace is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned_until: Option<Time>,
    /// For the staff only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffView>,
}

/// The viewer's own state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct You {
    /// Role now.
    pub role: Role,
    /// Sources of one's own that are switched on by oneself.
    pub on: Vec<Source>,
    /// Sources that the staff or the room's settings close; switching them on is refused.
    pub locked: Vec<Source>,
    /// Whether the own hand is up.
    pub hand: bool,
    /// Whom one pinned.
    pub pin: Option<ParticipantId>,
    /// Where one is.
    pub breakout: Place,
    /// Whether one may write to all, or to the staff only (`to_staff`), or not at all (`off`).
    pub chat: Chat,
}

/// A tile of a viewer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tile {
    /// Whose.
    pub participant: ParticipantId,
    /// Camera or screen.
    pub source: Source,
    /// Large, among the mains; else a small one.
    pub main: bool,
    /// Width on a stage of 1280 by 720, pixels.
    pub width: u16,
    /// Height on that stage, pixels.
    pub height: u16,
}

/// Breakout rooms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Breakouts {
    /// Whether people are in them.
    pub open: bool,
    /// Whether guests choose by themselves.
    pub self_choice: bool,
    /// When they close: the timer or the countdown of a recall.
    pub closes_at: Option<Time>,
    /// The rooms.
    pub rooms: Vec<Breakout>,
}

/// One breakout room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Breakout {
    /// Its id.
    pub id: BreakoutId,
    /// Its name.
    pub name: String,
    /// Who is assigned (staff only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigned: Vec<ParticipantId>,
    /// Who asks for help (staff, and the one who asks).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<ParticipantId>,
}

/// What only host and deputy see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StaffView {
    /// Who waits, first come first.
    pub waiting: Vec<ParticipantId>,
    /// Who was removed: id and name.
    pub removed: Vec<(ParticipantId, String)>,
    /// Who is here and always heard, first come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always_heard: Vec<ParticipantId>,
    /// The lock is the room's own: it is full.
    pub full: bool,
    /// The settings of the meeting that `change` may change, as they are.
    pub settings: crate::settings::Template,
}
