//! The events that are kept: one embedded database, in a file or in memory. Every method blocks; none is called on a runtime's thread.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, Table,
    TableDefinition, WriteTransaction,
};
use worker::command::RoomId;

use super::line::Draft;
use super::webhooks::cursor::Cursor;
use super::webhooks::filter::Filter;

/// Every event in the order in which it was kept: position -> room, number in the room, Unix milliseconds, type, line.
const LOG: TableDefinition<'_, u64, (&str, u64, u64, &str, &str)> = TableDefinition::new("log");
/// Room and number -> position.
const INDEX: TableDefinition<'_, (&str, u64), u64> = TableDefinition::new("index");
/// Room -> first and last number that are kept (first is last + 1 when none is), time of the last.
const ROOMS: TableDefinition<'_, &str, (u64, u64, u64)> = TableDefinition::new("rooms");
/// Webhook's address -> [`Cursor`].
const CURSORS: TableDefinition<'_, &str, &str> = TableDefinition::new("cursors");
/// The last position that was given out, also when that event is not kept any more.
const POSITION: TableDefinition<'_, (), u64> = TableDefinition::new("position");
/// Pages of the database that are held in memory, bytes.
const CACHE: usize = 16 << 20;
/// Rows that one look for a webhook's next events reads.
const SCAN: usize = 2000;

/// What is kept at most. What is beyond goes, oldest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Events of one room.
    pub(super) per_room: u64,
    /// Events of all rooms.
    pub(super) total: u64,
    /// Age of an event, milliseconds.
    pub(super) age: u64,
    /// Rooms whose last number is remembered although no event of theirs is kept.
    pub(super) rooms: u64,
}

/// The events cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database failed.
    #[error("the event log: {0}")]
    Database(Box<redb::Error>),
    /// The node stops.
    #[error("the event log is closed")]
    Closed,
}

macro_rules! from {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for LogError {
            fn from(error: redb::$error) -> Self { Self::Database(Box::new(error.into())) }
        }
    )*};
}

from!(DatabaseError, TransactionError, TableError, StorageError, CommitError);

/// One kept event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    /// Its number in the room.
    pub seq: u64,
    /// Its line, JSON.
    pub line: String,
}

/// Events of one room, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Page {
    /// Those after the number that was asked for.
    pub events: Vec<Kept>,
    /// The oldest number that is kept; `last + 1` when none is.
    pub first: u64,
    /// The last number that was given out; 0 before the first.
    pub last: u64,
}

/// One event as webhooks read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) room: String,
    pub(super) seq: u64,
    pub(super) at: u64,
    pub(super) line: String,
}

/// What a webhook has to send next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Batch {
    /// What it will never get.
    pub(super) gaps: Vec<super::webhooks::cursor::Gap>,
    pub(super) rows: Vec<Row>,
    /// Everything up to this position is in the batch or none of the webhook's business.
    pub(super) upto: u64,
    /// The position that is kept for it now.
    pub(super) after: u64,
    /// There is more to look at.
    pub(super) more: bool,
}

/// What a transaction added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Added {
    /// The rooms that have new events, with their last number.
    pub(super) rooms: BTreeMap<RoomId, u64>,
    /// The last position.
    pub(super) position: u64,
}

/// Opens the database, again after it failed.
type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// The log.
pub(super) struct Log {
    /// `None` while it could not be opened again.
    database: RwLock<Option<Database>>,
    opener: Opener,
    /// The last position that is known to be kept.
    known: AtomicU64,
    bounds: Bounds,
    webhooks: Vec<Filter>,
}

