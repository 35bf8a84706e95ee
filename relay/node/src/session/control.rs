//! What people may ask of the media plane, one method each: join, resume, offer, switch sources, leave, inspect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use room::{Device, Refusal, Settings};
use signal::message::{ByeReason, Source};
use signal::sdp::{Answerer, Candidate, Fragment, Local, SdpError, ufrag_prefix};
use tokio::sync::watch;
use wire::ids::Fingerprint;
use worker::command::{By, ClientId, ClientKind, Command, Join, RoomId};
use worker::snapshot::{RoomSnapshot, WhySnapshot};

use super::client::{Attachment, Client};
use super::lock;
use super::questions::Questions;
use super::registry::Registry;
use super::secret::Secret;
use crate::media_thread::{QueueFull, WorkerHandle};
use crate::tokens::Grant;

/// How long an answer may take; a worker answers between two packets, so this only ends when its thread is gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// A command that must not be lost is tried again this often and this long; the queue empties within microseconds on a live thread.
const INSIST_EVERY: Duration = Duration::from_millis(100);
const INSIST_TIMES: usize = 50;

/// One worker as the control plane reaches it.
pub(crate) struct WorkerPort {
    /// Its command queue.
    pub handle: WorkerHandle,
    /// Where clients reach its sockets, best first.
    pub candidates: Vec<Candidate>,
}

/// The control plane's state, shared by all connections.
pub(crate) struct Control {
    pub(super) clients: DashMap<ClientId, Arc<Client>>,
    pub(super) registry: Registry,
    pub(super) inspections: Questions<Option<Box<RoomSnapshot>>>,
    pub(super) acts: Questions<Result<(), Refusal>>,
    pub(super) whys: Questions<Option<Box<WhySnapshot>>>,
    pub(super) cut_off: AtomicU64,
    workers: Vec<WorkerPort>,
    fingerprint: Fingerprint,
    next_client: AtomicU64,
    draining: AtomicBool,
    /// True once everybody has to go.
    closing: watch::Sender<bool>,
}

/// How somebody comes in, beside what their token says.
pub(crate) struct Entrance {
    /// How the client is connected.
    pub kind: ClientKind,
    /// What the person holds.
    pub device: Device,
    /// The room's settings, for the case that it has to be opened.
    pub settings: Arc<Settings>,
}

/// The worker did not take the question, or did not answer in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this node is too busy")]
pub(crate) struct Busy;

/// Why nobody new gets in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// The node stops, or holds as many rooms as it may.
    #[error("this node takes no new rooms now")]
    NoNewRooms,
    /// The worker's queue is full, or the system is out of entropy.
    #[error("this node is too busy")]
    Busy,
}

/// Why an offer was not answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum OfferError {
    /// The description is not acceptable.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// The worker's queue is full, or the system is out of entropy. The session is as it was.
    #[error("this node is too busy")]
    Busy,
}

impl From<QueueFull> for OfferError {
    fn from(_: QueueFull) -> Self {
        Self::Busy
    }
}

impl Control {
    /// A control plane over these workers (at least one).
    #[must_use]
    pub(crate) fn new(workers: Vec<WorkerPort>, fingerprint: Fingerprint, max_rooms: usize) -> Self {
        Self {
            clients: DashMap::new(),
            registry: Registry::new(workers.len(), max_rooms),
            inspections: Questions::default(),
            acts: Questions::default(),
            whys: Questions::default(),
            cut_off: AtomicU64::new(0),
            workers,
            fingerprint,
            next_client: AtomicU64::new(1),
            draining: AtomicBool::new(false),
            closing: watch::Sender::new(false),
        }
    }

    /// The rooms of this node.
    #[must_use]
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Sessions now, those without a connection included.
    #[must_use]
    pub(crate) fn sessions(&self) -> usize {
        self.clients.len()
    }

