//! A room's events for those outside: one gap-free sequence per room, from 1, that survives a restart.
//!
//! ```text
//!  pump ──record──> queue ──> writer ──one transaction per group──> Log (redb) <──read── Subscription ──> SSE, WebSocket
//!                                │                                   ^
//!                                └────────── wakes ──────────────────┴──read── webhooks ──> POST
//! ```
//! Readers never hold events back: each keeps a number and reads on from there, so a slow one costs nothing but its own delay.

mod hub;
mod line;
mod log;
mod metrics;
mod stream;
mod webhooks;
mod writer;

pub(crate) use hub::{Hub, HubConfig};
pub(crate) use log::LogError;
pub(crate) use metrics::EventMetrics;
pub(crate) use stream::{Item, Subscription, TooMany};
pub(crate) use webhooks::{Endpoint, WebhookError};

/// Types of events that webhooks may choose from: every [`room::Change`] and what the log itself says.
pub(crate) use line::TYPES;