impl Log {
    /// Opens or makes the log: in `file`, or in memory. A webhook that is new begins with what happens from now on; one that is not
    /// configured any more is forgotten.
    pub(super) fn open(file: Option<&Path>, bounds: Bounds, webhooks: Vec<Filter>) -> Result<Self, LogError> {
        let file = file.map(Path::to_owned);
        let opener = move || {
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE);
            match &file {
                Some(file) => builder.create(file),
                None => builder.create_with_backend(InMemoryBackend::new()),
            }
        };
        Self::with(Box::new(opener), bounds, webhooks)
    }

    fn with(opener: Opener, bounds: Bounds, webhooks: Vec<Filter>) -> Result<Self, LogError> {
        let log = Self { database: RwLock::new(Some(opener()?)), opener, known: AtomicU64::new(0), bounds, webhooks };
        let position = log.write(|transaction| log.register(&mut Tables::open(transaction)?))?;
        log.known.store(position, Ordering::Relaxed);
        Ok(log)
    }

    /// Opens the database again: after a write that failed (a full disk) it takes nothing more until then.
    pub(super) fn reopen(&self) -> Result<(), LogError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // Closed first, for it holds the file's lock.
        *database = None;
        *database = Some((self.opener)()?);
        Ok(())
    }

    /// One transaction: all of `work` or nothing.
    fn write<T>(&self, work: impl FnOnce(&WriteTransaction) -> Result<T, LogError>) -> Result<T, LogError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = database.as_ref().ok_or(LogError::Closed)?.begin_write()?;
        // A start after a crash must not read the whole file.
        transaction.set_quick_repair(true);
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    fn read<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, LogError>) -> Result<T, LogError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        work(&database.as_ref().ok_or(LogError::Closed)?.begin_read()?)
    }

    fn register(&self, tables: &mut Tables<'_>) -> Result<u64, LogError> {
        let known: Vec<String> =
            tables.cursors.iter()?.map(|row| Ok(row?.0.value().to_owned())).collect::<Result<_, redb::StorageError>>()?;
        for url in known.iter().filter(|url| !self.webhooks.iter().any(|filter| filter.url == **url)) {
            tables.cursors.remove(url.as_str())?;
        }
        let end = tables.position()?;
        for filter in self.webhooks.iter().filter(|filter| !known.contains(&filter.url)) {
            tables.cursors.insert(filter.url.as_str(), Cursor::at(end).write().as_str())?;
        }
        Ok(end)
    }

    /// Numbers and keeps a group, all or none of it, and lets go of what is beyond the bounds. `now` in Unix milliseconds. A group that
    /// was not kept must be given again before another.
    pub(super) fn append(&self, group: &[Draft], now: u64) -> Result<Added, LogError> {
        let added = self.write(|transaction| {
            let mut tables = Tables::open(transaction)?;
            let position = tables.position()?;
            if position > self.known.load(Ordering::Relaxed) {
                // It failed only after it was on the disk.
                return tables.added(group, position);
            }
            let mut added = Added { position, ..Added::default() };
            let mut gone = Vec::new();
            for draft in group {
                added.position += 1;
                let seq = tables.add(added.position, draft)?;
                gone.extend(tables.shorten(&draft.room.0, self.bounds.per_room)?);
                added.rooms.insert(draft.room.clone(), seq);
            }
            tables.position.insert((), added.position)?;
            // Twice as many as came, so that a bound that was lowered is reached in time.
            gone.extend(tables.prune(&self.bounds, now, 2 * group.len() + SCAN)?);
            tables.tell_webhooks(&self.webhooks, &gone)?;
            Ok(added)
        })?;
        self.known.store(added.position, Ordering::Relaxed);
        Ok(added)
    }

    /// Forgets the numbers of rooms in which nothing happened for longest, where there are too many of them.
    pub(super) fn forget_rooms(&self, now: u64) -> Result<(), LogError> {
        self.write(|transaction| {
            let mut tables = Tables::open(transaction)?;
            // A room is forgotten a year after its events, sooner only when there are too many.
            let mut age = self.bounds.age + 365 * 86_400_000;
            while tables.rooms.len()? > self.bounds.rooms && age > self.bounds.age {
                age = self.bounds.age.max(age / 2);
                let before = now.saturating_sub(age);
                tables.rooms.retain(|_, (first, last, at)| first <= last || at > before)?;
            }
            Ok(())
        })
    }

    /// At most `limit` events of a room after number `after`.
    pub(super) fn page(&self, room: &str, after: u64, limit: usize) -> Result<Page, LogError> {
        self.read(|transaction| page(transaction, room, after, limit))
    }

    /// What a webhook has to send next: at most `limit` gaps and events. `seen`: the position up to which the caller knows that nothing
    /// is for it.
    pub(super) fn batch(&self, filter: &Filter, seen: u64, limit: usize) -> Result<Batch, LogError> {
        self.read(|transaction| batch(transaction, filter, seen, limit))
    }

    /// A webhook's batch was taken: everything up to it is done, and its gaps were told.
    pub(super) fn delivered(&self, url: &str, batch: &Batch) -> Result<(), LogError> {
        self.change(url, |cursor| cursor.delivered(batch))
    }

    /// A webhook's batch is given up: its events become gaps.
    pub(super) fn skipped(&self, url: &str, batch: &Batch) -> Result<(), LogError> {
        self.change(url, |cursor| cursor.skipped(batch))
    }

    fn change(&self, url: &str, change: impl FnOnce(&mut Cursor)) -> Result<(), LogError> {
        self.write(|transaction| {
            let mut cursors = transaction.open_table(CURSORS)?;
            let mut cursor = cursors.get(url)?.map(|row| Cursor::read(row.value())).unwrap_or_default();
            change(&mut cursor);
            cursors.insert(url, cursor.write().as_str())?;
            Ok(())
        })
    }

    /// Events that are kept.
    #[cfg(test)]
    fn len(&self) -> Result<u64, LogError> {
        self.read(|transaction| Ok(transaction.open_table(LOG)?.len()?))
    }
}

