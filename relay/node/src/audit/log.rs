//! The audit log as the rest of the node sees it: record and go on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep};
use worker::command::RoomId;
use worker::event::{Action, Who};

use super::chain::{Content, Link, Named, seal};
use super::file::{Found, LogFile};
use crate::clock::{rfc3339, unix_millis};
use crate::inbox::Inbox;
use crate::pseudonym::Pseudonyms;

/// Entries that wait for the writer.
const QUEUE: usize = 16_384;
/// Entries that are written, and waited for, at once.
const GROUP: usize = 512;
/// How soon a write that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A failing disk is logged so often.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// The log cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("audit log {path}: {error}")]
pub struct AuditError {
    path: String,
    error: std::io::Error,
}

/// Who acts through the API; people act in rooms, which the workers tell of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Actor {
    /// The API's caller.
    Service,
}

/// What is acted on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A room's definition.
    Room(RoomId),
    /// A template.
    Template(String),
}

/// One entry, before it has a place in the chain.
#[derive(Clone, Debug)]
struct Entry {
    at: u64,
    room: Option<String>,
    actor: Named,
    action: String,
    target: Option<Named>,
    result: String,
}

/// What happened since the start.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) written: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) lost: AtomicU64,
    /// Lost ones that the log does not mention yet.
    unmentioned: AtomicU64,
}

/// The audit log; without a file nothing is written.
pub(crate) struct Audit {
    names: Arc<Pseudonyms>,
    pub(super) counters: Arc<Counters>,
    inbox: Option<Inbox<Entry>>,
}

impl Audit {
    /// Opens the log and starts its writer. Must run within a tokio runtime.
    ///
    /// # Errors
    /// The file cannot be opened, or another process has it.
    pub(crate) fn open(path: Option<&Path>, names: Arc<Pseudonyms>) -> Result<Self, AuditError> {
        let counters = Arc::new(Counters::default());
        let Some(path) = path else { return Ok(Self { names, counters, inbox: None }) };
        let (file, found) = LogFile::open(path).map_err(|error| AuditError { path: path.display().to_string(), error })?;
        let inbox = Inbox::new(QUEUE, |queue| tokio::spawn(run(file, queue, Arc::clone(&counters))));
        let audit = Self { names, counters, inbox: Some(inbox) };
        match found {
            Found::Whole => {}
            Found::Torn(bytes) => {
                tracing::warn!(bytes, "the audit log ended in half a line; it was moved to a file beside it");
                audit.note("audit_mended", format!("{bytes} bytes moved aside"));
            }
            Found::Foreign => {
                tracing::error!("the audit log's last line is not one of ours; the log was moved aside and a new one begins");
                audit.note("audit_began_anew", "the log before was moved aside".to_owned());
            }
        }
        Ok(audit)
    }

    /// A host's function was used or refused, as a worker saw it. Never waits.
    pub(crate) fn action(&self, action: &Action) {
        let Action { room, at, actor, action, target, result } = action;
        let result = match result {
            Ok(()) => "ok".to_owned(),
            Err(code) => serde_json::to_value(code).ok().and_then(|code| code.as_str().map(ToOwned::to_owned)).unwrap_or_default(),
        };
        self.add(Entry {
            at: at.0,
            room: Some(room.0.clone()),
            actor: self.who(actor),
            action: (*action).to_owned(),
            target: target.as_ref().map(|target| self.who(target)),
            result,
        });
    }

    /// Something was done, or refused, through the API. `result`: `ok` or the code of the refusal. Never waits.
    pub(crate) fn record(&self, actor: &Actor, action: &'static str, target: Option<&Target>, result: &str) {
        let actor = match actor {
            Actor::Service => Named::Service,
        };
        let room = match target {
            Some(Target::Room(room)) => Some(room.0.clone()),
            _ => None,
        };
        let target = target.map(|target| match target {
            Target::Room(room) => Named::Room { id: room.0.clone() },
            Target::Template(id) => Named::Template { id: id.clone() },
        });
        self.add(Entry { at: unix_millis(), room, actor, action: action.to_owned(), target, result: result.to_owned() });
    }

    /// Writes what was recorded, and ends.
    pub(crate) async fn close(&self) {
        if let Some(inbox) = &self.inbox {
            inbox.close().await;
        }
    }

    fn note(&self, action: &str, result: String) {
        self.add(Entry { at: unix_millis(), room: None, actor: Named::Relay, action: action.to_owned(), target: None, result });
    }

    fn add(&self, entry: Entry) {
        let Some(inbox) = &self.inbox else { return };
        if inbox.offer(entry).is_err() {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            self.counters.unmentioned.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn who(&self, who: &Who) -> Named {
        match who {
            Who::Service => Named::Service,
            Who::Person { identity, role, .. } => Named::Person { pseudonym: self.names.of(identity), role: *role },
        }
    }
}

/// Writes until the queue is closed and empty.
async fn run(file: LogFile, mut queue: Receiver<Entry>, counters: Arc<Counters>) {
    let mut file = Some(file);
    let mut group = Vec::with_capacity(GROUP);
    loop {
        let ended = queue.recv_many(&mut group, GROUP).await == 0;
        let lost = counters.unmentioned.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let result = format!("{lost} entries did not fit into the queue");
            group.push(Entry { at: unix_millis(), room: None, actor: Named::Relay, action: "audit_lost".to_owned(), target: None, result });
        }
        if !group.is_empty() {
            let Some(open) = file.take() else { return };
            file = write(open, &group, &counters).await;
            group.clear();
        }
        if ended {
            return;
        }
    }
}

/// Tries until the disk takes it. `None` when the runtime ends.
async fn write(file: LogFile, group: &[Entry], counters: &Counters) -> Option<LogFile> {
    let (lines, link) = chain(group, &file.link);
    let (lines, count) = (Arc::<str>::from(lines), group.len() as u64);
    let (mut file, mut complained) = (file, None::<Instant>);
    loop {
        let (lines, link) = (Arc::clone(&lines), link.clone());
        let write = move || {
            let written = file.write(&lines, link);
            (file, written)
        };
        let (back, written) = tokio::task::spawn_blocking(write).await.ok()?;
        file = back;
        let Err(error) = written else {
            counters.written.fetch_add(count, Ordering::Relaxed);
            return Some(file);
        };
        counters.failures.fetch_add(1, Ordering::Relaxed);
        if complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
            complained = Some(Instant::now());
            tracing::error!(%error, "the audit log cannot be written; trying again");
        }
        sleep(AGAIN_AFTER).await;
    }
}

fn chain(group: &[Entry], before: &Link) -> (String, Link) {
    let mut lines = String::new();
    let mut link = before.clone();
    for entry in group {
        let content = Content {
            seq: link.seq + 1,
            time: rfc3339(entry.at),
            room: entry.room.as_deref(),
            actor: &entry.actor,
            action: &entry.action,
            target: entry.target.as_ref(),
            result: &entry.result,
            prev: &link.hash,
        };
        let (line, next) = seal(&content);
        lines.push_str(&line);
        lines.push('\n');
        link = next;
    }
    (lines, link)
}
