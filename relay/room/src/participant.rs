//! One person in a room and the bits that say what of theirs flows.

use serde::{Deserialize, Serialize};

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
}

impl SourceState {
    /// The one rule of the ingress: media is dropped on arrival unless this holds.
    #[must_use]
    pub fn flows(self) -> bool {
        self.published && self.active
    }
}

/// The state of all four sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sources([SourceState; 4]);

impl Default for Sources {
    /// Voice and picture flow as soon as the client sends them; a screen is shared only by an act of its own.
    fn default() -> Self {
        let on = SourceState { published: false, active: true };
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

    /// Those that flow.
    pub fn flowing(&self) -> impl Iterator<Item = Source> + '_ {
        Source::ALL.into_iter().filter(|source| self.get(*source).flows())
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
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether the others know of them.
    pub presence: Presence,
    /// What of theirs flows.
    pub sources: Sources,
}
