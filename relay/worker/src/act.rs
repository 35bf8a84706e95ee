//! What is asked of a room, and what comes of it: commands in, effects carried out between two packets.

use std::time::Instant;

use room::{Actor, Effect, Farewell, ParticipantId, Refusal, Settings};
use signal::message::{ByeReason, ServerMessage};

use crate::command::{By, ClientId, RoomId};
use crate::event::{Action, Event, RoomEvent, Who};
use crate::keys::{HallKey, PeerKey};
use crate::worker::Worker;

impl Worker {
    /// A client asks something of its room.
    pub(crate) fn act(&mut self, now: Instant, client: ClientId, id: Option<u32>, command: room::Command) {
        let Some(key) = self.by_client.get(&client).copied() else { return };
        let (hall, participant) = (self.peers[key].hall, self.peers[key].participant);
        let result = self.command(now, hall, Actor::Person(participant), command);
        let reply = match result {
            Ok(()) => id.map(|id| ServerMessage::Done { id }),
            Err(Refusal { code, message, field }) => Some(ServerMessage::Refused { id, code, message, field: field.map(str::to_owned) }),
        };
        if let Some(reply) = reply {
            self.tell(key, reply);
        }
    }

    /// Somebody without a connection of their own asks something of a room.
    pub(crate) fn act_for(&mut self, now: Instant, room: &RoomId, by: By, command: room::Command, request: u64) {
        let result = match self.actor(room, by) {
            Ok((hall, actor)) => self.command(now, hall, actor, command),
            Err(refusal) => Err(refusal),
        };
        self.events.push_back(Event::Acted { request, result });
    }

    /// The room's stored settings changed.
    pub(crate) fn configure(&mut self, now: Instant, room: &RoomId, settings: &Settings) {
        let Some(hall) = self.by_room.get(room).copied() else { return };
        let time = self.time(now);
        let effects = self.halls[hall].policy.configure(time, settings.clone());
        self.carry_out(now, hall, effects);
    }

    /// What time alone changes in a room.
    pub(crate) fn room_timeout(&mut self, now: Instant, hall: HallKey) {
        let time = self.time(now);
        let Some(state) = self.halls.get_mut(hall) else { return };
        if state.policy.poll_timeout().is_some_and(|at| at <= time) {
            let effects = state.policy.handle_timeout(time);
            self.carry_out(now, hall, effects);
        }
    }

    /// Lets the room's policy decide, writes the audit line, and carries out what came of it.
    fn command(&mut self, now: Instant, hall: HallKey, actor: Actor, command: room::Command) -> Result<(), Refusal> {
        let at = self.time(now);
        let audit = command.is_host_action().then(|| (command.name(), command.target()));
        // Before the command: whoever is removed by it is still known under the role they had.
        let audit = audit.and_then(|(action, target)| {
            let target = target.and_then(|target| self.who(hall, Actor::Person(target)));
            Some((action, self.who(hall, actor)?, target))
        });
        let outcome = self.halls[hall].policy.apply(at, actor, command);
        if let Some((action, actor, target)) = audit {
            let result = outcome.as_ref().map(|_| ()).map_err(|refusal| refusal.code);
            let room = self.halls[hall].id.clone();
            self.events.push_back(Event::Action(Action { room, at, actor, action, target, result }));
        }
        // Also without effects: a pin changes nobody's view but one.
        self.carry_out(now, hall, outcome?);
        Ok(())
    }

    /// Does what the policy decided: routes and slots first, so that nothing that is forbidden from now on is forwarded once more.
    pub(crate) fn carry_out(&mut self, now: Instant, hall: HallKey, effects: Vec<Effect>) {
        let mut leaving = Vec::new();
        for effect in &effects {
            if let Effect::Close(participant, farewell) = effect
                && let Some(key) = self.halls[hall].members.get(participant).copied()
            {
                leaving.push((key, *farewell));
            }
        }
        for (key, farewell) in leaving {
            self.end(now, key, bye(farewell));
        }
        self.refresh(now, hall);
        for effect in effects {
            self.announce(hall, effect);
        }
        self.note_emptiness(now, hall);
    }

    fn announce(&mut self, hall: HallKey, effect: Effect) {
        match effect {
            Effect::Event(event) => self.log(hall, event),
            Effect::Chat(message, readers) => {
                self.tell_some(hall, &readers, &ServerMessage::Chat { message, earlier: false });
            }
            Effect::Announce(message, readers) => self.tell_some(hall, &readers, &ServerMessage::Announcement { message }),
            Effect::AskUnmute(participant) => self.tell_some(hall, &[participant], &ServerMessage::UnmuteAsked),
            Effect::Close(..) => {}
        }
    }

    fn log(&mut self, hall: HallKey, event: room::Event) {
        let room::Event { at, actor, change } = event;
        let event = RoomEvent {
            room: self.halls[hall].id.clone(),
            at,
            actor: actor.and_then(|actor| self.who(hall, actor)),
            subject: change.participant().and_then(|participant| self.who(hall, Actor::Person(participant))),
            change,
        };
        self.events.push_back(Event::Room(event));
    }

    fn tell_some(&mut self, hall: HallKey, people: &[ParticipantId], message: &ServerMessage) {
        let keys: Vec<PeerKey> = people.iter().filter_map(|id| self.halls[hall].members.get(id).copied()).collect();
        for key in keys {
            self.tell(key, message.clone());
        }
    }

    pub(crate) fn who(&self, hall: HallKey, actor: Actor) -> Option<Who> {
        match actor {
            Actor::Service => Some(Who::Service),
            Actor::Person(id) => {
                let (identity, role) = self.halls[hall].policy.known(id)?;
                Some(Who::Person { participant: id.0, identity: identity.to_owned(), role })
            }
        }
    }

    /// Whose powers somebody from outside has. Of several sessions of one identity the first counts.
    fn actor(&self, room: &RoomId, by: By) -> Result<(HallKey, Actor), Refusal> {
        let nobody = || Refusal::not_found("nobody is in this room");
        let hall = self.by_room.get(room).copied().ok_or_else(nobody)?;
        let policy = &self.halls[hall].policy;
        match by {
            By::Service if policy.is_empty() => Err(nobody()),
            By::Service => Ok((hall, Actor::Service)),
            By::Identity(identity) => {
                let id = policy.by_identity(&identity).next();
                id.map(|id| (hall, Actor::Person(id))).ok_or_else(|| Refusal::not_found("the token's person is not in this room"))
            }
        }
    }
}

fn bye(farewell: Farewell) -> ByeReason {
    match farewell {
        Farewell::Removed => ByeReason::Removed,
        Farewell::Denied => ByeReason::Denied,
        Farewell::Ended => ByeReason::Ended,
    }
}
