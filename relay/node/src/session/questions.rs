//! Questions to a worker that wait for their answer.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::oneshot::{Receiver, Sender, channel};

use super::lock;

/// Most questions under way at one time.
const MAX_PENDING: usize = 1024;

/// Questions under way, by the number that the worker echoes.
pub(super) struct Questions<T> {
    pending: Mutex<Pending<T>>,
}

struct Pending<T> {
    next: u64,
    waiting: HashMap<u64, Sender<T>>,
}

impl<T> Default for Questions<T> {
    fn default() -> Self {
        Self { pending: Mutex::new(Pending { next: 0, waiting: HashMap::new() }) }
    }
}

impl<T> Questions<T> {
    /// A new question; `None` when too many are under way. Those whose asker gave up make room.
    pub(super) fn ask(&self) -> Option<(u64, Receiver<T>)> {
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
    pub(super) fn answer(&self, request: u64, answer: T) {
        let sender = lock(&self.pending).waiting.remove(&request);
        if let Some(sender) = sender {
            // The asker may have given up.
            let _ = sender.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn those_who_gave_up_make_room_and_those_who_wait_do_not() {
        let questions = Questions::default();
        let mut kept: Vec<_> = (0..MAX_PENDING).map(|_| questions.ask().unwrap()).collect();
        assert!(questions.ask().is_none());
        kept.truncate(MAX_PENDING - 1);
        let (request, mut receiver) = questions.ask().unwrap();
        questions.answer(request, 7);
        assert_eq!(receiver.try_recv().unwrap(), 7);
    }
}
