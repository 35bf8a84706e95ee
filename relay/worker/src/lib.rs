//! One core's whole SFU, sans-IO: it owns rooms, transports and media, and forwards between them.
//!
//! Contract: call one of `handle_datagram`, `handle_command`, `handle_timeout`; then drain `poll_event`, send and clear
//! `outbox`, and come back with `handle_timeout` at `poll_timeout` at the latest. Calls with a `now` earlier than the last are a bug.

mod act;
mod ask;
mod assign;
mod beat;
pub mod command;
pub mod config;
mod control;
mod counters;
mod downlink;
mod encore;
pub mod event;
mod exit;
mod feedback;
mod floor;
mod follow;
mod forward;
pub mod fuzz;
mod hall;
mod ingress;
mod inspect;
mod keys;
mod layers;
pub mod outbox;
mod pace;
mod peer;
mod refresh;
mod resend;
mod share;
pub mod snapshot;
mod sound;
mod starts;
mod strain;
mod tile;
mod told;
mod translate;
mod uplink;
mod worker;

pub use command::{By, ClientId, ClientKind, Command, Join, Role, RoomId};
pub use config::{Limits, WorkerConfig};
pub use counters::Counters;
pub use event::Event;
pub use outbox::Outbox;
pub use worker::Worker;
