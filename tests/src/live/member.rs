//! One person: a light client with its sockets, what the relay told them, and what came in.

use std::collections::BTreeMap;
use std::time::Instant;

use loadgen::light::{Client, Stamp};
use room::{Code, Command, RosterEntry, Scene};
use signal::message::{ByeReason, ClientMessage, ServerMessage, Slot, Source};

use super::link::Link;

/// How a command went, and when its answer was read.
pub type Reply = (Instant, Result<(), Code>);

/// Datagrams and messages that set a connection up or keep it; media is counted elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Connectivity and consent checks that the client sent.
    pub checks: u64,
    /// STUN from the relay.
    pub stun_received: u64,
    /// DTLS, both ways.
    pub dtls: u64,
    /// Offers and answers.
    pub sdp: u64,
    /// RTP packets that the harness threw away, both ways.
    pub dropped: u64,
}

/// Packets of one source of one person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// When the first came, since the window began.
    pub first: Instant,
    /// When the last came.
    pub last: Instant,
    /// How many.
    pub packets: u64,
}

/// What the relay told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Own id in the room.
    pub participant: Option<u64>,
    /// Everyone this person may know.
    pub roster: BTreeMap<u64, RosterEntry>,
    /// The room, or the waiting page.
    pub scene: Option<Scene>,
    /// Who is in which slot.
    pub slots: Vec<Slot>,
    /// Times that more slots were suggested.
    pub slots_wanted: u32,
    /// Why the session ended.
    pub bye: Option<ByeReason>,
    /// When `welcome` was read.
    pub welcomed: Option<Instant>,
    /// When the connection was over.
    pub ended: Option<Instant>,
    /// What the relay complained of.
    pub errors: Vec<String>,
    /// Refusals without a command's id.
    pub refused: Vec<Code>,
}

impl Told {
    /// Waits to be let in.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self.scene, Some(Scene::Waiting(_)))
    }

    /// Is in the meeting.
    #[must_use]
    pub fn is_in(&self) -> bool {
        matches!(self.scene, Some(Scene::Present(_)))
    }
}

/// One person.
pub struct Member {
    /// The token's subject.
    pub identity: String,
    /// Author number in every payload.
    pub publisher: u32,
    /// The media side.
    pub client: Client,
    /// What the relay told.
    pub told: Told,
    /// What came in since the window began.
    pub heard: BTreeMap<(u32, Source), Heard>,
    /// What is no media.
    pub traffic: Traffic,
    pub(super) link: Link,
    pub(super) replies: BTreeMap<u32, Reply>,
    next: u32,
    offers: u32,
}

impl Member {
    pub(super) fn new(identity: &str, publisher: u32, client: Client, link: Link) -> Self {
        Self {
            identity: identity.to_owned(),
            publisher,
            client,
            told: Told::default(),
            heard: BTreeMap::new(),
            traffic: Traffic::default(),
            link,
            replies: BTreeMap::new(),
            next: 0,
            offers: 0,
        }
    }

    /// Own id in the room.
    #[must_use]
    pub fn id(&self) -> room::ParticipantId {
        room::ParticipantId(self.told.participant.unwrap_or_default())
    }

    /// Whether there is anybody to talk to any more.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.told.ended.is_none() && self.told.bye.is_none()
    }

    /// Pictures or sounds of a source that were decoded since the window began.
    #[must_use]
    pub fn decoded(&self, publisher: u32, source: Source) -> u64 {
        let decoded = self.client.slots().flat_map(|slot| &slot.record.decoded);
        decoded.filter(|(author, _)| (author.publisher, author.source) == (publisher, source)).map(|(_, count)| count).sum()
    }

    /// Packets of a source that came since the window began.
    #[must_use]
    pub fn packets(&self, publisher: u32, source: Source) -> u64 {
        self.heard.get(&(publisher, source)).map_or(0, |heard| heard.packets)
    }

    /// Counts begin anew.
    pub fn begin_window(&mut self) {
        self.heard.clear();
        self.client.begin_window();
    }

    /// Sends an offer for what the client wants now.
    pub fn offer(&mut self) {
        self.offers += 1;
        self.traffic.sdp += 1;
        let (sdp, sources) = (self.client.offer(), self.client.sources());
        self.link.say(&ClientMessage::Offer { id: self.offers, sdp, sources });
    }

    /// Asks something of the room; the answer's number.
    pub(super) fn ask(&mut self, command: Command) -> u32 {
        self.next += 1;
        self.link.say(&ClientMessage::Command { id: self.next, command });
        self.next
    }

    pub(super) fn note(&mut self, at: Instant, stamp: &Stamp) {
        let heard = self.heard.entry((stamp.author.publisher, stamp.author.source)).or_insert(Heard { first: at, last: at, packets: 0 });
        heard.last = at;
        heard.packets += 1;
    }

    pub(super) fn take(&mut self, now: Instant, message: ServerMessage) {
        let told = &mut self.told;
        match message {
            ServerMessage::Welcome { participant, roster, scene, .. } => {
                told.participant = Some(participant);
                told.roster = roster.iter().map(|entry| (entry.id.0, entry.clone())).collect();
                told.scene = Some(scene);
                told.welcomed = Some(now);
            }
            ServerMessage::Scene { scene } => told.scene = Some(scene),
            ServerMessage::Roster { roster } => told.roster = roster.iter().map(|entry| (entry.id.0, entry.clone())).collect(),
            ServerMessage::Answer { sdp, .. } => {
                self.traffic.sdp += 1;
                if let Err(error) = self.client.handle_answer(now, &sdp) {
                    told.errors.push(format!("{error} in\n{sdp}"));
                }
            }
            ServerMessage::Joined { participant } | ServerMessage::Updated { participant } => {
                told.roster.insert(participant.id.0, participant);
            }
            ServerMessage::Left { participant } => {
                told.roster.remove(&participant);
            }
            ServerMessage::Slots { slots } => {
                self.client.slots_told(&told.slots, &slots);
                told.slots = slots;
            }
            ServerMessage::SlotsWanted { .. } => told.slots_wanted += 1,
            ServerMessage::Done { id } => {
                self.replies.insert(id, (now, Ok(())));
            }
            ServerMessage::Refused { id: Some(id), code, .. } => {
                self.replies.insert(id, (now, Err(code)));
            }
            ServerMessage::Refused { id: None, code, .. } => told.refused.push(code),
            ServerMessage::Error { code, message, .. } => told.errors.push(format!("{code:?}: {message}")),
            ServerMessage::Bye { reason } => told.bye = Some(reason),
            ServerMessage::Speaker { .. }
            | ServerMessage::Chat { .. }
            | ServerMessage::Announcement { .. }
            | ServerMessage::Send { .. }
            | ServerMessage::UnmuteAsked
            | ServerMessage::Event { .. }
            | ServerMessage::Pong { .. } => {}
        }
    }
}