fn page(transaction: &ReadTransaction, room: &str, after: u64, limit: usize) -> Result<Page, LogError> {
    let Some((first, last, _)) = transaction.open_table(ROOMS)?.get(room)?.map(|row| row.value()) else {
        return Ok(Page { events: Vec::new(), first: 1, last: 0 });
    };
    let (index, log) = (transaction.open_table(INDEX)?, transaction.open_table(LOG)?);
    let mut events = Vec::new();
    if after < last {
        for entry in index.range((room, after + 1)..=(room, last))?.take(limit) {
            let (key, position) = entry?;
            if let Some(row) = log.get(position.value())? {
                events.push(Kept { seq: key.value().1, line: row.value().4.to_owned() });
            }
        }
    }
    Ok(Page { events, first, last })
}

fn batch(transaction: &ReadTransaction, filter: &Filter, seen: u64, limit: usize) -> Result<Batch, LogError> {
    let cursor = transaction.open_table(CURSORS)?.get(filter.url.as_str())?.map(|row| Cursor::read(row.value()));
    let Cursor { after, mut gaps, .. } = cursor.unwrap_or_default();
    gaps.truncate(limit);
    let mut batch = Batch { upto: after.max(seen), after, gaps, ..Batch::default() };
    let log = transaction.open_table(LOG)?;
    for (count, entry) in log.range(batch.upto + 1..)?.enumerate() {
        if count == SCAN || batch.gaps.len() + batch.rows.len() >= limit {
            batch.more = true;
            break;
        }
        let (position, row) = entry?;
        let (room, seq, at, kind, line) = row.value();
        batch.upto = position.value();
        if filter.takes(room, kind) {
            batch.rows.push(Row { room: room.to_owned(), seq, at, line: line.to_owned() });
        }
    }
    Ok(batch)
}

/// An event that is not kept any more.
struct Gone {
    position: u64,
    room: String,
    seq: u64,
    kind: String,
}

