//! One reader of one room: first what is kept, then what comes, each event once and in order.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use worker::command::RoomId;

use super::hub::Shared;
use super::line::{gap, reset};

/// Readers of the whole node.
const MAX_READERS: usize = 1000;
/// Readers of one room.
const MAX_READERS_OF_ROOM: usize = 20;
/// Events that are read from the log at once.
const PAGE: usize = 100;
/// Events that wait for the reader.
const WAITING: usize = 16;
/// A reader who takes nothing for so long is cut off; they may come back and read on.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// As many read as may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("as many read events as this room or this node allows")]
pub(crate) struct TooMany;

/// Something for a reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    /// The number to go on after; `None` for the notice that the sequence began anew.
    pub seq: Option<u64>,
    /// The event, or a notice of type `gap` or `reset`; JSON.
    pub line: String,
}

/// A reader's end.
pub(crate) struct Subscription {
    items: Receiver<Item>,
}

impl Subscription {
    /// The next item; `None` when the node stops, the reader was cut off, or the log cannot be read. May be given up and called again.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        self.items.recv().await
    }
}

/// Where readers wait for their room.
pub(super) struct Doors {
    rooms: Mutex<HashMap<RoomId, watch::Sender<u64>>>,
    permits: Arc<Semaphore>,
}

impl Default for Doors {
    fn default() -> Self {
        Self { rooms: Mutex::default(), permits: Arc::new(Semaphore::new(MAX_READERS)) }
    }
}

impl Doors {
    /// The room has new events.
    pub(super) fn wake(&self, room: &RoomId, last: u64) {
        if let Some(door) = self.rooms().get(room) {
            door.send_replace(last);
        }
    }

    /// Readers now.
    pub(super) fn readers(&self) -> usize {
        MAX_READERS.saturating_sub(self.permits.available_permits())
    }

    fn enter(&self, room: &RoomId) -> Result<(watch::Receiver<u64>, OwnedSemaphorePermit), TooMany> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| TooMany)?;
        let mut rooms = self.rooms();
        let door = rooms.entry(room.clone()).or_insert_with(|| watch::Sender::new(0));
        if door.receiver_count() >= MAX_READERS_OF_ROOM { Err(TooMany) } else { Ok((door.subscribe(), permit)) }
    }

    fn leave(&self, room: &RoomId, receiver: watch::Receiver<u64>) {
        let mut rooms = self.rooms();
        drop(receiver);
        if rooms.get(room).is_some_and(|door| door.receiver_count() == 0) {
            rooms.remove(room);
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, watch::Sender<u64>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn subscribe(shared: &Arc<Shared>, room: &RoomId, after: u64) -> Result<Subscription, TooMany> {
    // Before the first look at the log, so that nothing falls in between.
    let (mut door, permit) = shared.doors.enter(room)?;
    let (sender, items) = channel(WAITING);
    let (shared, room) = (Arc::clone(shared), room.clone());
    let mut ending = shared.ending.subscribe();
    tokio::spawn(async move {
        tokio::select! {
            () = follow(&shared, &room, after, &sender, &mut door) => {}
            // The sender lives as long as `shared`, so the only way out is the value.
            _ = ending.wait_for(|ending| *ending) => {}
        }
        shared.doors.leave(&room, door);
        drop(permit);
    });
    Ok(Subscription { items })
}

async fn follow(shared: &Arc<Shared>, room: &RoomId, after: u64, sender: &Sender<Item>, door: &mut watch::Receiver<u64>) {
    let mut after = after;
    loop {
        door.borrow_and_update();
        let (name, from) = (room.clone(), after);
        let page = match shared.blocking(move |shared| shared.log.page(&name.0, from, PAGE)).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "a reader of events is cut off");
                return;
            }
        };
        let mut items = Vec::with_capacity(page.events.len() + 1);
        if after > page.last {
            items.push(Item { seq: None, line: reset(&room.0, page.last) });
            after = 0;
        } else if after + 1 < page.first {
            // Whoever asks for all that are kept misses nothing.
            if after > 0 {
                items.push(Item { seq: Some(page.first - 1), line: gap(&room.0, after + 1, page.first - 1) });
            }
            after = page.first - 1;
        }
        let more = page.events.len() == PAGE || (after < page.last && page.events.is_empty());
        items.extend(page.events.into_iter().map(|event| Item { seq: Some(event.seq), line: event.line }));
        for item in items {
            after = item.seq.unwrap_or(after);
            if !give(shared, sender, item).await {
                return;
            }
        }
        if more {
            continue;
        }
        tokio::select! {
            changed = door.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
    }
}

/// False when the reader is gone or too slow.
async fn give(shared: &Shared, sender: &Sender<Item>, item: Item) -> bool {
    let given = sender.send_timeout(item, READ_TIMEOUT).await;
    if given.is_err() && !sender.is_closed() {
        shared.counters.cut_off.fetch_add(1, Ordering::Relaxed);
    }
    given.is_ok()
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
