//! What each client was told of its room, so that it hears of every change once, and of nothing that is not for its eyes.
//!
//! Rosters and scenes are made anew for each viewer by `room` and compared with what the client knows: a rule cannot be forgotten on
//! one of many paths, because there is only this one.

use std::sync::Arc;

use room::{ParticipantId, Place, RosterEntry, Scene};
use signal::message::{ServerMessage, VERSION};

use crate::command::ClientKind;
use crate::keys::{HallKey, PeerKey};
use crate::worker::Worker;

/// More changes than this at once are told as a whole roster.
const MAX_SINGLE_CHANGES: usize = 3;

/// What a client knows.
#[derive(Default)]
pub(crate) struct Told {
    /// Shared with the message that told it: a large group's roster has hundreds of strings.
    roster: Arc<Vec<RosterEntry>>,
    scene: Option<Scene>,
    speaker: Option<ParticipantId>,
}

impl Worker {
    /// Says hello, with everything the client may know now.
    pub(crate) fn welcome(&mut self, key: PeerKey, resumed: bool) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(hall) = self.halls.get(peer.hall) else { return };
        let roster = Arc::new(hall.policy.roster(peer.participant));
        let scene = hall.policy.scene(peer.participant);
        let place = present_in(Some(&scene));
        peer.told = Told { roster: roster.clone(), scene: Some(scene.clone()), speaker: None };
        let (room, resume, participant) = (hall.id.0.clone(), peer.resume.clone(), peer.participant);
        self.tell(key, ServerMessage::Welcome { version: VERSION, room, participant: participant.0, resume, resumed, roster, scene });
        if !resumed && place.is_some() {
            self.tell_history(key);
        }
    }

    /// Tells everyone in a room what changed for them; the scenes are as they are now.
    pub(crate) fn tell_room(&mut self, hall: HallKey, scenes: Vec<(PeerKey, Scene)>) {
        for (key, scene) in scenes {
            let Some(peer) = self.peers.get(key) else { continue };
            // Whoever is away is told everything when they are back.
            if peer.kind != ClientKind::Interactive || peer.detached.is_some() {
                continue;
            }
            let policy = &self.halls[hall].policy;
            let (roster, speaker) = (policy.roster(peer.participant), policy.speaker(peer.participant));
            self.tell_roster(key, roster);
            self.tell_scene(key, scene);
            self.tell_speaker(key, speaker);
        }
    }

    fn tell_roster(&mut self, key: PeerKey, roster: Vec<RosterEntry>) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if *peer.told.roster == roster {
            return;
        }
        let before = std::mem::replace(&mut peer.told.roster, Arc::new(roster));
        let messages = differences(&before, &peer.told.roster);
        for message in messages {
            self.tell(key, message);
        }
    }

    fn tell_scene(&mut self, key: PeerKey, scene: Scene) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if peer.told.scene.as_ref() == Some(&scene) {
            return;
        }
        let (before, after) = (present_in(peer.told.scene.as_ref()), present_in(Some(&scene)));
        peer.told.scene = Some(scene.clone());
        self.tell(key, ServerMessage::Scene { scene });
        if after.is_some() && before != after {
            self.tell_history(key);
        }
    }

    fn tell_speaker(&mut self, key: PeerKey, speaker: Option<ParticipantId>) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        if peer.told.speaker != speaker {
            peer.told.speaker = speaker;
            self.tell(key, ServerMessage::Speaker { participant: speaker.map(|id| id.0) });
        }
    }

    /// What was written in a place before somebody came to it, so far as the room shows it.
    fn tell_history(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get(key) else { return };
        for message in self.halls[peer.hall].policy.history(peer.participant) {
            self.tell(key, ServerMessage::Chat { message, earlier: true });
        }
    }
}

/// Where a scene plays; `None` in the waiting room.
fn present_in(scene: Option<&Scene>) -> Option<Place> {
    match scene {
        Some(Scene::Present(meeting)) => Some(meeting.you.breakout),
        Some(Scene::Waiting(_)) | None => None,
    }
}

/// The messages that turn one roster into the other.
fn differences(before: &[RosterEntry], after: &Arc<Vec<RosterEntry>>) -> Vec<ServerMessage> {
    let find = |roster: &[RosterEntry], id| roster.iter().position(|entry| entry.id == id);
    let mut messages = Vec::new();
    let gone = before.iter().filter(|entry| find(after, entry.id).is_none());
    messages.extend(gone.map(|entry| ServerMessage::Left { participant: entry.id.0 }));
    for entry in after.iter() {
        match find(before, entry.id) {
            Some(index) if before[index] == *entry => {}
            Some(_) => messages.push(ServerMessage::Updated { participant: entry.clone() }),
            None => messages.push(ServerMessage::Joined { participant: entry.clone() }),
        }
        if messages.len() > MAX_SINGLE_CHANGES {
            return vec![ServerMessage::Roster { roster: Arc::clone(after) }];
        }
    }
    // Only the order differs.
    if messages.is_empty() { vec![ServerMessage::Roster { roster: Arc::clone(after) }] } else { messages }
}

#[cfg(test)]
mod tests {
    use super::*;
    use room::Role;

    fn entry(id: u64, name: &str) -> RosterEntry {
        RosterEntry {
            id: ParticipantId(id),
            name: name.into(),
            role: Role::Participant,
            sources: [].into_iter().collect(),
            locked: [].into_iter().collect(),
            waiting: false,
            breakout: None,
        }
    }

    #[test]
    fn few_changes_are_told_singly_and_many_as_a_whole() {
        let before = [entry(1, "Anna"), entry(2, "Bent")];
        let after = Arc::new(vec![entry(2, "Bent B"), entry(3, "Clara")]);
        let expected = [
            ServerMessage::Left { participant: 1 },
            ServerMessage::Updated { participant: entry(2, "Bent B") },
            ServerMessage::Joined { participant: entry(3, "Clara") },
        ];
        assert_eq!(differences(&before, &after), expected);
        let many = Arc::new((0..5).map(|id| entry(id, "")).collect::<Vec<_>>());
        assert_eq!(differences(&[], &many), [ServerMessage::Roster { roster: many.clone() }]);
    }

    #[test]
    fn another_order_is_a_change() {
        let (first, second) = (entry(1, "Anna"), entry(2, "Bent"));
        let after = Arc::new(vec![second.clone(), first.clone()]);
        assert_eq!(differences(&[first, second], &after), [ServerMessage::Roster { roster: after.clone() }]);
    }
}
