//! Carries the workers' events to the people they are for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use worker::event::Event;

use super::client::Delivery;
use super::control::Control;
use crate::media_thread::Events;
use crate::records::Records;

/// Runs until the last media thread has ended.
pub(crate) async fn pump(control: Arc<Control>, records: Records, mut events: Events) {
    while let Some((worker, event)) = events.recv().await {
        handle(&control, &records, worker, event);
    }
}

fn handle(control: &Control, records: &Records, worker: usize, event: Event) {
    match event {
        Event::Message { client, message } => {
            let Some(client) = control.client(client) else { return };
            if client.deliver(message) == Delivery::CutOff {
                control.cut_off.fetch_add(1, Ordering::Relaxed);
                tracing::info!(client = client.id.0, "connection cut off: it reads too slowly");
            }
        }
        Event::Closed { client, reason } => {
            tracing::info!(client = client.0, worker, ?reason, "session closed");
            control.forget(client);
        }
        Event::RoomClosed { room, joins } => {
            tracing::info!(worker, "room closed");
            control.registry.closed(&room, joins);
        }
        Event::Snapshot { request, room } => control.inspections.answer(request, room),
        Event::Acted { request, result } => control.acts.answer(request, result),
        Event::Why { request, answer } => control.whys.answer(request, answer),
        Event::Room(event) => records.event(event),
        Event::Action(action) => records.action(&action),
        // Addresses are the media threads' own business; they keep these to themselves.
        Event::Bound { .. } | Event::Unbound { .. } => {}
    }
}