/// The tables of one transaction.
struct Tables<'t> {
    log: Table<'t, u64, (&'static str, u64, u64, &'static str, &'static str)>,
    index: Table<'t, (&'static str, u64), u64>,
    rooms: Table<'t, &'static str, (u64, u64, u64)>,
    cursors: Table<'t, &'static str, &'static str>,
    position: Table<'t, (), u64>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, LogError> {
        Ok(Self {
            log: transaction.open_table(LOG)?,
            index: transaction.open_table(INDEX)?,
            rooms: transaction.open_table(ROOMS)?,
            cursors: transaction.open_table(CURSORS)?,
            position: transaction.open_table(POSITION)?,
        })
    }

    /// The last position that was given out.
    fn position(&self) -> Result<u64, LogError> {
        Ok(self.position.get(())?.map_or(0, |row| row.value()))
    }

    /// What a group that is kept already has added.
    fn added(&self, group: &[Draft], position: u64) -> Result<Added, LogError> {
        let mut rooms = BTreeMap::new();
        for draft in group {
            let last = self.rooms.get(draft.room.0.as_str())?.map_or(0, |row| row.value().1);
            rooms.insert(draft.room.clone(), last);
        }
        Ok(Added { rooms, position })
    }

    fn add(&mut self, position: u64, draft: &Draft) -> Result<u64, LogError> {
        let room = draft.room.0.as_str();
        let (first, last, _) = self.rooms.get(room)?.map_or((1, 0, 0), |row| row.value());
        let seq = last + 1;
        self.rooms.insert(room, (first, seq, draft.at))?;
        self.index.insert((room, seq), position)?;
        self.log.insert(position, (room, seq, draft.at, draft.kind(), draft.render(seq).as_str()))?;
        Ok(seq)
    }

    /// Lets go of a room's oldest event when the room has more than `most`.
    fn shorten(&mut self, room: &str, most: u64) -> Result<Option<Gone>, LogError> {
        let (first, last, _) = self.rooms.get(room)?.map_or((1, 0, 0), |row| row.value());
        if last + 1 - first <= most {
            return Ok(None);
        }
        let position = self.index.get((room, first))?.map(|row| row.value());
        position.map_or(Ok(None), |position| self.remove(position))
    }

    /// Lets go of the oldest events while there are too many or they are too old; at most `steps` of them.
    fn prune(&mut self, bounds: &Bounds, now: u64, steps: usize) -> Result<Vec<Gone>, LogError> {
        let mut gone = Vec::new();
        while gone.len() < steps {
            let Some((position, at)) = self.log.first()?.map(|(position, row)| (position.value(), row.value().2)) else { break };
            if self.log.len()? <= bounds.total && at.saturating_add(bounds.age) >= now {
                break;
            }
            gone.extend(self.remove(position)?);
        }
        Ok(gone)
    }

    fn remove(&mut self, position: u64) -> Result<Option<Gone>, LogError> {
        let row = self.log.remove(position)?.map(|row| {
            let (room, seq, _, kind, _) = row.value();
            Gone { position, room: room.to_owned(), seq, kind: kind.to_owned() }
        });
        let Some(gone) = row else { return Ok(None) };
        self.index.remove((gone.room.as_str(), gone.seq))?;
        let kept = self.rooms.get(gone.room.as_str())?.map(|row| row.value());
        if let Some((_, last, at)) = kept {
            self.rooms.insert(gone.room.as_str(), (gone.seq + 1, last, at))?;
        }
        Ok(Some(gone))
    }

    /// Events that go before a webhook had them are gaps for it.
    fn tell_webhooks(&mut self, webhooks: &[Filter], gone: &[Gone]) -> Result<(), LogError> {
        if gone.is_empty() {
            return Ok(());
        }
        for filter in webhooks {
            let mut cursor = self.cursors.get(filter.url.as_str())?.map(|row| Cursor::read(row.value())).unwrap_or_default();
            let before = cursor.clone();
            for gone in gone.iter().filter(|gone| gone.position > before.after && filter.takes(&gone.room, &gone.kind)) {
                cursor.missed(&gone.room, gone.seq);
            }
            if cursor != before {
                self.cursors.insert(filter.url.as_str(), cursor.write().as_str())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
