//! What is set before a meeting: templates, where anything may be left open, and the settings that come of them.

use serde::{Deserialize, Serialize};

use crate::ids::Time;
use crate::layout::Layout;

/// Longest room title, waiting-room text, logo address, invitee id, characters.
pub(crate) const MAX_TITLE: usize = 120;
/// Longest text of the waiting page, characters.
pub(crate) const MAX_WAITING_TEXT: usize = 500;
/// Longest address of a logo, bytes.
pub(crate) const MAX_LOGO: usize = 512;
/// Most invitees of a room.
pub(crate) const MAX_INVITEES: usize = 100;
/// Most rules that choose a layout by the number of people.
pub(crate) const MAX_LAYOUT_RULES: usize = 10;

/// Which way pictures go between staff (host and deputy) and the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Everyone may be seen.
    #[default]
    TwoWay,
    /// Envejsvideo: the staff sees the guests, the guests see only themselves (and a screen that the staff shares); no sound to guests.
    OneWay,
}

/// What guests' microphones may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestMicrophone {
    /// No guest is heard, whatever their client does (the `sms` preset: the phone carries the voice).
    Off,
    /// Open from the start.
    #[default]
    On,
    /// Closed at the start; guests open it themselves.
    Muted,
}

/// Who may share a screen, or write in the chat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenShare {
    /// Nobody.
    Off,
    /// Host and deputy.
    Staff,
    /// Everyone, except from mobile devices.
    #[default]
    Everyone,
}

/// What the chat is open for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chat {
    /// Nothing.
    Off,
    /// Guests write to the staff only; the staff writes to all or to one.
    ToStaff,
    /// Guests write to all in their place; the staff to all or to one.
    #[default]
    Everyone,
}

/// When a guest gets in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingRoom {
    /// At once.
    #[default]
    Off,
    /// As soon as host or deputy is there.
    UntilHost,
    /// When host or deputy lets them in.
    Admit,
}

/// Which names guests see of each other; the staff sees full names, and its own are seen in full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// The first word of the name.
    #[default]
    First,
    /// As the token says.
    Full,
    /// None: guests do not see who else is there, in the list or on a tile.
    Hidden,
}

/// What happens when neither host nor deputy came back in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenAbandoned {
    /// The meeting ends for all.
    #[default]
    End,
    /// Everyone waits until a host comes.
    Wait,
}

/// What `unmute` by the host does to a microphone that its owner had closed, or that was never open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostUnmute {
    /// Asks the person; it opens only if they had it open or agree.
    #[default]
    Ask,
    /// Opens it.
    Open,
}

/// A layout from this many people on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutRule {
    /// People in the place, staff included; 1 or more.
    pub from: u32,
    /// The layout then.
    pub layout: Layout,
}

/// Somebody who is expected.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitee {
    /// The inviting system's id; tokens with this identity are this person.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Writes in the chat as the staff does.
    #[serde(default)]
    pub chat_as_staff: bool,
    /// Always has a place among the sounds, as interpreters need it, until the staff says otherwise.
    #[serde(default)]
    pub always_heard: bool,
}

/// Makes the settings and the template whose fields may all be left open, so that the two never differ.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)*) => {
        /// A room's settings, complete.
        #[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings { $($(#[$doc])* pub $name: $type,)* }

        impl Default for Settings {
            fn default() -> Self { Self { $($name: $default,)* } }
        }

        /// Settings that may be left open; `None` takes what the template above says, and at the top the default.
        #[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Template { $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)* }

        impl Settings {
            /// These settings where the template leaves them open.
            #[must_use]
            pub fn with(mut self, template: &Template) -> Self {
                $(if let Some(value) = &template.$name { self.$name = value.clone(); })*
                self
            }

            /// Names of the settings in which two rooms differ, in the order in which they are declared.
            #[must_use]
            pub fn differences(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name != other.$name { names.push(stringify!($name)); })*
                names
            }

            /// A template that says what these settings say under the given names, and leaves the rest open.
            #[must_use]
            pub fn excerpt(&self, names: &[&str]) -> Template {
                Template { $($name: names.contains(&stringify!($name)).then(|| self.$name.clone()),)* }
            }
        }

        impl Template {
            /// Names of all settings.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Names of the settings that are not left open.
            #[must_use]
            pub fn given(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name.is_some() { names.push(stringify!($name)); })*
                names
            }
        }
    };
}

settings! {
    /// What the room is called; shown to those who were admitted. At most 120 characters.
    title: String = String::new(),
    /// How tiles are arranged where no rule applies.
    layout: Layout = Layout::Equal,
    /// Layouts by the number of people; the rule with the highest `from` that is reached counts. At most 10.
    layout_rules: Vec<LayoutRule> = Vec::new(),
    /// Which way pictures go.
    direction: Direction = Direction::TwoWay,
    /// What guests' microphones may do.
    guest_microphone: GuestMicrophone = GuestMicrophone::On,
    /// Whether guests may show their picture.
    guest_camera: bool = true,
    /// In layout `host_only`: whether guests hear each other.
    guests_hear_guests: bool = true,
    /// What the host's `unmute` does.
    host_unmute: HostUnmute = HostUnmute::Ask,
    /// Who may share a screen.
    screen_share: ScreenShare = ScreenShare::Everyone,
    /// Screens at one time, 1 to 4; the staff may take over.
    screens: u32 = 1,
    /// What the chat is open for.
    chat: Chat = Chat::Everyone,
    /// Whether those who come later see what was written before (the last 100 messages of the place).
    chat_history: bool = false,
    /// Whether hands may be raised.
    hands: bool = true,
    /// When a guest gets in.
    waiting_room: WaitingRoom = WaitingRoom::Off,
    /// What the waiting page says; empty: a sentence of the page's own. At most 500 characters.
    waiting_text: String = String::new(),
    /// Address of the organisation's logo: a path on this relay, or `data:image/…`. At most 512 bytes. Empty: none.
    waiting_logo: String = String::new(),
    /// Whether those who wait see their place in the queue.
    waiting_queue: bool = false,
    /// Which names guests see of each other.
    names: Names = Names::First,
    /// Whether guests see the list of people (names on tiles follow `names`).
    name_list: bool = true,
    /// Whether there may be breakout rooms.
    breakouts: bool = true,
    /// Admitted people, staff included, 1 to 500; whoever comes beyond waits.
    max_participants: u32 = 33,
    /// When the meeting begins; guests come at most `early_seconds` before. `None`: at any time.
    opens_at: Option<Time> = None,
    /// How early guests may come.
    early_seconds: u32 = 900,
    /// When the meeting ends.
    ends_at: Option<Time> = None,
    /// Whether all leave at `ends_at`.
    hard_end: bool = false,
    /// How long the meeting goes on without host and deputy, once it had one; 0 to 86400.
    grace_seconds: u32 = 300,
    /// What then happens.
    when_abandoned: WhenAbandoned = WhenAbandoned::End,
    /// Who is expected. At most 100.
    invitees: Vec<Invitee> = Vec::new(),
    /// Languages of the pages, best first: `da`, `en`.
    languages: Vec<String> = Vec::new(),
}
