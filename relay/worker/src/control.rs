//! Commands: people come, negotiate, switch their sources, go.

use std::time::Instant;

use room::{Effect, ParticipantId, Presence};
use signal::message::{ByeReason, ErrorCode, ServerMessage, Source, VERSION};
use signal::session::Session;
use transport::{Transport, TransportConfig};
use wire::ids::Ssrc;

use crate::command::{ClientId, ClientKind, Join, Role, RoomId};
use crate::event::Event;
use crate::hall::Hall;
use crate::keys::{HallKey, PeerKey};
use crate::peer::{Link, Peer};
use crate::translate;
use crate::worker::Worker;

/// Most of our own ufrags of one peer that still find it: the one in use, and those of restarts that may not have got through.
const MAX_UFRAGS: usize = 4;

impl Worker {
    pub(crate) fn join(&mut self, now: Instant, join: Join) {
        let client = join.client;
        if self.peers.len() >= self.config.limits.peers || self.by_client.contains_key(&client) {
            return self.refuse(client, join.kind, "this node takes no more people");
        }
        let hall = self.hall(&join.room);
        if let Some(ghost) = self.ghost(hall, &join) {
            self.close(now, ghost, ByeReason::Replaced);
        }
        // The ghost may have been the last one there, and the room gone with it.
        let hall = self.hall(&join.room);
        let presence = if join.kind == ClientKind::Whep { Presence::Viewer } else { Presence::Member };
        let role = if join.role == Role::Host { room::Role::Host } else { room::Role::Participant };
        let command = room::Command::Join { identity: join.identity, name: join.name, role, presence };
        let effects = match self.halls[hall].policy.apply(command) {
            Ok(effects) => effects,
            Err(refusal) => {
                self.refuse(client, join.kind, &refusal.to_string());
                return self.close_hall_if_empty(hall);
            }
        };
        let Some(Effect::Joined(participant)) = effects.first().cloned() else { return };
        let detached = (join.kind != ClientKind::Interactive).then_some(now);
        let peer = Peer {
            client,
            kind: join.kind,
            hall,
            participant,
            resume: join.resume,
            detached,
            told_wanted: None,
            link: None,
            scheduled: None,
        };
        let key = self.peers.insert(peer);
        self.by_client.insert(client, key);
        self.halls[hall].members.insert(participant, key);
        self.counters.joins += 1;
        self.welcome(key, false);
        self.announce(hall, &effects, Some(key));
        self.schedule(now, key);
    }

    pub(crate) fn detach(&mut self, now: Instant, client: ClientId) {
        let Some(peer) = self.by_client.get(&client).and_then(|key| self.peers.get_mut(*key)) else { return };
        peer.detached.get_or_insert(now);
    }

    pub(crate) fn attach(&mut self, client: ClientId) {
        let Some(key) = self.by_client.get(&client).copied() else {
            // The grace ran out while the command was under way.
            self.events.push_back(Event::Closed { client, reason: ByeReason::TimedOut });
            return;
        };
        if self.peers[key].kind == ClientKind::Interactive {
            self.peers[key].detached = None;
        }
        self.welcome(key, true);
        self.tell_slots(key);
    }

    pub(crate) fn negotiate(&mut self, now: Instant, client: ClientId, session: Session) {
        let Some(key) = self.by_client.get(&client).copied() else { return };
        self.by_ufrag.insert(session.local_ice.ufrag.clone(), key);
        if self.peers[key].link.is_some() {
            self.renegotiate(now, key, session);
        } else {
            self.first_session(now, key, session);
        }
        let peer = &mut self.peers[key];
        peer.told_wanted = None;
        let (hall, participant) = (peer.hall, peer.participant);
        let lines = peer.link.iter().flat_map(|link| &link.session.publishing);
        let sources = lines.map(|line| translate::source_to_room(line.source)).collect();
        self.apply(hall, room::Command::Publish(participant, sources));
        self.refresh(now, hall);
        self.tell_slots(key);
        self.schedule(now, key);
    }

    pub(crate) fn set_source(&mut self, now: Instant, client: ClientId, source: Source, active: bool) {
        let Some(peer) = self.by_client.get(&client).and_then(|key| self.peers.get(*key)) else { return };
        let (hall, participant) = (peer.hall, peer.participant);
        self.apply(hall, room::Command::SetSource(participant, translate::source_to_room(source), active));
        self.refresh(now, hall);
    }

    pub(crate) fn leave(&mut self, now: Instant, client: ClientId, reason: ByeReason) {
        if let Some(key) = self.by_client.get(&client).copied() {
            self.close(now, key, reason);
        }
    }

    pub(crate) fn shutdown(&mut self, now: Instant) {
        let keys: Vec<PeerKey> = self.peers.keys().collect();
        for key in keys {
            self.close(now, key, ByeReason::ShuttingDown);
        }
    }

