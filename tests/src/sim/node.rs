//! The process in miniature: the real worker, one SDP answerer for each client, and signalling without sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use signal::message::{ByeReason, ClientMessage, ErrorCode, ServerMessage, Source};
use signal::sdp::{Answerer, Candidate, Local, ufrag_prefix};
use transport::{Certificate, Path};
use wire::ntp::Ntp;
use worker::snapshot::RoomSnapshot;
use worker::{ClientId, ClientKind, Command, Event, Join, Limits, Role, RoomId, Worker, WorkerConfig};

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
    answerers: BTreeMap<ClientId, Answerer>,
    entropy: ChaCha8Rng,
    clients: u64,
    certificate: Arc<Certificate>,
    snapshot: Option<RoomSnapshot>,
    closed: Vec<(ClientId, ByeReason)>,
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
            answerers: BTreeMap::new(),
            entropy,
            clients: 0,
            certificate,
            snapshot: None,
            closed: Vec::new(),
        }
    }

    /// Somebody's WebSocket said hello with a good token, or a WHIP or WHEP client posted.
    pub fn join(&mut self, now: Instant, room: &str, name: &str, kind: ClientKind) -> ClientId {
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
            room: RoomId(room.to_owned()),
            identity: name.to_owned(),
            name: name.to_owned(),
            role: Role::Participant,
            kind,
            resume: format!("resume-{}", self.clients),
        };
        self.worker.handle_command(now, Command::Join(join));
        client
    }

    /// A client's message arrived. Gives the reply, where there is one at once.
    pub fn handle_message(&mut self, now: Instant, client: ClientId, message: ClientMessage) -> Option<ServerMessage> {
        match message {
            ClientMessage::Offer { id, sdp, sources } => return Some(self.answer(now, client, id, &sdp, &sources)),
            ClientMessage::SetSource { source, active } => {
                self.worker.handle_command(now, Command::SetSource { client, source, active });
            }
            ClientMessage::Leave => self.worker.handle_command(now, Command::Leave { client, reason: ByeReason::Left }),
            ClientMessage::Ping { id } => return Some(ServerMessage::Pong { id }),
            ClientMessage::Hello { .. } => {}
        }
        None
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

    /// What the worker has to say to clients. Panics when there is more than a bounded amount of it.
    pub fn messages(&mut self) -> Vec<(ClientId, ServerMessage)> {
        let mut messages = Vec::new();
        let mut events = 0;
        while let Some(event) = self.worker.poll_event() {
            events += 1;
            assert!(events <= MAX_EVENTS, "one step made more than {MAX_EVENTS} events");
            match event {
                Event::Message { client, message } => messages.push((client, message)),
                Event::Closed { client, reason } => {
                    self.answerers.remove(&client);
                    self.closed.push((client, reason));
                }
                Event::Snapshot { room, .. } => self.snapshot = room.map(|room| *room),
                Event::RoomClosed { .. } | Event::Bound { .. } | Event::Unbound { .. } => {}
            }
        }
        messages
    }

    /// What the worker has to send, taken out of its outbox. Panics when there is more than a bounded amount of it.
    pub fn datagrams(&mut self, mut send: impl FnMut(SocketAddr, &[u8])) {
        let outbox = self.worker.outbox();
        assert!(outbox.len() <= MAX_DATAGRAMS, "one step sends {} datagrams", outbox.len());
        outbox.iter().for_each(|(path, bytes)| send(path.remote, bytes));
        outbox.clear();
    }

    /// Clients whose session ended since the last call, and why.
    pub fn take_closed(&mut self) -> Vec<(ClientId, ByeReason)> {
        std::mem::take(&mut self.closed)
    }

    /// A room as an operator sees it; `None` when it does not exist.
    pub fn inspect(&mut self, now: Instant, room: &str) -> Option<RoomSnapshot> {
        self.worker.handle_command(now, Command::Inspect { room: RoomId(room.to_owned()), request: 1 });
        self.messages();
        self.snapshot.take()
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
