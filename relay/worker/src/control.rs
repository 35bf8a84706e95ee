//! Commands: people come, negotiate, switch their sources, go.

use std::time::Instant;

use room::{Arrival, ParticipantId, Presence, Room, Source};
use signal::message::{ByeReason, ServerMessage};
use signal::session::{PublishLine, Session, SlotLine};
use transport::{Transport, TransportConfig};
use wire::ids::Ssrc;

use crate::command::{ClientId, ClientKind, Join, Role};
use crate::event::Event;
use crate::hall::{Hall, speaker_label};
use crate::keys::{HallKey, PeerKey};
use crate::peer::{Link, Peer, Target};
use crate::told::Told;
use crate::translate;
use crate::worker::Worker;

/// Most of our own ufrags of one peer that still find it: the one in use, and those of restarts that may not have got through.
const MAX_UFRAGS: usize = 4;

impl Worker {
    pub(crate) fn join(&mut self, now: Instant, join: Join) {
        let client = join.client;
        let hall = self.hall(now, &join);
        self.halls[hall].joins += 1;
        if self.peers.len() >= self.config.limits.peers || self.by_client.contains_key(&client) {
            self.refuse(client, join.kind, room::Code::Full, "this node takes no more people".to_owned());
            return self.note_emptiness(now, hall);
        }
        if let Some(ghost) = self.ghost(hall, &join) {
            self.close(now, ghost, ByeReason::Replaced);
        }
        let presence = if join.kind == ClientKind::Whep { Presence::Viewer } else { Presence::Member };
        let host = join.role == Role::Host;
        let arrival = Arrival { identity: join.identity, name: join.name, host, presence, device: join.device };
        let time = self.time(now);
        let (participant, effects) = match self.halls[hall].policy.join(time, arrival) {
            Ok(joined) => joined,
            Err(refusal) => {
                self.refuse(client, join.kind, refusal.code, refusal.message);
                return self.note_emptiness(now, hall);
            }
        };
        let detached = (join.kind != ClientKind::Interactive).then_some(now);
        let peer = Peer {
            client,
            kind: join.kind,
            hall,
            participant,
            place: None,
            resume: join.resume,
            detached,
            told: Told::default(),
            told_wanted: None,
            link: None,
            scheduled: None,
        };
        let key = self.peers.insert(peer);
        self.by_client.insert(client, key);
        self.halls[hall].members.insert(participant, key);
        self.counters.joins += 1;
        self.welcome(key, false);
        self.carry_out(now, hall, effects);
        self.schedule(now, key);
    }

    pub(crate) fn detach(&mut self, now: Instant, client: ClientId) {
        let Some(peer) = self.by_client.get(&client).and_then(|key| self.peers.get_mut(*key)) else { return };
        peer.detached.get_or_insert(now);
    }

