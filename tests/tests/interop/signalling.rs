//! The WebSocket as a client sees it: messages go out, and what the relay says is folded into one state that a test can wait on.

use std::collections::BTreeMap;

use futures_util::{SinkExt as _, StreamExt as _};
use room::{Device, RosterEntry};
use signal::message::{ByeReason, ClientMessage, ErrorCode, ServerMessage, Slot, Source, VERSION};
use tests::e2e::relay::RelayProcess;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::PATIENCE;

/// One connection to a room.
pub(crate) struct Signalling {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) state: State,
}

/// All that the relay said so far.
#[derive(Clone, Default, Debug)]
pub(crate) struct State {
    /// Own participant id.
    pub(crate) own: Option<u64>,
    pub(crate) roster: BTreeMap<u64, RosterEntry>,
    /// Those of whom `left` was said.
    pub(crate) left: Vec<u64>,
    /// The last slot table.
    pub(crate) slots: Vec<Slot>,
    /// Answers by the offer's id.
    pub(crate) answers: BTreeMap<u32, String>,
    pub(crate) errors: Vec<Refusal>,
    pub(crate) pongs: Vec<u32>,
    pub(crate) bye: Option<ByeReason>,
    /// The relay hung up.
    pub(crate) ended: bool,
}

/// An `error` message without its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) field: Option<String>,
    pub(crate) id: Option<u32>,
}

impl State {
    fn observe(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Welcome { participant, roster, .. } => {
                self.own = Some(participant);
                self.roster = roster.iter().map(|participant| (participant.id.0, participant.clone())).collect();
            }
            ServerMessage::Roster { roster } => {
                self.roster = roster.iter().map(|participant| (participant.id.0, participant.clone())).collect();
            }
            ServerMessage::Answer { id, sdp } => {
                self.answers.insert(id, sdp);
            }
            ServerMessage::Joined { participant } | ServerMessage::Updated { participant } => {
                self.roster.insert(participant.id.0, participant);
            }
            ServerMessage::Left { participant } => {
                self.roster.remove(&participant);
                self.left.push(participant);
            }
            ServerMessage::Slots { slots } => self.slots = slots,
            ServerMessage::Pong { id } => self.pongs.push(id),
            ServerMessage::Error { code, field, id, .. } => self.errors.push(Refusal { code, field, id }),
            ServerMessage::Bye { reason } => self.bye = Some(reason),
            _ => {}
        }
    }

    /// Everyone's id by name.
    pub(crate) fn named(&self, name: &str) -> Option<u64> {
        self.roster.values().find(|participant| *participant.name == *name).map(|participant| participant.id.0)
    }

    /// The mid of the slot that holds somebody's source.
    pub(crate) fn slot_of(&self, participant: u64, source: Source) -> Option<&str> {
        let slot = self.slots.iter().find(|slot| slot.participant == Some(participant) && slot.source == Some(source));
        slot.map(|slot| slot.mid.as_str())
    }
}

impl Signalling {
    /// Connects and says nothing yet.
    pub(crate) async fn connect(relay: &RelayProcess, room: &str) -> Self {
        let (socket, _) = connect_async(relay.ws_url(&format!("v1/rooms/{room}/connect"))).await.unwrap();
        Self { socket, state: State::default() }
    }

    /// Connects and says hello; the welcome is awaited.
    pub(crate) async fn enter(relay: &RelayProcess, room: &str, token: &str) -> Self {
        let mut signalling = Self::connect(relay, room).await;
        signalling.hello(token).await;
        signalling.until("welcome", |state| state.own).await;
        signalling
    }

    pub(crate) async fn hello(&mut self, token: &str) {
        self.send(&ClientMessage::Hello {
            version: VERSION,
            token: token.to_owned(),
            resume: None,
            device: Device::Desktop,
            events_after: None,
        })
        .await;
    }

    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.raw(serde_json::to_string(message).unwrap()).await;
    }

    /// Any text, as a stranger may send it.
    pub(crate) async fn raw(&mut self, text: String) {
        // The relay may hang up while a far too long text is still on its way; what it says then is what counts.
        let _ = self.socket.send(Message::Text(text.into())).await;
    }

    /// Reads until the state has it; what was said earlier counts.
    pub(crate) async fn until<T>(&mut self, what: &str, found: impl Fn(&State) -> Option<T>) -> T {
        let reading = async {
            loop {
                if let Some(value) = found(&self.state) {
                    return value;
                }
                assert!(!self.state.ended, "{what}: the relay hung up: {:?}", self.state);
                self.read().await;
            }
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(value) => value,
            Err(_) => panic!("{what}: not within {PATIENCE:?}; the relay said {:?}", self.state),
        }
    }

    /// Reads to the end of the connection.
    pub(crate) async fn until_the_end(&mut self) {
        self.until("the end of the connection", |state| state.ended.then_some(())).await;
    }

    /// The relay answers a ping: the connection lives, and all that was sent before is dealt with.
    pub(crate) async fn assert_alive(&mut self) {
        let id = self.state.pongs.len() as u32;
        self.send(&ClientMessage::Ping { id }).await;
        self.until("pong", |state| state.pongs.contains(&id).then_some(())).await;
    }

    async fn read(&mut self) {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => self.state.observe(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
            Some(Ok(other)) => panic!("the relay only speaks text: {other:?}"),
            Some(Err(_)) | None => self.state.ended = true,
        }
    }
}
