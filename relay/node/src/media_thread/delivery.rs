//! Takes the worker's events to the control plane without ever waiting for it.

use std::collections::{BTreeSet, VecDeque};

use signal::message::ServerMessage;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use worker::{ClientId, Event};

use crate::io::IoCounters;

/// Events that must not be lost and wait for room in the queue: one per peer that closes, room that ends, or report asked for.
const MAX_BACKLOG: usize = 65_536;

/// One worker's way to the queue that all workers share.
///
/// When the queue is full, messages for clients are dropped, and whoever missed one shall leave: a client whose picture of the room is
/// wrong is worse off than one that joins anew. All other events wait, and keep their order among each other and towards messages:
/// while any waits, messages are dropped too.
pub(super) struct Delivery {
    worker: usize,
    queue: Sender<(usize, Event)>,
    backlog: VecDeque<Event>,
    overrun: BTreeSet<ClientId>,
}

impl Delivery {
    /// Events of `worker` into `queue`.
    pub(super) fn new(worker: usize, queue: Sender<(usize, Event)>) -> Self {
        Self { worker, queue, backlog: VecDeque::new(), overrun: BTreeSet::new() }
    }

    /// Sends one event, or does what its kind demands when there is no room.
    pub(super) fn deliver(&mut self, event: Event, counters: &mut IoCounters) {
        let refused = if self.backlog.is_empty() { self.offer(event, counters) } else { Some(event) };
        match refused {
            None => {}
            Some(Event::Message { client, message }) => {
                counters.dropped_messages += 1;
                // Who is being told goodbye has left already.
                if !matches!(message, ServerMessage::Bye { .. }) {
                    self.overrun.insert(client);
                }
            }
            Some(event) if self.backlog.len() < MAX_BACKLOG => self.backlog.push_back(event),
            Some(_) => counters.dropped_events += 1,
        }
    }

    /// Tries to send what waits.
    pub(super) fn retry(&mut self, counters: &mut IoCounters) {
        while let Some(event) = self.backlog.pop_front() {
            if let Some(event) = self.offer(event, counters) {
                self.backlog.push_front(event);
                return;
            }
        }
    }

    /// The next client that missed a message and has to leave.
    pub(super) fn next_overrun(&mut self, counters: &mut IoCounters) -> Option<ClientId> {
        let client = self.overrun.pop_first()?;
        counters.clients_overrun += 1;
        Some(client)
    }

    /// True when something is left to do: events wait, or clients have to leave.
    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty() || !self.overrun.is_empty()
    }

    /// Gives the event back if there is no room. A control plane that is gone takes everything.
    fn offer(&mut self, event: Event, counters: &mut IoCounters) -> Option<Event> {
        match self.queue.try_send((self.worker, event)) {
            Ok(()) => None,
            Err(TrySendError::Full((_, event))) => Some(event),
            Err(TrySendError::Closed(_)) => {
                counters.dropped_events += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use signal::message::ByeReason;
    use tokio::sync::mpsc::{self, Receiver};
    use worker::RoomId;

    use super::*;

    const ROOM: usize = 4;

    fn delivery() -> (Delivery, Receiver<(usize, Event)>, IoCounters) {
        let (sender, receiver) = mpsc::channel(ROOM);
        (Delivery::new(3, sender), receiver, IoCounters::default())
    }

    fn message(client: u64) -> Event {
        Event::Message { client: ClientId(client), message: ServerMessage::SlotsWanted { audio: 1, video: 1 } }
    }

    fn bye(client: u64) -> Event {
        Event::Message { client: ClientId(client), message: ServerMessage::Bye { reason: ByeReason::Left } }
    }

    fn closed(client: u64) -> Event {
        Event::Closed { client: ClientId(client), reason: ByeReason::Left }
    }

    /// Short names of what is in the queue.
    fn drain(receiver: &mut Receiver<(usize, Event)>) -> Vec<String> {
        std::iter::from_fn(|| receiver.try_recv().ok())
            .map(|(worker, event)| {
                assert_eq!(worker, 3);
                match event {
                    Event::Message { client, .. } => format!("message {}", client.0),
                    Event::Closed { client, .. } => format!("closed {}", client.0),
                    Event::RoomClosed { room, .. } => format!("room {}", room.0),
                    other => format!("{other:?}"),
                }
            })
            .collect()
    }

    #[test]
    fn in_order_while_there_is_room() {
        let (mut delivery, mut receiver, mut counters) = delivery();
        for event in [message(1), closed(1), message(2)] {
            delivery.deliver(event, &mut counters);
        }
        assert_eq!(drain(&mut receiver), ["message 1", "closed 1", "message 2"]);
        assert!(!delivery.is_behind());
        assert_eq!(counters, IoCounters::default());
    }

    #[test]
    fn who_misses_a_message_leaves_once_and_other_events_wait() {
        let (mut delivery, mut receiver, mut counters) = delivery();
        for _ in 0..ROOM {
            delivery.deliver(message(9), &mut counters);
        }
        for event in [message(1), message(1), bye(2), closed(2), Event::RoomClosed { room: RoomId("r".into()), joins: 1 }] {
            delivery.deliver(event, &mut counters);
        }
        assert!(delivery.is_behind());
        assert_eq!(delivery.next_overrun(&mut counters), Some(ClientId(1)));
        assert_eq!(delivery.next_overrun(&mut counters), None);
        assert_eq!((counters.dropped_messages, counters.clients_overrun, counters.dropped_events), (3, 1, 0));

        delivery.retry(&mut counters);
        assert!(delivery.is_behind(), "still no room");
        assert_eq!(drain(&mut receiver).len(), ROOM);
        // A message must not overtake the end of a room that waits: the room's next life would be forgotten.
        delivery.deliver(message(5), &mut counters);
        assert!(drain(&mut receiver).is_empty());
        delivery.retry(&mut counters);
        assert_eq!(drain(&mut receiver), ["closed 2", "room r"]);
        assert_eq!(delivery.next_overrun(&mut counters), Some(ClientId(5)));
        assert!(!delivery.is_behind());
        delivery.deliver(message(6), &mut counters);
        assert_eq!(drain(&mut receiver), ["message 6"]);
    }

    #[test]
    fn a_control_plane_that_is_gone_holds_nothing_up() {
        let (mut delivery, receiver, mut counters) = delivery();
        drop(receiver);
        delivery.deliver(closed(1), &mut counters);
        delivery.deliver(message(1), &mut counters);
        assert!(!delivery.is_behind());
        assert_eq!(counters.dropped_events, 2);
    }
}
