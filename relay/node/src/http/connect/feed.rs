//! A room's events on a WebSocket: for services always, for people while their own scene says that they are host or deputy.

use std::future::pending;
use std::sync::Arc;

use room::Scene;
use serde_json::Value;
use signal::message::{ErrorCode, ServerMessage};
use worker::command::RoomId;

use crate::events::{Hub, Item, Subscription, TooMany};
use crate::http::App;

/// The events of one connection.
pub(super) struct Feed {
    hub: Arc<Hub>,
    room: RoomId,
    /// The last number that was told; `None` when nobody asked for events.
    after: Option<u64>,
    subscription: Option<Subscription>,
}

impl Feed {
    /// A feed that tells nothing yet; never anything without `after`.
    pub(super) fn new(app: &App, room: &RoomId, after: Option<u64>) -> Self {
        Self { hub: Arc::clone(&app.records.events), room: room.clone(), after, subscription: None }
    }

    /// Begins to tell, where it was asked for.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(super) fn open(&mut self) -> Result<(), TooMany> {
        if let (Some(after), None) = (self.after, &self.subscription) {
            self.subscription = Some(self.hub.subscribe(&self.room, after)?);
        }
        Ok(())
    }

    /// Begins or ends with the role in what the person is told of themselves.
    pub(super) fn follow(&mut self, told: &ServerMessage) {
        let (ServerMessage::Welcome { scene, .. } | ServerMessage::Scene { scene }) = told else { return };
        let staff = matches!(scene, Scene::Present(meeting) if meeting.you.role != room::Role::Participant);
        if !staff {
            self.subscription = None;
        } else if self.open().is_err() {
            // The next scene tries again.
            tracing::warn!("a host gets no events: too many read");
        }
    }

    /// The next event; waits for ever while there is nothing to tell. May be given up and called again.
    pub(super) async fn next(&mut self) -> ServerMessage {
        let Some(subscription) = &mut self.subscription else { return pending().await };
        let Some(Item { seq, line }) = subscription.next().await else {
            // The log cannot be read, or the connection took nothing for too long. The meeting goes on without events.
            self.subscription = None;
            self.after = None;
            let message = "no more events on this connection; say hello again to read on".to_owned();
            return ServerMessage::Error { code: ErrorCode::Full, message, field: None, id: None };
        };
        // After the notice that the sequence began anew there is nothing that was told of it.
        self.after = Some(seq.unwrap_or(0));
        // Our own lines are JSON.
        ServerMessage::Event { event: serde_json::from_str(&line).unwrap_or(Value::Null) }
    }
}
