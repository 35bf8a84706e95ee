//! One simulated participant: a light client, its signalling connection, and what it was told.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use loadgen::light::{Client, Counters, SlotRecord, SlotView};
use room::{Announcement, ChatMessage, Code, Command, RosterEntry, Scene};
use signal::message::{ByeReason, ClientMessage, Needed, ServerMessage, Slot, Source};
use wire::ids::Rid;
use worker::ClientId;

use super::ticket::Ticket;

/// One participant.
pub struct Person {
    /// For messages.
    pub name: String,
    /// With what the person came.
    pub ticket: Ticket,
    /// Author number in every payload.
    pub publisher: u32,
    /// The media side.
    pub client: Client,
    /// The signalling session.
    pub id: ClientId,
    /// Participant id in the room.
    pub participant: Option<u64>,
    /// Whether the WebSocket is up.
    pub attached: bool,
    /// Who is in the room, as the person was told.
    pub roster: Vec<RosterEntry>,
    /// The room or the waiting page, as the person was told.
    pub scene: Option<Scene>,
    /// Who is in which slot, as the person was told.
    pub slots: Vec<Slot>,
    /// Times the person was told who is in which slot.
    pub told_slots: u32,
    /// Who speaks, as the person was told.
    pub speaker: Option<u64>,
    /// What was written, with whether it was written before the person came.
    pub chat: Vec<(ChatMessage, bool)>,
    /// What the staff announced.
    pub announcements: Vec<Announcement>,
    /// Times the person was asked to open the microphone.
    pub unmute_asked: u32,
    /// What came of commands, by their number.
    pub replies: BTreeMap<u32, Result<(), Code>>,
    /// Refusals without a number: of `set_source`, or of coming in.
    pub refusals: Vec<Code>,
    /// The relay ended the session.
    pub bye: Option<ByeReason>,
    /// The relay forgot the session, whether the person knows it or not.
    pub ended: bool,
    /// When the answer to the last offer came.
    pub answered: Option<Instant>,
    /// Offers that were refused.
    pub errors: Vec<String>,
    /// Times the session was taken up again.
    pub resumed: u32,
    /// Offers so far.
    pub offers: u32,
    /// What anybody needs of the person's pictures, as the person was told.
    pub needed: Vec<Needed>,
    /// Times the person was told.
    pub told_needs: u32,
    /// Whether the person sends only what is needed.
    pub obeys: bool,
    /// The client's counts when the window began.
    pub before: Counters,
    /// Whether the person offers more m-lines when the relay has more to show.
    pub takes_more: bool,
    commands: u32,
    /// An offer is on its way, so the next has to wait for its answer (RFC 8829 section 5.5).
    pending: bool,
    /// Another offer is due once the pending one was answered.
    again: bool,
    /// Slots the relay would like the client to have, which the next offer shows.
    wanted: Option<(usize, usize)>,
    outgoing: VecDeque<ClientMessage>,
}

impl Person {
    pub(super) fn new(ticket: Ticket, publisher: u32, client: Client, id: ClientId) -> Self {
        Self {
            name: ticket.name.clone(),
            ticket,
            publisher,
            client,
            id,
            participant: None,
            attached: true,
            roster: Vec::new(),
            scene: None,
            slots: Vec::new(),
            told_slots: 0,
            speaker: None,
            chat: Vec::new(),
            announcements: Vec::new(),
            unmute_asked: 0,
            replies: BTreeMap::new(),
            refusals: Vec::new(),
            bye: None,
            ended: false,
            answered: None,
            errors: Vec::new(),
            resumed: 0,
            offers: 0,
            needed: Vec::new(),
            told_needs: 0,
            obeys: true,
            before: Counters::default(),
            takes_more: true,
            commands: 0,
            pending: false,
            again: false,
            wanted: None,
            outgoing: VecDeque::new(),
        }
    }

    /// Offers what the client wants at present, or as soon as the offer before was answered.
    pub fn offer(&mut self) {
        self.again = self.pending;
        if self.pending {
            return;
        }
        self.pending = true;
        self.offers += 1;
        if let Some((audio, video)) = self.wanted.take() {
            self.client.want_slots(audio, video);
        }
        let (sdp, sources) = (self.client.offer(), self.client.sources());
        self.say(ClientMessage::Offer { id: self.offers, sdp, sources });
    }

    /// Says something to the relay.
    pub fn say(&mut self, message: ClientMessage) {
        self.outgoing.push_back(message);
    }

    /// Asks something of the room; the reply comes in [`replies`](Self::replies) under this number.
    pub fn ask(&mut self, command: Command) -> u32 {
        self.commands += 1;
        self.say(ClientMessage::Command { id: self.commands, command });
        self.commands
    }

    pub(super) fn take_outgoing(&mut self) -> Option<ClientMessage> {
        self.outgoing.pop_front()
    }

