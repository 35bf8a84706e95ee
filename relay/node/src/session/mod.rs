//! The control plane's half of every session: which room lives where, who is connected how, and the way from a worker's event to a person.
//!
//! ```text
//!  WebSocket, WHIP, WHEP ──Control──> WorkerHandle ──> media thread
//!        ^                                                  │
//!        └── Client::deliver <── pump <────── Events <──────┘
//! ```
//! Locks here are held for a few lines and never across an await; none is ever taken by a media thread.

mod client;
mod control;
mod pump;
mod questions;
mod registry;
mod secret;

pub(crate) use client::{Attachment, Client};
pub(crate) use control::{Control, Entrance, JoinError, OfferError, WorkerPort};
pub(crate) use pump::pump;
pub(crate) use registry::RoomEntry;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Messages that wait for one WebSocket; who lets more pile up is disconnected and may resume.
pub(crate) const OUTGOING: usize = 256;

/// Locks for a few lines. A panic while a lock was held left consistent values behind: none of our critical sections panics half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
