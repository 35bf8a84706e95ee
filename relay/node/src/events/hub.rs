//! The way in and out of the event log for the rest of the node.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use worker::command::RoomId;
use worker::event::RoomEvent;

use super::line::Draft;
use super::log::{Bounds, Log, LogError, Page};
use super::stream::{Doors, Subscription, TooMany, subscribe};
use super::webhooks::{self, Delivered, Endpoint};
use super::writer;
use crate::inbox::Inbox;
use crate::pseudonym::Pseudonyms;

/// Events that wait for the writer. A group meeting makes a few each second; a stalled disk fills this in minutes.
const QUEUE: usize = 16_384;
/// Rooms for which lost events are counted one by one.
const MAX_LOST_ROOMS: usize = 1024;
/// Events of one room that are kept.
const PER_ROOM: u64 = 10_000;
/// Events of all rooms that are kept in a file (about half a kilobyte each), and in memory.
const TOTAL_IN_FILE: u64 = 1_000_000;
const TOTAL_IN_MEMORY: u64 = 50_000;
/// Rooms whose last number is remembered.
const ROOMS: u64 = 1_000_000;

/// How events are kept and whom they go to.
pub(crate) struct HubConfig {
    /// The file; in memory without one.
    pub file: Option<PathBuf>,
    /// How long events are kept.
    pub keep: Duration,
    /// Where they are sent.
    pub webhooks: Vec<Endpoint>,
    /// What people are called.
    pub names: Arc<Pseudonyms>,
}

/// What the log, its writer and its readers share.
pub(super) struct Shared {
    pub(super) log: Log,
    pub(super) names: Arc<Pseudonyms>,
    pub(super) doors: Doors,
    /// The last position in the log.
    pub(super) grown: watch::Sender<u64>,
    /// True once all readers have to go.
    pub(super) ending: watch::Sender<bool>,
    pub(super) counters: Counters,
    lost: Mutex<BTreeMap<RoomId, u64>>,
}

/// What happened since the start.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) written: AtomicU64,
    pub(super) transactions: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) cut_off: AtomicU64,
}

impl Shared {
    pub(super) fn new(log: Log, names: Arc<Pseudonyms>) -> Self {
        let (grown, ending) = (watch::Sender::new(0), watch::Sender::new(false));
        Self { log, names, doors: Doors::default(), grown, ending, counters: Counters::default(), lost: Mutex::default() }
    }

    /// Reads or writes the log on a thread that may wait for the disk.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let shared = Arc::clone(self);
        // The task is refused only when the runtime ends.
        tokio::task::spawn_blocking(move || work(&shared)).await.unwrap_or(Err(LogError::Closed))
    }

    /// Lines for events that did not fit into the queue.
    pub(super) fn take_lost(&self, now: u64) -> Vec<Draft> {
        let lost = std::mem::take(&mut *self.lost());
        lost.into_iter().map(|(room, count)| Draft::lost(room, now, count)).collect()
    }

    fn lost(&self) -> MutexGuard<'_, BTreeMap<RoomId, u64>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, room: RoomId) {
        self.counters.lost.fetch_add(1, Ordering::Relaxed);
        let mut lost = self.lost();
        if lost.len() < MAX_LOST_ROOMS || lost.contains_key(&room) {
            *lost.entry(room).or_default() += 1;
        }
    }
}

/// The events of all rooms.
pub(crate) struct Hub {
    pub(super) shared: Arc<Shared>,
    pub(super) webhooks: Vec<Arc<Delivered>>,
    inbox: Inbox<RoomEvent>,
    senders: Vec<JoinHandle<()>>,
}

impl Hub {
    /// Opens the log, starts its writer and the webhooks. Must run within a tokio runtime.
    ///
    /// # Errors
    /// The file cannot be opened, or another process has it.
    pub(crate) fn open(config: HubConfig) -> Result<Self, LogError> {
        let total = if config.file.is_some() { TOTAL_IN_FILE } else { TOTAL_IN_MEMORY };
        let age = u64::try_from(config.keep.as_millis()).unwrap_or(u64::MAX);
        let bounds = Bounds { per_room: PER_ROOM.min(total), total, age, rooms: ROOMS.min(total) };
        let filters = config.webhooks.iter().map(|endpoint| endpoint.filter().clone()).collect();
        let log = Log::open(config.file.as_deref(), bounds, filters)?;
        let shared = Arc::new(Shared::new(log, config.names));
        let inbox = Inbox::new(QUEUE, |queue| tokio::spawn(writer::run(Arc::clone(&shared), queue)));
        let (webhooks, senders) = webhooks::start(config.webhooks, &shared);
        Ok(Self { shared, webhooks, inbox, senders })
    }

    /// Keeps an event. Never waits: what does not fit is counted, and the room's sequence says so.
    pub(crate) fn record(&self, event: RoomEvent) {
        if let Err(event) = self.inbox.offer(event) {
            self.shared.lose(event.room);
        }
    }

    /// At most `limit` events of a room after number `after`, oldest first.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) async fn page(&self, room: &RoomId, after: u64, limit: usize) -> Result<Page, LogError> {
        let room = room.clone();
        self.shared.blocking(move |shared| shared.log.page(&room.0, after, limit)).await
    }

    /// Events of a room after number `after` (0: all that are kept), then those that come, each once and in order.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(crate) fn subscribe(&self, room: &RoomId, after: u64) -> Result<Subscription, TooMany> {
        subscribe(&self.shared, room, after)
    }

    /// All readers have to go; what happens from now on is still kept.
    pub(crate) fn end_readers(&self) {
        self.shared.ending.send_replace(true);
    }

    /// Writes what was recorded, and ends. A webhook's request under way is not waited for: it is sent again after the next start.
    pub(crate) async fn close(&self) {
        self.end_readers();
        self.inbox.close().await;
        for sender in &self.senders {
            sender.abort();
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.end_readers();
    }
}
