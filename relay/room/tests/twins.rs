//! One person with several connections (an encoder, a page, a wall screen): no model, only what must always hold.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the model's generator is used, the model only to aim it")]
mod model;

use model::Model;
use model::script::{Generator, Op, Rng, START, resolve, setup};
use room::{Actor, Arrival, Command, Device, Kind, Limits, ParticipantId, Presence, Role, Room, Scene, Source};

const SEQUENCES: u64 = 1_000;
const LENGTH: usize = 120;

struct Party {
    room: Room,
    now: room::Time,
    /// Every id that was given out, with its identity.
    ids: Vec<(ParticipantId, String)>,
}

impl Party {
    fn pick(&self, rng: &mut Rng) -> ParticipantId {
        let here: Vec<_> = self.room.people().collect();
        if here.is_empty() || rng.chance(5) { ParticipantId(9_999_999_999) } else { rng.pick(&here) }
    }

    fn join(&mut self, rng: &mut Rng) {
        let identity = format!("twin-{}", rng.below(4));
        let arrival = Arrival {
            name: format!("Name {identity}"),
            host: identity.ends_with(['0', '1']),
            presence: if rng.chance(25) { Presence::Viewer } else { Presence::Member },
            device: Device::Desktop,
            identity: identity.clone(),
        };
        if let Ok((id, _)) = self.room.join(self.now, arrival) {
            assert!(self.ids.iter().all(|(other, _)| *other != id), "an id was given twice");
            self.ids.push((id, identity));
            let _ = self.room.publish(self.now, id, &Source::ALL);
        }
    }

    fn apply(&mut self, rng: &mut Rng, command: &Command) {
        let target = self.pick(rng);
        let command = resolve(command, |_| target);
        let actor = if rng.chance(40) { Actor::Service } else { Actor::Person(self.pick(rng)) };
        let before = self.room.clone();
        let result = self.room.apply(self.now, actor, command.clone());
        if result.is_err() {
            assert!(before == self.room, "refused, and changed: {command:?}");
        }
        if let (Command::Remove { participant }, Ok(_)) = (&command, &result) {
            let (_, identity) = self.ids.iter().find(|(id, _)| id == participant).unwrap();
            assert_eq!(self.room.by_identity(identity).count(), 0, "a connection of a removed person stays");
        }
    }

    fn check(&self) {
        let people: Vec<_> = self.room.people().collect();
        for seat in [Role::Host, Role::Deputy] {
            let holders = people.iter().filter(|id| self.room.participant(**id).unwrap().role == seat);
            assert!(holders.count() <= 1, "two are {seat:?}");
        }
        for id in &people {
            let person = self.room.participant(*id).unwrap();
            assert!(person.presence == Presence::Member || person.role == Role::Participant, "a viewer has a seat");
            let waits = matches!(self.room.scene(*id), Scene::Waiting(_));
            for other in &people {
                let kinds = [Kind::Audio, Kind::Camera, Kind::Screen, Kind::Chat, Kind::Hand, Kind::Name];
                let any = |from, to| kinds.into_iter().any(|kind| self.room.allow(from, to, kind));
                assert!(id == other || !waits || !(any(*id, *other) || any(*other, *id)), "somebody waits and gets something");
                assert!(id != other || !any(*id, *id), "somebody gets their own");
            }
        }
    }
}

#[test]
fn several_connections_of_one_person_share_neither_seats_nor_pardon() {
    for seed in 0..SEQUENCES {
        let mut rng = Rng(seed);
        let setup = setup(&mut rng);
        let mut party = Party { room: Room::new(setup.settings.clone(), Limits { people: 12 }, seed), now: START, ids: Vec::new() };
        let aim = Model::new(&setup.settings, setup.limit, model::script::cast(), START);
        let mut generator = Generator::new(seed ^ 0xabcd);
        for _ in 0..LENGTH {
            match generator.next(&aim) {
                Op::Act(_, command) => party.apply(&mut rng, &command),
                Op::Pass(millis) => {
                    party.now = party.now.plus_millis(millis);
                    party.room.handle_timeout(party.now);
                }
                Op::Leave(_) => drop(party.room.leave(party.now, party.pick(&mut rng))),
                _ => party.join(&mut rng),
            }
            party.check();
        }
    }
}
