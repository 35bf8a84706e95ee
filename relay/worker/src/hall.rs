//! One room at run time: its policy, who is connected for whom, and who is loud.

use std::collections::BTreeMap;
use std::time::Instant;

use media::Speakers;
use room::{ParticipantId, Place, Room};

use crate::command::RoomId;
use crate::keys::PeerKey;

/// A room and the peers in it.
pub(crate) struct Hall {
    pub(crate) id: RoomId,
    /// Kept elsewhere: the table of halls is moved when it grows.
    pub(crate) policy: Box<Room>,
    pub(crate) members: BTreeMap<ParticipantId, PeerKey>,
    /// Voices by place: a breakout has its own speaker. An entry lives as long as somebody is there.
    pub(crate) speakers: BTreeMap<Place, Speakers>,
    /// Arrivals, the refused ones included.
    pub(crate) joins: u64,
    /// Since when nobody is here.
    pub(crate) empty_since: Option<Instant>,
}

impl Hall {
    pub(crate) fn new(id: RoomId, policy: Room) -> Self {
        Self { id, policy: Box::new(policy), members: BTreeMap::new(), speakers: BTreeMap::new(), joins: 0, empty_since: None }
    }
}

/// The key under which a person's loudness is kept.
pub(crate) fn speaker_label(participant: ParticipantId) -> u32 {
    participant.0 as u32
}
