//! The process in miniature: the real worker, one SDP answerer for each client, and signalling without sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use room::{Code, Settings};
use signal::message::{ByeReason, ClientMessage, ErrorCode, ServerMessage, Source};
use signal::sdp::{Answerer, Candidate, Local, ufrag_prefix};
use transport::{Certificate, Path};
use wire::ntp::Ntp;
use worker::event::Action;
use worker::snapshot::{RoomSnapshot, WhySnapshot};
use worker::{By, ClientId, Command, Event, Join, Limits, Role, RoomId, Worker, WorkerConfig};

use super::ticket::Ticket;

/// Events that may wait between two steps; more would mean that one datagram can flood the control plane.
const MAX_EVENTS: usize = 2_000;
/// Datagrams that one step may send: a keyframe of 40 packets to 40 people, and some.
const MAX_DATAGRAMS: usize = 4_000;

/// The relay as the simulation sees it.
pub struct Node {
    /// The real one.
    pub worker: Worker,
    /// Its media address.
    pub address: SocketAddr,
    /// The audit log.
    pub actions: Vec<Action>,
    answerers: BTreeMap<ClientId, Answerer>,
    entropy: ChaCha8Rng,
    clients: u64,
    certificate: Arc<Certificate>,
    snapshot: Option<RoomSnapshot>,
    why: Option<WhySnapshot>,
    acted: Option<Result<(), Code>>,
}

impl Node {
    /// A node without rooms.
    #[must_use]
    pub fn new(now: Instant, ntp: Ntp, seed: u64, limits: Limits) -> Self {
        let mut entropy = ChaCha8Rng::seed_from_u64(seed);
        let mut worker_seed = [0; 32];
        entropy.fill_bytes(&mut worker_seed);
        let certificate = Arc::new(Certificate::generate().expect("the crypto library makes certificates"));
        let config = WorkerConfig { certificate: certificate.clone(), epoch: (now, ntp), seed: worker_seed, limits };
        Self {
            worker: Worker::new(config),
            address: SocketAddr::from(([198, 51, 100, 1], 7_882)),
            actions: Vec::new(),
            answerers: BTreeMap::new(),
            entropy,
            clients: 0,
            certificate,
            snapshot: None,
            why: None,
            acted: None,
        }
    }

    /// Somebody's WebSocket said hello with a good token, or a WHIP or WHEP client posted.
    pub fn join(&mut self, now: Instant, ticket: &Ticket, settings: &Arc<Settings>) -> ClientId {
        self.clients += 1;
        let client = ClientId(self.clients);
        let local = Local {
            ufrag_prefix: ufrag_prefix(0),
            fingerprint: self.certificate.fingerprint(),
            candidates: vec![Candidate { address: self.address }],
            session_id: self.clients,
        };
        self.answerers.insert(client, Answerer::new(local));
        let join = Join {
            client,
            room: RoomId(ticket.room.clone()),
            identity: ticket.identity.clone(),
            name: ticket.name.clone(),
            role: if ticket.host { Role::Host } else { Role::Participant },
            kind: ticket.kind,
            device: ticket.device,
            settings: settings.clone(),
            resume: format!("resume-{}", self.clients),
        };
        self.worker.handle_command(now, Command::Join(join));
        client
    }

    /// A client's message arrived. Gives the reply, where there is one at once.
    pub fn handle_message(&mut self, now: Instant, client: ClientId, message: ClientMessage) -> Option<ServerMessage> {
        let command = match message {
            ClientMessage::Offer { id, sdp, sources } => return Some(self.answer(now, client, id, &sdp, &sources)),
            ClientMessage::Ping { id } => return Some(ServerMessage::Pong { id }),
            ClientMessage::Hello { .. } => return None,
            ClientMessage::Command { id, command } => Command::Act { client, id: Some(id), command },
            ClientMessage::SetSource { source, active } => {
                Command::Act { client, id: None, command: room::Command::SetSource { source, active } }
            }
            ClientMessage::Tiles { tiles } => Command::Tiles { client, tiles },
            ClientMessage::Leave => Command::Leave { client, reason: ByeReason::Left },
        };
        self.worker.handle_command(now, command);
        None
    }

    /// A booking system asks something of a room; [`take_acted`](Self::take_acted) tells how it went.
    pub fn serve(&mut self, now: Instant, room: &str, command: room::Command) {
        self.worker.handle_command(now, Command::ActFor { room: RoomId(room.to_owned()), by: By::Service, command, request: 1 });
    }