    /// Readers that were too slow, since the start.
    #[must_use]
    pub(crate) fn cut_off(&self) -> u64 {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// From now on no new room opens here; people may still join those that are open.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether [`Control::drain`] was called.
    #[must_use]
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// A session; the worker's answer comes over the attachment.
    ///
    /// # Errors
    /// [`JoinError`]; nothing was changed.
    pub(crate) fn join(&self, grant: Grant, entrance: Entrance) -> Result<(Arc<Client>, Attachment), JoinError> {
        let Entrance { kind, device, settings } = entrance;
        let secret = Secret::generate().map_err(|_| JoinError::Busy)?;
        let id = ClientId(self.next_client.fetch_add(1, Ordering::Relaxed));
        let worker = self.registry.enter(&grant.room, !self.is_draining()).map_err(|_| JoinError::NoNewRooms)?;
        let answerer = Answerer::new(Local {
            ufrag_prefix: ufrag_prefix(worker),
            fingerprint: self.fingerprint,
            candidates: self.workers[worker].candidates.clone(),
            session_id: id.0,
        });
        let resume = secret.handle(id);
        let client = Arc::new(Client::new(id, grant.room.clone(), grant.identity.clone(), worker, kind, secret, answerer));
        self.clients.insert(id, Arc::clone(&client));
        let Grant { room, identity, name, role } = grant;
        let join = Join { client: id, room, identity, name, role, kind, device, settings, resume };
        let Some(attachment) = client.attach(|| self.send(worker, Command::Join(join))) else {
            self.clients.remove(&id);
            client.close();
            self.registry.withdraw(&client.room);
            return Err(JoinError::Busy);
        };
        Ok((client, attachment))
    }

    /// Takes up an interactive session again. `None` when the secret is not the session's, or the token is not for the same person in
    /// the same room; all these look the same from outside, and the caller joins anew.
    #[must_use]
    pub(crate) fn resume(&self, handle: &str, grant: &Grant) -> Option<(Arc<Client>, Attachment)> {
        let client = self.by_handle(handle)?;
        let same = client.room == grant.room && client.identity == grant.identity && client.kind == ClientKind::Interactive;
        if !same {
            return None;
        }
        let attach = || self.send(client.worker, Command::Attach { client: client.id });
        let attachment = client.attach(attach)?;
        Some((client, attachment))
    }

    /// The session whose secret handle this is.
    #[must_use]
    pub(crate) fn by_handle(&self, handle: &str) -> Option<Arc<Client>> {
        let client = self.client(Secret::claimed(handle)?)?;
        client.secret.opens(client.id, handle).then_some(client)
    }

    /// The session, if it is not over.
    #[must_use]
    pub(crate) fn client(&self, id: ClientId) -> Option<Arc<Client>> {
        self.clients.get(&id).map(|client| Arc::clone(&client))
    }

    /// Answers an offer. The worker knows the session before the answer is returned, so the client's first packet finds it.
    ///
    /// # Errors
    /// [`OfferError`]; the earlier agreement stands.
    pub(crate) fn offer(&self, client: &Client, sdp: &str, sources: &BTreeMap<String, Source>) -> Result<String, OfferError> {
        let mut answerer = lock(&client.answerer);
        let mut next = answerer.clone();
        let answered = with_entropy(|entropy| next.answer(sdp, sources, entropy))??;
        // Under the lock: answers and sessions leave in the same order.
        self.send(client.worker, Command::Negotiate { client: client.id, session: Box::new(answered.session) })?;
        *answerer = next;
        Ok(answered.sdp)
    }

    /// Whether a first offer would be answered, without a session.
    ///
    /// # Errors
    /// [`OfferError`].
    pub(crate) fn check_offer(&self, sdp: &str) -> Result<(), OfferError> {
        let local = Local { ufrag_prefix: ufrag_prefix(0), fingerprint: self.fingerprint, candidates: Vec::new(), session_id: 0 };
        let _answer = with_entropy(|entropy| Answerer::new(local).answer(sdp, &BTreeMap::new(), entropy))??;
        Ok(())
    }

    /// Restarts ICE from a trickle fragment; `None` when the fragment changes nothing.
    ///
    /// # Errors
    /// [`OfferError`]; the earlier agreement stands.
    pub(crate) fn restart(&self, client: &Client, fragment: &Fragment) -> Result<Option<String>, OfferError> {
        let mut answerer = lock(&client.answerer);
        let mut next = answerer.clone();
        let Some(restarted) = with_entropy(|entropy| next.restart(fragment, entropy))?? else { return Ok(None) };
        self.send(client.worker, Command::Negotiate { client: client.id, session: Box::new(restarted.session) })?;
        *answerer = next;
        client.count_restart();
        Ok(Some(restarted.fragment))
    }

    /// Asks something of the client's room; the worker tells the client how it went. Without an `id` it tells only of a refusal.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub(crate) fn act(&self, client: &Client, id: Option<u32>, command: room::Command) -> Result<(), QueueFull> {
        self.send(client.worker, Command::Act { client: client.id, id, command })
    }

