//! A room with a few people in it, for the tests beside the code.

use crate::ids::{ParticipantId, Time};
use crate::participant::{Device, Presence, Source};
use crate::room::{Arrival, Limits, Room};
use crate::settings::Settings;
use crate::{Actor, Command, Effect, Refusal};

/// The time of every call; the tests beside the code have no use for another.
pub(crate) const NOW: Time = Time(1_700_000_000_000);

pub(crate) fn room(settings: Settings) -> Room {
    Room::new(settings, Limits { people: 100 }, 7)
}

pub(crate) fn arrive(room: &mut Room, name: &str, host: bool, presence: Presence) -> ParticipantId {
    let arrival = Arrival { identity: name.into(), name: format!("{name} Smith"), host, presence, device: Device::Desktop };
    let (id, _) = room.join(NOW, arrival).unwrap();
    if presence == Presence::Member {
        room.publish(NOW, id, &Source::ALL).unwrap();
    }
    id
}

pub(crate) fn host(room: &mut Room, name: &str) -> ParticipantId {
    arrive(room, name, true, Presence::Member)
}

pub(crate) fn guest(room: &mut Room, name: &str) -> ParticipantId {
    arrive(room, name, false, Presence::Member)
}

pub(crate) fn ask(room: &mut Room, command: Command) -> Result<Vec<Effect>, Refusal> {
    room.apply(NOW, Actor::Service, command)
}