    /// A message of the relay arrived.
    pub(super) fn handle_message(&mut self, now: Instant, message: ServerMessage) {
        match message {
            ServerMessage::Welcome { participant, roster, scene, resumed, .. } => {
                self.participant = Some(participant);
                (self.roster, self.scene) = (roster.to_vec(), Some(scene));
                self.resumed += u32::from(resumed);
                // Of an offer from before the connection broke no answer comes any more.
                self.pending &= !resumed;
            }
            ServerMessage::Answer { sdp, .. } => {
                self.answered = Some(now);
                self.pending = false;
                if let Err(error) = self.client.handle_answer(now, &sdp) {
                    self.errors.push(format!("{error} in\n{sdp}"));
                }
                if self.again {
                    self.offer();
                }
            }
            ServerMessage::Slots { slots } => {
                self.told_slots += 1;
                self.client.slots_told(&self.slots, &slots);
                self.slots = slots;
            }
            ServerMessage::Send { sources } => {
                self.told_needs += 1;
                if self.obeys {
                    sources.iter().for_each(|needed| self.obey(needed));
                }
                self.needed = sources;
            }
            ServerMessage::SlotsWanted { audio, video } if self.takes_more => {
                self.wanted = Some((audio, video));
                self.offer();
            }
            ServerMessage::Error { message, .. } => self.errors.push(message),
            ServerMessage::Bye { reason } => self.bye = Some(reason),
            ServerMessage::SlotsWanted { .. } | ServerMessage::Pong { .. } | ServerMessage::Event { .. } => {}
            other => self.hear(other),
        }
    }

    fn obey(&mut self, needed: &Needed) {
        let layers: Vec<(Option<Rid>, bool)> = match &needed.layers[..] {
            [] => vec![(None, needed.height > 0)],
            layers => layers.iter().map(|layer| (Rid::new(&layer.rid), layer.active)).collect(),
        };
        self.client.obey(needed.source, &layers, needed.max_bitrate);
    }

    /// Counts begin anew.
    pub(super) fn begin_window(&mut self) {
        self.before = *self.client.counters();
        self.client.begin_window();
    }

    /// What the room tells, rather than the connection.
    fn hear(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Scene { scene } => self.scene = Some(scene),
            ServerMessage::Roster { roster } => self.roster = roster.to_vec(),
            ServerMessage::Joined { participant } => self.roster.push(participant),
            ServerMessage::Updated { participant } => {
                self.roster.iter_mut().filter(|known| known.id == participant.id).for_each(|known| *known = participant.clone());
            }
            ServerMessage::Left { participant } => self.roster.retain(|known| known.id.0 != participant),
            ServerMessage::Speaker { participant } => self.speaker = participant,
            ServerMessage::Chat { message, earlier } => self.chat.push((message, earlier)),
            ServerMessage::Announcement { message } => self.announcements.push(message),
            ServerMessage::UnmuteAsked => self.unmute_asked += 1,
            ServerMessage::Done { id } => {
                self.replies.insert(id, Ok(()));
            }
            ServerMessage::Refused { id: Some(id), code, .. } => {
                self.replies.insert(id, Err(code));
            }
            ServerMessage::Refused { id: None, code, .. } => self.refusals.push(code),
            _ => {}
        }
    }

    /// The room as the person sees it; `None` while the person waits.
    #[must_use]
    pub fn meeting(&self) -> Option<&room::Meeting> {
        match &self.scene {
            Some(Scene::Present(meeting)) => Some(meeting),
            _ => None,
        }
    }

    /// The person sees the waiting page.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self.scene, Some(Scene::Waiting(_)))
    }

    /// The slot in which the relay says this source of this participant is.
    #[must_use]
    pub fn slot_of(&self, participant: u64, source: Source) -> Option<SlotView<'_>> {
        let slot = self.slots.iter().find(|slot| (slot.participant, slot.source) == (Some(participant), Some(source)))?;
        self.client.slots().find(|view| view.mid == slot.mid.as_str())
    }

    /// Pictures or sounds of a publisher that were decoded in this window, whatever slot they came in.
    #[must_use]
    pub fn decoded(&self, publisher: u32, source: Source) -> u64 {
        let decoded = self.client.slots().flat_map(|slot| &slot.record.decoded);
        decoded.filter(|(author, _)| (author.publisher, author.source) == (publisher, source)).map(|(_, count)| count).sum()
    }

    /// Packets of a publisher that came in this window, decodable or not.
    #[must_use]
    pub fn packets(&self, publisher: u32, source: Source) -> u64 {
        let packets = self.client.slots().flat_map(|slot| &slot.record.authors);
        packets.filter(|(author, _)| (author.publisher, author.source) == (publisher, source)).map(|(_, count)| count).sum()
    }

    /// Records of all slots of one kind.
    pub fn records(&self, audio: bool) -> impl Iterator<Item = &SlotRecord> {
        self.client.slots().filter(move |slot| slot.audio == audio).map(|slot| slot.record)
    }
}