    /// Asks something of a room for somebody without a connection here.
    ///
    /// # Errors
    /// [`Busy`]: not known to have been carried out. The inner error is the room's refusal.
    pub(crate) async fn act_for(&self, room: &RoomId, by: By, command: room::Command) -> Result<Result<(), Refusal>, Busy> {
        let Some(worker) = self.registry.worker_of(room) else {
            return Ok(Err(Refusal::not_found("nobody is in this room")));
        };
        self.ask(&self.acts, worker, |request| Command::ActFor { room: room.clone(), by, command, request }).await
    }

    /// Lets a running meeting know its new settings.
    pub(crate) async fn configure(&self, room: &RoomId, settings: Arc<Settings>) {
        if let Some(worker) = self.registry.worker_of(room) {
            insist(|| self.send(worker, Command::Configure { room: room.clone(), settings: Arc::clone(&settings) })).await;
        }
    }

    /// How large the client shows its slots.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub(crate) fn tiles(&self, client: &Client, tiles: BTreeMap<String, [u16; 2]>) -> Result<(), QueueFull> {
        self.send(client.worker, Command::Tiles { client: client.id, tiles })
    }

    /// Why a viewer gets what they get. `None` when there is no such room or viewer.
    pub(crate) async fn why(&self, room: &RoomId, viewer: u64) -> Option<WhySnapshot> {
        let worker = self.registry.worker_of(room)?;
        let answer = self.ask(&self.whys, worker, |request| Command::Why { room: room.clone(), viewer, request }).await;
        answer.ok()?.map(|why| *why)
    }

    /// The person's connection is gone; the session waits for them, unless a newer attachment took over.
    pub(crate) async fn detach(&self, client: &Client, generation: u64) {
        let detach = || client.detach(generation, || self.send(client.worker, Command::Detach { client: client.id }));
        insist(detach).await;
    }

    /// The person goes for good.
    pub(crate) async fn leave(&self, client: &Client, reason: ByeReason) {
        insist(|| self.send(client.worker, Command::Leave { client: client.id, reason })).await;
    }

    /// A room as it is now; also proof that every earlier command for its worker was carried out.
    pub(crate) async fn inspect(&self, room: &RoomId) -> Option<RoomSnapshot> {
        let worker = self.registry.worker_of(room)?;
        let answer = self.ask(&self.inspections, worker, |request| Command::Inspect { room: room.clone(), request }).await;
        answer.ok()?.map(|room| *room)
    }

    /// Returns when everybody has to go; for connections that are not in a room yet, whom no worker says `bye` to.
    pub(crate) async fn closing(&self) {
        // The sender lives as long as `self`, so the only way out is the value.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Everybody leaves now.
    pub(crate) async fn shut_down(&self) {
        self.closing.send_replace(true);
        for worker in 0..self.workers.len() {
            insist(|| self.send(worker, Command::Shutdown)).await;
        }
    }

    pub(super) fn forget(&self, id: ClientId) {
        if let Some((_, client)) = self.clients.remove(&id) {
            client.close();
            self.registry.leave(&client.room);
        }
    }

    /// Sends a question to a worker and waits for its answer.
    async fn ask<T>(&self, questions: &Questions<T>, worker: usize, command: impl FnOnce(u64) -> Command) -> Result<T, Busy> {
        let (request, answer) = questions.ask().ok_or(Busy)?;
        self.send(worker, command(request)).map_err(|_| Busy)?;
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| Busy)?.map_err(|_| Busy)
    }

    fn send(&self, worker: usize, command: Command) -> Result<(), QueueFull> {
        self.workers[worker].handle.send(command)
    }
}

/// Tries until the queue takes it.
async fn insist(mut attempt: impl FnMut() -> Result<(), QueueFull>) {
    for _ in 0..INSIST_TIMES {
        if attempt().is_ok() {
            return;
        }
        tokio::time::sleep(INSIST_EVERY).await;
    }
    tracing::error!("a worker did not take a command for {} s", INSIST_EVERY.as_secs_f32() * INSIST_TIMES as f32);
}

/// Runs `work` with the system's entropy; a system without any makes the result unusable.
fn with_entropy<T>(work: impl FnOnce(&mut dyn FnMut(&mut [u8])) -> T) -> Result<T, OfferError> {
    let mut failed = false;
    let result = work(&mut |buffer| failed |= getrandom::fill(buffer).is_err());
    if failed { Err(OfferError::Busy) } else { Ok(result) }
}