    pub(crate) fn attach(&mut self, now: Instant, client: ClientId) {
        let Some(key) = self.by_client.get(&client).copied() else {
            // The grace ran out while the command was under way.
            self.events.push_back(Event::Closed { client, reason: ByeReason::TimedOut });
            return;
        };
        if self.peers[key].kind == ClientKind::Interactive {
            self.peers[key].detached = None;
            self.peers[key].told_wanted = None;
        }
        if let Some(link) = self.link_mut(key) {
            link.uplink.repeat();
        }
        self.welcome(key, true);
        self.tell_slots(key);
        // What the client missed while it was away.
        let hall = self.peers[key].hall;
        self.refresh(now, hall);
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
        let sources: Vec<Source> = lines.map(|line| line.source).collect();
        let time = self.time(now);
        // Viewers have no publishing lines: the answerer gives WHEP none.
        let effects = self.halls[hall].policy.publish(time, participant, &sources).unwrap_or_default();
        self.carry_out(now, hall, effects);
        self.tell_slots(key);
        self.schedule(now, key);
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

    /// Ends a peer and lets its room go on without it: nothing is forwarded to or from it after this call.
    pub(crate) fn close(&mut self, now: Instant, key: PeerKey, reason: ByeReason) {
        let Some((hall, participant)) = self.end(now, key, reason) else { return };
        let time = self.time(now);
        let effects = self.halls[hall].policy.leave(time, participant);
        self.carry_out(now, hall, effects);
    }

    /// Ends a peer. The caller sees to it that the policy knows, and refreshes the room.
    pub(crate) fn end(&mut self, now: Instant, key: PeerKey, reason: ByeReason) -> Option<(HallKey, ParticipantId)> {
        self.tell(key, ServerMessage::Bye { reason });
        if let Some(link) = self.peers.get_mut(key).and_then(|peer| peer.link.as_deref_mut()) {
            link.transport.close();
        }
        self.flush_dtls(now, key);
        let peer = self.peers.remove(key)?;
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
        let hall = &mut self.halls[peer.hall];
        hall.members.remove(&peer.participant);
        if let Some(speakers) = hall.speakers.get_mut(&peer.place) {
            speakers.remove(speaker_label(peer.participant));
        }
        Some((peer.hall, peer.participant))
    }

    /// One connection of a kind for an identity: whoever comes back takes the place of their own ghost, but an encoder (WHIP) and a
    /// wall screen (WHEP) may work for the same person.
    fn ghost(&self, hall: HallKey, join: &Join) -> Option<PeerKey> {
        let hall = &self.halls[hall];
        let mut same = hall.policy.by_identity(&join.identity).filter_map(|id| hall.members.get(&id).copied());
        same.find(|key| self.peers.get(*key).is_some_and(|peer| peer.kind == join.kind))
    }

    fn refuse(&mut self, client: ClientId, kind: ClientKind, code: room::Code, message: String) {
        if kind == ClientKind::Interactive {
            self.events.push_back(Event::Message { client, message: ServerMessage::Refused { id: None, code, message, field: None } });
            self.events.push_back(Event::Message { client, message: ServerMessage::Bye { reason: ByeReason::Refused } });
        }
        self.events.push_back(Event::Closed { client, reason: ByeReason::Refused });
    }

    /// The hall of a room, which is created when there is none.
    fn hall(&mut self, now: Instant, join: &Join) -> HallKey {
        if let Some(key) = self.by_room.get(&join.room) {
            return *key;
        }
        let limits = room::Limits { people: self.config.limits.people_per_room };
        let policy = Room::new((*join.settings).clone(), limits, self.entropy());
        let key = self.halls.insert(Hall::new(join.room.clone(), policy));
        self.by_room.insert(join.room.clone(), key);
        self.beats.begin(now, key);
        key
    }

    /// Notes whether anybody is in a room. An empty one is kept for a while, because it remembers who was removed and who was what.
    pub(crate) fn note_emptiness(&mut self, now: Instant, key: HallKey) {
        let Some(hall) = self.halls.get_mut(key) else { return };
        hall.empty_since = if hall.members.is_empty() { hall.empty_since.or(Some(now)) } else { None };
    }

    /// Closes a room in which nobody was for long enough.
    pub(crate) fn close_hall_if_over(&mut self, now: Instant, key: HallKey) {
        let linger = self.config.limits.linger;
        let over = |hall: &Hall| hall.empty_since.is_some_and(|since| now.saturating_duration_since(since) >= linger);
        if self.halls.get(key).is_some_and(over)
            && let Some(hall) = self.halls.remove(key)
        {
            self.by_room.remove(&hall.id);
            self.events.push_back(Event::RoomClosed { room: hall.id, joins: hall.joins });
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
        link.take_slots(now, &lines, || self.entropy());
        self.peers[key].link = Some(Box::new(link));
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
        let altered = altered(key, &link, &session);
        link.receiver.configure(now, session.extensions, session.publishing.iter().map(translate::publish_config).collect());
        link.take_slots(now, &session.slots, || self.entropy());
        link.session = session;
        link.uplink.repeat();
        self.peers[key].link = Some(link);
        for target in altered {
            self.begin_again(now, target);
        }
    }
}

/// Slots whose pictures or sounds go on under other payload types or numbers: those that a peer's altered lines are sent to, and the peer's
/// own whose codecs are others than before.
fn altered(key: PeerKey, link: &Link, session: &Session) -> Vec<Target> {
    let same = |before: &PublishLine, now: &PublishLine| (&before.mid, &before.rids, &before.codecs) == (&now.mid, &now.rids, &now.codecs);
    let lines = session.publishing.iter().filter(|line| link.line(line.source).is_some_and(|before| !same(before, line)));
    let sent = lines.flat_map(|line| &link.routes[line.source as usize]).copied();
    let reread = |line: &SlotLine| link.slots.iter().any(|slot| slot.line.ssrc == line.ssrc && slot.line.codecs != line.codecs);
    let slots = session.slots.iter().enumerate().filter(|(_, line)| reread(line));
    sent.chain(slots.map(|(slot, _)| Target { peer: key, slot })).collect()
}
