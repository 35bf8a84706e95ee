//! One room at run time: its policy, who is connected for whom, and who is loud.

use std::collections::BTreeMap;

use media::Speakers;
use room::{ParticipantId, Room};

use crate::command::RoomId;
use crate::keys::PeerKey;

/// A room and the peers in it.
pub(crate) struct Hall {
    pub(crate) id: RoomId,
    pub(crate) policy: Room,
    pub(crate) members: BTreeMap<ParticipantId, PeerKey>,
    pub(crate) speakers: Speakers,
}

impl Hall {
    pub(crate) fn new(id: RoomId, limit: usize) -> Self {
        Self { id, policy: Room::new(limit), members: BTreeMap::new(), speakers: Speakers::default() }
    }
}
