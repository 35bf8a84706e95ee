//! The rooms that somebody defined: their settings, templates above them, and PINs. What people do in a room is `worker`'s business.
//!
//! Everything is read from memory; a write goes to the store first and is told when it is on the disk. Where the store fails, reading,
//! joining and running meetings go on, and writes are refused until it is back.

mod change;
mod definition;
mod error;
mod pins;
mod state;
mod tries;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use room::{Settings, Time};
use tokio::sync::Semaphore;
use worker::command::RoomId;

pub(crate) use change::{Condition, NewRoom, NewTemplate, Patch, RoomPatch};
pub(crate) use definition::{RoomDefinition, TemplateDefinition, TemplateId};
pub(crate) use error::ChangeError;
pub(crate) use pins::Pin;
pub(crate) use tries::{Verdict, Who};
pub(crate) use write::Touched;

use crate::store::{Opened, Store, StoreError};
use pins::{PinKey, PinKind};
use state::State;
use tries::{Tries, Try};

/// Writes under way or waiting for the disk; beyond it, callers are told to come again.
const MAX_WRITES: usize = 64;

/// All definitions of this node.
pub(crate) struct Rooms {
    store: Store,
    key: PinKey,
    state: RwLock<State>,
    tries: Mutex<Tries>,
    /// What the tries' times are counted from.
    began: Instant,
    /// One writer at a time; holds when instant rooms were last cleared away.
    writer: Mutex<Time>,
    writes: Semaphore,
    /// Held while running meetings are told of new settings, so that they hear the latest last.
    telling: tokio::sync::Mutex<()>,
    /// Of rooms that nobody defined.
    defaults: Arc<Settings>,
}

/// A room as it is defined now.
pub(crate) struct Defined {
    /// What is kept.
    pub definition: Arc<RoomDefinition>,
    /// With everything that it inherits.
    pub effective: Settings,
}

impl Rooms {
    /// Opens the store in a directory, or one in memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, StoreError> {
        let Opened { store, contents, secret } = directory.map_or_else(Store::in_memory, Store::open)?;
        let path = || directory.map_or_else(PathBuf::new, Path::to_owned);
        let state = State::read(&contents).map_err(|what| StoreError::Damaged { path: path(), what })?;
        Ok(Self {
            store,
            key: PinKey::new(&secret),
            state: RwLock::new(state),
            tries: Mutex::new(Tries::new()),
            began: Instant::now(),
            writer: Mutex::new(Time(0)),
            writes: Semaphore::new(MAX_WRITES),
            telling: tokio::sync::Mutex::new(()),
            defaults: Arc::default(),
        })
    }

    /// The settings that a room opens with; the defaults for a room that nobody defined.
    #[must_use]
    pub(crate) fn settings(&self, room: &RoomId) -> Arc<Settings> {
        let state = self.state();
        state.room(room).map_or_else(|| Arc::clone(&self.defaults), |definition| Arc::new(state.effective(definition)))
    }

    /// One room; `None` where nobody defined it.
    #[must_use]
    pub(crate) fn room(&self, room: &RoomId) -> Option<Defined> {
        let state = self.state();
        state.room(room).map(|definition| Defined { definition: Arc::clone(definition), effective: state.effective(definition) })
    }

    /// At most `limit` rooms behind an id, in the order of ids.
    #[must_use]
    pub(crate) fn rooms_after(&self, after: Option<&RoomId>, limit: usize) -> Vec<(RoomId, Arc<RoomDefinition>)> {
        let state = self.state();
        state.rooms_after(after).take(limit).map(|(id, definition)| (id.clone(), Arc::clone(definition))).collect()
    }

    /// One template.
    #[must_use]
    pub(crate) fn template(&self, template: &TemplateId) -> Option<Arc<TemplateDefinition>> {
        self.state().template(template).map(Arc::clone)
    }

    /// All templates, in the order of ids; they are few.
    #[must_use]
    pub(crate) fn templates(&self) -> Vec<(TemplateId, Arc<TemplateDefinition>)> {
        self.state().templates().map(|(id, definition)| (id.clone(), Arc::clone(definition))).collect()
    }

    /// Whether somebody may enter a room without a token and without a PIN, given that its operator opened it to everybody.
    #[must_use]
    pub(crate) fn is_free(&self, room: &RoomId) -> bool {
        self.state().room(room).is_none_or(|definition| definition.guest_pin.is_none())
    }

    /// Tries a PIN. A room that does not exist, or has none, takes as long and answers as one with another PIN.
    #[must_use]
    pub(crate) fn try_pin(&self, room: &RoomId, who: Who<'_>, pin: Pin) -> Verdict {
        let definition = self.state().room(room).map(Arc::clone);
        let host = definition.as_ref().and_then(|definition| definition.host_pin.as_ref());
        let guest = definition.as_ref().and_then(|definition| definition.guest_pin.as_ref());
        let is_host = self.key.opens(room, PinKind::Host, host, pin);
        let is_guest = self.key.opens(room, PinKind::Guest, guest, pin);
        let attempt = Try {
            room,
            defined: definition.is_some(),
            host_digits: host.map_or(0, |pin| pin.digits),
            who,
            is_host: is_host.into(),
            is_guest: is_guest.into(),
        };
        // The wall clock may be set back, and with it everybody's waiting.
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).judge(now, &attempt)
    }

    /// Waits until nobody else tells running meetings of new settings. Whoever holds this reads [`Rooms::settings`] and tells them.
    pub(crate) async fn telling(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.telling.lock().await
    }

    /// Locks for a few lines; never across an await.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "rooms_tests.rs"]
mod tests;