    /// The last [`serve`](Self::serve) was carried out.
    #[must_use]
    pub fn was_served(&self) -> bool {
        matches!(self.acted, Some(Ok(())))
    }

    /// How the last [`serve`](Self::serve) went.
    pub fn take_acted(&mut self) -> Option<Result<(), Code>> {
        self.acted.take()
    }

    /// The WebSocket broke, or came back.
    pub fn set_attached(&mut self, now: Instant, client: ClientId, attached: bool) {
        let command = if attached { Command::Attach { client } } else { Command::Detach { client } };
        self.worker.handle_command(now, command);
    }

    /// A datagram arrived on the media socket.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &mut [u8]) {
        let path = Path { remote: from, local: self.address.ip() };
        self.worker.handle_datagram(now, path, bytes);
    }

    /// What the worker has to tell: messages, ends of sessions, lines of a room's history. Panics when there is more than a bounded
    /// amount of it.
    pub fn news(&mut self) -> Vec<Event> {
        let mut news = Vec::new();
        while let Some(event) = self.worker.poll_event() {
            match event {
                Event::Snapshot { room, .. } => self.snapshot = room.map(|room| *room),
                Event::Why { answer, .. } => self.why = answer.map(|answer| *answer),
                Event::Acted { result, .. } => self.acted = Some(result.map_err(|refusal| refusal.code)),
                Event::Action(action) => self.actions.push(action),
                Event::Bound { .. } | Event::Unbound { .. } => {}
                Event::Closed { client, .. } => {
                    self.answerers.remove(&client);
                    news.push(event);
                }
                Event::Message { .. } | Event::Room(_) | Event::RoomClosed { .. } => news.push(event),
            }
        }
        assert!(news.len() <= MAX_EVENTS, "one step made {} events", news.len());
        news
    }

    /// What the worker has to send, taken out of its outbox. Panics when there is more than a bounded amount of it.
    pub fn datagrams(&mut self, mut send: impl FnMut(SocketAddr, &[u8])) {
        let outbox = self.worker.outbox();
        assert!(outbox.len() <= MAX_DATAGRAMS, "one step sends {} datagrams", outbox.len());
        outbox.iter().for_each(|(path, bytes)| send(path.remote, bytes));
        outbox.clear();
    }

    /// A room as an operator sees it; `None` when nobody is in it. Nothing else may wait to be told.
    pub fn inspect(&mut self, now: Instant, room: &str) -> Option<RoomSnapshot> {
        self.worker.handle_command(now, Command::Inspect { room: RoomId(room.to_owned()), request: 1 });
        let news = self.news();
        assert!(news.is_empty(), "a look at a room made {news:?}");
        self.snapshot.take()
    }

    /// The same for a report of a failure: whatever else waits to be told is lost.
    pub(super) fn glance(&mut self, now: Instant, room: &str) -> Option<RoomSnapshot> {
        self.worker.handle_command(now, Command::Inspect { room: RoomId(room.to_owned()), request: 1 });
        self.news();
        self.snapshot.take()
    }

    /// Why a viewer gets what they get.
    pub fn why(&mut self, now: Instant, room: &str, viewer: u64) -> Option<WhySnapshot> {
        self.worker.handle_command(now, Command::Why { room: RoomId(room.to_owned()), viewer, request: 1 });
        let news = self.news();
        assert!(news.is_empty(), "a question made {news:?}");
        self.why.take()
    }

    fn answer(&mut self, now: Instant, client: ClientId, id: u32, sdp: &str, sources: &BTreeMap<String, Source>) -> ServerMessage {
        let Self { answerers, entropy, worker, .. } = self;
        let mut fill = |bytes: &mut [u8]| entropy.fill_bytes(bytes);
        let refused = |message: String| ServerMessage::Error { code: ErrorCode::BadOffer, message, field: None, id: Some(id) };
        let Some(answerer) = answerers.get_mut(&client) else { return refused("no such client".to_owned()) };
        match answerer.answer(sdp, sources, &mut fill) {
            Ok(answered) => {
                worker.handle_command(now, Command::Negotiate { client, session: Box::new(answered.session) });
                ServerMessage::Answer { id, sdp: answered.sdp }
            }
            Err(error) => refused(error.to_string()),
        }
    }
}