    /// Ends a peer: nothing is forwarded to or from it after this call.
    pub(crate) fn close(&mut self, now: Instant, key: PeerKey, reason: ByeReason) {
        self.tell(key, ServerMessage::Bye { reason });
        if let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_mut()) {
            link.transport.close();
        }
        self.flush_dtls(now, key);
        let Some(peer) = self.peers.remove(key) else { return };
        self.by_client.remove(&peer.client);
        if let Some(link) = &peer.link {
            for ufrag in &link.ufrags {
                self.by_ufrag.remove(ufrag);
            }
            for path in link.transport.paths() {
                self.unbind(key, path.remote);
            }
        }
        self.counters.closes += 1;
        self.events.push_back(Event::Closed { client: peer.client, reason });
        self.halls[peer.hall].members.remove(&peer.participant);
        self.halls[peer.hall].speakers.remove(speaker_label(peer.participant));
        self.apply(peer.hall, room::Command::Leave(peer.participant));
        self.refresh(now, peer.hall);
        self.close_hall_if_empty(peer.hall);
    }

    /// Lets the room's policy decide, and tells everyone what came of it.
    pub(crate) fn apply(&mut self, hall: HallKey, command: room::Command) {
        if let Ok(effects) = self.halls[hall].policy.apply(command) {
            self.announce(hall, &effects, None);
        }
    }

    fn announce(&mut self, hall: HallKey, effects: &[Effect], except: Option<PeerKey>) {
        for effect in effects {
            let policy = &self.halls[hall].policy;
            let visible = |id: &ParticipantId| policy.participant(*id).filter(|person| person.presence == Presence::Member);
            let message = match effect {
                Effect::Joined(id) => visible(id).map(|who| ServerMessage::Joined { participant: translate::participant(who) }),
                Effect::Updated(id) => visible(id).map(|who| ServerMessage::Updated { participant: translate::participant(who) }),
                Effect::Left(person) if person.presence == Presence::Member => Some(ServerMessage::Left { participant: person.id.0 }),
                Effect::Left(_) => None,
                Effect::Speaker(id) => Some(ServerMessage::Speaker { participant: Some(id.0) }),
            };
            if let Some(message) = message {
                self.tell_others(hall, except, &message);
            }
        }
    }

    /// One connection of a kind for an identity: whoever comes back takes the place of their own ghost, but an encoder (WHIP) and a
    /// wall screen (WHEP) may work for the same person.
    fn ghost(&self, hall: HallKey, join: &Join) -> Option<PeerKey> {
        let hall = &self.halls[hall];
        let mut same = hall.policy.by_identity(&join.identity).filter_map(|id| hall.members.get(&id).copied());
        same.find(|key| self.peers.get(*key).is_some_and(|peer| peer.kind == join.kind))
    }

    fn welcome(&mut self, key: PeerKey, resumed: bool) {
        let Some(peer) = self.peers.get(key) else { return };
        let Some(hall) = self.halls.get(peer.hall) else { return };
        let message = ServerMessage::Welcome {
            version: VERSION,
            room: hall.id.0.clone(),
            participant: peer.participant.0,
            resume: peer.resume.clone(),
            resumed,
            roster: hall.policy.roster().map(translate::participant).collect(),
        };
        self.tell(key, message);
    }

    fn refuse(&mut self, client: ClientId, kind: ClientKind, why: &str) {
        if kind == ClientKind::Interactive {
            let message = ServerMessage::Error { code: ErrorCode::Full, message: why.to_owned(), field: None, id: None };
            self.events.push_back(Event::Message { client, message });
        }
        self.events.push_back(Event::Closed { client, reason: ByeReason::TimedOut });
    }

    fn hall(&mut self, id: &RoomId) -> HallKey {
        if let Some(key) = self.by_room.get(id) {
            return *key;
        }
        let key = self.halls.insert(Hall::new(id.clone(), self.config.limits.people_per_room));
        self.by_room.insert(id.clone(), key);
        key
    }

    fn close_hall_if_empty(&mut self, key: HallKey) {
        if self.halls.get(key).is_some_and(|hall| hall.policy.is_empty())
            && let Some(hall) = self.halls.remove(key)
        {
            self.by_room.remove(&hall.id);
            self.events.push_back(Event::RoomClosed { room: hall.id });
        }
    }

    fn first_session(&mut self, now: Instant, key: PeerKey, session: Session) {
        let config = TransportConfig {
            local_ice: session.local_ice.clone(),
            remote_ice: session.remote_ice.clone(),
            remote_fingerprint: session.remote_fingerprint,
            certificate: self.config.certificate.clone(),
        };
        let feedback_ssrc = Ssrc(self.entropy() as u32);
        let mut receiver = media::Receiver::new(now, self.ntp(now), session.extensions, feedback_ssrc);
        receiver.configure(now, session.extensions, session.publishing.iter().map(translate::publish_config).collect());
        let mut link = Link::new(now, Transport::new(now, &config), receiver, session, self.entropy() as u16);
        let lines = link.session.slots.clone();
        link.take_slots(&lines, || self.entropy());
        self.peers[key].link = Some(link);
    }

    fn renegotiate(&mut self, now: Instant, key: PeerKey, session: Session) {
        let Some(mut link) = self.peers[key].link.take() else { return };
        if session.local_ice != link.session.local_ice {
            // ICE restart (RFC 8445 section 9). Earlier ufrags stay known, because checks with them may still be under way.
            link.transport.restart_ice(session.local_ice.clone(), session.remote_ice.clone());
            link.ufrags.push_back(session.local_ice.ufrag.clone());
            if link.ufrags.len() > MAX_UFRAGS
                && let Some(oldest) = link.ufrags.pop_front()
            {
                self.by_ufrag.remove(&oldest);
            }
        }
        link.receiver.configure(now, session.extensions, session.publishing.iter().map(translate::publish_config).collect());
        link.take_slots(&session.slots, || self.entropy());
        link.session = session;
        self.peers[key].link = Some(link);
    }
}

/// The key under which a person's loudness is kept.
pub(crate) fn speaker_label(participant: ParticipantId) -> u32 {
    participant.0 as u32
}
