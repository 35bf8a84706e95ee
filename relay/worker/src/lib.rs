//! One core's whole SFU, sans-IO: it owns rooms, transports and media, and forwards between them.
//!
//! Contract: call one of `handle_datagram`, `handle_command`, `handle_timeout`; then drain `poll_event`, send and clear
//! `outbox`, and come back with `handle_timeout` at `poll_timeout` at the latest. Calls with a `now` earlier than the last are a bug.

pub mod command;
pub mod event;
pub mod outbox;
pub mod snapshot;
