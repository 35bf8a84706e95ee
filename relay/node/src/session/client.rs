//! One session as the control plane knows it: its worker, its answerer, its secret, and at most one live attachment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use signal::message::{ByeReason, ServerMessage};
use signal::sdp::Answerer;
use subtle::ConstantTimeEq as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use worker::command::{ClientId, ClientKind, RoomId};

use super::secret::Secret;
use super::{OUTGOING, lock};
use crate::media_thread::QueueFull;

/// One session. It outlives a dropped WebSocket and ends with the worker's `Closed`.
pub(crate) struct Client {
    /// Given out once.
    pub id: ClientId,
    /// Where it is.
    pub room: RoomId,
    /// Who it is, from the token.
    pub identity: String,
    /// The worker that owns the room.
    pub worker: usize,
    /// How it is connected.
    pub kind: ClientKind,
    /// Resumes it, or names its WHIP or WHEP resource.
    pub secret: Secret,
    pub(super) answerer: Mutex<Answerer>,
    line: Mutex<Line>,
    /// ICE restarts so far.
    restarts: AtomicU64,
    /// The token that opened a WHIP or WHEP resource.
    token: OnceLock<Box<str>>,
}

/// The way to the person, if there is one now.
struct Line {
    /// Counts attachments, so that the end of an old one cannot detach a newer.
    generation: u64,
    attached: Option<Attached>,
    /// The worker closed the session; nobody can attach any more.
    over: bool,
}

struct Attached {
    sender: Sender<ServerMessage>,
    /// Until the first `welcome` everything else is held back: `welcome` carries the whole state, so nothing is missed.
    welcomed: bool,
}

/// The receiving end of one attachment. `None` from the receiver means: close the connection.
pub(crate) struct Attachment {
    /// Which of the client's attachments this is.
    pub generation: u64,
    /// Messages for the person.
    pub messages: Receiver<ServerMessage>,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Delivery {
    /// It waits for the connection to take it.
    Queued,
    /// Nobody is attached, or nobody who was welcomed.
    Dropped,
    /// The reader is too slow; it was cut off.
    CutOff,
}

impl Client {
    pub(super) fn new(
        id: ClientId,
        room: RoomId,
        identity: String,
        worker: usize,
        kind: ClientKind,
        secret: Secret,
        answerer: Answerer,
    ) -> Self {
        let line = Mutex::new(Line { generation: 0, attached: None, over: false });
        let (restarts, token) = (AtomicU64::new(0), OnceLock::new());
        Self { id, room, identity, worker, kind, secret, answerer: Mutex::new(answerer), line, restarts, token }
    }

    /// Keeps the token that opened the session; the first one counts.
    pub(crate) fn remember_token(&self, token: &str) {
        // A second call changes nothing, as documented.
        let _ = self.token.set(token.into());
    }

    /// Whether this is the token that opened the session, in constant time.
    #[must_use]
    pub(crate) fn opened_with(&self, token: &str) -> bool {
        self.token.get().is_some_and(|own| own.as_bytes().ct_eq(token.as_bytes()).into())
    }

    /// Names the ICE session: 0 at first, one more with each restart.
    #[must_use]
    pub(crate) fn ice_generation(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    pub(super) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a new attachment the live one; an earlier one is told `replaced` and ends. `announce` runs under the same lock, so that
    /// commands about attachments reach the worker in the order in which the attachments changed. `None`, and nothing changed, when it
    /// fails or the session is over.
    pub(super) fn attach(&self, announce: impl FnOnce() -> Result<(), QueueFull>) -> Option<Attachment> {
        let mut line = lock(&self.line);
        if line.over || announce().is_err() {
            return None;
        }
        let (sender, messages) = channel(OUTGOING);
        let before = line.attached.replace(Attached { sender, welcomed: false });
        if let Some(before) = before {
            // When even this does not fit, dropping the sender ends the old connection without a word.
            let _ = before.sender.try_send(ServerMessage::Bye { reason: ByeReason::Replaced });
        }
        line.generation += 1;
        Some(Attachment { generation: line.generation, messages })
    }

    /// Ends an attachment if it is still the live one; `announce` as in [`Client::attach`].
    ///
    /// # Errors
    /// What `announce` says; to be tried again.
    pub(super) fn detach(&self, generation: u64, announce: impl FnOnce() -> Result<(), QueueFull>) -> Result<(), QueueFull> {
        let mut line = lock(&self.line);
        if line.generation == generation && !line.over {
            announce()?;
            line.attached = None;
        }
        Ok(())
    }

    /// Hands a message to the live attachment.
    pub(super) fn deliver(&self, message: ServerMessage) -> Delivery {
        let mut line = lock(&self.line);
        let Some(attached) = &mut line.attached else { return Delivery::Dropped };
        match &message {
            ServerMessage::Welcome { .. } => attached.welcomed = true,
            ServerMessage::Error { .. } | ServerMessage::Refused { .. } | ServerMessage::Bye { .. } => {}
            _ if !attached.welcomed => return Delivery::Dropped,
            _ => {}
        }
        if attached.sender.try_send(message).is_ok() {
            return Delivery::Queued;
        }
        line.attached = None;
        Delivery::CutOff
    }

    /// The session is over: whoever is attached gets what waits, and then the end.
    pub(super) fn close(&self) {
        let mut line = lock(&self.line);
        line.attached = None;
        line.over = true;
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
