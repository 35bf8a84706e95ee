//! Questions to a worker that wait for their `Snapshot`.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::oneshot::{Receiver, Sender, channel};
use worker::snapshot::RoomSnapshot;

use super::lock;

/// Most questions under way at one time.
const MAX_PENDING: usize = 1024;

/// Questions under way, by the number that the worker echoes.
#[derive(Default)]
pub(super) struct Inspections {
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    next: u64,
    waiting: HashMap<u64, Sender<Option<Box<RoomSnapshot>>>>,
}

impl Inspections {
    /// A new question; `None` when too many are under way. Those whose asker gave up make room.
    pub(super) fn ask(&self) -> Option<(u64, Receiver<Option<Box<RoomSnapshot>>>)> {
        let mut pending = lock(&self.pending);
        if pending.waiting.len() >= MAX_PENDING {
            pending.waiting.retain(|_, sender| !sender.is_closed());
        }
        if pending.waiting.len() >= MAX_PENDING {
            return None;
        }
        let (sender, receiver) = channel();
        pending.next += 1;
        let request = pending.next;
        pending.waiting.insert(request, sender);
        Some((request, receiver))
    }

    /// The answer came.
    pub(super) fn answer(&self, request: u64, room: Option<Box<RoomSnapshot>>) {
        let sender = lock(&self.pending).waiting.remove(&request);
        if let Some(sender) = sender {
            // The asker may have given up.
            let _ = sender.send(room);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn those_who_gave_up_make_room_and_those_who_wait_do_not() {
        let inspections = Inspections::default();
        let mut kept: Vec<_> = (0..MAX_PENDING).map(|_| inspections.ask().unwrap()).collect();
        assert!(inspections.ask().is_none());
        kept.truncate(MAX_PENDING - 1);
        let (request, mut receiver) = inspections.ask().unwrap();
        inspections.answer(request, None);
        assert_eq!(receiver.try_recv().unwrap(), None);
    }
}
