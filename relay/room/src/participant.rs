//! One person in a room and the bits that say what of theirs flows.

use serde::{Deserialize, Serialize};

use crate::ids::{ParticipantId, Place, Time};
use crate::name::PersonName;

/// What a person may do now. In a room there is at most one host and at most one deputy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Leads the meeting (vært).
    Host,
    /// Has the host's powers, by delegation.
    Deputy,
    /// Takes part (deltager).
    Participant,
}

impl Role {
    /// Host or deputy.
    #[must_use]
    pub fn is_staff(self) -> bool {
        self != Self::Participant
    }
}

/// What a person comes with. Mobile devices do not share screens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// Anything that is not a phone or tablet.
    #[default]
    Desktop,
    /// A phone or tablet.
    Mobile,
}

/// Whether the others know of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// In the roster; may send.
    Member,
    /// Not in the roster; receives only.
    Viewer,
}

/// What a person can send.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Their voice.
    Microphone,
    /// Their picture.
    Camera,
    /// Their screen.
    Screen,
    /// The sound of their screen.
    ScreenAudio,
}

impl Source {
    /// Every source, in the order of their bits in [`Sources`].
    pub const ALL: [Self; 4] = [Self::Microphone, Self::Camera, Self::Screen, Self::ScreenAudio];

    /// True for sound.
    #[must_use]
    pub fn is_audio(self) -> bool {
        matches!(self, Self::Microphone | Self::ScreenAudio)
    }

    /// What belongs together on one tile: the sound that goes with a picture and the other way round.
    #[must_use]
    pub fn partner(self) -> Self {
        match self {
            Self::Microphone => Self::Camera,
            Self::Camera => Self::Microphone,
            Self::Screen => Self::ScreenAudio,
            Self::ScreenAudio => Self::Screen,
        }
    }
}

/// The bits of one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SourceState {
    /// The client has an m-line for it.
    pub published: bool,
    /// The person lets it flow (not muted, camera on, sharing).
    pub active: bool,
    /// The staff closed it; only the staff opens it again.
    pub locked: bool,
}

/// The state of all four sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sources([SourceState; 4]);

impl Default for Sources {
    /// Voice and picture flow as soon as the client sends them; a screen is shared only by an act of its own.
    fn default() -> Self {
        let on = SourceState { active: true, ..SourceState::default() };
        Self([on, on, SourceState::default(), SourceState::default()])
    }
}

impl Sources {
    /// The state of one source.
    #[must_use]
    pub fn get(&self, source: Source) -> SourceState {
        self.0[source as usize]
    }

    pub(crate) fn get_mut(&mut self, source: Source) -> &mut SourceState {
        &mut self.0[source as usize]
    }
}

/// One person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Participant {
    /// Their id here.
    pub id: ParticipantId,
    /// Who they are across connections: the token's subject.
    pub identity: String,
    /// The name others see.
    pub name: PersonName,
    /// What they may do.
    pub role: Role,
    /// Whether the others know of them.
    pub presence: Presence,
    /// What they hold.
    pub device: Device,
    /// The bits of what they send.
    pub sources: Sources,
    /// Their token says host: they never wait.
    pub(crate) may_lead: bool,
    /// They are in, not waiting.
    pub(crate) admitted: bool,
    /// They were let in at some time during this meeting; they come back without waiting.
    pub(crate) admitted_before: bool,
    /// Number of this arrival.
    pub(crate) came: u64,
    /// Place among those who wait; kept while they are away, gone once they are in.
    pub(crate) turn: Option<u64>,
    /// Where they are; of those who wait or are away: where they come back to.
    pub(crate) place: Place,
    /// Where they go when the breakouts open.
    pub(crate) assigned: Place,
    /// Number of the raising of their hand, while it is up.
    pub(crate) hand: Option<u64>,
    /// They ask the staff to come.
    pub(crate) help: bool,
    /// Whom they see large.
    pub(crate) pin: Option<ParticipantId>,
    /// They were asked to open their microphone, and have not touched it since.
    pub(crate) asked: bool,
    /// Number of the sharing of their screen; the lowest shared first.
    pub(crate) shared: u64,
    /// What the staff said of [`crate::Command::SetAlwaysHeard`]; `None`: as the invitation says.
    pub(crate) always_heard: Option<bool>,
    /// Number of the last time they became the speaker; 0: never.
    pub(crate) spoke: u64,
    /// When their messages so far are paid for, at one a second.
    pub(crate) words_paid: Time,
}

impl Participant {
    /// Where they are: the main room (`Some(None)`), a breakout, or `None` while they wait.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.admitted.then_some(self.place)
    }

    /// Host or deputy. The staff never waits.
    pub(crate) fn is_staff(&self) -> bool {
        self.role.is_staff()
    }

    pub(crate) fn is_member(&self) -> bool {
        self.presence == Presence::Member
    }

    /// In the room, and the others may know.
    pub(crate) fn is_visible(&self) -> bool {
        self.admitted && self.is_member()
    }

    /// Somebody whom the staff leads: in the room, visible, without a seat.
    pub(crate) fn is_guest(&self) -> bool {
        self.is_visible() && !self.is_staff()
    }

    /// Ends a screen share with its sound; gives those of the two that were on.
    pub(crate) fn stop_screen(&mut self) -> impl Iterator<Item = Source> + use<> {
        let were = [Source::Screen, Source::ScreenAudio].map(|source| (source, std::mem::take(&mut self.sources.get_mut(source).active)));
        were.into_iter().filter(|(_, active)| *active).map(|(source, _)| source)
    }
}
