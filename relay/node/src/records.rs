//! What a node keeps of what happened: events, the audit log, and what people are called in them.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use worker::event::{Action, RoomEvent};

use crate::audit::{Audit, AuditError};
use crate::config::Config;
use crate::events::{Endpoint, Hub, HubConfig, LogError};
use crate::pseudonym::Pseudonyms;

/// Files in the store's directory.
const EVENTS: &str = "events.redb";
const AUDIT: &str = "audit.log";
const PSEUDONYMS: &str = "pseudonym.key";

/// The records of this node; all copies are the same.
#[derive(Clone)]
pub(crate) struct Records {
    /// What people are called.
    pub names: Arc<Pseudonyms>,
    /// What happened.
    pub events: Arc<Hub>,
    /// Who did it.
    pub audit: Arc<Audit>,
}

/// The records cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The store's directory.
    #[error("store: {path} cannot be used: {error}", path = path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The key of the pseudonyms.
    #[error("pseudonyms: {path} cannot be used: {error}", path = path.display())]
    Pseudonyms {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The event log.
    #[error(transparent)]
    Events(#[from] LogError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl Records {
    /// Opens the records in the store's directory, which is made where it is not there; without one, events are kept in memory. Must run
    /// within a tokio runtime.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub(crate) fn open(config: &Config, webhooks: Vec<Endpoint>) -> Result<Self, RecordsError> {
        let directory = config.store.dir.as_deref();
        if let Some(directory) = directory {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|error| RecordsError::Directory { path: directory.to_owned(), error })?;
        }
        let audit = audit_file(config);
        // The key lies where the oldest of what it is used in lies, so that a person has the same pseudonym throughout.
        let beside = directory.or_else(|| audit.as_deref().and_then(|file| file.parent()));
        let key = beside.map(|directory| directory.join(PSEUDONYMS));
        let names =
            Pseudonyms::load(key.as_deref()).map_err(|error| RecordsError::Pseudonyms { path: key.clone().unwrap_or_default(), error })?;
        let names = Arc::new(names);
        let file = directory.map(|directory| directory.join(EVENTS));
        let events = Hub::open(HubConfig { file, keep: config.events.keep(), webhooks, names: Arc::clone(&names) })?;
        let audit = Audit::open(audit.as_deref(), Arc::clone(&names))?;
        Ok(Self { names, events: Arc::new(events), audit: Arc::new(audit) })
    }

    /// Something happened in a room. Never waits.
    pub(crate) fn event(&self, event: RoomEvent) {
        self.events.record(event);
    }

    /// A host's function was used, or refused. Never waits.
    pub(crate) fn action(&self, action: &Action) {
        self.audit.action(action);
    }

    /// Writes what was recorded, and ends.
    pub(crate) async fn close(&self) {
        self.events.close().await;
        self.audit.close().await;
    }
}

/// Where the audit log is, if anywhere.
pub(crate) fn audit_file(config: &Config) -> Option<PathBuf> {
    config.audit.file.clone().or_else(|| config.store.dir.as_ref().map(|directory| directory.join(AUDIT)))
}
